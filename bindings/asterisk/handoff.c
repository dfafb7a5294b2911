/*
 * The handoff on one call: everything that touches its leg.
 *
 * Each function that other threads call pushes a task on the call's serializer; the tasks stand below it. After each of them
 * the leg is drained, as the library wants it: events, messages, the next moment that matters.
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

/* A proposal that came before its sound is judged again this often; one that lacks something else, this often. */
#define LOOK_FOR_MEDIA_MS 200
#define LOOK_AGAIN_MS 2000
/* PJSIP's Timer F is 32 s and tells nobody: a response that has not come by then will not (RFC 3261, 17.1.2.2). */
#define NO_RESPONSE_MS 33000
/* A schedule fires up to this early. */
#define EARLY_MS 5

enum fate fate_of(ohp_status status)
{
	switch (status) {
	case OHP_OK:
	case OHP_NONE:
	case OHP_NO_MEDIA:
	case OHP_NO_USABLE_AUDIO:
		return FATE_DONE;
	case OHP_ERR_STATE:
	case OHP_ERR_INVALID:
	case OHP_ERR_MALFORMED:
	case OHP_ERR_TOO_LONG:
	case OHP_ERR_RANGE:
	case OHP_ERR_UTF8:
	case OHP_ERR_KIND:
		return FATE_REFUSED;
	case OHP_ERR_CONFIG:
	case OHP_ERR_KEY:
		return FATE_SETTINGS;
	case OHP_ERR_FULL:
	case OHP_ERR_MEMORY:
		return FATE_SHORT;
	case OHP_ERR_NULL:
	case OHP_ERR_PANIC:
	case OHP_ERR_ALIGNMENT:
	case OHP_ERR_SPACE:
	case OHP_ERR_OBJECT:
	case OHP_ERR_SIZE:
	case OHP_ERR_BUSY:
		return FATE_BROKEN;
	}
	/* A later version of the library may have more. */
	return FATE_BROKEN;
}

/* What the leg said; one that is broken is not asked again. */
static ohp_status checked(struct call *call, ohp_status status, const char *what)
{
	if (fate_of(status) == FATE_BROKEN) {
		ohp_str text = ohp_status_text(status);
		char name[80];

		ast_log(LOG_ERROR, "%s: %s: %.*s Please report this; the call goes on without handoffs\n",
			call_name(call, name, sizeof(name)), what, OHP_PRI(text));
		call->is_broken = true;
	}
	return status;
}

static bool is_usable(struct call *call)
{
	bool is_over;

	ao2_lock(call);
	is_over = call->is_over;
	ao2_unlock(call);
	return !is_over && !call->is_broken;
}

/*
 * Who we are towards the peer just now: what we proposed as, until that is settled, since the peer's answers are for that
 * name and those keys; otherwise what the endpoint says. A reference.
 */
static struct profile *profile_of(struct call *call)
{
	struct endpoint *endpoint = call_endpoint(call);
	struct profile *profile = NULL;

	if (call->proposed_as[0] && call->state.side == OHP_SIDE_SENDER
		&& (call->state.phase == OHP_PHASE_PROPOSING || call->state.phase == OHP_PHASE_ACCEPTED
			|| call->state.phase == OHP_PHASE_HANDED_OFF)) {
		profile = settings_profile(call->proposed_as);
	}
	if (!profile) {
		profile = ao2_bump(endpoint->profile);
	}
	ao2_ref(endpoint, -1);
	return profile;
}

/* ---- The next moment that matters ---- */

static int timer_task(void *data);

static int on_timer(const void *data)
{
	struct call *call = (struct call *) data;

	/* The task takes over the reference that the schedule held. */
	if (ast_taskprocessor_push(call->serializer, timer_task, call)) {
		ao2_ref(call, -1);
	}
	return 0;
}

/* Where it has fired already, its task is on its way and has the reference. */
static void cancel_timer(struct call *call)
{
	if (call->timer > -1 && !ast_sched_del_nonrunning(calls_schedule(), call->timer)) {
		ao2_ref(call, -1);
	}
	call->timer = -1;
	call->timer_at = 0;
}

static void sooner(uint64_t *at, uint64_t other)
{
	if (other && (!*at || other < *at)) {
		*at = other;
	}
}

