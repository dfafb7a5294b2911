/*
 * A call's life: it begins with the first thing that concerns a handoff, and ends with its session.
 *
 * A call has a serializer of its own in the module's thread pool, and its leg is touched nowhere else (handoff.c, drain.c, command.c): so there
 * is one caller at a time, as the library wants it, no lock is held while an envelope is verified, and PJSIP's serializers
 * never wait for that.
 *
 * It hangs in its session as a datastore, by which PJSIP finds it, and in its channel as another, by which the dialplan
 * does: that one follows masquerades.
 */
#include "asterisk.h"

#include <pjsip.h>
#include <pjsip_ua.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/datastore.h"
#include "asterisk/lock.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/res_pjsip.h"
#include "asterisk/res_pjsip_session.h"
#include "asterisk/sched.h"
#include "asterisk/serializer_shutdown_group.h"
#include "asterisk/strings.h"
#include "asterisk/taskprocessor.h"
#include "asterisk/threadpool.h"
#include "asterisk/utils.h"

#include "call.h"

/* Threads that verify: they wait for nothing but a processor. */
#define THREADS_MAX 8
#define THREAD_IDLE_S 60
#define BUCKETS 251
/* What a verification may take at most before the module gives up unloading. */
#define FORGET_S 5

static struct ast_threadpool *pool;
static struct ast_serializer_shutdown_group *serializers;
static struct ast_sched_context *sched;
static struct ao2_container *calls;
static ohp_table *table;
static void *table_memory = MAP_FAILED;
static size_t table_size;

struct ast_sched_context *calls_schedule(void)
{
	return sched;
}

const ohp_table *calls_table(void)
{
	return table;
}

/* ---- Its serializer ---- */

struct waiter {
	ast_mutex_t lock;
	ast_cond_t done;
	bool is_done;
	void (*task)(void *data);
	void *data;
};

static int run_task(void *data)
{
	struct waiter *waiter = data;

	waiter->task(waiter->data);
	ast_mutex_lock(&waiter->lock);
	waiter->is_done = true;
	ast_cond_signal(&waiter->done);
	ast_mutex_unlock(&waiter->lock);
	return 0;
}

/* Asterisk's own function that waits takes every serializer for one of PJSIP's. */
int call_run(struct call *call, void (*task)(void *data), void *data)
{
	struct waiter waiter = { .task = task, .data = data };
	int res;

	if (ast_threadpool_serializer_get_current() == call->serializer) {
		task(data);
		return 0;
	}
	ast_mutex_init(&waiter.lock);
	ast_cond_init(&waiter.done, NULL);
	res = ast_taskprocessor_push(call->serializer, run_task, &waiter);
	if (!res) {
		ast_mutex_lock(&waiter.lock);
		while (!waiter.is_done) {
			ast_cond_wait(&waiter.done, &waiter.lock);
		}
		ast_mutex_unlock(&waiter.lock);
	}
	ast_cond_destroy(&waiter.done);
	ast_mutex_destroy(&waiter.lock);
	return res;
}

/* ---- Its channel ---- */

static void forget_call(void *data)
{
	ao2_cleanup(data);
}

static void note_channel(struct call *call, struct ast_channel *chan)
{
	ao2_lock(call);
	ast_copy_string(call->channel, ast_channel_name(chan), sizeof(call->channel));
	ast_copy_string(call->uniqueid, ast_channel_uniqueid(chan), sizeof(call->uniqueid));
	ao2_unlock(call);
}

/* The session's end of `old_chan` is to be that of `new_chan`. */
static void on_channel_fixup(void *data, struct ast_channel *old_chan, struct ast_channel *new_chan)
{
	note_channel(data, new_chan);
}

static void drop_from_channel(struct ast_channel *chan, const struct call *call);

/* The session's end that `new_chan` had so far is taken from it. */
static void on_channel_breakdown(void *data, struct ast_channel *old_chan, struct ast_channel *new_chan)
{
	drop_from_channel(new_chan, data);
}

static const struct ast_datastore_info channel_info = {
	.type = "ohp",
	.destroy = forget_call,
	.chan_fixup = on_channel_fixup,
	.chan_breakdown = on_channel_breakdown,
};

