/*
 * What a call is made of, for call.c, handoff.c, drain.c, command.c, member.c and media.c.
 */
#ifndef CALL_H
#define CALL_H

#include "asterisk/astobj2.h"

#include "res_ohp.h"

struct ast_sched_context;
struct ast_taskprocessor;

/* Happenings that a dialplan can be behind with; the oldest are forgotten. */
#define HAPPENINGS 16

/* An envelope that lacks something, and is judged again until its time is over. */
struct waiting {
	uint8_t *bytes;
	size_t len;
	uint64_t until;
};

struct envelope_copy {
	uint8_t *bytes;
	size_t len;
};

struct call {
	/* Set when it is made. */
	struct ast_taskprocessor *serializer;
	char endpoint_name[80];
	char call_id[128];
	void *leg_memory;

	/* On the serializer only. */
	ohp_leg *leg;
	bool is_broken;
	int timer;
	uint64_t timer_at;
	bool outstanding;
	uint64_t outstanding_until;
	uint64_t look_again_at;
	uint64_t wipe_at;
	uint64_t media_until;
	bool lacks_media;
	struct waiting proposal, report;
	char bound[128];
	/* The profile of our last proposal. */
	char proposed_as[80];
	/* When lines that a flood would repeat were last logged. */
	uint64_t last_answer, last_refusal, last_overload;

	/* Under the object's lock; the lock of a channel may be held when it is taken, never the other way round. */
	bool is_over, is_engaged, lost_media;
	struct ast_sip_session *session;
	struct endpoint *endpoint;
	char channel[80];
	char uniqueid[150];
	ohp_leg_state state;
	struct happening happenings[HAPPENINGS];
	/* How many there were, and how many the dialplan was told of. */
	uint64_t happened, told;
	struct happening current;
	bool has_current;
	/* The peer's last message that held; our own proposal. */
	struct envelope_copy theirs, ours;
	char id[OHP_ID_LEN + 1], own_id[OHP_ID_LEN + 1];
	uint64_t infos_in, infos_out;
	ohp_disclosed *disclosed;

	/* The tap is made once. `hooked` says which channel feeds it, and is read without a lock by the threads that do. */
	ohp_tap *tap;
	void *tap_memory;
	struct ast_channel *hooked;
	int hook;
	int writing;
};

/* call.c */
struct ast_sched_context *calls_schedule(void);
/* Runs the task on the call's serializer and waits for it. -1 if it could not be run. */
int call_run(struct call *call, void (*task)(void *data), void *data);
/* The call has a handoff from now on, so that the module stays. */
void call_engage(struct call *call);
/* The tap that a verification may ask; NULL if this call's sound is not, or no longer, kept. */
const ohp_tap *call_tap(struct call *call);

/* drain.c: what the leg said; one that is broken is not asked again. */
ohp_status leg_checked(struct call *call, ohp_status status, const char *what);
bool leg_is_usable(struct call *call);
struct profile *leg_profile(struct call *call);
/* `cbor`: the peer's message that is being handled, if there is one. */
void leg_drain(struct call *call, struct room *room, const struct profile *profile, const ohp_bytes *cbor);
void leg_tell_events(struct call *call, struct room *room, const struct profile *profile, const ohp_bytes *cbor);
void leg_look_at_verdict(struct call *call, const ohp_handled *handled, bool say);
void leg_forget_waiting(struct waiting *waiting);
void leg_wipe_disclosed(struct call *call);
void leg_arm(struct call *call);
void leg_cancel_timer(struct call *call);
/* Lets a dialplan that waits look again. */
void leg_wake(struct call *call);

/* handoff.c: what the timer pushes. Takes over a reference. */
int leg_timer_task(void *data);
/* handoff.c: the last task of a call. Takes over a reference. */
int end_task(void *data);
/* Frees what only the serializer uses. */
void handoff_free(struct call *call);

/* member.c */
void envelope_keep(struct envelope_copy *copy, const ohp_bytes *cbor);

#endif