static void arm(struct call *call)
{
	uint64_t at = 0, now = now_ms();

	if (!is_usable(call)) {
		cancel_timer(call);
		return;
	}
	if (ohp_leg_poll_timeout(call->leg, &at) != OHP_OK) {
		at = 0;
	}
	sooner(&at, call->outstanding ? call->outstanding_until : 0);
	sooner(&at, call->proposal.bytes || call->report.bytes ? call->look_again_at : 0);
	sooner(&at, call->wipe_at);
	sooner(&at, call->media_until);
	if (at == call->timer_at) {
		return;
	}
	cancel_timer(call);
	if (at) {
		call->timer_at = at;
		call->timer = ast_sched_add(calls_schedule(), at > now ? at - now : 1, on_timer, ao2_bump(call));
		if (call->timer < 0) {
			call->timer_at = 0;
			ao2_ref(call, -1);
		}
	}
}

/* ---- What waits for something ---- */

static void forget_waiting(struct waiting *waiting)
{
	ast_free(waiting->bytes);
	*waiting = (struct waiting) { NULL, 0, 0 };
}

static void keep_waiting(struct waiting *waiting, const ohp_bytes *cbor, uint64_t until)
{
	uint8_t *copy;

	if (cbor->data == waiting->bytes) {
		return;
	}
	copy = ast_malloc(cbor->len);
	if (copy) {
		memcpy(copy, cbor->data, cbor->len);
		forget_waiting(waiting);
		*waiting = (struct waiting) { copy, cbor->len, until };
	}
}

/* What a proposal lacks, a line for each: what an administrator has to do something about. */
static void tell_needs(struct call *call, const ohp_verdict *verdict, bool say)
{
	ohp_need need = { .size = sizeof(need) };
	char name[80];
	uint32_t n;

	call->lacks_media = false;
	for (n = 0; ohp_verdict_need(verdict, n, &need) == OHP_OK; n++) {
		ohp_str kind = ohp_need_kind_text(need.kind), step = ohp_step_name(need.step);

		if (need.kind == OHP_NEED_MEDIA) {
			call->lacks_media = true;
		}
		if (say) {
			ast_log(LOG_NOTICE, "%s: OHP step %.*s lacks %.*s %.*s\n", call_name(call, name, sizeof(name)), OHP_PRI(step),
				OHP_PRI(kind), OHP_PRI(need.reference));
		}
	}
}

static void tell_warnings(struct call *call, const ohp_verdict *verdict)
{
	char words[256], name[80];
	ohp_text warning = { words, sizeof(words), 0 };
	uint32_t n;

	for (n = 0; ohp_verdict_warning(verdict, n, &warning) == OHP_OK; n++) {
		ast_verb(3, "%s: OHP warning: %.*s\n", call_name(call, name, sizeof(name)), OHP_PRI(warning));
		warning.len = 0;
	}
}

/* The leg keeps nothing of an envelope that lacks something, so the bytes are kept here. `say`: it has just come. */
static void look_at_verdict(struct call *call, const ohp_handled *handled, bool say)
{
	ohp_leg_state state = { .size = sizeof(state) };
	ohp_verdict_summary summary = { .size = sizeof(summary) };
	union {
		char memory[OHP_ENVELOPE_SIZE_MAX];
		uint64_t aligned;
	} view;
	ohp_envelope *envelope = NULL;
	ohp_verb verb = OHP_VERB_ACCEPT;
	uint64_t until = 0;
	bool needs = false;

	if (checked(call, ohp_leg_get_state(call->leg, &state), "state") != OHP_OK) {
		return;
	}
	if (handled->verdict && ohp_verdict_get(handled->verdict, &summary) == OHP_OK) {
		needs = summary.outcome == OHP_OUTCOME_NEED;
		if (ohp_verdict_envelope(handled->verdict, view.memory, sizeof(view.memory), &envelope) == OHP_OK) {
			ohp_envelope_verb(envelope, &verb);
			ohp_envelope_time(envelope, "notAfter", strlen("notAfter"), &until);
		}
		if (needs) {
			tell_needs(call, handled->verdict, say);
		} else if (say) {
			tell_warnings(call, handled->verdict);
		}
	}
	if (needs && verb == OHP_VERB_PROPOSE && state.is_pending) {
		keep_waiting(&call->proposal, &handled->cbor, until);
	} else if (needs && verb == OHP_VERB_INCIDENT) {
		keep_waiting(&call->report, &handled->cbor, until);
	} else if (handled->verdict && handled->cbor.data == call->report.bytes) {
		forget_waiting(&call->report);
	}
	if (!state.is_pending) {
		forget_waiting(&call->proposal);
	}
	call->look_again_at = now_ms() + (call->lacks_media ? LOOK_FOR_MEDIA_MS : LOOK_AGAIN_MS);
}

