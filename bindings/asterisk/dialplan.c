/*
 * Applications and functions.
 *
 * Each application sets OHP_STATUS and lets the dialplan go on, whatever came of it: a handoff never ends a call.
 */
#include "asterisk.h"

#include "asterisk/app.h"
#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/pbx.h"
#include "asterisk/res_pjsip.h"
#include "asterisk/res_pjsip_session.h"
#include "asterisk/strings.h"

#include "res_ohp.h"

#define WAIT_S_DEFAULT 10

static const char propose_app[] = "OHPPropose";
static const char accept_app[] = "OHPAccept";
static const char reject_app[] = "OHPReject";
static const char assume_app[] = "OHPAssume";
static const char give_back_app[] = "OHPReturn";
static const char wait_app[] = "OHPWait";

struct lookup {
	struct ast_sip_session *session;
	struct call *call;
};

static int lookup_task(void *data)
{
	struct lookup *lookup = data;

	lookup->call = call_for(lookup->session);
	return 0;
}

struct call *call_for_channel(struct ast_channel *chan)
{
	struct ast_sip_channel_pvt *pvt;
	struct lookup lookup = { NULL, NULL };

	if (strcmp(ast_channel_tech(chan)->type, "PJSIP")) {
		return NULL;
	}
	ast_channel_lock(chan);
	pvt = ast_channel_tech_pvt(chan);
	lookup.session = pvt ? ao2_bump(pvt->session) : NULL;
	ast_channel_unlock(chan);
	if (lookup.session) {
		ast_sip_push_task_wait_serializer(lookup.session->serializer, lookup_task, &lookup);
		ao2_ref(lookup.session, -1);
	}
	return lookup.call;
}

static void set_status(struct ast_channel *chan, const char *status)
{
	pbx_builtin_setvar_helper(chan, "OHP_STATUS", status);
}

static int run(struct ast_channel *chan, const char *name, struct call_command *command)
{
	struct call *call = call_for_channel(chan);

	if (!call) {
		ast_log(LOG_WARNING, "%s: %s wants a PJSIP channel whose endpoint is in ohp.conf\n", ast_channel_name(chan), name);
		set_status(chan, "UNAVAILABLE");
		return 0;
	}
	call_command(call, command);
	if (command->status == OHP_OK) {
		set_status(chan, "SUCCESS");
	} else {
		ohp_str text = ohp_status_text(command->status);

		ast_log(LOG_WARNING, "%s: %s: %.*s %s\n", ast_channel_name(chan), name, OHP_PRI(text), command->why);
		set_status(chan, "FAILED");
	}
	ao2_ref(call, -1);
	return 0;
}

static int propose_exec(struct ast_channel *chan, const char *data)
{
	struct call_command command = { .verb = CALL_PROPOSE };
	char *parse = ast_strdupa(S_OR(data, ""));
	AST_DECLARE_APP_ARGS(args, AST_APP_ARG(profile); AST_APP_ARG(template_text););
	int res;

	/* JSON is full of commas: the template is all that follows the first. */
	args.profile = strsep(&parse, ",");
	args.template_text = parse;
	if (!ast_strlen_zero(args.profile)) {
		command.profile = settings_profile(args.profile);
		if (!command.profile) {
			ast_log(LOG_WARNING, "%s: no profile '%s' in ohp.conf\n", ast_channel_name(chan), args.profile);
			set_status(chan, "UNAVAILABLE");
			return 0;
		}
	}
	command.template_text = args.template_text;
	res = run(chan, propose_app, &command);
	ao2_cleanup(command.profile);
	return res;
}

static int accept_exec(struct ast_channel *chan, const char *data)
{
	struct call_command command = { .verb = CALL_ACCEPT };

	return run(chan, accept_app, &command);
}

static int reject_exec(struct ast_channel *chan, const char *data)
{
	struct call_command command = { .verb = CALL_REJECT, .reason = S_OR(data, "") };

	return run(chan, reject_app, &command);
}

static int assume_exec(struct ast_channel *chan, const char *data)
{
	struct call_command command = { .verb = CALL_ASSUME };

	return run(chan, assume_app, &command);
}

static int give_back_exec(struct ast_channel *chan, const char *data)
{
	char *parse = ast_strdupa(S_OR(data, ""));
	struct call_command command = { .verb = CALL_RETURN };

	command.reason = S_OR(strsep(&parse, ","), "resolved");
	command.template_text = ast_strlen_zero(parse) ? NULL : parse;
	return run(chan, give_back_app, &command);
}

static int wait_exec(struct ast_channel *chan, const char *data)
{
	double seconds = WAIT_S_DEFAULT;
	struct call *call = call_for_channel(chan);
	int happened;

	if (!ast_strlen_zero(data) && (sscanf(data, "%30lf", &seconds) != 1 || seconds < 0)) {
		ast_log(LOG_WARNING, "%s: %s wants seconds, not '%s'\n", ast_channel_name(chan), wait_app, data);
		seconds = WAIT_S_DEFAULT;
	}
	if (!call) {
		set_status(chan, "UNAVAILABLE");
		return 0;
	}
	happened = call_wait(call, chan, (int) (seconds * 1000));
	set_status(chan, happened == 1 ? call_status(call) : "TIMEOUT");
	ao2_ref(call, -1);
	return happened < 0 ? -1 : 0;
}

static int ohp_read(struct ast_channel *chan, const char *cmd, char *data, struct ast_str **buf, ssize_t len)
{
	struct call *call = chan ? call_for_channel(chan) : NULL;
	struct call_summary summary;

	ast_str_reset(*buf);
	if (!call) {
		return 0;
	}
	if (!strcasecmp(data, "status")) {
		ast_str_set(buf, len, "%s", call_status(call));
	} else if (!strcasecmp(data, "id")) {
		call_summarise(call, &summary);
		ast_str_set(buf, len, "%s", summary.id);
	} else if (!strcasecmp(data, "tier")) {
		call_member(call, "tier", buf);
	} else {
		call_member(call, data, buf);
	}
	ao2_ref(call, -1);
	return 0;
}

static struct ast_custom_function ohp_function = {
	.name = "OHP",
	.read2 = ohp_read,
};

int dialplan_init(void)
{
	return ast_register_application_xml(propose_app, propose_exec)
		|| ast_register_application_xml(accept_app, accept_exec)
		|| ast_register_application_xml(reject_app, reject_exec)
		|| ast_register_application_xml(assume_app, assume_exec)
		|| ast_register_application_xml(give_back_app, give_back_exec)
		|| ast_register_application_xml(wait_app, wait_exec)
		|| ast_custom_function_register(&ohp_function) ? -1 : 0;
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
}
