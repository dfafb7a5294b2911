/*
 * res_pjsip_ohp: what hangs in PJSIP's sessions, so that res_ohp can come and go while calls are up.
 *
 * A session holds a reference to every module whose supplement it copied, for its whole life, and a request the function that
 * its response is handed to. This module is that one, and it stays; res_ohp attaches its handlers when it is loaded and
 * detaches them when it goes.
 */
#ifndef RES_PJSIP_OHP_H
#define RES_PJSIP_OHP_H

struct ast_sip_session;
struct pjsip_rx_data;
struct pjsip_tx_data;

/* All of them are called in the session's serializer, but for `ended`. */
struct ohp_pjsip_handlers {
	/* An INFO has come. Whether it was taken, and will be answered. */
	int (*request)(struct ast_sip_session *session, struct pjsip_rx_data *rdata);
	/* An INVITE that begins a session has come; nobody has looked at it yet. */
	void (*invited)(struct ast_sip_session *session, struct pjsip_rx_data *rdata);
	/* An INVITE of this session, the first or a later one, or an UPDATE has been answered with 2xx, by either side. */
	void (*answered)(struct ast_sip_session *session);
	/* The final response to what ohp_pjsip_send() has sent; one that is challenged is sent again before. */
	void (*responded)(struct ast_sip_session *session, int status);
	/* The session is over. In whatever thread. */
	void (*ended)(struct ast_sip_session *session);
};

/* 0, or -1 if handlers are attached already. `handlers` stays where it is until they are detached. */
int ohp_pjsip_attach(const struct ohp_pjsip_handlers *handlers);
/* When it returns, no handler runs any more. */
void ohp_pjsip_detach(void);
/* Sends a request within the session, from its serializer. Without any response nothing follows. */
void ohp_pjsip_send(struct ast_sip_session *session, struct pjsip_tx_data *tdata);

#endif