/* ---- Draining ---- */

static void wake(struct call *call)
{
	struct ast_channel *chan = call_channel(call);

	if (chan) {
		ast_queue_frame(chan, &ast_null_frame);
		ast_channel_unref(chan);
	}
}

/* What the peer's message disclosed goes to the call, if it is to be kept; the room gets another one. */
static void keep_disclosed(struct call *call, struct room *room, const struct profile *profile)
{
	ohp_disclosed_summary summary = { .size = sizeof(summary) };
	ohp_disclosed *spare;

	if (!profile->keep_disclosed || ohp_disclosed_get(room->disclosed, &summary) != OHP_OK
		|| (!summary.fields && !summary.claims) || !(spare = disclosed_alloc())) {
		return;
	}
	ao2_lock(call);
	SWAP(spare, room->disclosed);
	SWAP(spare, call->disclosed);
	ao2_unlock(call);
	disclosed_free(spare);
	call->wipe_at = now_ms() + profile->keep_disclosed * 1000ULL;
}

static void wipe_disclosed(struct call *call)
{
	ohp_disclosed *disclosed;

	ao2_lock(call);
	disclosed = call->disclosed;
	call->disclosed = NULL;
	ao2_unlock(call);
	disclosed_free(disclosed);
	call->wipe_at = 0;
}

/* What the dialplan is told of, whatever it has done with what came before. */
static void note(struct call *call, const struct happening *happening)
{
	ao2_lock(call);
	call->happenings[call->happened++ % HAPPENINGS] = *happening;
	if (call->happened - call->told > HAPPENINGS) {
		call->told = call->happened - HAPPENINGS;
	}
	if (happening->event.id[0]) {
		memcpy(call->id, happening->event.id, OHP_ID_LEN);
		call->id[OHP_ID_LEN] = '\0';
	}
	ao2_unlock(call);
}

/* What an event means for what is kept of the call. */
static void heed(struct call *call, const ohp_event *event, struct room *room, const struct profile *profile, const ohp_bytes *cbor)
{
	struct endpoint *endpoint;
	bool is_settled = false;

	switch (event->kind) {
	case OHP_EVENT_PROPOSED:
		keep_disclosed(call, room, profile);
		/* fall through */
	case OHP_EVENT_RETURNED:
	case OHP_EVENT_INCIDENT:
		if (cbor && cbor->data) {
			ao2_lock(call);
			envelope_keep(&call->theirs, cbor);
			ao2_unlock(call);
		}
		break;
	case OHP_EVENT_HANDED_OFF:
	case OHP_EVENT_REJECTED:
	case OHP_EVENT_UNANSWERED:
	case OHP_EVENT_NOT_ASSUMED:
		is_settled = true;
		break;
	case OHP_EVENT_NEEDS_RESOURCES:
	case OHP_EVENT_REFUSED:
	case OHP_EVENT_ACCEPTED:
	case OHP_EVENT_UNDELIVERED:
	case OHP_EVENT_IGNORED:
	case OHP_EVENT_OVERLOADED:
	case OHP_EVENT_ANCHOR_NEEDED:
	case OHP_EVENT_UNANCHORED:
		break;
	}
	if (event->kind == OHP_EVENT_PROPOSED) {
		call->media_until = 0;
	}
	if (is_settled) {
		endpoint = call_endpoint(call);
		if (endpoint->media_until == MEDIA_UNTIL_HANDOFF) {
			media_detach(call, false);
		}
		ao2_ref(endpoint, -1);
	}
}

static void tell_events(struct call *call, struct room *room, const struct profile *profile, const ohp_bytes *cbor)
{
	struct happening happening;
	bool any = false, say;

	for (;;) {
		ohp_text why = { happening.why, sizeof(happening.why) - 1, 0 };

		happening.event = (ohp_event) { .size = sizeof(happening.event) };
		if (checked(call, ohp_leg_poll_event(call->leg, &why, &happening.event), "events") != OHP_OK) {
			break;
		}
		happening.why[why.len] = '\0';
		say = happening.event.kind == OHP_EVENT_OVERLOADED ? may_log(&call->last_overload)
			: happening.event.kind == OHP_EVENT_REFUSED || happening.event.kind == OHP_EVENT_IGNORED ? may_log(&call->last_refusal)
			: true;
		any = true;
		heed(call, &happening.event, room, profile, cbor);
		note(call, &happening);
		event_publish(call, &happening, say);
	}
	if (!call->is_broken) {
		ohp_leg_state state = { .size = sizeof(state) };

		if (checked(call, ohp_leg_get_state(call->leg, &state), "state") == OHP_OK) {
			ao2_lock(call);
			call->state = state;
			ao2_unlock(call);
		}
	}
	if (any) {
		wake(call);
	}
}

