/*
 * The CLI: ohp show calls, ohp show call, ohp show stats, ohp show keys, ohp verify, ohp anchored, ohp reload.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/cli.h"
#include "asterisk/module.h"
#include "asterisk/utils.h"

#include "res_ohp.h"

#define CALL_LINE "%-30.30s %-18.18s %-13.13s %-30.30s %5s %5s %6s\n"
/* An envelope as JSON is longer than as CBOR, and may be indented. */
#define FILE_LEN_MAX (8 * OHP_ENVELOPE_LEN_MAX)

/* ---- ohp show calls, ohp show call ---- */

struct listing {
	int fd;
	int all, engaged;
};

static void show_line(struct call *call, void *arg)
{
	struct listing *listing = arg;
	struct call_summary summary;
	char in[24], out[24], kept[24] = "-";

	call_summarise(call, &summary);
	listing->all++;
	listing->engaged += summary.is_engaged;
	snprintf(in, sizeof(in), "%" PRIu64, summary.infos_in);
	snprintf(out, sizeof(out), "%" PRIu64, summary.infos_out);
	if (summary.has_tap) {
		snprintf(kept, sizeof(kept), "%" PRIu64, summary.tap.kept);
	}
	ast_cli(listing->fd, CALL_LINE, summary.channel, summary.endpoint, summary.status, S_OR(summary.id, "-"), in, out, kept);
}

