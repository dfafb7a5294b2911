/*
 * The handoff on one call: everything that comes to its leg from PJSIP and from the clock.
 *
 * Each function that other threads call pushes a task on the call's serializer; the tasks stand before it. After each of them
 * the leg is drained (drain.c).
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/sched.h"
#include "asterisk/strings.h"
#include "asterisk/taskprocessor.h"
#include "asterisk/utils.h"

#include "call.h"

/* One that nothing could be done for is looked at again after this. */
#define LOOK_AGAIN_MS 2000
/* A schedule fires up to this early. */
#define EARLY_MS 5

/* ---- What binds the call ---- */

/* The other leg of our own bridge: whoever speaks of its Call-ID means this call. */
static void bind_peer(struct call *call)
{
	struct ast_channel *chan = call_channel(call);
	struct ast_channel *peer = chan ? ast_channel_bridge_peer(chan) : NULL;

	if (peer) {
		const char *id = NULL;

		ast_channel_lock(peer);
		if (ast_channel_tech_pvt(peer) && ast_channel_tech(peer)->get_pvt_uniqueid) {
			id = ast_channel_tech(peer)->get_pvt_uniqueid(peer);
		}
		if (!ast_strlen_zero(id) && strcmp(call->bound, id)) {
			ast_copy_string(call->bound, id, sizeof(call->bound));
			ohp_leg_bind_id(call->leg, id, strlen(id));
		}
		ast_channel_unlock(peer);
		ast_channel_unref(peer);
	}
	ast_channel_cleanup(chan);
}

/* ---- INFO in ---- */

struct info_task {
	struct call *call;
	struct session_request *request;
};

static unsigned int judge(struct call *call, struct session_request *request, struct room *room, const struct profile *profile,
	ohp_text *why, ohp_handled *handled)
{
	ohp_info info = { .size = sizeof(info) };
	ohp_host host;
	ohp_status status;
	size_t len;
	const uint8_t *message = session_request_bytes(request, &len);

	if (ohp_info_parse_message(message, len, why, &info) != OHP_OK) {
		return 400;
	}
	if (!lend(&host, room, profile, call_tap(call), session_request_peer(request))) {
		return 503;
	}
	bind_peer(call);
	status = leg_checked(call, ohp_leg_handle_info(call->leg, &host, &info, room->envelope, OHP_ENVELOPE_LEN_MAX, room->verdict,
		ohp_verdict_size(), why, handled), "INFO");
	take_back(&host);
	return status == OHP_OK ? handled->sip_status : 500;
}

static int info_task(void *data)
{
	struct info_task *task = data;
	struct call *call = task->call;
	struct profile *profile = leg_profile(call);
	struct room *room = room_take();
	char words[256], name[80];
	ohp_text why = { words, sizeof(words), 0 };
	ohp_handled handled = { .size = sizeof(handled) };
	unsigned int status;

	if (!leg_is_usable(call)) {
		status = call->is_broken ? 500 : 481;
	} else if (!room) {
		status = 503;
	} else {
		status = judge(call, task->request, room, profile, &why, &handled);
	}
	session_respond(task->request, status);
	ao2_lock(call);
	call->infos_in++;
	ao2_unlock(call);
	if (status != 200 && may_log(&call->last_answer)) {
		ast_log(LOG_NOTICE, "%s: INFO answered with %u: %.*s\n", call_name(call, name, sizeof(name)), status, OHP_PRI(why));
	}
	if (room && leg_is_usable(call)) {
		leg_look_at_verdict(call, &handled, true);
		leg_drain(call, room, profile, &handled.cbor);
	}
	room_give(room);
	ao2_ref(profile, -1);
	/* The envelope may lie in its body. */
	ao2_ref(task->request, -1);
	ao2_ref(call, -1);
	ast_free(task);
	return 0;
}

void call_handle_info(struct call *call, struct session_request *request)
{
	struct info_task *task = ast_calloc(1, sizeof(*task));

	call_engage(call);
	if (task) {
		task->call = ao2_bump(call);
		task->request = request;
		if (!ast_taskprocessor_push(call->serializer, info_task, task)) {
			return;
		}
		ao2_ref(call, -1);
		ast_free(task);
	}
	session_respond(request, 503);
	ao2_ref(request, -1);
}

/* ---- Time ---- */

static void look_again(struct call *call, struct waiting *waiting, struct room *room, const struct profile *profile, uint64_t now)
{
	ohp_handled handled = { .size = sizeof(handled) };
	ohp_host host;

	if (!waiting->bytes || call->is_broken || !lend(&host, room, profile, call_tap(call), "")) {
		return;
	}
	if (leg_checked(call, ohp_leg_verify_again(call->leg, &host, waiting->bytes, waiting->len, room->verdict, ohp_verdict_size(),
		NULL, &handled), "looking again") == OHP_OK) {
		/* The bytes are those of `waiting`, which goes when nothing is lacking any more. */
		leg_tell_events(call, room, profile, &handled.cbor);
		leg_look_at_verdict(call, &handled, false);
	}
	take_back(&host);
	if (waiting->until && now > waiting->until) {
		leg_forget_waiting(waiting);
	}
}

