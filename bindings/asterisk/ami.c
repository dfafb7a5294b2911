/*
 * Actions of AMI: what the applications do, on the channel that is named, and the two that a transparency log needs.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/logger.h"
#include "asterisk/manager.h"
#include "asterisk/module.h"
#include "asterisk/utils.h"

#include "res_ohp.h"

static struct call *call_named(struct mansession *s, const struct message *m, bool make)
{
	const char *name = astman_get_header(m, "Channel");
	struct ast_channel *chan;
	struct call *call = NULL;

	if (ast_strlen_zero(name)) {
		astman_send_error(s, m, "Channel not specified");
		return NULL;
	}
	chan = ast_channel_get_by_name(name);
	if (!chan) {
		astman_send_error(s, m, "No such channel");
		return NULL;
	}
	if (make) {
		call = call_for_channel(chan);
	} else {
		ast_channel_lock(chan);
		call = call_of_channel(chan);
		ast_channel_unlock(chan);
	}
	ast_channel_unref(chan);
	if (!call) {
		astman_send_error(s, m, make ? "No handoffs on this channel: its endpoint is not in ohp.conf" : "No handoff on this channel");
	}
	return call;
}

static int run(struct mansession *s, const struct message *m, struct call_command *command)
{
	struct call *call = call_named(s, m, true);
	ohp_str text;

	if (!call) {
		return 0;
	}
	call_command(call, command);
	ao2_ref(call, -1);
	if (command->status == OHP_OK) {
		astman_send_ack(s, m, "Done");
	} else {
		text = ohp_status_text(command->status);
		astman_send_error_va(s, m, "%.*s%s%s", OHP_PRI(text), command->why[0] ? ": " : "", command->why);
	}
	return 0;
}

static const char *header(const struct message *m, char *name)
{
	const char *value = astman_get_header(m, name);

	return ast_strlen_zero(value) ? NULL : value;
}

static int propose(struct mansession *s, const struct message *m)
{
	struct call_command command = { .verb = CALL_PROPOSE, .template_text = header(m, "Template") };
	const char *name = header(m, "Profile");
	int res;

	if (name && !(command.profile = settings_profile(name))) {
		astman_send_error(s, m, "No such profile in ohp.conf");
		return 0;
	}
	res = run(s, m, &command);
	ao2_cleanup(command.profile);
	return res;
}

static int take(struct mansession *s, const struct message *m)
{
	struct call_command command = { .verb = CALL_ACCEPT };

	return run(s, m, &command);
}

static int reject(struct mansession *s, const struct message *m)
{
	struct call_command command = { .verb = CALL_REJECT, .reason = astman_get_header(m, "Reason") };

	return run(s, m, &command);
}

static int assume(struct mansession *s, const struct message *m)
{
	struct call_command command = { .verb = CALL_ASSUME };

	return run(s, m, &command);
}

static int give_back(struct mansession *s, const struct message *m)
{
	struct call_command command = {
		.verb = CALL_RETURN,
		.reason = S_OR(astman_get_header(m, "Reason"), "resolved"),
		.template_text = header(m, "Template"),
	};

	return run(s, m, &command);
}

/* A log has taken, or not taken, the one proposal that it was asked for. */
static int settle(struct mansession *s, const struct message *m, enum call_verb verb)
{
	struct call_command command = { .verb = verb };
	struct call_summary summary;
	const char *id = header(m, "ProposalID");
	struct call *call = call_named(s, m, false);
	int res;

	if (!call) {
		return 0;
	}
	call_summarise(call, &summary);
	ao2_ref(call, -1);
	if (id && strcmp(id, summary.own_id)) {
		astman_send_error(s, m, "Another proposal has taken its place");
		return 0;
	}
	res = run(s, m, &command);
	return res;
}

static int anchored(struct mansession *s, const struct message *m)
{
	return settle(s, m, CALL_ANCHORED);
}

static int withdraw(struct mansession *s, const struct message *m)
{
	return settle(s, m, CALL_WITHDRAW);
}

static int show(struct mansession *s, const struct message *m)
{
	struct call *call = call_named(s, m, false);
	struct call_summary summary;
	char reason[32], action[128] = "";

	if (!call) {
		return 0;
	}
	call_summarise(call, &summary);
	ao2_ref(call, -1);
	if (header(m, "ActionID")) {
		snprintf(action, sizeof(action), "ActionID: %s\r\n", header(m, "ActionID"));
	}
	astman_append(s, "Response: Success\r\n%sChannel: %s\r\nEndpoint: %s\r\nProfile: %s\r\nStatus: %s\r\nPhase: %s\r\nSide: %s\r\nProposalID: %s\r\n"
		"Reason: %s\r\nStep: %u\r\nInfosIn: %" PRIu64 "\r\nInfosOut: %" PRIu64 "\r\nMedia: %s\r\n\r\n",
		action, summary.channel, summary.endpoint, summary.profile, summary.status, phase_word(summary.state.phase),
		side_word(summary.state.side),
		summary.id, reason_word(summary.last.event.reason, reason), summary.last.event.step, summary.infos_in, summary.infos_out,
		summary.has_tap ? "yes" : "no");
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct mansession *s, const struct message *m);
} actions[] = {
	{ "OHPPropose", propose },
	{ "OHPAccept", take },
	{ "OHPReject", reject },
	{ "OHPAssume", assume },
	{ "OHPReturn", give_back },
	{ "OHPAnchored", anchored },
	{ "OHPWithdraw", withdraw },
	{ "OHPStatus", show },
};

int ami_init(void)
{
	unsigned int n;

	for (n = 0; n < ARRAY_LEN(actions); n++) {
		if (ast_manager_register_xml(actions[n].name, EVENT_FLAG_CALL, actions[n].run)) {
			return -1;
		}
	}
	return 0;
}

void ami_close(void)
{
	unsigned int n;

	for (n = 0; n < ARRAY_LEN(actions); n++) {
		ast_manager_unregister(actions[n].name);
	}
}
