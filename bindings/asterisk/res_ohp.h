/*
 * res_ohp: the Open Handoff Protocol for Asterisk, an adapter over libohp.
 *
 * Inside the module only. What each file is for:
 *
 *   res_ohp.c    load, unload, reload
 *   settings.c   ohp.conf: profiles, endpoints, and the contexts made of their trust bundles
 *   call.c       a call's life: its session, its channel, its serializer
 *   handoff.c    what comes to a call's leg from PJSIP and from the clock: all on the call's own serializer
 *   drain.c      what the leg says: events, messages, the next moment that matters
 *   command.c    what the dialplan, AMI and the CLI ask it for
 *   member.c     what the dialplan reads of an envelope, of what it disclosed, and of what happened
 *   room.c       the memory that the library is lent for one call into it
 *   session.c    PJSIP: INFO requests in and out, session descriptions, Replaces, the end of a session
 *   media.c      the framehook that feeds a tap
 *   dialplan.c   applications and functions
 *   event.c      what a handoff did, for the log, AMI and ARI
 *   ami.c        actions
 *   cli.c        ohp show ..., ohp verify, ohp anchored, ohp reload
 *
 * Nothing of the protocol is decided here: that is the library's.
 *
 * Licence: MIT OR Apache-2.0; linked into Asterisk it is used under MIT, which the GPLv2 is compatible with.
 */
#ifndef RES_OHP_H
#define RES_OHP_H

#include <stdbool.h>
#include <stdint.h>

#include <ohp.h>

struct ast_channel;
struct ast_cli_args;
struct ast_sip_session;
struct ast_str;

/* ---- settings.c ---- */

/* A profile of ohp.conf, with the context that its bundle made. Immutable; an ao2 object. */
struct profile {
	char name[80];
	char bundle[256];
	char template_file[256];
	int enforce;
	int body_text;
	int robust_fingerprint;
	unsigned int tier;
	unsigned int body_max;
	unsigned int peer_rate;
	unsigned int lifetime_ms;
	/* Seconds for which what a proposal disclosed can be read; 0: it is not kept. */
	unsigned int keep_disclosed;
	const ohp_context *context;
	/* What proposals begin with, JSON; NULL if the profile names no file. */
	char *template_text;
	/* Whose keys there are, a line for each and nothing private; NULL without a bundle. */
	char *keys_text;
};

/* Until when a call's sound is kept. */
enum media_until { MEDIA_UNTIL_HANGUP, MEDIA_UNTIL_HANDOFF };

/* How an endpoint takes part. Immutable; an ao2 object. */
struct endpoint {
	char name[80];
	char profile_name[80];
	int media_check;
	unsigned int media_until;
	/* Seconds after which sound is no longer kept where nothing was proposed; 0: it is. */
	unsigned int media_timeout;
	int trust_call_ids;
	struct profile *profile;
};

int settings_init(void);
/* 0 when the file was taken; what was in force stays so otherwise. */
int settings_reload(void);
void settings_close(void);

/* A reference to what `endpoint` was configured with; NULL if handoffs are none of its business. */
struct endpoint *settings_endpoint(const char *endpoint);
struct profile *settings_profile(const char *profile);
void settings_each_profile(void (*visit)(const struct profile *profile, void *arg), void *arg);
/* A whole file, NUL-terminated, `max` bytes at most; NULL with a line in the log. ast_free() it. */
char *read_file(const char *path, size_t max, size_t *len);

/* ---- room.c ---- */

/* Memory for one call into the library at a time. */
struct room {
	void *memory;
	uint8_t *scratch;
	uint8_t *envelope;
	void *verdict;
	ohp_disclosed *disclosed;
	struct room *next;
};

/* NULL where there is no memory. */
struct room *room_take(void);
/* Wipes what was disclosed. `room` may be NULL. */
void room_give(struct room *room);
void rooms_close(void);
/* Memory for what is disclosed, on pages of its own; NULL where there is none. */
ohp_disclosed *disclosed_alloc(void);
void disclosed_free(ohp_disclosed *disclosed);

uint64_t now_ms(void);
/* Fills in what the library is lent. False, with a line in the log, where there are no random numbers. */
bool lend(ohp_host *host, struct room *room, const struct profile *profile, const ohp_tap *tap, const char *peer);
/* Wipes what was secret in it. */
void take_back(ohp_host *host);

/* ---- call.c ---- */

struct call;

int calls_init(void);
/*
 * Lets go of every call. -1, and nothing is changed but that PJSIP is detached, if one has a handoff or a thread does not
 * come to an end.
 */
int calls_forget(void);
void calls_close(void);

/* The table that all calls share. */
const ohp_table *calls_table(void);
void calls_each(void (*visit)(struct call *call, void *arg), void *arg);
/* The call of a channel's name, for AMI and the CLI: a reference, or NULL. */
struct call *call_by_channel_name(const char *name);

/* The call of a session: a reference, or NULL. `call_for` makes it where its endpoint is configured, in the session's serializer. */
struct call *call_of(struct ast_sip_session *session);
struct call *call_for(struct ast_sip_session *session);
/* The same by the channel, which `call_of_channel` wants and `call_for_channel` must not be locked. */
struct call *call_of_channel(struct ast_channel *chan);
struct call *call_for_channel(struct ast_channel *chan);
/* A session is to take over the call of another, that it replaces; it does with call_joined(). In its serializer. */
void call_succeed(struct call *call, struct ast_sip_session *session);
void call_joined(struct call *call, struct ast_sip_session *session);
/* A session of the call is over; what is under way on the serializer ends by itself. */
void call_end(struct call *call, struct ast_sip_session *session);

