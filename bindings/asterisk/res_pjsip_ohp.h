/*
 * res_pjsip_ohp: what hangs in PJSIP's sessions, so that res_ohp can come and go while calls are up.
 *
 * A session holds a reference to every module whose supplement it copied, for its whole life. This module is that one, and
 * it stays; res_ohp attaches its handlers when it is loaded and detaches them when it goes.
 */
#ifndef RES_PJSIP_OHP_H
#define RES_PJSIP_OHP_H

struct ast_sip_session;
struct pjsip_rx_data;

struct ohp_pjsip_handlers {
	/* An INFO has come. Whether it was taken, and will be answered. In the session's serializer. */
	int (*request)(struct ast_sip_session *session, struct pjsip_rx_data *rdata);
	/* An INVITE of this session, the first or a later one, has been answered with 2xx, by either side. */
	void (*answered)(struct ast_sip_session *session);
	/* The session is over. */
	void (*ended)(struct ast_sip_session *session);
};

/* 0, or -1 if handlers are attached already. `handlers` stays where it is until they are detached. */
int ohp_pjsip_attach(const struct ohp_pjsip_handlers *handlers);
/* When it returns, no handler runs any more. */
void ohp_pjsip_detach(void);

#endif