/* The channel is locked. */
static void drop_from_channel(struct ast_channel *chan, const struct call *call)
{
	struct ast_datastore *datastore = ast_channel_datastore_find(chan, &channel_info, NULL);

	if (datastore && datastore->data == call) {
		ast_channel_datastore_remove(chan, datastore);
		ast_datastore_free(datastore);
	}
}

static int add_to_channel(struct call *call, struct ast_channel *chan)
{
	/* Without the module, whose use it would count: a call without a handoff is no reason to stay, and lets go of it. */
	struct ast_datastore *datastore = __ast_datastore_alloc(&channel_info, NULL, NULL, __FILE__, __LINE__, __PRETTY_FUNCTION__);

	if (!datastore) {
		return -1;
	}
	datastore->data = ao2_bump(call);
	ast_channel_lock(chan);
	ast_channel_datastore_add(chan, datastore);
	ast_channel_unlock(chan);
	note_channel(call, chan);
	return 0;
}

struct call *call_of_channel(struct ast_channel *chan)
{
	struct ast_datastore *datastore = ast_channel_datastore_find(chan, &channel_info, NULL);

	return datastore ? ao2_bump(datastore->data) : NULL;
}

struct ast_channel *call_channel(struct call *call)
{
	char uniqueid[sizeof(call->uniqueid)];

	ao2_lock(call);
	ast_copy_string(uniqueid, call->uniqueid, sizeof(uniqueid));
	ao2_unlock(call);
	return ast_strlen_zero(uniqueid) ? NULL : ast_channel_get_by_name(uniqueid);
}

const char *call_name(struct call *call, char *into, size_t size)
{
	struct ast_channel *chan = call_channel(call);

	if (chan) {
		ast_channel_lock(chan);
		note_channel(call, chan);
		ast_channel_unlock(chan);
		ast_channel_unref(chan);
	}
	ao2_lock(call);
	ast_copy_string(into, S_OR(call->channel, call->endpoint_name), size);
	ao2_unlock(call);
	return into;
}

struct call *call_by_channel_name(const char *name)
{
	struct ast_channel *chan = ast_strlen_zero(name) ? NULL : ast_channel_get_by_name(name);
	struct call *call = NULL;

	if (chan) {
		ast_channel_lock(chan);
		call = call_of_channel(chan);
		ast_channel_unlock(chan);
		ast_channel_unref(chan);
	}
	return call;
}

/* ---- What it holds ---- */

struct ast_sip_session *call_session(struct call *call)
{
	struct ast_sip_session *session;

	ao2_lock(call);
	session = ao2_bump(call->session);
	ao2_unlock(call);
	return session;
}

struct endpoint *call_endpoint(struct call *call)
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

void call_engage(struct call *call)
{
	ao2_lock(call);
	if (!call->is_engaged) {
		call->is_engaged = true;
		ast_module_ref(AST_MODULE_SELF);
	}
	ao2_unlock(call);
}

const ohp_tap *call_tap(struct call *call)
{
	const ohp_tap *tap;

	ao2_lock(call);
	tap = call->lost_media ? NULL : call->tap;
	ao2_unlock(call);
	return tap;
}

/* ---- Its beginning ---- */

static void call_destroy(void *obj)
{
	struct call *call = obj;

	ast_taskprocessor_unreference(call->serializer);
	ao2_cleanup(call->session);
	ao2_cleanup(call->endpoint);
	handoff_free(call);
	ast_free(call->theirs.bytes);
	ast_free(call->ours.bytes);
	disclosed_free(call->disclosed);
	ast_std_free(call->leg_memory);
	ast_std_free(call->tap_memory);
	if (call->is_engaged) {
		ast_module_unref(AST_MODULE_SELF);
	}
}

static const struct ast_datastore_info session_info = {
	.type = "ohp",
	.destroy = forget_call,
};

struct call *call_of(struct ast_sip_session *session)
{
	struct ast_datastore *datastore = ast_sip_session_get_datastore(session, session_info.type);
	struct call *call = datastore ? ao2_bump(datastore->data) : NULL;

	ao2_cleanup(datastore);
	return call;
}

static int add_to_session(struct call *call, struct ast_sip_session *session)
{
	struct ast_datastore *datastore = ast_sip_session_alloc_datastore(&session_info, session_info.type);

	if (!datastore) {
		return -1;
	}
	datastore->data = ao2_bump(call);
	ast_sip_session_add_datastore(session, datastore);
	ao2_ref(datastore, -1);
	return 0;
}

