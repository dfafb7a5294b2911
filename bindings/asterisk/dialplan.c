/*
 * Applications and functions.
 *
 * Each application sets OHP_STATUS and lets the dialplan go on, whatever came of it: a handoff never ends a call.
 */
#include "asterisk.h"

#include <math.h>

#include "asterisk/app.h"
#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/pbx.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "res_ohp.h"

#define WAIT_S_DEFAULT 10
#define WAIT_S_MAX 86400

static const char propose_app[] = "OHPPropose";
static const char accept_app[] = "OHPAccept";
static const char reject_app[] = "OHPReject";
static const char assume_app[] = "OHPAssume";
static const char give_back_app[] = "OHPReturn";
static const char wait_app[] = "OHPWait";

static void set_status(struct ast_channel *chan, const char *status, const char *error)
{
	pbx_builtin_setvar_helper(chan, "OHP_STATUS", status);
	pbx_builtin_setvar_helper(chan, "OHP_ERROR", error);
}

static struct call *call_here(struct ast_channel *chan, const char *app)
{
	struct call *call = call_for_channel(chan);

	if (!call) {
		ast_log(LOG_WARNING, "%s: %s wants an answered PJSIP channel whose endpoint is in ohp.conf\n", ast_channel_name(chan), app);
		set_status(chan, "UNAVAILABLE", "no handoffs on this channel");
	}
	return call;
}

static void run(struct ast_channel *chan, const char *app, struct call_command *command)
{
	struct call *call = call_here(chan, app);
	ohp_str text;
	char error[400];

	if (!call) {
		return;
	}
	call_command(call, command);
	ao2_ref(call, -1);
	text = ohp_status_text(command->status);
	snprintf(error, sizeof(error), "%.*s%s%s", OHP_PRI(text), command->why[0] ? ": " : "", command->why);
	switch (fate_of(command->status)) {
	case FATE_DONE:
		set_status(chan, "SUCCESS", "");
		return;
	case FATE_REFUSED:
		ast_log(LOG_NOTICE, "%s: %s: %s\n", ast_channel_name(chan), app, error);
		break;
	case FATE_SETTINGS:
	case FATE_SHORT:
		ast_log(LOG_WARNING, "%s: %s: %s\n", ast_channel_name(chan), app, error);
		break;
	case FATE_BROKEN:
		/* Has been reported. */
		break;
	}
	set_status(chan, "FAILED", error);
}

/* A template as it stands in the dialplan, or the file that it names. `*file` is to be freed. False if there is none. */
static bool template_of(struct ast_channel *chan, char *argument, const char **text, char **file)
{
	size_t len;

	*file = NULL;
	*text = NULL;
	if (ast_strlen_zero(argument)) {
		return true;
	}
	argument = ast_skip_blanks(argument);
	if (*argument != '{') {
		*file = argument = read_file(argument, OHP_TEMPLATE_LEN_MAX, &len);
		if (!argument) {
			set_status(chan, "FAILED", "the template's file cannot be read");
			return false;
		}
	}
	*text = argument;
	return true;
}

static int propose_exec(struct ast_channel *chan, const char *data)
{
	struct call_command command = { .verb = CALL_PROPOSE };
	/* JSON is full of commas: the template is all that follows the first. */
	char *rest = ast_strdupa(S_OR(data, "")), *name = ast_strip(strsep(&rest, ",")), *file = NULL;

	if (!ast_strlen_zero(name)) {
		command.profile = settings_profile(name);
		if (!command.profile) {
			ast_log(LOG_WARNING, "%s: no profile '%s' in ohp.conf\n", ast_channel_name(chan), name);
			set_status(chan, "UNAVAILABLE", "no such profile");
			return 0;
		}
	}
	if (template_of(chan, rest, &command.template_text, &file)) {
		run(chan, propose_app, &command);
	}
	ast_free(file);
	ao2_cleanup(command.profile);
	return 0;
}

static int accept_exec(struct ast_channel *chan, const char *data)
{
	struct call_command command = { .verb = CALL_ACCEPT };

	run(chan, accept_app, &command);
	return 0;
}

static int reject_exec(struct ast_channel *chan, const char *data)
{
	struct call_command command = { .verb = CALL_REJECT, .reason = ast_strip(ast_strdupa(S_OR(data, ""))) };

	run(chan, reject_app, &command);
	return 0;
}

static int assume_exec(struct ast_channel *chan, const char *data)
{
	struct call_command command = { .verb = CALL_ASSUME };

	run(chan, assume_app, &command);
	return 0;
}

static int give_back_exec(struct ast_channel *chan, const char *data)
{
	struct call_command command = { .verb = CALL_RETURN };
	char *rest = ast_strdupa(S_OR(data, "")), *reason = ast_strip(strsep(&rest, ",")), *file = NULL;

	command.reason = S_OR(reason, "resolved");
	if (template_of(chan, rest, &command.template_text, &file)) {
		run(chan, give_back_app, &command);
	}
	ast_free(file);
	return 0;
}

static int wait_exec(struct ast_channel *chan, const char *data)
{
	double seconds = WAIT_S_DEFAULT;
	struct call *call;
	struct happening happening;
	int happened;

	if (!ast_strlen_zero(data) && (sscanf(data, "%30lf", &seconds) != 1 || !isfinite(seconds) || seconds < 0)) {
		ast_log(LOG_WARNING, "%s: %s wants seconds, not '%s'\n", ast_channel_name(chan), wait_app, data);
		seconds = WAIT_S_DEFAULT;
	}
	call = call_here(chan, wait_app);
	if (!call) {
		return 0;
	}
	happened = call_wait(call, chan, (int) ((seconds > WAIT_S_MAX ? WAIT_S_MAX : seconds) * 1000));
	if (happened == 1 && call_happening(call, &happening)) {
		set_status(chan, event_name(happening.event.kind), happening.why);
	} else {
		set_status(chan, "TIMEOUT", "");
	}
	ao2_ref(call, -1);
	return happened < 0 ? -1 : 0;
}

