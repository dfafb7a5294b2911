/*
 * res_ohp: the Open Handoff Protocol for Asterisk, an adapter over libohp.
 *
 * Inside the module only. What each file is for:
 *
 *   res_ohp.c    load, unload, reload
 *   settings.c   ohp.conf: profiles, endpoints, and the contexts made of their trust bundles
 *   call.c       the handoff on one call: everything that touches a leg runs on the call's own serializer
 *   session.c    PJSIP: INFO requests in and out, session descriptions, the end of a session
 *   media.c      the framehook that feeds a tap
 *   dialplan.c   applications and functions
 *   event.c      what a handoff did, for AMI and ARI
 *   cli.c        ohp show ..., ohp verify, ohp reload
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
	unsigned int tier;
	unsigned int body_max;
	unsigned int peer_rate;
	unsigned int lifetime_ms;
	const ohp_context *context;
	/* What proposals begin with, JSON; NULL if the profile names no file. */
	char *template_text;
};

/* How an endpoint takes part. Immutable; an ao2 object. */
struct endpoint {
	char name[80];
	char profile_name[80];
	int media_check;
	int trust_call_ids;
	struct profile *profile;
};

int settings_init(void);
/* 0 when the file was taken or has not changed; what was in force stays so otherwise. */
int settings_reload(void);
void settings_close(void);

/* A reference to what `endpoint` was configured with; NULL if handoffs are none of its business. */
struct endpoint *settings_endpoint(const char *endpoint);
struct profile *settings_profile(const char *profile);
/* A line for each profile, for the CLI. */
void settings_each_profile(void (*visit)(const struct profile *profile, void *arg), void *arg);

/* ---- call.c ---- */

struct call;

int calls_init(void);
/* Whether no call has a handoff, so that the module may go. */
bool calls_are_idle(void);
void calls_close(void);

/* The table that all calls share. */
ohp_table *calls_table(void);

/* The call of a session: a reference, or NULL. `call_for` makes it where its endpoint is configured. */
struct call *call_of(struct ast_sip_session *session);
struct call *call_for(struct ast_sip_session *session);
/* The same by the channel, which must be of PJSIP. */
struct call *call_of_channel(struct ast_channel *chan);
struct call *call_for_channel(struct ast_channel *chan);
/* The session is over; what is under way on the serializer ends by itself. */
void call_end(struct call *call);

const char *call_name(const struct call *call);

/*
 * An INFO has come: judged on the serializer; session_respond() follows. Takes over `request`, which session.c made.
 */
struct session_request;
void call_handle_info(struct call *call, struct session_request *request);
/* The final response to the outstanding INFO. */
void call_handle_response(struct call *call, int status);
void call_handle_sdp(struct call *call, bool local, const char *sdp, size_t len);
void call_bind_id(struct call *call, const char *id);

/* What the dialplan asks for; each waits for the serializer, which never waits for the network. */
enum call_verb { CALL_PROPOSE, CALL_ACCEPT, CALL_REJECT, CALL_ASSUME, CALL_RETURN };
struct call_command {
	enum call_verb verb;
	struct profile *profile;   /* CALL_PROPOSE: NULL for the endpoint's own */
	const char *template_text;     /* CALL_PROPOSE, CALL_RETURN: JSON, or NULL */
	const char *reason;            /* CALL_REJECT: a reason of the protocol; CALL_RETURN: a word */
	ohp_status status;
	char why[256];
};
void call_command(struct call *call, struct call_command *command);

/* Where the handoff stands, as OHP_STATUS names it. */
const char *call_status(struct call *call);
/*
 * Waits until something has happened since the caller last asked, at most `timeout_ms`; the channel's frames are read
 * meanwhile. -1 if the channel was hung up, 0 if the time was up, 1 otherwise.
 */
int call_wait(struct call *call, struct ast_channel *chan, int timeout_ms);
/* A member of the proposal that was accepted last, by path. 0 if it is there. */
int call_member(struct call *call, const char *path, struct ast_str **into);

struct call_summary {
	char channel[80];
	char endpoint[80];
	ohp_leg_state state;
	uint64_t infos_in, infos_out;
	uint64_t frames;
	bool has_tap;
	char status[24];
	char id[OHP_ID_LEN + 1];
};
void call_summarise(struct call *call, struct call_summary *summary);
void calls_each(void (*visit)(struct call *call, void *arg), void *arg);

/* ---- session.c ---- */

int session_init(void);
void session_close(void);

/* An INFO that waits for its response: its bytes, and what is needed to give that. */
const uint8_t *session_request_bytes(const struct session_request *request, size_t *len);
const char *session_request_peer(const struct session_request *request);
/* Sends the response from the session's own serializer, and lets the request go. */
void session_respond(struct session_request *request, int status);
/* Sends an INFO from the session's own serializer; call_handle_response() follows, 408 where nothing came. */
int session_send_info(struct call *call, struct ast_sip_session *session, const ohp_transmit *info);

/* ---- media.c ---- */

/* Begins to feed the call's tap from what the channel receives. The channel must not be locked. */
int media_attach(struct call *call, struct ast_channel *chan);
ohp_tap *call_tap(struct call *call);
int call_make_tap(struct call *call);
void call_count_frame(struct call *call);

/* ---- dialplan.c, event.c, cli.c ---- */

int dialplan_init(void);
void dialplan_close(void);
int cli_init(void);
void cli_close(void);
/* Tells AMI and ARI what happened on a call. */
void event_publish(const char *channel_name, const ohp_event *event, const char *why, size_t why_len);
const char *event_name(ohp_event_kind kind);

#endif
