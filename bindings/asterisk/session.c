/*
 * PJSIP: INFO requests in and out, the session descriptions that were agreed on, Replaces, and the end of a session.
 *
 * Everything here runs in a session's own serializer, as PJSIP wants it, and hands what concerns a handoff to the call's.
 */
#include "asterisk.h"

#include <pjsip.h>
#include <pjsip_ua.h>

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/res_pjsip.h"
#include "asterisk/res_pjsip_session.h"
#include "asterisk/utils.h"

#include "res_ohp.h"
#include "res_pjsip_ohp.h"

/* Longer than any description that fits a datagram of SIP. */
#define SDP_LEN_MAX 8192

/* ---- INFO in ---- */

struct session_request {
	struct ast_sip_session *session;
	pjsip_rx_data *rdata;
	char peer[PJ_INET6_ADDRSTRLEN];
	int status;
};

static void request_destroy(void *obj)
{
	struct session_request *request = obj;

	if (request->rdata) {
		pjsip_rx_data_free_cloned(request->rdata);
	}
	ao2_cleanup(request->session);
}

static struct session_request *request_alloc(struct ast_sip_session *session, pjsip_rx_data *rdata)
{
	struct session_request *request = ao2_alloc_options(sizeof(*request), request_destroy, AO2_ALLOC_OPT_LOCK_NOLOCK);

	if (!request) {
		return NULL;
	}
	if (pjsip_rx_data_clone(rdata, 0, &request->rdata) != PJ_SUCCESS) {
		request->rdata = NULL;
		ao2_ref(request, -1);
		return NULL;
	}
	request->session = ao2_bump(session);
	ast_copy_string(request->peer, rdata->pkt_info.src_name, sizeof(request->peer));
	return request;
}

const uint8_t *session_request_bytes(const struct session_request *request, size_t *len)
{
	*len = request->rdata->msg_info.len;
	return (const uint8_t *) request->rdata->msg_info.msg_buf;
}

const char *session_request_peer(const struct session_request *request)
{
	return request->peer;
}

static void add_header(pjsip_tx_data *tdata, const char *name, const char *value)
{
	pj_str_t text;
	pj_str_t label = pj_str((char *) name);
	pjsip_generic_string_hdr *header = pjsip_generic_string_hdr_create(tdata->pool, &label, pj_cstr(&text, value));

	if (header) {
		pjsip_msg_add_hdr(tdata->msg, (pjsip_hdr *) header);
	}
}

/* The transaction may have ended meanwhile, with its session: then there is nobody to answer. */
static void respond(struct ast_sip_session *session, pjsip_rx_data *rdata, int status)
{
	pjsip_dialog *dlg = session->inv_session->dlg;
	pjsip_transaction *tsx;
	pjsip_tx_data *tdata;
	pj_str_t key;

	if (session->inv_session->state == PJSIP_INV_STATE_DISCONNECTED
		|| pjsip_tsx_create_key(rdata->tp_info.pool, &key, PJSIP_ROLE_UAS, &rdata->msg_info.cseq->method, rdata) != PJ_SUCCESS) {
		return;
	}
	/* A cloned request does not know its transaction. */
	tsx = pjsip_tsx_layer_find_tsx2(&key, PJ_TRUE);
	if (!tsx) {
		return;
	}
	/* Nobody else answers in this dialog while its serializer is ours. */
	if (tsx->state < PJSIP_TSX_STATE_COMPLETED && pjsip_dlg_create_response(dlg, rdata, status, NULL, &tdata) == PJ_SUCCESS) {
		if (status != 200) {
			add_header(tdata, "Accept", "application/ohp+cbor, application/ohp+json, multipart/ohp");
			add_header(tdata, "Recv-Info", "ohp");
		}
		pjsip_dlg_send_response(dlg, tsx, tdata);
	}
	pj_grp_lock_dec_ref(tsx->grp_lock);
}

static int respond_task(void *data)
{
	struct session_request *request = data;

	respond(request->session, request->rdata, request->status);
	ao2_ref(request, -1);
	return 0;
}

void session_respond(struct session_request *request, int status)
{
	request->status = status;
	if (ast_sip_push_task(request->session->serializer, respond_task, ao2_bump(request))) {
		ao2_ref(request, -1);
	}
}

/* ---- Session descriptions ---- */

static void tell_sdp(struct call *call, bool local, const pjmedia_sdp_session *sdp)
{
	char *text = ast_malloc(SDP_LEN_MAX);
	int len;

	if (!text) {
		return;
	}
	len = pjmedia_sdp_print(sdp, text, SDP_LEN_MAX);
	if (len > 0) {
		call_handle_sdp(call, local, text, len);
	}
	ast_free(text);
}

