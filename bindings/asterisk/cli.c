/*
 * The CLI: ohp show calls, ohp show stats, ohp show keys, ohp reload.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/cli.h"
#include "asterisk/module.h"
#include "asterisk/utils.h"

#include "res_ohp.h"

#define CALL_LINE "%-28.28s %-16.16s %-13.13s %-30.30s %5s %7s %8s\n"

static void show_call(struct call *call, void *arg)
{
	struct ast_cli_args *a = arg;
	struct call_summary summary;
	char in[16], out[16], frames[24];

	call_summarise(call, &summary);
	snprintf(in, sizeof(in), "%" PRIu64, summary.infos_in);
	snprintf(out, sizeof(out), "%" PRIu64, summary.infos_out);
	snprintf(frames, sizeof(frames), summary.has_tap ? "%" PRIu64 : "-", summary.frames);
	ast_cli(a->fd, CALL_LINE, summary.channel, summary.endpoint, summary.status, S_OR(summary.id, "-"), in, out, frames);
}

static char *show_calls(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	switch (cmd) {
	case CLI_INIT:
		e->command = "ohp show calls";
		e->usage = "Usage: ohp show calls\n       Lists the calls that take part in handoffs.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	ast_cli(a->fd, CALL_LINE, "Channel", "Endpoint", "Status", "Proposal", "In", "Out", "Frames");
	calls_each(show_call, a);
	return CLI_SUCCESS;
}

static char *reload(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	switch (cmd) {
	case CLI_INIT:
		e->command = "ohp reload";
		e->usage = "Usage: ohp reload\n       Reads ohp.conf and all that it names again.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	return settings_reload() ? CLI_FAILURE : CLI_SUCCESS;
}

static struct ast_cli_entry entries[] = {
	AST_CLI_DEFINE(show_calls, "List calls with handoffs"),
	AST_CLI_DEFINE(reload, "Read ohp.conf again"),
};

int cli_init(void)
{
	return ast_cli_register_multiple(entries, ARRAY_LEN(entries));
}

void cli_close(void)
{
	ast_cli_unregister_multiple(entries, ARRAY_LEN(entries));
}
