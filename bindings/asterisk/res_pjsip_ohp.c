/*
 * res_pjsip_ohp: see res_pjsip_ohp.h.
 */
#include "asterisk.h"

#include <pjsip.h>
#include <pjsip_ua.h>

#include "asterisk/lock.h"
#include "asterisk/module.h"
#include "asterisk/res_pjsip.h"
#include "asterisk/res_pjsip_session.h"

#include "res_pjsip_ohp.h"

/* Read-locked while a handler runs. */
AST_RWLOCK_DEFINE_STATIC(lock);
static const struct ohp_pjsip_handlers *attached;

int ohp_pjsip_attach(const struct ohp_pjsip_handlers *handlers)
{
	int res = -1;

	ast_rwlock_wrlock(&lock);
	if (!attached) {
		attached = handlers;
		res = 0;
	}
	ast_rwlock_unlock(&lock);
	return res;
}

void ohp_pjsip_detach(void)
{
	ast_rwlock_wrlock(&lock);
	attached = NULL;
	ast_rwlock_unlock(&lock);
}

static int incoming_info(struct ast_sip_session *session, pjsip_rx_data *rdata)
{
	int taken = 0;

	ast_rwlock_rdlock(&lock);
	if (attached) {
		taken = attached->request(session, rdata);
	}
	ast_rwlock_unlock(&lock);
	return taken;
}

static int incoming_invite(struct ast_sip_session *session, pjsip_rx_data *rdata)
{
	if (session->inv_session->state < PJSIP_INV_STATE_CONFIRMED) {
		ast_rwlock_rdlock(&lock);
		if (attached) {
			attached->invited(session, rdata);
		}
		ast_rwlock_unlock(&lock);
	}
	return 0;
}

static int responded(struct ast_sip_session *session, pjsip_rx_data *rdata)
{
	int status = rdata->msg_info.msg->line.status.code;

	if (status >= 200) {
		ast_rwlock_rdlock(&lock);
		if (attached) {
			attached->responded(session, status);
		}
		ast_rwlock_unlock(&lock);
	}
	return 0;
}

void ohp_pjsip_send(struct ast_sip_session *session, pjsip_tx_data *tdata)
{
	ast_sip_session_send_request_with_cb(session, tdata, responded);
}

static void answered(struct ast_sip_session *session, const pjsip_msg *msg)
{
	if (!PJSIP_IS_STATUS_IN_CLASS(msg->line.status.code, 200)) {
		return;
	}
	ast_rwlock_rdlock(&lock);
	if (attached) {
		attached->answered(session);
	}
	ast_rwlock_unlock(&lock);
}

static void incoming_response(struct ast_sip_session *session, pjsip_rx_data *rdata)
{
	answered(session, rdata->msg_info.msg);
}

static void outgoing_response(struct ast_sip_session *session, pjsip_tx_data *tdata)
{
	answered(session, tdata->msg);
}

static void session_end(struct ast_sip_session *session)
{
	ast_rwlock_rdlock(&lock);
	if (attached) {
		attached->ended(session);
	}
	ast_rwlock_unlock(&lock);
}

static struct ast_sip_session_supplement info_supplement = {
	.method = "INFO",
	/* Before what would take an INFO for DTMF. */
	.priority = AST_SIP_SUPPLEMENT_PRIORITY_FIRST,
	.incoming_request = incoming_info,
};

/* Before what would take an INVITE with Replaces. */
static struct ast_sip_session_supplement first_supplement = {
	.method = "INVITE",
	.priority = AST_SIP_SUPPLEMENT_PRIORITY_FIRST,
	.incoming_request = incoming_invite,
};

static struct ast_sip_session_supplement invite_supplement = {
	.method = "INVITE,UPDATE",
	.priority = AST_SIP_SUPPLEMENT_PRIORITY_LAST,
	.response_priority = AST_SIP_SESSION_AFTER_MEDIA,
	.incoming_response = incoming_response,
	.outgoing_response = outgoing_response,
	.session_end = session_end,
};

static int load_module(void)
{
	static const pj_str_t info = { "INFO", 4 };

	if (pjsip_endpt_add_capability(ast_sip_get_pjsip_endpoint(), NULL, PJSIP_H_ALLOW, NULL, 1, &info) != PJ_SUCCESS) {
		return AST_MODULE_LOAD_DECLINE;
	}
	ast_sip_session_register_supplement(&info_supplement);
	ast_sip_session_register_supplement(&first_supplement);
	ast_sip_session_register_supplement(&invite_supplement);
	return AST_MODULE_LOAD_SUCCESS;
}

static int unload_module(void)
{
	ast_sip_session_unregister_supplement(&invite_supplement);
	ast_sip_session_unregister_supplement(&first_supplement);
	ast_sip_session_unregister_supplement(&info_supplement);
	return 0;
}

AST_MODULE_INFO(ASTERISK_GPL_KEY, AST_MODFLAG_GLOBAL_SYMBOLS | AST_MODFLAG_LOAD_ORDER, "Open Handoff Protocol: PJSIP sessions",
	.support_level = AST_MODULE_SUPPORT_EXTENDED,
	.load = load_module,
	.unload = unload_module,
	.load_pri = AST_MODPRI_CHANNEL_DEPEND,
	.requires = "res_pjsip,res_pjsip_session",
);
