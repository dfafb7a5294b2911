/*
 * The framehook that feeds a call's tap with what its channel receives, before Asterisk translates it.
 *
 * It runs with the channel locked, for every frame: it copies a payload and does nothing else. It follows the session when
 * another channel takes its place.
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
#include "asterisk/utils.h"

#include "call.h"

/* What the tap keeps of a codec as it came; OHP_CODEC_NONE for what it does not. */
static uint32_t codec_of(const struct ast_format *format)
{
	if (ast_format_cmp(format, ast_format_ulaw) == AST_FORMAT_CMP_EQUAL) {
		return OHP_CODEC_PCMU;
	}
	if (ast_format_cmp(format, ast_format_alaw) == AST_FORMAT_CMP_EQUAL) {
		return OHP_CODEC_PCMA;
	}
	if (ast_format_cmp(format, ast_format_g722) == AST_FORMAT_CMP_EQUAL) {
		return OHP_CODEC_G722;
	}
	if (ast_format_cmp(format, ast_format_opus) != AST_FORMAT_CMP_NOT_EQUAL) {
		return OHP_CODEC_OPUS;
	}
	return OHP_CODEC_NONE;
}

static void write_frame(ohp_tap *tap, const struct ast_frame *frame, uint32_t codec)
{
	ohp_frame written = {
		.size = sizeof(written),
		.codec = codec,
		.timestamp = (uint32_t) frame->ts,
		.is_milliseconds = 1,
		.payload = frame->data.ptr,
		.payload_len = frame->datalen,
	};

	ohp_tap_write_frame(tap, &written);
}

/* Linear audio, which Asterisk has turned to the host's byte order. */
static void write_pcm(ohp_tap *tap, const struct ast_frame *frame)
{
	unsigned int rate = ast_format_get_sample_rate(frame->subclass.format);
	ohp_pcm pcm = {
		.size = sizeof(pcm),
		.sample_rate = rate,
		.timestamp = (uint32_t) ((uint64_t) frame->ts * rate / 1000),
		.samples = frame->data.ptr,
		.count = frame->datalen / sizeof(int16_t),
	};

	ohp_tap_write_pcm(tap, &pcm);
}

static struct ast_frame *on_frame(struct ast_channel *chan, struct ast_frame *frame, enum ast_framehook_event event,
	void *data)
{
	struct call *call = data;
	uint32_t codec;
	bool is_linear;

	if (!frame || event != AST_FRAMEHOOK_EVENT_READ || frame->frametype != AST_FRAME_VOICE
		|| !ast_test_flag(frame, AST_FRFLAG_HAS_TIMING_INFO) || frame->datalen <= 0
		|| __atomic_load_n(&call->hooked, __ATOMIC_RELAXED) != chan) {
		return frame;
	}
	codec = codec_of(frame->subclass.format);
	is_linear = codec == OHP_CODEC_NONE && ast_format_cache_is_slinear(frame->subclass.format);
	/* A channel that takes another's place is fed by another thread: while they change over, one of them writes. */
	if ((codec == OHP_CODEC_NONE && !is_linear) || __atomic_exchange_n(&call->writing, 1, __ATOMIC_ACQUIRE)) {
		return frame;
	}
	if (is_linear) {
		write_pcm(call->tap, frame);
	} else {
		write_frame(call->tap, frame, codec);
	}
	__atomic_store_n(&call->writing, 0, __ATOMIC_RELEASE);
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

static void hook_is(struct call *call, struct ast_channel *chan, int id)
{
	ao2_lock(call);
	__atomic_store_n(&call->hooked, chan, __ATOMIC_RELAXED);
	call->hook = id;
	ao2_unlock(call);
}

static void on_fixup(void *data, int id, struct ast_channel *old_chan, struct ast_channel *new_chan)
{
	hook_is(data, new_chan, id);
}

/* Another session's sound comes here from now on. */
static void on_breakdown(void *data, int id, struct ast_channel *old_chan, struct ast_channel *new_chan)
{
	struct call *call = data;

	ast_framehook_detach(new_chan, id);
	ao2_lock(call);
	if (call->hooked == new_chan) {
		__atomic_store_n(&call->hooked, NULL, __ATOMIC_RELAXED);
	}
	ao2_unlock(call);
}

/* Room for ten seconds of what is usual; of wider codecs it keeps fewer. */
static int make_tap(struct call *call)
{
	void *memory = NULL;
	ohp_tap *tap = NULL;
	size_t size;

	if (ohp_tap_size(OHP_CODEC_L16, OHP_TAP_SECONDS_MAX, &size) != OHP_OK || posix_memalign(&memory, OHP_ALIGN, size)) {
		return -1;
	}
	if (ohp_tap_init(memory, size, OHP_CODEC_L16, OHP_TAP_SECONDS_MAX, &tap) != OHP_OK) {
		ast_std_free(memory);
		return -1;
	}
	ao2_lock(call);
	call->tap_memory = memory;
	call->tap = tap;
	ao2_unlock(call);
	return 0;
}

int media_attach(struct call *call, struct ast_channel *chan)
{
	struct ast_framehook_interface interface = {
		.version = AST_FRAMEHOOK_INTERFACE_VERSION,
		.event_cb = on_frame,
		.destroy_cb = on_destroy,
		.consume_cb = consumes,
		.chan_fixup_cb = on_fixup,
		.chan_breakdown_cb = on_breakdown,
		.data = call,
	};
	bool is_hooked, has_tap;
	int id;

	ao2_lock(call);
	is_hooked = call->hooked || call->lost_media || call->is_over;
	has_tap = call->tap;
	ao2_unlock(call);
	if (is_hooked) {
		return -1;
	}
	if (!has_tap && make_tap(call)) {
		ast_log(LOG_WARNING, "%s: no memory for a tap; fingerprints are not compared on this call\n", ast_channel_name(chan));
		return -1;
	}
	ao2_ref(call, +1);
	ast_channel_lock(chan);
	id = ast_framehook_attach(chan, &interface);
	if (id >= 0) {
		hook_is(call, chan, id);
	}
	ast_channel_unlock(chan);
	if (id < 0) {
		ast_log(LOG_WARNING, "%s: its sound cannot be had; fingerprints are not compared on this call\n", ast_channel_name(chan));
		ao2_ref(call, -1);
		return -1;
	}
	return 0;
}

void media_detach(struct call *call, bool now)
{
	struct ast_channel *chan = call_channel(call);
	struct ast_frame *frame;
	int id;

	if (chan) {
		ast_channel_lock(chan);
		ao2_lock(call);
		id = call->hooked == chan ? call->hook : -1;
		__atomic_store_n(&call->hooked, NULL, __ATOMIC_RELAXED);
		ao2_unlock(call);
		if (id >= 0 && !ast_framehook_detach(chan, id) && now) {
			/* A hook that was detached goes with the next frame, of whatever kind. */
			frame = ast_framehook_list_write_event(ast_channel_framehooks(chan), &ast_null_frame);
			if (frame != &ast_null_frame) {
				ast_frfree(frame);
			}
		}
		ast_channel_unlock(chan);
		ast_channel_unref(chan);
	}
}

void media_end(struct call *call)
{
	ao2_lock(call);
	call->lost_media = true;
	ao2_unlock(call);
	media_detach(call, false);
}