int leg_timer_task(void *data)
{
	struct call *call = data;
	struct profile *profile;
	struct room *room = NULL;
	uint64_t now = now_ms();
	ohp_host host;

	/* Another one may have been set after this one fired; it fires all the same. */
	if (call->timer_at <= now + EARLY_MS) {
		call->timer = -1;
		call->timer_at = 0;
	}
	if (!leg_is_usable(call)) {
		ao2_ref(call, -1);
		return 0;
	}
	if (call->wipe_at && now >= call->wipe_at) {
		leg_wipe_disclosed(call);
	}
	if (call->media_until && now >= call->media_until) {
		call->media_until = 0;
		media_end(call);
	}
	profile = leg_profile(call);
	room = room_take();
	if (room && lend(&host, room, profile, call_tap(call), "")) {
		if (call->outstanding && now >= call->outstanding_until) {
			call->outstanding = false;
			ohp_leg_handle_response(call->leg, calls_table(), 408);
		}
		leg_checked(call, ohp_leg_handle_timeout(call->leg, &host), "time");
		take_back(&host);
		if (now >= call->look_again_at) {
			look_again(call, &call->proposal, room, profile, now);
			look_again(call, &call->report, room, profile, now);
		}
	} else {
		/* Not at once again. */
		call->look_again_at = now + LOOK_AGAIN_MS;
	}
	if (room && !call->is_broken) {
		leg_drain(call, room, profile, NULL);
	}
	room_give(room);
	ao2_ref(profile, -1);
	ao2_ref(call, -1);
	return 0;
}

/* ---- The response to an INFO of ours ---- */

struct response_task {
	struct call *call;
	int status;
};

static int response_task(void *data)
{
	struct response_task *task = data;
	struct call *call = task->call;
	struct profile *profile = leg_profile(call);
	struct room *room = room_take();

	if (leg_is_usable(call) && call->outstanding) {
		call->outstanding = false;
		leg_checked(call, ohp_leg_handle_response(call->leg, calls_table(), task->status), "response");
		if (!call->is_broken && room) {
			leg_drain(call, room, profile, NULL);
		}
	}
	room_give(room);
	ao2_ref(profile, -1);
	ao2_ref(call, -1);
	ast_free(task);
	return 0;
}

void call_handle_response(struct call *call, int status)
{
	struct response_task *task = ast_calloc(1, sizeof(*task));

	if (task) {
		task->call = ao2_bump(call);
		task->status = status;
		if (ast_taskprocessor_push(call->serializer, response_task, task)) {
			ao2_ref(call, -1);
			ast_free(task);
		}
	}
}

/* ---- Descriptions and identifiers ---- */

struct text_task {
	struct call *call;
	enum text_kind { LOCAL_SDP, REMOTE_SDP, BIND_ID } kind;
	size_t len;
	char text[];
};

static int text_task(void *data)
{
	struct text_task *task = data;
	struct call *call = task->call;
	char words[160] = "", name[80];
	ohp_text why = { words, sizeof(words) - 1, 0 };
	ohp_status status = OHP_OK;

	if (leg_is_usable(call)) {
		switch (task->kind) {
		case LOCAL_SDP:
			status = ohp_leg_handle_local_sdp(call->leg, task->text, task->len, &why);
			break;
		case REMOTE_SDP:
			status = ohp_leg_handle_remote_sdp(call->leg, task->text, task->len, &why);
			break;
		case BIND_ID:
			status = ohp_leg_bind_id(call->leg, task->text, task->len);
			break;
		}
		if (leg_checked(call, status, "session") != OHP_OK) {
			ohp_str text = ohp_status_text(status);

			ast_debug(1, "%s: %.*s %.*s\n", call_name(call, name, sizeof(name)), OHP_PRI(text), OHP_PRI(why));
		}
	}
	ao2_ref(call, -1);
	ast_free(task);
	return 0;
}

static void push_text(struct call *call, enum text_kind kind, const char *text, size_t len)
{
	struct text_task *task = ast_calloc(1, sizeof(*task) + len);

	if (task) {
		task->call = ao2_bump(call);
		task->kind = kind;
		task->len = len;
		memcpy(task->text, text, len);
		if (ast_taskprocessor_push(call->serializer, text_task, task)) {
			ao2_ref(call, -1);
			ast_free(task);
		}
	}
}

void call_handle_sdp(struct call *call, bool local, const char *sdp, size_t len)
{
	push_text(call, local ? LOCAL_SDP : REMOTE_SDP, sdp, len);
}

void call_bind_id(struct call *call, const char *id, size_t len)
{
	push_text(call, BIND_ID, id, len);
}

/* ---- Sound ---- */

static int media_task(void *data)
{
	struct call *call = data;
	struct endpoint *endpoint = call_endpoint(call);

	if (endpoint->media_timeout && !call->media_until && leg_is_usable(call)) {
		call->media_until = now_ms() + endpoint->media_timeout * 1000ULL;
		leg_arm(call);
	}
	ao2_ref(endpoint, -1);
	ao2_ref(call, -1);
	return 0;
}

void call_media_begins(struct call *call)
{
	if (ast_taskprocessor_push(call->serializer, media_task, ao2_bump(call))) {
		ao2_ref(call, -1);
	}
}

/* ---- The end ---- */

int end_task(void *data)
{
	struct call *call = data;

	leg_cancel_timer(call);
	leg_wipe_disclosed(call);
	leg_wake(call);
	ao2_ref(call, -1);
	return 0;
}

void handoff_free(struct call *call)
{
	leg_forget_waiting(&call->proposal);
	leg_forget_waiting(&call->report);
}