void session_tell_descriptions(struct ast_sip_session *session, struct call *call)
{
	pjmedia_sdp_neg *neg = session->inv_session->neg;
	const pjmedia_sdp_session *sdp;

	if (!neg) {
		return;
	}
	if (pjmedia_sdp_neg_get_active_local(neg, &sdp) == PJ_SUCCESS) {
		tell_sdp(call, true, sdp);
	}
	if (pjmedia_sdp_neg_get_active_remote(neg, &sdp) == PJ_SUCCESS) {
		tell_sdp(call, false, sdp);
	}
}

/* ---- What a trusted peer writes ---- */

/* The identifier of a Session-ID (RFC 7989): what stands before its parameters, and the other side's among them. */
static void bind_session_id(struct call *call, pjsip_rx_data *rdata)
{
	static const pj_str_t name = { "Session-ID", 10 };
	pjsip_generic_string_hdr *header = pjsip_msg_find_hdr_by_name(rdata->msg_info.msg, &name, NULL);
	char text[256], *rest = text, *part;

	if (!header) {
		return;
	}
	ast_copy_pj_str(text, &header->hvalue, sizeof(text));
	for (part = strsep(&rest, ";"); part; part = strsep(&rest, ";")) {
		char *id = ast_strip(part);

		if (!strncasecmp(id, "remote=", 7)) {
			id += 7;
		} else if (strchr(id, '=')) {
			continue;
		}
		/* All zeros stand for a side that is not known yet. */
		if (strspn(id, "0") != strlen(id)) {
			call_bind_id(call, id, strlen(id));
		}
	}
}

/* ---- What res_pjsip_ohp calls ---- */

static void attach_media(struct ast_sip_session *session, struct call *call)
{
	if (session->channel && session->inv_session->state < PJSIP_INV_STATE_DISCONNECTED && !media_attach(call, session->channel)) {
		call_media_begins(call);
	}
}

static int request(struct ast_sip_session *session, pjsip_rx_data *rdata)
{
	char words[256];
	ohp_text why = { words, sizeof(words), 0 };
	ohp_info info = { .size = sizeof(info) };
	struct session_request *request;
	struct endpoint *endpoint;
	struct call *call;

	if (ohp_info_parse_message((const uint8_t *) rdata->msg_info.msg_buf, rdata->msg_info.len, &why, &info) != OHP_OK
		|| !info.is_ohp) {
		return 0;
	}
	call = call_for(session);
	if (!call) {
		return 0;
	}
	endpoint = settings_endpoint(ast_sorcery_object_get_id(session->endpoint));
	if (endpoint && endpoint->media_check) {
		/* Of a call that was up before this module was. */
		attach_media(session, call);
	}
	if (endpoint && endpoint->trust_call_ids) {
		bind_session_id(call, rdata);
	}
	ao2_cleanup(endpoint);
	request = request_alloc(session, rdata);
	if (request) {
		call_handle_info(call, request);
	} else {
		respond(session, rdata, 503);
	}
	ao2_ref(call, -1);
	return 1;
}

/* An INVITE with Replaces (RFC 3891): if it is answered, the handoff of the call that it replaces goes on with it. */
static void invited(struct ast_sip_session *session, pjsip_rx_data *rdata)
{
	static const pj_str_t name = { "Replaces", 8 };
	pjsip_replaces_hdr *replaces = pjsip_msg_find_hdr_by_name(rdata->msg_info.msg, &name, NULL);
	struct ast_sip_session *old;
	struct call *call;
	pjsip_dialog *dlg;

	/* Without this module Asterisk takes no notice of the header. */
	if (!replaces || !ast_module_check("res_pjsip_refer.so")) {
		return;
	}
	dlg = pjsip_ua_find_dialog(&replaces->call_id, &replaces->to_tag, &replaces->from_tag, PJ_TRUE);
	if (!dlg) {
		return;
	}
	old = ast_sip_dialog_get_session(dlg);
	pjsip_dlg_dec_lock(dlg);
	call = old ? call_of(old) : NULL;
	if (call) {
		call_succeed(call, session);
		ao2_ref(call, -1);
	}
	ao2_cleanup(old);
}

