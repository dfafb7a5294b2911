/*
 * What a handoff did, for the log, AMI and ARI: one channel user event, "OHP", for each thing that happened.
 */
#include "asterisk.h"

#include "asterisk/channel.h"
#include "asterisk/json.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/stasis.h"
#include "asterisk/stasis_channels.h"
#include "asterisk/utils.h"

#include "res_ohp.h"

static uint64_t counts[OHP_EVENT_UNANCHORED + 1];

const char *event_name(ohp_event_kind kind)
{
	switch (kind) {
	case OHP_EVENT_PROPOSED: return "PROPOSED";
	case OHP_EVENT_NEEDS_RESOURCES: return "NEEDS";
	case OHP_EVENT_REFUSED: return "REFUSED";
	case OHP_EVENT_ACCEPTED: return "ACCEPTED";
	case OHP_EVENT_REJECTED: return "REJECTED";
	case OHP_EVENT_HANDED_OFF: return "HANDEDOFF";
	case OHP_EVENT_RETURNED: return "RETURNED";
	case OHP_EVENT_INCIDENT: return "INCIDENT";
	case OHP_EVENT_UNANSWERED: return "UNANSWERED";
	case OHP_EVENT_NOT_ASSUMED: return "NOTASSUMED";
	case OHP_EVENT_UNDELIVERED: return "UNDELIVERED";
	case OHP_EVENT_IGNORED: return "IGNORED";
	case OHP_EVENT_OVERLOADED: return "OVERLOADED";
	case OHP_EVENT_ANCHOR_NEEDED: return "ANCHORNEEDED";
	case OHP_EVENT_UNANCHORED: return "UNANCHORED";
	}
	/* A later version of the library may have more. */
	return "UNKNOWN";
}

static const char *word(ohp_str text, char *into, size_t size)
{
	snprintf(into, size, "%.*s", (int) text.len, text.data ? text.data : "");
	return into;
}

const char *tier_word(uint32_t tier, char into[16])
{
	return word(ohp_tier_text(tier), into, 16);
}

const char *verb_word(uint32_t verb, char into[16])
{
	return word(ohp_verb_text(verb), into, 16);
}

const char *reason_word(uint32_t reason, char into[32])
{
	return word(ohp_reason_text(reason), into, 32);
}

const char *sound_word(uint32_t decision, char into[32])
{
	return word(ohp_decision_text(decision), into, 32);
}

const char *doubt_word(uint32_t doubt)
{
	switch ((ohp_doubt) doubt) {
	case OHP_DOUBT_NONE: return "";
	case OHP_DOUBT_MISMATCH: return "mismatch";
	case OHP_DOUBT_NO_MEDIA: return "no-media";
	case OHP_DOUBT_NO_USABLE_AUDIO: return "no-usable-audio";
	case OHP_DOUBT_SEEN_ELSEWHERE: return "seen-elsewhere";
	}
	return "";
}

const char *phase_word(ohp_phase phase)
{
	switch (phase) {
	case OHP_PHASE_IDLE: return "idle";
	case OHP_PHASE_PROPOSING: return "proposing";
	case OHP_PHASE_ACCEPTED: return "accepted";
	case OHP_PHASE_REJECTED: return "rejected";
	case OHP_PHASE_HANDED_OFF: return "handed-off";
	case OHP_PHASE_RESUMED: return "resumed";
	}
	return "idle";
}

const char *side_word(ohp_side side)
{
	switch (side) {
	case OHP_SIDE_SENDER: return "sender";
	case OHP_SIDE_RECEIVER: return "receiver";
	}
	return "";
}

void hex(const uint8_t *bytes, size_t len, char *into)
{
	size_t n;

	for (n = 0; n < len; n++) {
		sprintf(into + 2 * n, "%02x", bytes[n]);
	}
}