static void transmit(struct call *call)
{
	uint8_t buffer[OHP_TRANSMIT_LEN];
	ohp_transmit info = { .size = sizeof(info) };
	struct ast_sip_session *session = call_session(call);

	while (session
		&& checked(call, ohp_leg_poll_transmit(call->leg, calls_table(), buffer, sizeof(buffer), &info), "sending") == OHP_OK) {
		if (session_send_info(call, session, &info)) {
			ohp_leg_handle_response(call->leg, calls_table(), 408);
			continue;
		}
		call->outstanding = true;
		call->outstanding_until = now_ms() + NO_RESPONSE_MS;
		ao2_lock(call);
		call->infos_out++;
		ao2_unlock(call);
	}
	ao2_cleanup(session);
}

/* `cbor`: the peer's message that is being handled, if there is one. */
static void drain(struct call *call, struct room *room, const struct profile *profile, const ohp_bytes *cbor)
{
	tell_events(call, room, profile, cbor);
	if (!call->is_broken) {
		transmit(call);
		/* A message that could not be sent is an event again. */
		tell_events(call, room, profile, NULL);
	}
	arm(call);
}

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
	status = checked(call, ohp_leg_handle_info(call->leg, &host, &info, room->envelope, OHP_ENVELOPE_LEN_MAX, room->verdict,
		ohp_verdict_size(), why, handled), "INFO");
	take_back(&host);
	return status == OHP_OK ? handled->sip_status : 500;
}