static void answered(struct ast_sip_session *session)
{
	struct endpoint *endpoint = settings_endpoint(ast_sorcery_object_get_id(session->endpoint));
	struct ast_sip_session *current;
	struct call *call = endpoint && endpoint->media_check ? call_for(session) : call_of(session);

	if (call) {
		current = call_session(call);
		if (current && current != session) {
			call_joined(call, session);
		}
		ao2_cleanup(current);
		session_tell_descriptions(session, call);
		if (endpoint && endpoint->media_check) {
			attach_media(session, call);
		}
		ao2_ref(call, -1);
	}
	ao2_cleanup(endpoint);
}

static void responded(struct ast_sip_session *session, int status)
{
	struct call *call = call_of(session);

	if (call) {
		call_handle_response(call, status);
		ao2_ref(call, -1);
	}
}

static void ended(struct ast_sip_session *session)
{
	struct call *call = call_of(session);

	if (call) {
		call_end(call, session);
		ao2_ref(call, -1);
	}
}

static const struct ohp_pjsip_handlers handlers = {
	.request = request,
	.invited = invited,
	.answered = answered,
	.responded = responded,
	.ended = ended,
};

int session_init(void)
{
	return ohp_pjsip_attach(&handlers);
}

void session_close(void)
{
	ohp_pjsip_detach();
}

/* ---- INFO out ---- */

struct outgoing {
	struct ast_sip_session *session;
	struct call *call;
	char *headers;
	uint8_t *body;
	size_t body_len;
};

static void outgoing_free(struct outgoing *outgoing)
{
	ao2_cleanup(outgoing->session);
	ao2_cleanup(outgoing->call);
	ast_free(outgoing->headers);
	ast_free(outgoing->body);
	ast_free(outgoing);
}

/* The body's Content-Type is the body's own in PJSIP; the other lines are headers. */
static int fill(pjsip_tx_data *tdata, struct outgoing *outgoing)
{
	pj_str_t type = pj_str(""), subtype = pj_str(""), body = { (char *) outgoing->body, outgoing->body_len };
	pjsip_media_type *media = NULL;
	char *lines = outgoing->headers, *line;

	while ((line = strsep(&lines, "\n"))) {
		char *value = strchr(line, ':');

		if (!value) {
			continue;
		}
		*value++ = '\0';
		value = ast_strip(value);
		if (!strcasecmp(line, "Content-Type")) {
			static const pj_str_t name = { "Content-Type", 12 };
			pj_str_t text;
			pjsip_ctype_hdr *header;

			pj_strdup2_with_null(tdata->pool, &text, value);
			header = pjsip_parse_hdr(tdata->pool, &name, text.ptr, text.slen, NULL);
			if (!header) {
				return -1;
			}
			media = &header->media;
		} else {
			add_header(tdata, line, value);
		}
	}
	tdata->msg->body = pjsip_msg_body_create(tdata->pool, &type, &subtype, &body);
	if (!media || !tdata->msg->body) {
		return -1;
	}
	pjsip_media_type_cp(tdata->pool, &tdata->msg->body->content_type, media);
	return 0;
}

static int send_task(void *data)
{
	struct outgoing *outgoing = data;
	struct ast_sip_session *session = outgoing->session;
	pjsip_tx_data *tdata;

	if (session->inv_session->state == PJSIP_INV_STATE_DISCONNECTED
		|| ast_sip_create_request("INFO", session->inv_session->dlg, session->endpoint, NULL, NULL, &tdata)) {
		call_handle_response(outgoing->call, 408);
	} else if (fill(tdata, outgoing)) {
		pjsip_tx_data_dec_ref(tdata);
		call_handle_response(outgoing->call, 408);
	} else {
		ohp_pjsip_send(session, tdata);
	}
	outgoing_free(outgoing);
	return 0;
}

int session_send_info(struct call *call, struct ast_sip_session *session, const ohp_transmit *info)
{
	struct outgoing *outgoing = ast_calloc(1, sizeof(*outgoing));

	if (!outgoing) {
		return -1;
	}
	/* The texts are copied with their ends; a body of no bytes needs one to be allocated. */
	outgoing->session = ao2_bump(session);
	outgoing->call = ao2_bump(call);
	outgoing->headers = ast_strndup(info->headers.data, info->headers.len);
	outgoing->body = ast_malloc(info->body.len + 1);
	if (!outgoing->headers || !outgoing->body) {
		outgoing_free(outgoing);
		return -1;
	}
	memcpy(outgoing->body, info->body.data, info->body.len);
	outgoing->body_len = info->body.len;
	if (ast_sip_push_task(session->serializer, send_task, outgoing)) {
		outgoing_free(outgoing);
		return -1;
	}
	return 0;
}
