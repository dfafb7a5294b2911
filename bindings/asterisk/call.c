/*
 * The handoff on one call.
 *
 * A call has a serializer of its own in the module's thread pool, and its leg is touched nowhere else: so there is one
 * caller at a time, as the library wants it, no lock is held while an envelope is verified, and PJSIP's serializers never
 * wait for that.
 *
 * Not here: PJSIP (session.c), sound (media.c), what an application does with the outcome (dialplan.c).
 */
#include "asterisk.h"

#include <sys/random.h>
#include <time.h>

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/datastore.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/res_pjsip.h"
#include "asterisk/res_pjsip_session.h"
#include "asterisk/sched.h"
#include "asterisk/strings.h"
#include "asterisk/taskprocessor.h"
#include "asterisk/threadpool.h"
#include "asterisk/threadstorage.h"
#include "asterisk/utils.h"

#include "res_ohp.h"

/* Threads that verify: they wait for nothing but a processor. */
#define THREADS_MAX 8
#define THREAD_IDLE_S 60
#define BUCKETS 251
/* A proposal that came before its sound is judged again this often. */
#define LOOK_AGAIN_MS 200
/* PJSIP's Timer F is 32 s and tells nobody: a response that has not come by then will not (RFC 3261, 17.1.2.2). */
#define NO_RESPONSE_MS 33000
/* Longest member that is no text: what a channel variable may hold. */
#define MEMBER_LEN_MAX 4096

struct call {
	struct ast_taskprocessor *serializer;
	char channel[AST_MAX_EXTENSION];
	char endpoint_name[80];

	/* On the serializer only. */
	ohp_leg *leg;
	bool is_over;
	uint8_t *pending;
	size_t pending_len;
	int timer;
	uint64_t timer_at;
	bool outstanding;
	uint64_t outstanding_until;
	uint64_t look_again_at;
	void *leg_memory;

	/* Set once, before the framehook is attached. */
	ohp_tap *tap;
	void *tap_memory;

	/* Under the object's lock. */
	struct ast_sip_session *session;
	struct endpoint *endpoint;
	ohp_leg_state state;
	enum ohp_event_kind last_event;
	uint64_t happened, seen;
	uint8_t *proposal;
	size_t proposal_len;
	char id[OHP_ID_LEN + 1];
	uint64_t infos_in, infos_out, frames;
};

static struct ast_threadpool *pool;
static struct ast_sched_context *sched;
static struct ao2_container *calls;
static ohp_table *table;
static void *table_memory;

/* ---- What a thread lends the library ---- */

struct room {
	void *memory;
	uint8_t *scratch;
	uint8_t *envelope;
	void *verdict;
	ohp_disclosed *disclosed;
};

static void room_free(void *data)
{
	struct room *room = data;

	if (room->disclosed) {
		ohp_disclosed_end(room->disclosed);
	}
	ast_std_free(room->memory);
	ast_free(room);
}

AST_THREADSTORAGE_CUSTOM(thread_room, NULL, room_free);

static size_t up_to(size_t size, size_t align)
{
	return (size + align - 1) / align * align;
}

static struct room *lend(void)
{
	struct room *room = ast_threadstorage_get(&thread_room, sizeof(*room));
	size_t page = ohp_disclosed_align(), disclosed = up_to(ohp_disclosed_size(), page);
	size_t scratch = up_to(ohp_scratch_size(), page), verdict = up_to(ohp_verdict_size(), page);
	uint8_t *memory;