static char *show_calls(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	struct listing listing = { a->fd, 0, 0 };

	switch (cmd) {
	case CLI_INIT:
		e->command = "ohp show calls";
		e->usage =
			"Usage: ohp show calls\n"
			"       Lists the calls that take part in handoffs, or whose sound is kept in case they do:\n"
			"       what happened last, the proposal, INFOs received and sent, and frames kept.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	ast_cli(a->fd, CALL_LINE, "Channel", "Endpoint", "Status", "Proposal", "In", "Out", "Frames");
	calls_each(show_line, &listing);
	ast_cli(a->fd, "%d call(s), %d with a handoff\n", listing.all, listing.engaged);
	return CLI_SUCCESS;
}

struct completion {
	const char *word;
	int len;
};

static void complete_line(struct call *call, void *arg)
{
	struct completion *completion = arg;
	char name[80];

	call_name(call, name, sizeof(name));
	if (!strncasecmp(name, completion->word, completion->len)) {
		ast_cli_completion_add(ast_strdup(name));
	}
}

static char *complete_call(const struct ast_cli_args *a, int pos)
{
	struct completion completion = { a->word, strlen(a->word) };

	if (a->pos == pos) {
		calls_each(complete_line, &completion);
	}
	return NULL;
}

static char *show_call(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	struct call_summary summary;
	struct call *call;
	const ohp_event *event = &summary.last.event;
	char reason[32], tier[16];
	bool is_idle;

	switch (cmd) {
	case CLI_INIT:
		e->command = "ohp show call";
		e->usage =
			"Usage: ohp show call <channel>\n"
			"       Shows where the handoff of a call stands.\n";
		return NULL;
	case CLI_GENERATE:
		return complete_call(a, 3);
	}
	if (a->argc != 4) {
		return CLI_SHOWUSAGE;
	}
	call = call_by_channel_name(a->argv[3]);
	if (!call) {
		ast_cli(a->fd, "No handoff on channel '%s'\n", a->argv[3]);
		return CLI_FAILURE;
	}
	call_summarise(call, &summary);
	ao2_ref(call, -1);
	is_idle = !summary.state.phase || summary.state.phase == OHP_PHASE_IDLE;
	ast_cli(a->fd, "  Channel      : %s\n  Endpoint     : %s\n  Profile      : %s\n  Call-ID      : %s\n", summary.channel,
		summary.endpoint, summary.profile, summary.call_id);
	ast_cli(a->fd, "  Phase        : %s%s%s%s\n", phase_word(summary.state.phase), is_idle ? "" : ", as ",
		is_idle ? "" : side_word(summary.state.side), summary.state.is_pending ? ", lacking resources" : "");
	ast_cli(a->fd, "  Proposal     : %s\n  Last event   : %s", S_OR(summary.id, "-"), summary.status);
	if (event->tier) {
		ast_cli(a->fd, ", %s", tier_word(event->tier, tier));
	}
	if (event->kind == OHP_EVENT_REFUSED) {
		ast_cli(a->fd, ", step %u, %s", event->step, reason_word(event->reason, reason));
	}
	ast_cli(a->fd, "%s%s\n", summary.last.why[0] ? ": " : "", summary.last.why);
	ast_cli(a->fd, "  INFOs        : %" PRIu64 " received, %" PRIu64 " sent\n", summary.infos_in, summary.infos_out);
	if (summary.has_tap) {
		ast_cli(a->fd, "  Sound        : %" PRIu64 " frames kept, %" PRIu64 " not audio%s\n", summary.tap.kept, summary.tap.not_audio,
			summary.state.is_on_hold ? ", on hold" : "");
	} else {
		ast_cli(a->fd, "  Sound        : not kept\n");
	}
	ast_cli(a->fd, "  Disclosed    : %u value(s) kept\n", summary.disclosed);
	return CLI_SUCCESS;
}

/* ---- ohp show stats ---- */

static char *show_stats(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	ohp_table_stats stats = { .size = sizeof(stats) };
	uint64_t counts[OHP_EVENT_UNANCHORED + 1];
	struct {
		const char *what;
		const uint64_t *count;
	} lines[] = {
		{ "replay records refused, table full", &stats.replay_full },
		{ "fingerprints refused, table full", &stats.hash_full },
		{ "robust fingerprints not remembered", &stats.sound_full },
		{ "key rates refused, table full", &stats.kid_full },
		{ "peer rates refused, table full", &stats.peer_full },
		{ "chunk sets refused, table full", &stats.set_full },
		{ "messages refused, no slot", &stats.slot_full },
		{ "chunk sets refused, too many of a call", &stats.owner_limit },
		{ "chunk sets ended by an error", &stats.dead_sets },
		{ "operations given up in a race", &stats.contended },
	};
	ohp_str version = ohp_version();
	unsigned int n;

	switch (cmd) {
	case CLI_INIT:
		e->command = "ohp show stats";
		e->usage =
			"Usage: ohp show stats\n"
			"       Counts what happened since the module was loaded, and what the shared table had to refuse.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	events_count(counts);
	ast_cli(a->fd, "libohp %.*s\n", OHP_PRI(version));
	for (n = OHP_EVENT_PROPOSED; n <= OHP_EVENT_UNANCHORED; n++) {
		ast_cli(a->fd, "  %-40s %10" PRIu64 "\n", event_name(n), counts[n]);
	}
	if (ohp_table_get_stats(calls_table(), &stats) == OHP_OK) {
		for (n = 0; n < ARRAY_LEN(lines); n++) {
			ast_cli(a->fd, "  %-40s %10" PRIu64 "\n", lines[n].what, *lines[n].count);
		}
	}
	return CLI_SUCCESS;
}

/* ---- ohp show keys ---- */

static void show_profile(const struct profile *profile, void *arg)
{
	const struct ast_cli_args *a = arg;

	ast_cli(a->fd, "%s (%s)\n%s", profile->name, S_OR(profile->bundle, "no bundle"), S_OR(profile->keys_text, ""));
}

static char *show_keys(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	switch (cmd) {
	case CLI_INIT:
		e->command = "ohp show keys";
		e->usage =
			"Usage: ohp show keys\n"
			"       Lists the keys in each profile's bundle, ours and those of the issuers that we believe: kid, algorithm,\n"
			"       use and lifetime. Nothing private is shown.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	settings_each_profile(show_profile, a);
	return CLI_SUCCESS;
}

/* ---- ohp verify ---- */

/* The first of the profiles, by name, so that the choice is the same every time. */
static void first_profile(const struct profile *profile, void *arg)
{
	char *name = arg;

	if (!*name || strcmp(profile->name, name) < 0) {
		ast_copy_string(name, profile->name, sizeof(profile->name));
	}
}

static void show_verdict(int fd, const ohp_verdict *verdict)
{
	ohp_verdict_summary summary = { .size = sizeof(summary) };
	char words[512];
	ohp_text text = { words, sizeof(words), 0 };
	ohp_need need = { .size = sizeof(need) };
	ohp_str outcome, reason;
	uint32_t n;

	if (ohp_verdict_get(verdict, &summary) != OHP_OK) {
		return;
	}
	outcome = ohp_outcome_text(summary.outcome);
	reason = ohp_reason_text(summary.reason);
	ast_cli(fd, "%.*s%s%.*s\n", OHP_PRI(outcome), reason.len ? ": " : "", (int) reason.len, S_OR(reason.data, ""));
	for (n = 0; n < OHP_STEPS; n++) {
		ohp_str name = ohp_step_name(n), result = ohp_step_result_text(summary.results[n]);

		if (result.len) {
			ast_cli(fd, "  step %2u %-24.*s %.*s\n", n, OHP_PRI(name), OHP_PRI(result));
		}
	}
	if (ohp_verdict_detail(verdict, &text) == OHP_OK) {
		ast_cli(fd, "  %.*s\n", OHP_PRI(text));
	}
	for (n = 0; ohp_verdict_need(verdict, n, &need) == OHP_OK; n++) {
		ohp_str kind = ohp_need_kind_text(need.kind);

		ast_cli(fd, "  lacks %.*s %.*s\n", OHP_PRI(kind), (int) need.reference.len, S_OR(need.reference.data, ""));
	}
	text.len = 0;
	for (n = 0; ohp_verdict_warning(verdict, n, &text) == OHP_OK; n++) {
		ast_cli(fd, "  warning: %.*s\n", OHP_PRI(text));
		text.len = 0;
	}
}

/* Canonical CBOR of what may be JSON; into `cbor`, which has room for any envelope. */
static ohp_status to_cbor(const char *file, size_t len, uint8_t *cbor, ohp_text *why, const uint8_t **bytes, size_t *bytes_len)
{
	size_t scratch_size = ohp_cbor_from_json_scratch_size(len);
	void *scratch;
	ohp_status status;

	if (*ast_skip_blanks(file) != '{') {
		*bytes = (const uint8_t *) file;
		*bytes_len = len;
		return OHP_OK;
	}
	scratch = ast_malloc(scratch_size);
	if (!scratch) {
		return OHP_ERR_MEMORY;
	}
	*bytes = cbor;
	status = ohp_cbor_from_json(file, len, scratch, scratch_size, why, cbor, OHP_ENVELOPE_LEN_MAX, bytes_len);
	ast_free(scratch);
	return status;
}

static void verify_file(int fd, const struct profile *profile, struct room *room, const char *file, size_t len)
{
	char words[256];
	ohp_text why = { words, sizeof(words), 0 };
	ohp_situation situation = {
		.size = sizeof(situation),
		.context = profile->context,
		.now_ms = now_ms(),
		.scratch = room->scratch,
		.scratch_size = ohp_scratch_size(),
		.disclosed = room->disclosed,
	};
	ohp_verdict *verdict = NULL;
	const uint8_t *bytes;
	size_t bytes_len;
	ohp_status status = to_cbor(file, len, room->envelope, &why, &bytes, &bytes_len);
	ohp_str text;

	if (status == OHP_OK) {
		status = ohp_verify(&situation, bytes, bytes_len, room->verdict, ohp_verdict_size(), &verdict);
	}
	if (status == OHP_OK) {
		show_verdict(fd, verdict);
	} else {
		text = ohp_status_text(status);
		ast_cli(fd, "%.*s %.*s\n", OHP_PRI(text), OHP_PRI(why));
	}
}

static char *verify(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	char name[80] = "";
	struct profile *profile;
	struct room *room;
	char *file;
	size_t len;

	switch (cmd) {
	case CLI_INIT:
		e->command = "ohp verify";
		e->usage =
			"Usage: ohp verify <file> [profile]\n"
			"       Judges the envelope in a file, CBOR or JSON, as the profile would now if it had come by itself: no call, no\n"
			"       sound, and nothing is remembered. Without a profile, the first one by name.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	if (a->argc < 3 || a->argc > 4) {
		return CLI_SHOWUSAGE;
	}
	if (a->argc == 4) {
		ast_copy_string(name, a->argv[3], sizeof(name));
	} else {
		settings_each_profile(first_profile, name);
	}
	profile = settings_profile(name);
	if (!profile) {
		ast_cli(a->fd, "No profile '%s' in ohp.conf\n", name);
		return CLI_FAILURE;
	}
	file = read_file(a->argv[2], FILE_LEN_MAX, &len);
	room = file ? room_take() : NULL;
	if (room) {
		verify_file(a->fd, profile, room, file, len);
	} else {
		ast_cli(a->fd, "Cannot read '%s'; the log says why\n", a->argv[2]);
	}
	room_give(room);
	ast_free(file);
	ao2_ref(profile, -1);
	return room ? CLI_SUCCESS : CLI_FAILURE;
}

/* ---- ohp anchored ---- */

static char *anchored(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	struct call_command command = { .verb = CALL_ANCHORED };
	struct call *call;
	ohp_str text;

	switch (cmd) {
	case CLI_INIT:
		e->command = "ohp anchored";
		e->usage =
			"Usage: ohp anchored <channel>\n"
			"       Sends the Regulated proposal of a channel that waited for its transparency log, because it is in there now.\n";
		return NULL;
	case CLI_GENERATE:
		return complete_call(a, 2);
	}
	if (a->argc != 3) {
		return CLI_SHOWUSAGE;
	}
	call = call_by_channel_name(a->argv[2]);
	if (!call) {
		ast_cli(a->fd, "No handoff on channel '%s'\n", a->argv[2]);
		return CLI_FAILURE;
	}
	call_command(call, &command);
	ao2_ref(call, -1);
	text = ohp_status_text(command.status);
	ast_cli(a->fd, "%.*s%s%s\n", OHP_PRI(text), command.why[0] ? ": " : "", command.why);
	return command.status == OHP_OK ? CLI_SUCCESS : CLI_FAILURE;
}

/* ---- ohp reload ---- */

static char *reload(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	switch (cmd) {
	case CLI_INIT:
		e->command = "ohp reload";
		e->usage =
			"Usage: ohp reload\n"
			"       Reads ohp.conf, and all bundles and templates that it names, again. If anything is wrong, what was in force\n"
			"       stays so. Calls go on.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	if (settings_reload()) {
		ast_cli(a->fd, "Not taken; the log says why\n");
		return CLI_FAILURE;
	}
	ast_cli(a->fd, "In force\n");
	return CLI_SUCCESS;
}

static struct ast_cli_entry entries[] = {
	AST_CLI_DEFINE(show_calls, "List calls with handoffs"),
	AST_CLI_DEFINE(show_call, "Show the handoff of a call"),
	AST_CLI_DEFINE(show_stats, "Count handoffs and what was refused"),
	AST_CLI_DEFINE(show_keys, "List keys, ours and those we believe"),
	AST_CLI_DEFINE(verify, "Judge the envelope in a file"),
	AST_CLI_DEFINE(anchored, "Send what waited for its transparency log"),
	AST_CLI_DEFINE(reload, "Read ohp.conf and its bundles again"),
};

int cli_init(void)
{
	return ast_cli_register_multiple(entries, ARRAY_LEN(entries));
}

void cli_close(void)
{
	ast_cli_unregister_multiple(entries, ARRAY_LEN(entries));
}
