/*
 * Calls: SIP, SDP and RTP by libre. Nothing here knows what a handoff is.
 */
#include <stdio.h>

#include "media_server.h"

enum {
    RTP_PORT_FIRST = 16384,
    RTP_PORT_LAST = 32767,
    HASH_SIZE = 32,
};

static struct {
    struct sip *sip;
    struct sipsess_sock *sock;
    struct sa addr;
    struct list calls;
    uint32_t made, left;
    bool stopping;
} server;

struct dialog {
    struct le le;
    struct call *call;
    struct sipsess *sess;
};

/* One conversation, over one dialog after another. */
struct call {
    struct le le;
    uint32_t number;
    struct list dialogs;
    struct dialog *dialog; /* the one that INFOs go to */
    struct sdp_session *sdp;
    struct sdp_media *audio;
    struct rtp_sock *rtp;
    struct sip_request *info; /* the one that waits for its response */
    struct handoff *handoff;
};

/* ---- Media ---- */

/* The tap gets the packet whole, before anything is done to it; its sound then goes back. */
static void rtp_handler(const struct sa *src, const struct rtp_header *hdr, struct mbuf *mb, void *arg)
{
    struct call *call = arg;
    const struct sa *peer = sdp_media_raddr(call->audio);
    (void)src;

    handoff_rtp(call->handoff, mb);
    if (sa_isset(peer, SA_ALL) && (sdp_media_dir(call->audio) & SDP_SENDONLY))
        (void)rtp_send(call->rtp, peer, false, hdr->m, hdr->pt, hdr->ts, SINCE_LIBRE_2(tmr_jiffies_rt_usec()) mb);
}

static int media_alloc(struct call *call)
{
    int err = rtp_listen(&call->rtp, IPPROTO_UDP, &server.addr, RTP_PORT_FIRST, RTP_PORT_LAST, false, rtp_handler,
                         NULL, call);
    if (err)
        return err;
    err = sdp_session_alloc(&call->sdp, &server.addr);
    if (err)
        return err;
    err = sdp_media_add(&call->audio, call->sdp, sdp_media_audio, sa_port(rtp_local(call->rtp)), sdp_proto_rtpavp);
    if (err)
        return err;
    err = sdp_format_add(NULL, call->audio, false, "0", "PCMU", 8000, 1, NULL, NULL, NULL, false, NULL);
    err |= sdp_format_add(NULL, call->audio, false, "8", "PCMA", 8000, 1, NULL, NULL, NULL, false, NULL);
    err |= sdp_media_set_lattr(call->audio, true, sdp_attr_ptime, "20");
    return err;
}

/* Answers the offer in an INVITE. */
static int offer_handler(struct mbuf **descp, const struct sip_msg *msg, void *arg)
{
    struct call *call = ((struct dialog *)arg)->call;
    struct pl offer = {(const char *)mbuf_buf(msg->mb), mbuf_get_left(msg->mb)};
    int err;

    if (!msg_ctype_cmp(&msg->ctyp, "application", "sdp"))
        return EPROTO;
    err = sdp_decode(call->sdp, msg->mb, true);
    if (err)
        return err;
    if (!sdp_media_rformat(call->audio, NULL))
        return EPROTO;
    err = sdp_encode(descp, call->sdp, false);
    if (!err)
        handoff_sdp(call->handoff, *descp, &offer);
    return err;
}

/* Every offer is the caller's, so nobody answers one of ours. */
static int answer_handler(const struct sip_msg *msg, void *arg)
{
    (void)msg;
    (void)arg;
    return EPROTO;
}

/* ---- INFO ---- */

static const char *phrase(uint16_t status)
{
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 413: return "Request Entity Too Large";
    case 415: return "Unsupported Media Type";
    case 469: return "Bad Info Package";
    case 488: return "Not Acceptable Here";
    case 503: return "Service Unavailable";
    default: return "Server Internal Error";
    }
}

/* The response is a stateful one: libre repeats it when the request is sent again. */
static void info_handler(struct sip *sip, const struct sip_msg *msg, void *arg)
{
    struct call *call = ((struct dialog *)arg)->call;
    uint16_t status = handoff_info(call->handoff, msg);
    const char *headers = status == 200 ? "" : "Accept: application/ohp+cbor, application/ohp+json, multipart/ohp\r\n"
                                               "Recv-Info: ohp\r\n";

    (void)sip_treplyf(NULL, NULL, sip, msg, false, status, phrase(status), "%sContent-Length: 0\r\n\r\n", headers);
    handoff_drain(call->handoff);
}

static void response_handler(int err, const struct sip_msg *msg, void *arg)
{
    struct call *call = arg;

    if (err || msg->scode >= 200)
        handoff_response(call->handoff, err ? 408 : msg->scode);
}

/* sipsess_info() sets no header but Content-Type, so the request is made one layer below it. */
static int send_handler(const ohp_transmit *info, void *arg)
{
    struct call *call = arg;

    return sip_drequestf(&call->info, server.sip, true, "INFO", sipsess_dialog(call->dialog->sess), 0, NULL, NULL,
                         response_handler, call, "%bContent-Length: %zu\r\n\r\n%b", info->headers.data,
                         info->headers.len, info->body.len, info->body.data, info->body.len);
}

/* ---- Calls ---- */

static void call_destructor(void *arg)
{
    struct call *call = arg;

    list_unlink(&call->le);
    list_flush(&call->dialogs);
    mem_deref(call->info);
    mem_deref(call->rtp);
    mem_deref(call->sdp);
    mem_deref(call->handoff);
}