	if (!room || room->memory) {
		return room;
	}
	if (posix_memalign((void **) &memory, page, disclosed + scratch + verdict + OHP_ENVELOPE_LEN_MAX)) {
		return NULL;
	}
	if (ohp_disclosed_init(memory, disclosed, NULL, &room->disclosed) != OHP_OK) {
		ast_std_free(memory);
		return NULL;
	}
	room->memory = memory;
	room->scratch = memory + disclosed;
	room->verdict = room->scratch + scratch;
	room->envelope = (uint8_t *) room->verdict + verdict;
	return room;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static ohp_host host_of(struct call *call, struct room *room, const struct profile *profile, const char *peer)
{
	ohp_host host = {
		.size = sizeof(host),
		.context = profile->context,
		.table = table,
		.tap = call->tap,
		.peer = { (const uint8_t *) peer, strlen(peer) },
		.now_ms = now_ms(),
		.scratch = room->scratch,
		.scratch_size = ohp_scratch_size(),
		.disclosed = room->disclosed,
	};

	if (getrandom(host.random, sizeof(host.random), 0) != sizeof(host.random)) {
		ast_log(LOG_ERROR, "No random numbers: %s\n", strerror(errno));
	}
	return host;
}

/* The endpoint as it is configured now; as it was, if it is no longer. A reference. */
static struct endpoint *endpoint_of(struct call *call)
{
	struct endpoint *endpoint = settings_endpoint(call->endpoint_name);

	ao2_lock(call);
	if (endpoint) {
		ao2_replace(call->endpoint, endpoint);
	} else {
		endpoint = ao2_bump(call->endpoint);
	}
	ao2_unlock(call);
	return endpoint;
}

/* ---- Draining ---- */

static void drain(struct call *call);

static int timer_task(void *data);

static int on_timer(const void *data)
{
	struct call *call = (struct call *) data;

	if (ast_taskprocessor_push(call->serializer, timer_task, ao2_bump(call))) {
		ao2_ref(call, -1);
	}
	/* The reference that the schedule held. */
	ao2_ref(call, -1);
	return 0;
}

static void cancel_timer(struct call *call)
{
	AST_SCHED_DEL_UNREF(sched, call->timer, ao2_ref(call, -1));
	call->timer_at = 0;
}

static void arm(struct call *call)
{
	uint64_t at = 0, now = now_ms();

	if (call->is_over) {
		return;
	}
	if (ohp_leg_poll_timeout(call->leg, &at) != OHP_OK) {
		at = 0;
	}
	if (call->outstanding && (!at || call->outstanding_until < at)) {
		at = call->outstanding_until;
	}
	if (call->pending && (!at || call->look_again_at < at)) {
		at = call->look_again_at;
	}
	if (at == call->timer_at && call->timer > -1) {
		return;
	}
	cancel_timer(call);
	if (at) {
		call->timer_at = at;
		call->timer = ast_sched_add(sched, at > now ? at - now : 1, on_timer, ao2_bump(call));
		if (call->timer < 0) {
			call->timer_at = 0;
			ao2_ref(call, -1);
		}
	}
}

static void keep_pending(struct call *call, const ohp_bytes *cbor)
{
	ohp_leg_state state = { .size = sizeof(state) };

	if (ohp_leg_get_state(call->leg, &state) != OHP_OK || !state.is_pending) {
		ast_free(call->pending);
		call->pending = NULL;
	} else if (cbor->data && cbor->data != call->pending) {
		ast_free(call->pending);
		call->pending = ast_malloc(cbor->len);
		call->pending_len = cbor->len;
		if (call->pending) {
			memcpy(call->pending, cbor->data, cbor->len);
		}
	}
	call->look_again_at = now_ms() + LOOK_AGAIN_MS;
}

/* What the dialplan reads members of. */
static void keep_proposal(struct call *call, const ohp_bytes *cbor)
{
	uint8_t *copy = cbor->data ? ast_malloc(cbor->len) : NULL;

	if (copy) {
		memcpy(copy, cbor->data, cbor->len);
		ao2_lock(call);
		ast_free(call->proposal);
		call->proposal = copy;
		call->proposal_len = cbor->len;
		ao2_unlock(call);
	}
}

static void wake(struct call *call)
{
	struct ast_channel *chan = ast_channel_get_by_name(call->channel);

	if (chan) {
		ast_queue_frame(chan, &ast_null_frame);
		ast_channel_unref(chan);
	}
}

static void tell_events(struct call *call)
{
	char words[256];
	ohp_text why = { words, sizeof(words), 0 };
	ohp_event event = { .size = sizeof(event) };
	bool any = false;

	while (ohp_leg_poll_event(call->leg, &why, &event) == OHP_OK) {
		any = true;
		ao2_lock(call);
		call->last_event = event.kind;
		call->happened++;
		if (event.id[0]) {
			ast_copy_string(call->id, event.id, sizeof(call->id));
			memcpy(call->id, event.id, OHP_ID_LEN);
			call->id[OHP_ID_LEN] = '\0';
		}
		ao2_unlock(call);
		event_publish(call->channel, &event, words, why.len);
	}
	ao2_lock(call);
	call->state.size = sizeof(call->state);
	ohp_leg_get_state(call->leg, &call->state);
	ao2_unlock(call);
	if (any) {
		wake(call);
	}
}

static struct ast_sip_session *session_of(struct call *call)
{
	struct ast_sip_session *session;