/* ---- Functions: they may be read with the channel locked, so that they wait for nobody ---- */

static struct call *call_to_read(struct ast_channel *chan)
{
	struct call *call;

	if (!chan) {
		return NULL;
	}
	ast_channel_lock(chan);
	call = call_of_channel(chan);
	ast_channel_unlock(chan);
	return call;
}

/* What is not of the envelope, but of what happened. False if `name` is none of these. */
static bool read_happening(struct call *call, const char *name, struct ast_str **buf, ssize_t len)
{
	struct happening happening = { .why = "" };
	const ohp_event *event = &happening.event;
	bool any = call_happening(call, &happening);
	char words[32];

	if (!strcasecmp(name, "status")) {
		ast_str_set(buf, len, "%s", any ? event_name(event->kind) : "NONE");
	} else if (!strcasecmp(name, "tier")) {
		ast_str_set(buf, len, "%s", tier_word(event->tier, words));
		if (ast_strlen_zero(words)) {
			call_member(call, "conformance", buf);
		}
	} else if (!strcasecmp(name, "verb")) {
		ast_str_set(buf, len, "%s", verb_word(event->verb, words));
		if (ast_strlen_zero(words)) {
			call_member(call, "control.verb", buf);
		}
	} else if (!strcasecmp(name, "reason")) {
		ast_str_set(buf, len, "%s", reason_word(event->reason, words));
		if (ast_strlen_zero(words)) {
			call_member(call, "control.reason", buf);
		}
	} else if (!strcasecmp(name, "issuer")) {
		call_member(call, "issuer.did", buf);
	} else if (!strcasecmp(name, "step")) {
		ast_str_set(buf, len, "%u", event->step);
	} else if (!strcasecmp(name, "doubt")) {
		ast_str_set(buf, len, "%s", doubt_word(event->doubt));
	} else if (!strcasecmp(name, "sound")) {
		ast_str_set(buf, len, "%s", sound_word(event->decision, words));
	} else if (!strcasecmp(name, "why")) {
		ast_str_set(buf, len, "%s", happening.why);
	} else if (!strcasecmp(name, "sip")) {
		ast_str_set(buf, len, "%u", event->sip_status);
	} else if (!strcasecmp(name, "reissue")) {
		ast_str_set(buf, len, "%d", event->may_reissue);
	} else if (!strcasecmp(name, "verified")) {
		ast_str_set(buf, len, "%d", event->verified);
	} else {
		return false;
	}
	return true;
}

static int ohp_read(struct ast_channel *chan, const char *cmd, char *data, struct ast_str **buf, ssize_t len)
{
	struct call *call = call_to_read(chan);
	struct call_summary summary;

	ast_str_reset(*buf);
	if (!call) {
		if (!strcasecmp(data, "status")) {
			ast_str_set(buf, len, "NONE");
		}
		return 0;
	}
	if (!strcasecmp(data, "id")) {
		call_summarise(call, &summary);
		ast_str_set(buf, len, "%s", summary.id);
	} else if (!read_happening(call, data, buf, len)) {
		call_member(call, data, buf);
	}
	ao2_ref(call, -1);
	return 0;
}

static int disclosed_read(struct ast_channel *chan, bool claim, const char *name, struct ast_str **buf)
{
	struct call *call = call_to_read(chan);

	ast_str_reset(*buf);
	if (call) {
		call_disclosed(call, claim, name, buf);
		ao2_ref(call, -1);
	}
	return 0;
}

static int sealed_read(struct ast_channel *chan, const char *cmd, char *data, struct ast_str **buf, ssize_t len)
{
	return disclosed_read(chan, false, data, buf);
}

static int claim_read(struct ast_channel *chan, const char *cmd, char *data, struct ast_str **buf, ssize_t len)
{
	return disclosed_read(chan, true, data, buf);
}

static struct ast_custom_function ohp_function = { .name = "OHP", .read2 = ohp_read };
static struct ast_custom_function sealed_function = { .name = "OHP_SEALED", .read2 = sealed_read };
static struct ast_custom_function claim_function = { .name = "OHP_CLAIM", .read2 = claim_read };

int dialplan_init(void)
{
	return ast_register_application_xml(propose_app, propose_exec)
		|| ast_register_application_xml(accept_app, accept_exec)
		|| ast_register_application_xml(reject_app, reject_exec)
		|| ast_register_application_xml(assume_app, assume_exec)
		|| ast_register_application_xml(give_back_app, give_back_exec)
		|| ast_register_application_xml(wait_app, wait_exec)
		|| ast_custom_function_register(&ohp_function)
		|| ast_custom_function_register(&sealed_function)
		|| ast_custom_function_register(&claim_function) ? -1 : 0;
}

void dialplan_close(void)
{
	ast_unregister_application(propose_app);
	ast_unregister_application(accept_app);
	ast_unregister_application(reject_app);
	ast_unregister_application(assume_app);
	ast_unregister_application(give_back_app);
	ast_unregister_application(wait_app);
	ast_custom_function_unregister(&ohp_function);
	ast_custom_function_unregister(&sealed_function);
	ast_custom_function_unregister(&claim_function);
}