static int info_task(void *data)
{
	struct info_task *task = data;
	struct call *call = task->call;
	struct profile *profile = profile_of(call);
	struct room *room = room_take();
	char words[256], name[80];
	ohp_text why = { words, sizeof(words), 0 };
	ohp_handled handled = { .size = sizeof(handled) };
	unsigned int status;

	if (!is_usable(call)) {
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
	if (room && is_usable(call)) {
		look_at_verdict(call, &handled, true);
		drain(call, room, profile, &handled.cbor);
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
	if (checked(call, ohp_leg_verify_again(call->leg, &host, waiting->bytes, waiting->len, room->verdict, ohp_verdict_size(),
		NULL, &handled), "looking again") == OHP_OK) {
		/* The bytes are those of `waiting`, which goes when nothing is lacking any more. */
		tell_events(call, room, profile, &handled.cbor);
		look_at_verdict(call, &handled, false);
	}
	take_back(&host);
	if (waiting->until && now > waiting->until) {
		forget_waiting(waiting);
	}
}

static int timer_task(void *data)
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
	if (!is_usable(call)) {
		ao2_ref(call, -1);
		return 0;
	}
	if (call->wipe_at && now >= call->wipe_at) {
		wipe_disclosed(call);
	}
	if (call->media_until && now >= call->media_until) {
		call->media_until = 0;
		media_detach(call, false);
	}
	profile = profile_of(call);
	room = room_take();
	if (room && lend(&host, room, profile, call_tap(call), "")) {
		if (call->outstanding && now >= call->outstanding_until) {
			call->outstanding = false;
			ohp_leg_handle_response(call->leg, calls_table(), 408);
		}
		checked(call, ohp_leg_handle_timeout(call->leg, &host), "time");
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
		drain(call, room, profile, NULL);
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
	struct profile *profile = profile_of(call);
	struct room *room = room_take();

	if (is_usable(call) && call->outstanding) {
		call->outstanding = false;
		checked(call, ohp_leg_handle_response(call->leg, calls_table(), task->status), "response");
		if (!call->is_broken && room) {
			drain(call, room, profile, NULL);
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

	if (is_usable(call)) {
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
		if (checked(call, status, "session") != OHP_OK) {
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

	if (endpoint->media_timeout && !call->media_until && is_usable(call)) {
		call->media_until = now_ms() + endpoint->media_timeout * 1000ULL;
		arm(call);
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

/* ---- What is asked for ---- */

struct command_task {
	struct call *call;
	struct call_command *command;
};

static ohp_status wrong(ohp_text *why, const char *words)
{
	why->len = snprintf(why->data, why->size, "%s", words);
	return OHP_ERR_INVALID;
}

static uint32_t reason_of(const char *word)
{
	uint32_t reason = OHP_REASON_NONE + 1;
	ohp_str text;

	for (; (text = ohp_reason_text(reason)).len; reason++) {
		if (strlen(word) == text.len && !strncmp(word, text.data, text.len)) {
			return reason;
		}
	}
	return OHP_REASON_NONE;
}

static ohp_status propose(struct call *call, const struct call_command *command, const ohp_host *host, struct room *room,
	const struct profile *profile, ohp_text *why)
{
	const char *template_text = S_OR(command->template_text, profile->template_text);
	ohp_bytes cbor = { NULL, 0 };
	union {
		char memory[OHP_ENVELOPE_SIZE_MAX];
		uint64_t aligned;
	} view;
	ohp_envelope *envelope = NULL;
	ohp_str id;
	ohp_status status;

	if (ast_strlen_zero(template_text)) {
		return wrong(why, "neither the profile nor the call of it names a template");
	}
	status = ohp_leg_propose(call->leg, host, profile->tier, template_text, strlen(template_text), room->envelope,
		OHP_ENVELOPE_LEN_MAX, why, &cbor);
	if (status == OHP_OK) {
		ast_copy_string(call->proposed_as, profile->name, sizeof(call->proposed_as));
		ao2_lock(call);
		envelope_keep(&call->ours, &cbor);
		if (ohp_envelope_read(view.memory, sizeof(view.memory), cbor.data, cbor.len, NULL, NULL, NULL, &envelope) == OHP_OK
			&& ohp_envelope_id(envelope, &id) == OHP_OK && id.len < sizeof(call->own_id)) {
			memcpy(call->own_id, id.data, id.len);
			call->own_id[id.len] = '\0';
			ast_copy_string(call->id, call->own_id, sizeof(call->id));
		}
		ao2_unlock(call);
	}
	return status;
}

static ohp_status run(struct call *call, const struct call_command *command, const ohp_host *host, struct room *room,
	const struct profile *profile, ohp_text *why)
{
	uint32_t reason;

	switch (command->verb) {
	case CALL_PROPOSE:
		return propose(call, command, host, room, profile, why);
	case CALL_ACCEPT:
		return ohp_leg_accept(call->leg, host, why);
	case CALL_REJECT:
		reason = reason_of(command->reason);
		return reason == OHP_REASON_NONE ? wrong(why, "this is no reason of the protocol")
			: ohp_leg_reject(call->leg, host, reason, why);
	case CALL_ASSUME:
		return ohp_leg_assume(call->leg, host, why);
	case CALL_RETURN:
		return ohp_leg_give_back(call->leg, host, command->reason, strlen(command->reason), command->template_text,
			command->template_text ? strlen(command->template_text) : 0, why);
	case CALL_ANCHORED:
		return call->ours.bytes ? ohp_leg_anchored(call->leg, host, call->ours.bytes, call->ours.len, why) : OHP_ERR_STATE;
	case CALL_WITHDRAW:
		return ohp_leg_withdraw(call->leg);
	}
	return OHP_ERR_RANGE;
}

static void command_task(void *data)
{
	struct command_task *task = data;
	struct call *call = task->call;
	struct call_command *command = task->command;
	ohp_text why = { command->why, sizeof(command->why) - 1, 0 };
	struct room *room = room_take();
	struct profile *profile = command->profile ? ao2_bump(command->profile) : NULL;
	ohp_host host;

	if (command->verb == CALL_ANCHORED) {
		profile = settings_profile(call->proposed_as);
	}
	if (!profile) {
		profile = profile_of(call);
	}

	if (!is_usable(call)) {
		command->status = OHP_ERR_STATE;
	} else if (!room || !lend(&host, room, profile, call_tap(call), "")) {
		command->status = OHP_ERR_MEMORY;
	} else {
		command->status = checked(call, run(call, command, &host, room, profile, &why), "command");
		take_back(&host);
		if (!call->is_broken) {
			drain(call, room, profile, NULL);
		}
	}
	command->why[why.len] = '\0';
	room_give(room);
	ao2_ref(profile, -1);
}

void call_command(struct call *call, struct call_command *command)
{
	struct command_task task = { .call = call, .command = command };

	command->why[0] = '\0';
	command->status = OHP_ERR_MEMORY;
	call_engage(call);
	call_run(call, command_task, &task);
}

/* ---- The end ---- */

int end_task(void *data)
{
	struct call *call = data;

	cancel_timer(call);
	wipe_disclosed(call);
	wake(call);
	ao2_ref(call, -1);
	return 0;
}

void handoff_free(struct call *call)
{
	forget_waiting(&call->proposal);
	forget_waiting(&call->report);
}