	ao2_lock(call);
	session = ao2_bump(call->session);
	ao2_unlock(call);
	return session;
}

static void transmit(struct call *call)
{
	uint8_t buffer[OHP_TRANSMIT_LEN];
	ohp_transmit info = { .size = sizeof(info) };
	struct ast_sip_session *session = session_of(call);

	while (session && ohp_leg_poll_transmit(call->leg, table, buffer, sizeof(buffer), &info) == OHP_OK) {
		if (session_send_info(call, session, &info)) {
			ohp_leg_handle_response(call->leg, table, 408);
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

static void drain(struct call *call)
{
	tell_events(call);
	transmit(call);
	/* A message that could not be sent is an event again. */
	tell_events(call);
	arm(call);
}

/* ---- Tasks on the serializer ---- */

/* What a proposal lacks, a line for each: what an administrator has to do something about. */
static void tell_needs(struct call *call, const ohp_verdict *verdict)
{
	ohp_need need = { .size = sizeof(need) };
	uint32_t n;

	for (n = 0; verdict && ohp_verdict_need(verdict, n, &need) == OHP_OK; n++) {
		ohp_str kind = ohp_need_kind_text(need.kind), step = ohp_step_name(need.step);

		ast_verb(3, "%s: OHP step %.*s lacks %.*s %.*s\n", call->channel, OHP_PRI(step), OHP_PRI(kind),
			OHP_PRI(need.reference));
	}
}

struct info_task {
	struct call *call;
	struct session_request *request;
};

static int info_task(void *data)
{
	struct info_task *task = data;
	struct call *call = task->call;
	struct endpoint *endpoint = endpoint_of(call);
	struct room *room = lend();
	char words[256];
	ohp_text why = { words, sizeof(words), 0 };
	ohp_info info = { .size = sizeof(info) };
	ohp_handled handled = { .size = sizeof(handled) };
	ohp_host host;
	ohp_status status = OHP_ERR_MEMORY;
	size_t len;
	const uint8_t *message = session_request_bytes(task->request, &len);

	if (call->is_over) {
		handled.sip_status = 481;
	} else if (!room) {
		handled.sip_status = 503;
	} else if (ohp_info_parse_message(message, len, &why, &info) != OHP_OK) {
		handled.sip_status = 400;
	} else {
		host = host_of(call, room, endpoint->profile, session_request_peer(task->request));
		status = ohp_leg_handle_info(call->leg, &host, &info, room->envelope, OHP_ENVELOPE_LEN_MAX, room->verdict,
			ohp_verdict_size(), &why, &handled);
		explicit_bzero(host.random, sizeof(host.random));
		if (status != OHP_OK) {
			handled.sip_status = 500;
		}
	}
	if (handled.sip_status != 200) {
		ast_log(LOG_NOTICE, "%s: INFO answered with %u: %.*s\n", call->channel, handled.sip_status, OHP_PRI(why));
	}
	/* An envelope that came in one piece lies in the request, which goes with its response. */
	if (status == OHP_OK) {
		ao2_lock(call);
		call->infos_in++;
		ao2_unlock(call);
		tell_needs(call, handled.verdict);
		keep_pending(call, &handled.cbor);
		keep_proposal(call, &handled.cbor);
	}
	session_respond(task->request, handled.sip_status);
	if (status == OHP_OK) {
		drain(call);
	}
	if (room) {
		ohp_disclosed_wipe(room->disclosed);
	}
	ao2_cleanup(endpoint);
	ao2_ref(call, -1);
	ast_free(task);
	return 0;
}

void call_handle_info(struct call *call, struct session_request *request)
{
	struct info_task *task = ast_calloc(1, sizeof(*task));

	if (task) {
		task->call = ao2_bump(call);
		task->request = request;
		if (!ast_taskprocessor_push(call->serializer, info_task, task)) {
			return;
		}
		ao2_ref(call, -1);
		ast_free(task);
	}
	session_respond(request, 503);
}

static int timer_task(void *data)
{
	struct call *call = data;
	struct room *room = lend();
	struct endpoint *endpoint = endpoint_of(call);
	uint64_t now = now_ms();
	ohp_host host;

	call->timer = -1;
	call->timer_at = 0;
	if (!call->is_over && room) {
		host = host_of(call, room, endpoint->profile, "");
		if (call->outstanding && now >= call->outstanding_until) {
			call->outstanding = false;
			ohp_leg_handle_response(call->leg, table, 408);
		}
		ohp_leg_handle_timeout(call->leg, &host);
		if (call->pending && now >= call->look_again_at) {
			ohp_handled handled = { .size = sizeof(handled) };

			host = host_of(call, room, endpoint->profile, "");
			if (ohp_leg_verify_again(call->leg, &host, call->pending, call->pending_len, room->verdict,
				ohp_verdict_size(), NULL, &handled) == OHP_OK) {
				keep_pending(call, &handled.cbor);
			}
		}
		explicit_bzero(host.random, sizeof(host.random));
		ohp_disclosed_wipe(room->disclosed);
		drain(call);
	}
	ao2_cleanup(endpoint);
	ao2_ref(call, -1);
	return 0;
}

struct response_task {
	struct call *call;
	int status;
};

static int response_task(void *data)
{
	struct response_task *task = data;
	struct call *call = task->call;

	if (!call->is_over && call->outstanding) {
		call->outstanding = false;
		ohp_leg_handle_response(call->leg, table, task->status);
		drain(call);
	}
	ao2_ref(call, -1);
	ast_free(task);
	return 0;
}

void call_handle_response(struct call *call, int status)
{
	struct response_task *task = ast_calloc(1, sizeof(*task));

	if (task) {
		task->call = ao2_bump(call);
		task->status = status;
		if (ast_taskprocessor_push(call->serializer, response_task, task)) {
			ao2_ref(call, -1);
			ast_free(task);
		}
	}
}

struct text_task {
	struct call *call;
	enum { LOCAL_SDP, REMOTE_SDP, BIND_ID } what;
	size_t len;
	char text[];
};

static int text_task(void *data)
{
	struct text_task *task = data;
	struct call *call = task->call;

	if (!call->is_over) {
		switch (task->what) {
		case LOCAL_SDP:
			ohp_leg_handle_local_sdp(call->leg, task->text, task->len, NULL);
			break;
		case REMOTE_SDP:
			ohp_leg_handle_remote_sdp(call->leg, task->text, task->len, NULL);
			break;
		case BIND_ID:
			ohp_leg_bind_id(call->leg, task->text, task->len);
			break;
		}
	}
	ao2_ref(call, -1);
	ast_free(task);
	return 0;
}

static void push_text(struct call *call, int what, const char *text, size_t len)
{
	struct text_task *task = ast_calloc(1, sizeof(*task) + len);

	if (task) {
		task->call = ao2_bump(call);
		task->what = what;
		task->len = len;
		memcpy(task->text, text, len);
		if (ast_taskprocessor_push(call->serializer, text_task, task)) {
			ao2_ref(call, -1);
			ast_free(task);
		}
	}
}

void call_handle_sdp(struct call *call, bool local, const char *sdp, size_t len)
{
	push_text(call, local ? LOCAL_SDP : REMOTE_SDP, sdp, len);
}

void call_bind_id(struct call *call, const char *id)
{
	push_text(call, BIND_ID, id, strlen(id));
}

/* ---- What the dialplan asks for ---- */

struct command_task {
	struct call *call;
	struct call_command *command;
};

static ohp_status run(struct call *call, struct call_command *command, const ohp_host *host, struct room *room,
	const struct profile *profile, ohp_text *why)
{
	const char *template_text = S_OR(command->template_text, profile->template_text);
	ohp_bytes cbor;
	unsigned int reason;

	switch (command->verb) {
	case CALL_PROPOSE:
		if (ast_strlen_zero(template_text)) {
			return OHP_ERR_INVALID;
		}
		return ohp_leg_propose(call->leg, host, profile->tier, template_text, strlen(template_text), room->envelope,
			OHP_ENVELOPE_LEN_MAX, why, &cbor);
	case CALL_ACCEPT:
		return ohp_leg_accept(call->leg, host, why);
	case CALL_REJECT:
		for (reason = OHP_REASON_NONE + 1; ; reason++) {
			ohp_str name = ohp_reason_text(reason);

			if (!name.len) {
				return OHP_ERR_RANGE;
			}
			if (strlen(command->reason) == name.len && !strncmp(command->reason, name.data, name.len)) {
				return ohp_leg_reject(call->leg, host, reason, why);
			}
		}
	case CALL_ASSUME:
		return ohp_leg_assume(call->leg, host, why);
	case CALL_RETURN:
		return ohp_leg_give_back(call->leg, host, command->reason, strlen(command->reason), command->template_text,
			command->template_text ? strlen(command->template_text) : 0, why);
	}
	return OHP_ERR_RANGE;
}

static int command_task(void *data)
{
	struct command_task *task = data;
	struct call *call = task->call;
	struct call_command *command = task->command;
	ohp_text why = { command->why, sizeof(command->why) - 1, 0 };
	struct room *room = lend();
	struct endpoint *endpoint = endpoint_of(call);
	struct profile *profile = command->profile ? command->profile : endpoint->profile;

	command->status = OHP_ERR_STATE;
	if (!call->is_over && room) {
		ohp_host host = host_of(call, room, profile, "");

		command->status = run(call, command, &host, room, profile, &why);
		explicit_bzero(host.random, sizeof(host.random));
		drain(call);
	}
	command->why[why.len] = '\0';
	ao2_cleanup(endpoint);
	return 0;
}

void call_command(struct call *call, struct call_command *command)
{
	struct command_task task = { .call = call, .command = command };

	command->status = OHP_ERR_MEMORY;
	ast_sip_push_task_wait_serializer(call->serializer, command_task, &task);
}

/* ---- What the dialplan reads ---- */

const char *call_status(struct call *call)
{
	const char *name = "NONE";

	ao2_lock(call);
	if (call->last_event) {
		name = event_name(call->last_event);
	}
	ao2_unlock(call);
	return name;
}

static int has_happened(void *data)
{
	struct call *call = data;
	int happened;

	ao2_lock(call);
	happened = call->happened != call->seen;
	ao2_unlock(call);
	return !happened;
}

int call_wait(struct call *call, struct ast_channel *chan, int timeout_ms)
{
	int res = ast_safe_sleep_conditional(chan, timeout_ms, has_happened, call);
	int happened;

	ao2_lock(call);
	happened = call->happened != call->seen;
	call->seen = call->happened;
	ao2_unlock(call);
	return res < 0 ? -1 : happened;
}

int call_member(struct call *call, const char *path, struct ast_str **into)
{
	union {
		char memory[OHP_ENVELOPE_SIZE_MAX];
		uint64_t aligned;
	} view;
	ohp_envelope *envelope = NULL;
	ohp_str text = { NULL, 0 };
	uint8_t *copy;
	size_t len;
	int res = -1;

	ao2_lock(call);
	len = call->proposal_len;
	copy = call->proposal ? ast_malloc(len) : NULL;
	if (copy) {
		memcpy(copy, call->proposal, len);
	}
	ao2_unlock(call);
	if (!copy) {
		return -1;
	}
	if (ohp_envelope_read(view.memory, sizeof(view.memory), copy, len, NULL, NULL, NULL, &envelope) == OHP_OK) {
		uint32_t tier;

		if (!strcmp(path, "tier") && ohp_envelope_tier(envelope, &tier) == OHP_OK) {
			text = ohp_tier_text(tier);
			ast_str_set_substr(into, 0, text.data, text.len);
			res = 0;
		} else if (ohp_envelope_text(envelope, path, strlen(path), &text) == OHP_OK) {
			ast_str_set_substr(into, 0, text.data, text.len);
			res = 0;
		} else {
			char json[MEMBER_LEN_MAX];

			if (ohp_envelope_json(envelope, path, strlen(path), 0, json, sizeof(json), &len) == OHP_OK) {
				ast_str_set_substr(into, 0, json, len);
				res = 0;
			}
		}
	}
	ast_free(copy);
	return res;
}

void call_summarise(struct call *call, struct call_summary *summary)
{
	memset(summary, 0, sizeof(*summary));
	ao2_lock(call);
	ast_copy_string(summary->channel, call->channel, sizeof(summary->channel));
	ast_copy_string(summary->endpoint, call->endpoint_name, sizeof(summary->endpoint));
	summary->state = call->state;
	summary->infos_in = call->infos_in;
	summary->infos_out = call->infos_out;
	summary->frames = call->frames;
	summary->has_tap = call->tap != NULL;
	ast_copy_string(summary->status, call->last_event ? event_name(call->last_event) : "NONE", sizeof(summary->status));
	ast_copy_string(summary->id, call->id, sizeof(summary->id));
	ao2_unlock(call);
}

void calls_each(void (*visit)(struct call *call, void *arg), void *arg)
{
	struct ao2_iterator each = ao2_iterator_init(calls, 0);
	struct call *call;

	for (; (call = ao2_iterator_next(&each)); ao2_ref(call, -1)) {
		visit(call, arg);
	}
	ao2_iterator_destroy(&each);
}

/* ---- A call's life ---- */

static void call_destroy(void *obj)
{
	struct call *call = obj;

	ast_taskprocessor_unreference(call->serializer);
	ao2_cleanup(call->session);
	ao2_cleanup(call->endpoint);
	ast_free(call->pending);
	ast_free(call->proposal);
	ast_std_free(call->leg_memory);
	ast_std_free(call->tap_memory);
	ast_module_unref(AST_MODULE_SELF);
}

static void forget_call(void *data)
{
	ao2_cleanup(data);
}

static const struct ast_datastore_info datastore_info = {
	.type = "ohp",
	.destroy = forget_call,
};

const char *call_name(const struct call *call)
{
	return call->channel;
}

struct call *call_of(struct ast_sip_session *session)
{
	struct ast_datastore *datastore = ast_sip_session_get_datastore(session, datastore_info.type);
	struct call *call = datastore ? ao2_bump(datastore->data) : NULL;

	ao2_cleanup(datastore);
	return call;
}

static struct call *call_alloc(struct ast_sip_session *session, struct endpoint *endpoint)
{
	pjsip_dialog *dlg = session->inv_session->dlg;
	struct call *call = ao2_alloc(sizeof(*call), call_destroy);
	char name[AST_TASKPROCESSOR_MAX_NAME + 1];

	if (!call) {
		return NULL;
	}
	ast_module_ref(AST_MODULE_SELF);
	call->timer = -1;
	call->endpoint = ao2_bump(endpoint);
	call->session = ao2_bump(session);
	ast_copy_string(call->endpoint_name, endpoint->name, sizeof(call->endpoint_name));
	ast_copy_string(call->channel, session->channel ? ast_channel_name(session->channel) : endpoint->name,
		sizeof(call->channel));
	ast_taskprocessor_build_name(name, sizeof(name), "ohp/%s", endpoint->name);
	call->serializer = ast_threadpool_serializer(name, pool);
	if (!call->serializer
		|| posix_memalign(&call->leg_memory, OHP_ALIGN, ohp_leg_size())
		|| ohp_leg_init(call->leg_memory, ohp_leg_size(), pj_strbuf(&dlg->call_id->id), pj_strlen(&dlg->call_id->id),
			&call->leg) != OHP_OK) {
		ao2_ref(call, -1);
		return NULL;
	}
	return call;
}

struct call *call_for(struct ast_sip_session *session)
{
	struct call *call = call_of(session);
	struct endpoint *endpoint;
	struct ast_datastore *datastore;

	if (call) {
		return call;
	}
	endpoint = settings_endpoint(ast_sorcery_object_get_id(session->endpoint));
	if (!endpoint) {
		return NULL;
	}
	datastore = ast_sip_session_alloc_datastore(&datastore_info, datastore_info.type);
	call = datastore ? call_alloc(session, endpoint) : NULL;
	if (call) {
		datastore->data = ao2_bump(call);
		ast_sip_session_add_datastore(session, datastore);
		ao2_link(calls, call);
	}
	ao2_cleanup(datastore);
	ao2_ref(endpoint, -1);
	return call;
}

static int end_task(void *data)
{
	struct call *call = data;

	call->is_over = true;
	cancel_timer(call);
	wake(call);
	ao2_ref(call, -1);
	return 0;
}

void call_end(struct call *call)
{
	ao2_unlink(calls, call);
	ao2_lock(call);
	ao2_cleanup(call->session);
	call->session = NULL;
	ao2_unlock(call);
	if (ast_taskprocessor_push(call->serializer, end_task, ao2_bump(call))) {
		ao2_ref(call, -1);
	}
}

ohp_tap *call_tap(struct call *call)
{
	return call->tap;
}

int call_make_tap(struct call *call)
{
	size_t size;

	if (ohp_tap_size(OHP_CODEC_L16, OHP_TAP_SECONDS_MAX, &size) != OHP_OK
		|| posix_memalign(&call->tap_memory, OHP_ALIGN, size)) {
		return -1;
	}
	return ohp_tap_init(call->tap_memory, size, OHP_CODEC_L16, OHP_TAP_SECONDS_MAX, &call->tap) == OHP_OK ? 0 : -1;
}

void call_count_frame(struct call *call)
{
	/* Read without the lock by whoever shows it: a count that is one frame old does no harm. */
	__atomic_fetch_add(&call->frames, 1, __ATOMIC_RELAXED);
}

/* ---- All calls ---- */

ohp_table *calls_table(void)
{
	return table;
}

bool calls_are_idle(void)
{
	return !calls || !ao2_container_count(calls);
}

AO2_STRING_FIELD_HASH_FN(call, channel)
AO2_STRING_FIELD_CMP_FN(call, channel)

int calls_init(void)
{
	struct ast_threadpool_options options = {
		.version = AST_THREADPOOL_OPTIONS_VERSION,
		.idle_timeout = THREAD_IDLE_S,
		.auto_increment = 1,
		.max_size = THREADS_MAX,
	};
	uint8_t salt[16];
	size_t size;

	calls = ao2_container_alloc_hash(AO2_ALLOC_OPT_LOCK_MUTEX, 0, BUCKETS, call_hash_fn, NULL, call_cmp_fn);
	pool = ast_threadpool_create("ohp", NULL, &options);
	sched = ast_sched_context_create();
	if (!calls || !pool || !sched || ast_sched_start_thread(sched)) {
		return -1;
	}
	if (getrandom(salt, sizeof(salt), 0) != sizeof(salt)
		|| ohp_table_size(NULL, &size) != OHP_OK
		|| posix_memalign(&table_memory, OHP_ALIGN, size)
		|| ohp_table_init(table_memory, size, NULL, salt, &table) != OHP_OK) {
		ast_log(LOG_ERROR, "No table of replays\n");
		return -1;
	}
	return 0;
}

void calls_close(void)
{
	if (pool) {
		ast_threadpool_shutdown(pool);
		pool = NULL;
	}
	if (sched) {
		ast_sched_context_destroy(sched);
		sched = NULL;
	}
	ao2_cleanup(calls);
	calls = NULL;
	ast_std_free(table_memory);
	table_memory = NULL;
	table = NULL;
}
