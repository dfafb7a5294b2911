/*
 * What the dialplan reads: members of envelopes, what one disclosed, and what happened.
 *
 * All of it stands under the call's lock, so that it can be read while a channel is locked, as Asterisk does for the
 * variables that it shows in events.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/module.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "call.h"

/* Longest member that is no text. */
#define MEMBER_LEN_MAX 8192

void envelope_keep(struct envelope_copy *copy, const ohp_bytes *cbor)
{
	uint8_t *bytes = ast_malloc(cbor->len);

	if (bytes) {
		memcpy(bytes, cbor->data, cbor->len);
		ast_free(copy->bytes);
		*copy = (struct envelope_copy) { bytes, cbor->len };
	}
}

/* Paths that are asked for so often that they have a short form. */
static const struct {
	const char *prefix, *path;
} shorts[] = {
	{ "slots.", "intent.slots." },
};

static int read_member(const struct envelope_copy *copy, const char *path, struct ast_str **into)
{
	union {
		char memory[OHP_ENVELOPE_SIZE_MAX];
		uint64_t aligned;
	} view;
	ohp_envelope *envelope = NULL;
	ohp_str text = { NULL, 0 };
	char *json;
	size_t len;
	int res = -1;

	if (!copy->bytes
		|| ohp_envelope_read(view.memory, sizeof(view.memory), copy->bytes, copy->len, NULL, NULL, NULL, &envelope) != OHP_OK) {
		return -1;
	}
	if (ohp_envelope_text(envelope, path, strlen(path), &text) == OHP_OK) {
		ast_str_set(into, 0, "%.*s", (int) text.len, text.data);
		return 0;
	}
	json = ast_malloc(MEMBER_LEN_MAX);
	if (json && ohp_envelope_json(envelope, path, strlen(path), 0, json, MEMBER_LEN_MAX, &len) == OHP_OK) {
		ast_str_set(into, 0, "%.*s", (int) len, json);
		res = 0;
	}
	ast_free(json);
	return res;
}

int call_member(struct call *call, const char *path, struct ast_str **into)
{
	char whole[256];
	unsigned int n;
	int res;

	for (n = 0; n < ARRAY_LEN(shorts); n++) {
		if (!strncmp(path, shorts[n].prefix, strlen(shorts[n].prefix))) {
			snprintf(whole, sizeof(whole), "%s%s", shorts[n].path, path + strlen(shorts[n].prefix));
			path = whole;
			break;
		}
	}
	ao2_lock(call);
	res = read_member(&call->theirs, path, into);
	if (res && !call->theirs.bytes) {
		res = read_member(&call->ours, path, into);
	}
	ao2_unlock(call);
	return res;
}

int call_disclosed(struct call *call, bool claim, const char *name, struct ast_str **into)
{
	ohp_disclosed_value value = { .size = sizeof(value) };
	char *json = NULL;
	size_t len;
	int res = -1;

	ao2_lock(call);
	if (call->disclosed
		&& (claim ? ohp_disclosed_find_claim : ohp_disclosed_find_field)(call->disclosed, name, strlen(name), &value) == OHP_OK) {
		if (value.text.data) {
			ast_str_set(into, 0, "%.*s", (int) value.text.len, value.text.data);
			res = 0;
		} else if ((json = ast_malloc(MEMBER_LEN_MAX))) {
			if (ohp_cbor_to_json(value.cbor.data, value.cbor.len, 0, json, MEMBER_LEN_MAX, NULL, &len) == OHP_OK) {
				ast_str_set(into, 0, "%.*s", (int) len, json);
				res = 0;
			}
			explicit_bzero(json, MEMBER_LEN_MAX);
		}
	}
	ao2_unlock(call);
	ast_free(json);
	return res;
}

/* ---- What happened ---- */

static int nothing_has_happened(void *data)
{
	struct call *call = data;
	int nothing;

	ao2_lock(call);
	nothing = call->happened == call->told && !call->is_over;
	ao2_unlock(call);
	return nothing;
}

int call_wait(struct call *call, struct ast_channel *chan, int timeout_ms)
{
	int hung_up = ast_safe_sleep_conditional(chan, timeout_ms, nothing_has_happened, call);
	int happened = 0;

	ao2_lock(call);
	if (call->happened != call->told) {
		call->current = call->happenings[call->told++ % HAPPENINGS];
		call->has_current = true;
		happened = 1;
	}
	ao2_unlock(call);
	return hung_up ? -1 : happened;
}

bool call_happening(struct call *call, struct happening *into)
{
	bool any = true;

	ao2_lock(call);
	if (call->has_current) {
		*into = call->current;
	} else if (call->happened) {
		*into = call->happenings[(call->happened - 1) % HAPPENINGS];
	} else {
		any = false;
	}
	ao2_unlock(call);
	return any;
}

void call_summarise(struct call *call, struct call_summary *summary)
{
	ohp_disclosed_summary disclosed = { .size = sizeof(disclosed) };

	memset(summary, 0, sizeof(*summary));
	call_name(call, summary->channel, sizeof(summary->channel));
	ao2_lock(call);
	ast_copy_string(summary->endpoint, call->endpoint_name, sizeof(summary->endpoint));
	ast_copy_string(summary->profile, call->endpoint->profile->name, sizeof(summary->profile));
	ast_copy_string(summary->call_id, call->call_id, sizeof(summary->call_id));
	ast_copy_string(summary->id, call->id, sizeof(summary->id));
	ast_copy_string(summary->own_id, call->own_id, sizeof(summary->own_id));
	summary->state = call->state;
	summary->infos_in = call->infos_in;
	summary->infos_out = call->infos_out;
	summary->is_engaged = call->is_engaged;
	summary->is_over = call->is_over;
	summary->status = "NONE";
	if (call->happened) {
		summary->last = call->happenings[(call->happened - 1) % HAPPENINGS];
		summary->status = event_name(summary->last.event.kind);
	}
	if (call->disclosed && ohp_disclosed_get(call->disclosed, &disclosed) == OHP_OK) {
		summary->disclosed = disclosed.fields + disclosed.claims;
	}
	summary->tap.size = sizeof(summary->tap);
	summary->has_tap = call->tap && !call->lost_media && ohp_tap_get_stats(call->tap, &summary->tap) == OHP_OK;
	ao2_unlock(call);
}
