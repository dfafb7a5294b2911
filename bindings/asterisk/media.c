/*
 * The framehook that feeds a call's tap with what its channel receives, before Asterisk translates it.
 *
 * It runs with the channel locked, for every frame: it copies a payload and does nothing else.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/format.h"
#include "asterisk/format_cache.h"
#include "asterisk/frame.h"
#include "asterisk/framehook.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"

#include "res_ohp.h"

/* The RTP clock of all codecs that are tapped here. */
#define TICKS_PER_MS 8

static uint32_t codec_of(const struct ast_format *format)
{
	if (ast_format_cmp(format, ast_format_ulaw) == AST_FORMAT_CMP_EQUAL) {
		return OHP_CODEC_PCMU;
	}
	if (ast_format_cmp(format, ast_format_alaw) == AST_FORMAT_CMP_EQUAL) {
		return OHP_CODEC_PCMA;
	}
	return OHP_CODEC_NONE;
}

static struct ast_frame *on_frame(struct ast_channel *chan, struct ast_frame *frame, enum ast_framehook_event event,
	void *data)
{
	struct call *call = data;
	ohp_frame tapped = { .size = sizeof(tapped) };

	if (!frame || event != AST_FRAMEHOOK_EVENT_READ || frame->frametype != AST_FRAME_VOICE
		|| !ast_test_flag(frame, AST_FRFLAG_HAS_TIMING_INFO)) {
		return frame;
	}
	tapped.codec = codec_of(frame->subclass.format);
	if (tapped.codec != OHP_CODEC_NONE) {
		tapped.timestamp = (uint32_t) frame->ts * TICKS_PER_MS;
		tapped.payload = frame->data.ptr;
		tapped.payload_len = frame->datalen;
		ohp_tap_write_frame(call_tap(call), &tapped);
		call_count_frame(call);
	}
	return frame;
}

static void on_destroy(void *data)
{
	ao2_ref(data, -1);
}

/* Frames of other kinds need not be read for our sake, so that they may go past the core. */
static int consumes(void *data, enum ast_frame_type type)
{
	return type == AST_FRAME_VOICE;
}

int media_attach(struct call *call, struct ast_channel *chan)
{
	struct ast_framehook_interface interface = {
		.version = AST_FRAMEHOOK_INTERFACE_VERSION,
		.event_cb = on_frame,
		.destroy_cb = on_destroy,
		.consume_cb = consumes,
		.data = call,
		.disable_inheritance = 1,
	};
	int id;

	if (call_tap(call)) {
		return 0;
	}
	if (call_make_tap(call)) {
		ast_log(LOG_WARNING, "%s: no memory for a tap; fingerprints are not compared on this call\n", call_name(call));
		return -1;
	}
	ao2_ref(call, +1);
	ast_channel_lock(chan);
	id = ast_framehook_attach(chan, &interface);
	ast_channel_unlock(chan);
	if (id < 0) {
		ao2_ref(call, -1);
		return -1;
	}
	return 0;
}
