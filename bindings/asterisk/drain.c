/*
 * What a leg says after each call into it, drained as the library wants it: events, messages, the next moment that matters.
 * On the call's serializer only.
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
ohp_status leg_checked(struct call *call, ohp_status status, const char *what)
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

bool leg_is_usable(struct call *call)
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
struct profile *leg_profile(struct call *call)
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

static int on_timer(const void *data)
{
	struct call *call = (struct call *) data;

	/* The task takes over the reference that the schedule held. */
	if (ast_taskprocessor_push(call->serializer, leg_timer_task, call)) {
		ao2_ref(call, -1);
	}
	return 0;
}

/* Where it has fired already, its task is on its way and has the reference. */
void leg_cancel_timer(struct call *call)
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

void leg_arm(struct call *call)
{
	uint64_t at = 0, now = now_ms();

	if (!leg_is_usable(call)) {
		leg_cancel_timer(call);
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
	leg_cancel_timer(call);
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

void leg_forget_waiting(struct waiting *waiting)
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
		leg_forget_waiting(waiting);
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
void leg_look_at_verdict(struct call *call, const ohp_handled *handled, bool say)
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

	if (leg_checked(call, ohp_leg_get_state(call->leg, &state), "state") != OHP_OK) {
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
		leg_forget_waiting(&call->report);
	}
	if (!state.is_pending) {
		leg_forget_waiting(&call->proposal);
	}
	call->look_again_at = now_ms() + (call->lacks_media ? LOOK_FOR_MEDIA_MS : LOOK_AGAIN_MS);
}

/* ---- Draining ---- */

void leg_wake(struct call *call)
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

void leg_wipe_disclosed(struct call *call)
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
			media_end(call);
		}
		ao2_ref(endpoint, -1);
	}
}

void leg_tell_events(struct call *call, struct room *room, const struct profile *profile, const ohp_bytes *cbor)
{
	struct happening happening;
	bool any = false, say;

	for (;;) {
		ohp_text why = { happening.why, sizeof(happening.why) - 1, 0 };

		happening.event = (ohp_event) { .size = sizeof(happening.event) };
		if (leg_checked(call, ohp_leg_poll_event(call->leg, &why, &happening.event), "events") != OHP_OK) {
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

		if (leg_checked(call, ohp_leg_get_state(call->leg, &state), "state") == OHP_OK) {
			ao2_lock(call);
			call->state = state;
			ao2_unlock(call);
		}
	}
	if (any) {
		leg_wake(call);
	}
}

static void transmit(struct call *call)
{
	uint8_t buffer[OHP_TRANSMIT_LEN];
	ohp_transmit info = { .size = sizeof(info) };
	struct ast_sip_session *session = call_session(call);

	while (session
		&& leg_checked(call, ohp_leg_poll_transmit(call->leg, calls_table(), buffer, sizeof(buffer), &info), "sending") == OHP_OK) {
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
void leg_drain(struct call *call, struct room *room, const struct profile *profile, const ohp_bytes *cbor)
{
	leg_tell_events(call, room, profile, cbor);
	if (!call->is_broken) {
		transmit(call);
		/* A message that could not be sent is an event again. */
		leg_tell_events(call, room, profile, NULL);
	}
	leg_arm(call);
}