static int call_alloc(struct call **callp, const struct sip_msg *msg)
{
    struct call *call = mem_zalloc(sizeof(*call), call_destructor);
    int err;

    if (!call)
        return ENOMEM;
    list_append(&server.calls, &call->le, call);
    call->number = ++server.made;
    err = handoff_alloc(&call->handoff, call->number, &msg->callid, &msg->src, send_handler, call);
    if (!err)
        err = media_alloc(call);
    if (err)
        mem_deref(call);
    else
        *callp = call;
    return err;
}

/* The call whose dialog a Replaces header names (RFC 3891). */
static struct call *call_replaced(const struct sip_msg *msg, const struct pl *replaces)
{
    struct sip_msg wanted = *msg;
    struct pl params;
    struct le *le;

    if (re_regex(replaces->p, replaces->l, "[^;]+[^]*", &wanted.callid, &params) ||
        msg_param_decode(&params, "to-tag", &wanted.to.tag) || msg_param_decode(&params, "from-tag", &wanted.from.tag))
        return NULL;
    LIST_FOREACH(&server.calls, le) {
        struct call *call = le->data;

        if (sip_dialog_cmp(sipsess_dialog(call->dialog->sess), &wanted))
            return call;
    }
    return NULL;
}

static void dialog_destructor(void *arg)
{
    struct dialog *dialog = arg;

    list_unlink(&dialog->le);
    mem_deref(dialog->sess); /* with a BYE, unless the peer has sent one */
}

/* The dialog stands. If it replaces another, that one is dropped. */
static void established_handler(const struct sip_msg *msg, void *arg)
{
    struct dialog *dialog = arg;
    struct call *call = dialog->call;
    struct dialog *old = call->dialog;
    (void)msg;

    if (old == dialog)
        return;
    call->dialog = dialog;
    tell(call->number, "goes on in another dialog");
    mem_deref(old);
}

static void close_handler(int err, const struct sip_msg *msg, void *arg)
{
    struct dialog *dialog = arg;
    struct call *call = dialog->call;
    (void)err;
    (void)msg;

    if (call->dialog != dialog) {
        mem_deref(dialog);
        return;
    }
    tell(call->number, "ended");
    mem_deref(call);
    if (server.left && !--server.left)
        calls_stop();
}

static int dialog_alloc(struct call *call, const struct sip_msg *msg)
{
    struct dialog *dialog = mem_zalloc(sizeof(*dialog), dialog_destructor);
    struct mbuf *desc = NULL;
    int err;

    if (!dialog)
        return ENOMEM;
    list_append(&call->dialogs, &dialog->le, dialog);
    dialog->call = call;
    err = offer_handler(&desc, msg, dialog);
    if (!err)
        err = sipsess_accept(&dialog->sess, server.sock, msg, 200, "OK", SINCE_LIBRE_2(REL100_DISABLED) "media-server",
                             "application/sdp", desc, NULL, NULL, false, offer_handler, answer_handler,
                             established_handler, info_handler, NULL, close_handler, dialog,
                             "Allow: INVITE, ACK, BYE, CANCEL, INFO\r\nRecv-Info: ohp\r\n");
    mem_deref(desc);
    if (err)
        mem_deref(dialog);
    else if (call->dialog)
        handoff_bind(call->handoff, &msg->callid);
    else
        call->dialog = dialog;
    return err;
}

static void connect_handler(const struct sip_msg *msg, void *arg)
{
    const struct sip_hdr *replaces = sip_msg_hdr(msg, SIP_HDR_REPLACES);
    struct call *call = NULL;
    char peer[64];
    int err;
    (void)arg;

    if (server.stopping) {
        (void)sip_treply(NULL, server.sip, msg, 503, "Service Unavailable");
        return;
    }
    if (replaces && !(call = call_replaced(msg, &replaces->val))) {
        (void)sip_treply(NULL, server.sip, msg, 481, "Call/Transaction Does Not Exist");
        return;
    }
    err = call ? 0 : call_alloc(&call, msg);
    if (err) {
        (void)sip_treply(NULL, server.sip, msg, 500, "Server Internal Error");
        return;
    }
    err = dialog_alloc(call, msg);
    if (err) {
        (void)sip_treply(NULL, server.sip, msg, 488, "Not Acceptable Here");
        if (!replaces)
            mem_deref(call);
        return;
    }
    (void)re_snprintf(peer, sizeof(peer), "%J", &msg->src);
    tell(call->number, "answers %s, RTP on port %u", peer, sa_port(rtp_local(call->rtp)));
}

/* ---- All of them ---- */

static void exit_handler(void *arg)
{
    (void)arg;
    re_cancel();
}

int calls_init(const struct sa *addr, uint32_t calls)
{
    int err;

    server.addr = *addr;
    server.left = calls;
    err = sip_alloc(&server.sip, NULL, HASH_SIZE, HASH_SIZE, HASH_SIZE, "media-server", exit_handler, NULL);
    if (err)
        return err;
    err = sip_transp_add(server.sip, SIP_TRANSP_UDP, addr);
    if (err)
        return err;
    return sipsess_listen(&server.sock, server.sip, HASH_SIZE, connect_handler, NULL);
}

void calls_stop(void)
{
    if (server.stopping) {
        re_cancel();
        return;
    }
    server.stopping = true;
    list_flush(&server.calls);
    sip_close(server.sip, false);
}

void calls_close(void)
{
    list_flush(&server.calls);
    sipsess_close_all(server.sock);
    server.sock = mem_deref(server.sock);
    server.sip = mem_deref(server.sip);
}