static struct call *call_alloc(struct ast_sip_session *session, struct endpoint *endpoint)
{
	pjsip_dialog *dlg = session->inv_session->dlg;
	struct call *call = ao2_alloc(sizeof(*call), call_destroy);
	char name[AST_TASKPROCESSOR_MAX_NAME + 1];

	if (!call) {
		return NULL;
	}
	call->timer = -1;
	call->endpoint = ao2_bump(endpoint);
	call->session = ao2_bump(session);
	call->state.size = sizeof(call->state);
	ast_copy_string(call->endpoint_name, endpoint->name, sizeof(call->endpoint_name));
	ast_copy_pj_str(call->call_id, &dlg->call_id->id, sizeof(call->call_id));
	ast_taskprocessor_build_name(name, sizeof(name), "ohp/%s", endpoint->name);
	call->serializer = ast_threadpool_serializer_group(name, pool, serializers);
	if (!call->serializer || posix_memalign(&call->leg_memory, OHP_ALIGN, ohp_leg_size())) {
		ast_log(LOG_ERROR, "No memory for a handoff on endpoint '%s'\n", endpoint->name);
	} else if (ohp_leg_init(call->leg_memory, ohp_leg_size(), pj_strbuf(&dlg->call_id->id), pj_strlen(&dlg->call_id->id),
		&call->leg) != OHP_OK) {
		ast_log(LOG_WARNING, "%s: the Call-ID is longer than %d bytes; no handoffs on this call\n", endpoint->name,
			OHP_LEG_ID_LEN_MAX);
	} else {
		return call;
	}
	ao2_ref(call, -1);
	return NULL;
}

struct call *call_for(struct ast_sip_session *session)
{
	struct call *call = call_of(session);
	pjsip_inv_state state = session->inv_session->state;
	struct endpoint *endpoint;

	if (call) {
		return call;
	}
	/* Nobody would tell of the end of one that has not begun, or is over. */
	if (state == PJSIP_INV_STATE_NULL || state == PJSIP_INV_STATE_DISCONNECTED || !session->channel) {
		return NULL;
	}
	endpoint = settings_endpoint(ast_sorcery_object_get_id(session->endpoint));
	if (!endpoint) {
		return NULL;
	}
	call = call_alloc(session, endpoint);
	ao2_ref(endpoint, -1);
	if (!call) {
		return NULL;
	}
	if (add_to_channel(call, session->channel) || add_to_session(call, session) || !ao2_link(calls, call)) {
		call_end(call, session);
		ao2_ref(call, -1);
		return NULL;
	}
	session_tell_descriptions(session, call);
	return call;
}

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
	struct lookup lookup = { NULL, NULL };
	struct ast_sip_channel_pvt *pvt;

	ast_channel_lock(chan);
	lookup.call = call_of_channel(chan);
	if (!lookup.call && !strcmp(ast_channel_tech(chan)->type, "PJSIP")) {
		pvt = ast_channel_tech_pvt(chan);
		lookup.session = pvt ? ao2_bump(pvt->session) : NULL;
	}
	ast_channel_unlock(chan);
	if (lookup.session) {
		if (ast_sip_push_task_wait_serializer(lookup.session->serializer, lookup_task, &lookup)) {
			ast_log(LOG_WARNING, "%s: its session takes no more tasks\n", ast_channel_name(chan));
		}
		ao2_ref(lookup.session, -1);
	}
	return lookup.call;
}

/* ---- Another session in its place ---- */

void call_succeed(struct call *call, struct ast_sip_session *session)
{
	if (add_to_session(call, session)) {
		ast_log(LOG_WARNING, "%s: no memory to take a handoff over\n", call->endpoint_name);
	}
}

void call_joined(struct call *call, struct ast_sip_session *session)
{
	pjsip_dialog *dlg = session->inv_session->dlg;
	struct ast_sip_session *old;
	bool is_over;

	ao2_lock(call);
	is_over = call->is_over;
	old = call->session;
	if (!is_over) {
		call->session = ao2_bump(session);
	}
	ao2_unlock(call);
	if (is_over) {
		return;
	}
	ao2_cleanup(old);
	media_detach(call, false);
	call_bind_id(call, pj_strbuf(&dlg->call_id->id), pj_strlen(&dlg->call_id->id));
	if (session->channel) {
		add_to_channel(call, session->channel);
	}
	ast_verb(3, "%s: goes on with the handoff of the call that it replaces\n", call->channel);
}

