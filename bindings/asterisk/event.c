/*
 * What a handoff did, for the log, AMI and ARI: one user event, OHP, for each change.
 */
#include "asterisk.h"

#include "asterisk/channel.h"
#include "asterisk/json.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/stasis.h"
#include "asterisk/stasis_channels.h"

#include "res_ohp.h"

const char *event_name(enum ohp_event_kind kind)
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
	return "UNKNOWN";
}

static char *text_of(ohp_str text)
{
	return ast_strndup(S_OR(text.data, ""), text.len);
}

void event_publish(const char *channel_name, const ohp_event *event, const char *why, size_t why_len)
{
	RAII_VAR(struct ast_channel *, chan, ast_channel_get_by_name(channel_name), ast_channel_cleanup);
	RAII_VAR(char *, tier, text_of(ohp_tier_text(event->tier)), ast_free);
	RAII_VAR(char *, reason, text_of(ohp_reason_text(event->reason)), ast_free);
	RAII_VAR(char *, words, ast_strndup(why, why_len), ast_free);
	RAII_VAR(struct ast_json *, blob, NULL, ast_json_unref);
	char id[OHP_ID_LEN + 1] = "";

	memcpy(id, event->id, OHP_ID_LEN);
	ast_verb(3, "%s: OHP %s%s%s%s%s\n", channel_name, event_name(event->kind), ast_strlen_zero(reason) ? "" : ", ",
		S_OR(reason, ""), ast_strlen_zero(words) ? "" : ": ", S_OR(words, ""));
	if (!chan) {
		return;
	}
	blob = ast_json_pack("{s: s, s: s, s: s, s: s, s: s, s: i}", "eventname", "OHP", "Status", event_name(event->kind),
		"Tier", S_OR(tier, ""), "Reason", S_OR(reason, ""), "ProposalID", id, "Step", (int) event->step);
	if (blob) {
		ast_channel_lock(chan);
		ast_multi_object_blob_single_channel_publish(chan, ast_multi_user_event_type(), blob);
		ast_channel_unlock(chan);
	}
}