/* Its channel's name as it was last seen, in `into`, which is returned. */
const char *call_name(struct call *call, char *into, size_t size);
/* Its channel, a reference; NULL if it has none. No lock may be held. */
struct ast_channel *call_channel(struct call *call);
struct ast_sip_session *call_session(struct call *call);
/* The endpoint as it is configured now; as it was, if it is no longer. A reference. */
struct endpoint *call_endpoint(struct call *call);

/* ---- handoff.c ---- */

struct session_request;
/* An INFO has come: judged on the serializer; session_respond() follows. Takes over a reference to `request`. */
void call_handle_info(struct call *call, struct session_request *request);
/* The final response to the outstanding INFO. */
void call_handle_response(struct call *call, int status);
void call_handle_sdp(struct call *call, bool local, const char *sdp, size_t len);
void call_bind_id(struct call *call, const char *id, size_t len);

/* The call's sound is kept from now on. */
void call_media_begins(struct call *call);

/* What the dialplan, AMI and the CLI ask for; each waits for the serializer, which never waits for the network. */
enum call_verb {
	CALL_PROPOSE, CALL_ACCEPT, CALL_REJECT, CALL_ASSUME, CALL_RETURN, CALL_ANCHORED, CALL_WITHDRAW,
};
struct call_command {
	enum call_verb verb;
	struct profile *profile;       /* CALL_PROPOSE: NULL for the endpoint's own */
	const char *template_text;     /* CALL_PROPOSE, CALL_RETURN: JSON, or NULL */
	const char *reason;            /* CALL_REJECT: a reason of the protocol; CALL_RETURN: a word */
	ohp_status status;
	char why[256];
};
/* Not with a channel locked. */
void call_command(struct call *call, struct call_command *command);

/* What an administrator has to make of a status. */
enum fate {
	FATE_DONE,     /* it was done, or there is nothing */
	FATE_REFUSED,  /* what was asked for is wrong, or not possible now */
	FATE_SETTINGS, /* keys, names or bundle are wrong */
	FATE_SHORT,    /* memory or room is lacking: it may work later */
	FATE_BROKEN,   /* an error of this module or of the library */
};
enum fate fate_of(ohp_status status);

/* ---- member.c ---- */

/* Something that happened. */
struct happening {
	ohp_event event;
	char why[200];
};

/*
 * Waits until something has happened that the caller was not told of yet, at most `timeout_ms`; the channel's frames are read
 * meanwhile. -1 if the channel was hung up, 0 if the time was up, 1 otherwise.
 */
int call_wait(struct call *call, struct ast_channel *chan, int timeout_ms);
/* What the last call_wait() told, or else what has happened last. False if nothing has. */
bool call_happening(struct call *call, struct happening *into);
/* A member of the peer's last message that held, or else of our own proposal, by path. 0 if it is there. */
int call_member(struct call *call, const char *path, struct ast_str **into);
/* A sealed field that was opened, or a claim that was verified. 0 if it is there. */
int call_disclosed(struct call *call, bool claim, const char *name, struct ast_str **into);

struct call_summary {
	char channel[80];
	char endpoint[80];
	char profile[80];
	char call_id[128];
	char own_id[OHP_ID_LEN + 1];
	char id[OHP_ID_LEN + 1];
	const char *status;
	ohp_leg_state state;
	uint64_t infos_in, infos_out;
	bool has_tap, is_engaged, is_over;
	unsigned int disclosed;
	ohp_tap_stats tap;
	struct happening last;
};
void call_summarise(struct call *call, struct call_summary *summary);

/* ---- session.c ---- */

int session_init(void);
void session_close(void);

/* An INFO that waits for its response, an ao2 object: its bytes, and what is needed to give that. */
const uint8_t *session_request_bytes(const struct session_request *request, size_t *len);
const char *session_request_peer(const struct session_request *request);
/* Sends the response from the session's own serializer. Once. */
void session_respond(struct session_request *request, int status);
/* Sends an INFO from the session's own serializer; call_handle_response() follows, 408 where nothing came. */
int session_send_info(struct call *call, struct ast_sip_session *session, const ohp_transmit *info);
/* Hands the descriptions that the session has agreed on to the call. In the session's serializer. */
void session_tell_descriptions(struct ast_sip_session *session, struct call *call);

/* ---- media.c ---- */

/* Begins to feed the call's tap from what the channel receives. The channel must not be locked. */
int media_attach(struct call *call, struct ast_channel *chan);
/* Ends that. No lock may be held. With `now` the hook is gone when it returns. */
void media_detach(struct call *call, bool now);
/* Ends it for good: nothing is compared on this call any more. No lock may be held. */
void media_end(struct call *call);

/* ---- event.c ---- */

const char *event_name(ohp_event_kind kind);
/* Tells AMI, ARI and, if `say`, the log what happened on a call. No lock may be held. */
void event_publish(struct call *call, const struct happening *happening, bool say);
void events_count(uint64_t counts[OHP_EVENT_UNANCHORED + 1]);
/* Whether a second has gone by since it last said so, for lines that a flood would repeat. */
bool may_log(uint64_t *last);
/* An event's details as words; "" where there are none. */
const char *tier_word(uint32_t tier, char into[16]);
const char *verb_word(uint32_t verb, char into[16]);
const char *reason_word(uint32_t reason, char into[32]);
const char *sound_word(uint32_t decision, char into[32]);
const char *doubt_word(uint32_t doubt);
const char *phase_word(ohp_phase phase);
const char *side_word(ohp_side side);
void hex(const uint8_t *bytes, size_t len, char *into);

/* ---- dialplan.c, ami.c, cli.c ---- */

int dialplan_init(void);
void dialplan_close(void);
int ami_init(void);
void ami_close(void);
int cli_init(void);
void cli_close(void);

#endif