/* ---- Its end ---- */

void call_end(struct call *call, struct ast_sip_session *session)
{
	struct ast_sip_session *old = NULL;

	ao2_lock(call);
	/* One that was replaced ends without it. */
	if (call->session == session && !call->is_over) {
		call->is_over = true;
		old = session;
		call->session = NULL;
	}
	ao2_unlock(call);
	/* The session itself stays until its last transaction is over. */
	ast_sip_session_remove_datastore(session, session_info.type);
	if (!old) {
		return;
	}
	ao2_unlink(calls, call);
	if (ast_taskprocessor_push(call->serializer, end_task, ao2_bump(call))) {
		ao2_ref(call, -1);
	}
	ao2_ref(old, -1);
}

/* ---- All calls ---- */

void calls_each(void (*visit)(struct call *call, void *arg), void *arg)
{
	struct ao2_iterator each = ao2_iterator_init(calls, 0);
	struct call *call;

	for (; (call = ao2_iterator_next(&each)); ao2_ref(call, -1)) {
		visit(call, arg);
	}
	ao2_iterator_destroy(&each);
}

static void see_engaged(struct call *call, void *arg)
{
	bool *any = arg;

	ao2_lock(call);
	*any = *any || call->is_engaged;
	ao2_unlock(call);
}

/* Takes a call out of session and channel, as if it had never been. */
static void forget(struct call *call, void *arg)
{
	struct ast_sip_session *session = call_session(call);
	struct ast_channel *chan = call_channel(call);

	media_detach(call, true);
	if (chan) {
		ast_channel_lock(chan);
		drop_from_channel(chan, call);
		ast_channel_unlock(chan);
		ast_channel_unref(chan);
	}
	if (session) {
		call_end(call, session);
		ao2_ref(session, -1);
	}
}

int calls_forget(void)
{
	bool any = false;
	int left;

	if (!calls) {
		return 0;
	}
	calls_each(see_engaged, &any);
	if (any) {
		ast_log(LOG_WARNING, "There are calls with handoffs; 'ohp show calls' lists them\n");
		return -1;
	}
	calls_each(forget, NULL);
	left = ast_serializer_shutdown_group_join(serializers, FORGET_S);
	if (left) {
		ast_log(LOG_WARNING, "%d call(s) are still ending; try again\n", left);
		return -1;
	}
	return 0;
}

AO2_STRING_FIELD_HASH_FN(call, call_id)

int calls_init(void)
{
	struct ast_threadpool_options options = {
		.version = AST_THREADPOOL_OPTIONS_VERSION,
		.idle_timeout = THREAD_IDLE_S,
		.auto_increment = 1,
		.max_size = THREADS_MAX,
	};
	uint8_t salt[16];

	calls = ao2_container_alloc_hash(AO2_ALLOC_OPT_LOCK_MUTEX, 0, BUCKETS, call_hash_fn, NULL, NULL);
	pool = ast_threadpool_create("ohp", NULL, &options);
	serializers = ast_serializer_shutdown_group_alloc();
	sched = ast_sched_context_create();
	if (!calls || !pool || !serializers || !sched || ast_sched_start_thread(sched)) {
		ast_log(LOG_ERROR, "No memory for calls\n");
		return -1;
	}
	/* Pages of its own, so that all of it goes back to the system when the module does. */
	if (ohp_table_size(NULL, &table_size) == OHP_OK) {
		table_memory = mmap(NULL, table_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (table_memory == MAP_FAILED
		|| getrandom(salt, sizeof(salt), 0) != sizeof(salt)
		|| ohp_table_init(table_memory, table_size, NULL, salt, &table) != OHP_OK) {
		ast_log(LOG_ERROR, "No memory, or no random numbers, for the table of replays\n");
		return -1;
	}
	return 0;
}

void calls_close(void)
{
	if (sched) {
		ast_sched_context_destroy(sched);
		sched = NULL;
	}
	ast_threadpool_shutdown(pool);
	pool = NULL;
	ao2_cleanup(serializers);
	serializers = NULL;
	ao2_cleanup(calls);
	calls = NULL;
	rooms_close();
	if (table_memory != MAP_FAILED) {
		munmap(table_memory, table_size);
	}
	table_memory = MAP_FAILED;
	table = NULL;
}
