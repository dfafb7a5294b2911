/*
 * What the dialplan, AMI and the CLI ask a handoff for. They wait for the call's serializer, which never waits for the network.
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "call.h"

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
		profile = leg_profile(call);
	}

	if (!leg_is_usable(call)) {
		command->status = OHP_ERR_STATE;
	} else if (!room || !lend(&host, room, profile, call_tap(call), "")) {
		command->status = OHP_ERR_MEMORY;
	} else {
		command->status = leg_checked(call, run(call, command, &host, room, profile, &why), "command");
		take_back(&host);
		if (!call->is_broken) {
			leg_drain(call, room, profile, NULL);
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