bool may_log(uint64_t *last)
{
	uint64_t now = now_ms(), then = __atomic_load_n(last, __ATOMIC_RELAXED);

	return now - then >= 1000 && __atomic_compare_exchange_n(last, &then, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void events_count(uint64_t into[OHP_EVENT_UNANCHORED + 1])
{
	unsigned int n;

	for (n = 0; n < ARRAY_LEN(counts); n++) {
		into[n] = __atomic_load_n(&counts[n], __ATOMIC_RELAXED);
	}
}

/* What an event means for whoever reads the log: a step to take, or only news. */
static int level_of(ohp_event_kind kind)
{
	switch (kind) {
	case OHP_EVENT_REFUSED:
	case OHP_EVENT_UNDELIVERED:
	case OHP_EVENT_NOT_ASSUMED:
	case OHP_EVENT_UNANCHORED:
	case OHP_EVENT_INCIDENT:
		return __LOG_NOTICE;
	case OHP_EVENT_OVERLOADED:
		return __LOG_WARNING;
	case OHP_EVENT_PROPOSED:
	case OHP_EVENT_NEEDS_RESOURCES:
	case OHP_EVENT_ACCEPTED:
	case OHP_EVENT_REJECTED:
	case OHP_EVENT_HANDED_OFF:
	case OHP_EVENT_RETURNED:
	case OHP_EVENT_UNANSWERED:
	case OHP_EVENT_IGNORED:
	case OHP_EVENT_ANCHOR_NEEDED:
		return __LOG_VERBOSE;
	}
	return __LOG_VERBOSE;
}

static void tell_log(const char *name, const struct happening *happening)
{
	const ohp_event *event = &happening->event;
	int level = level_of(event->kind);
	char tier[16], verb[16], reason[32], sound[32], step[48] = "";
	struct ast_str *line = ast_str_create(256);

	if (!line) {
		return;
	}
	ast_str_set(&line, 0, "%s: OHP %s", name, event_name(event->kind));
	if (!ast_strlen_zero(tier_word(event->tier, tier))) {
		ast_str_append(&line, 0, ", %s", tier);
	}
	if (!ast_strlen_zero(verb_word(event->verb, verb))) {
		ast_str_append(&line, 0, ", %s", verb);
	}
	if (!ast_strlen_zero(reason_word(event->reason, reason))) {
		ast_str_append(&line, 0, ", %s", reason);
	}
	if (event->kind == OHP_EVENT_REFUSED || event->kind == OHP_EVENT_NEEDS_RESOURCES) {
		ast_str_append(&line, 0, ", step %u (%s)", event->step, word(ohp_step_name(event->step), step, sizeof(step)));
	}
	if (!ast_strlen_zero(sound_word(event->decision, sound))) {
		ast_str_append(&line, 0, ", sound: %s", sound);
	}
	if (event->sip_status) {
		ast_str_append(&line, 0, ", SIP %u", event->sip_status);
	}
	if (!ast_strlen_zero(happening->why)) {
		ast_str_append(&line, 0, ": %s", happening->why);
	}
	if (level == __LOG_VERBOSE) {
		ast_verb(3, "%s\n", ast_str_buffer(line));
	} else {
		ast_log(level, __FILE__, __LINE__, __PRETTY_FUNCTION__, "%s\n", ast_str_buffer(line));
	}
	ast_free(line);
}

static struct ast_json *as_json(const struct happening *happening)
{
	const ohp_event *event = &happening->event;
	char tier[16], verb[16], reason[32], sound[32], id[OHP_ID_LEN + 1] = "", leaf[2 * sizeof(event->leaf) + 1] = "", due[24] = "";
	struct ast_json *blob;

	memcpy(id, event->id, OHP_ID_LEN);
	if (event->kind == OHP_EVENT_ANCHOR_NEEDED) {
		hex(event->leaf, sizeof(event->leaf), leaf);
	}
	if (event->due_ms) {
		snprintf(due, sizeof(due), "%" PRIu64, event->due_ms / 1000);
	}
	blob = ast_json_pack("{s: s, s: s, s: s, s: s, s: s, s: s, s: i, s: i, s: s, s: s, s: s, s: s, s: s, s: s, s: s}", "eventname", "OHP",
		"Status", event_name(event->kind), "Tier", tier_word(event->tier, tier), "Verb", verb_word(event->verb, verb),
		"Reason", reason_word(event->reason, reason), "ProposalID", id, "Step", (int) event->step,
		"SIPStatus", (int) event->sip_status, "Doubt", doubt_word(event->doubt), "Sound",
		sound_word(event->decision, sound), "Answered", event->answered ? "yes" : "no",
		"Verified", event->verified ? "yes" : "no", "MayReissue", event->may_reissue ? "yes" : "no", "Leaf", leaf, "Due", due);
	if (blob && !ast_strlen_zero(happening->why)) {
		/* It may quote what a peer wrote; a text that is not UTF-8 makes none. */
		struct ast_json *why = ast_json_string_create(happening->why);

		if (why) {
			ast_json_object_set(blob, "Why", why);
		}
	}
	return blob;
}

void event_publish(struct call *call, const struct happening *happening, bool say)
{
	struct ast_channel *chan = call_channel(call);
	struct ast_json *blob;
	char name[80];

	if ((unsigned int) happening->event.kind < ARRAY_LEN(counts)) {
		__atomic_fetch_add(&counts[happening->event.kind], 1, __ATOMIC_RELAXED);
	}
	if (say) {
		tell_log(call_name(call, name, sizeof(name)), happening);
	}
	if (!chan) {
		return;
	}
	blob = as_json(happening);
	if (blob) {
		ast_channel_lock(chan);
		ast_multi_object_blob_single_channel_publish(chan, ast_multi_user_event_type(), blob);
		ast_channel_unlock(chan);
		ast_json_unref(blob);
	}
	ast_channel_unref(chan);
}
