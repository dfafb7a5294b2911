/* libre: SIP headers are located, the usual ones decoded; SDP is decoded into a session that knows the same formats. */
#include "peer.h"

#include <re.h>

static uint64_t header(const struct sip_msg *message, const char *name)
{
    const struct sip_hdr *found = sip_msg_xhdr(message, name);
    return found == NULL ? 0 : text(found->val.p, found->val.l);
}

uint64_t libre_info(const uint8_t *bytes, size_t len, size_t times)
{
    struct mbuf *buffer = mbuf_alloc(len);
    uint64_t answer = 0;
    mbuf_write_mem(buffer, bytes, len);
    while (times-- > 0) {
        OPAQUE(buffer);
        struct sip_msg *message = NULL;
        buffer->pos = 0;
        answer = 0;
        if (sip_msg_decode(&message, buffer) == 0) {
            answer = text(message->callid.p, message->callid.l) + message->cseq.num
                   + text(message->ctyp.type.p, message->ctyp.type.l)
                   + text(message->ctyp.subtype.p, message->ctyp.subtype.l) + header(message, "Info-Package")
                   + header(message, "OHP-Version") + header(message, "OHP-Tier") + header(message, "OHP-Verb");
            size_t length = pl_u32(&message->clen);
            if (length <= mbuf_get_left(buffer))
                answer += text(mbuf_buf(buffer), length);
        }
        mem_deref(message);
        USED(answer);
    }
    mem_deref(buffer);
    return answer;
}

static uint64_t direction(enum sdp_dir dir)
{
    switch (dir) {
    case SDP_SENDRECV:
        return SENDRECV;
    case SDP_SENDONLY:
        return SENDONLY;
    case SDP_RECVONLY:
        return RECVONLY;
    default:
        return INACTIVE;
    }
}

uint64_t libre_sdp(const uint8_t *bytes, size_t len, size_t times)
{
    struct sa address;
    struct sdp_session *session = NULL;
    struct sdp_media *audio = NULL, *video = NULL;
    sa_set_str(&address, "192.0.2.20", 0);
    sdp_session_alloc(&session, &address);
    sdp_media_add(&audio, session, "audio", 30000, "RTP/SAVPF");
    sdp_format_add(NULL, audio, false, NULL, "opus", 48000, 2, NULL, NULL, NULL, false, NULL);
    sdp_format_add(NULL, audio, false, "9", "G722", 8000, 1, NULL, NULL, NULL, false, NULL);
    sdp_format_add(NULL, audio, false, "0", "PCMU", 8000, 1, NULL, NULL, NULL, false, NULL);
    sdp_format_add(NULL, audio, false, "8", "PCMA", 8000, 1, NULL, NULL, NULL, false, NULL);
    sdp_format_add(NULL, audio, false, NULL, "telephone-event", 8000, 1, NULL, NULL, NULL, false, NULL);
    sdp_format_add(NULL, audio, false, "13", "CN", 8000, 1, NULL, NULL, NULL, false, NULL);
    sdp_media_add(&video, session, "video", 30002, "RTP/SAVPF");
    sdp_format_add(NULL, video, false, NULL, "VP8", 90000, 1, NULL, NULL, NULL, false, NULL);

    struct mbuf *buffer = mbuf_alloc(len);
    mbuf_write_mem(buffer, bytes, len);
    uint64_t answer = 0;
    while (times-- > 0) {
        OPAQUE(buffer);
        buffer->pos = 0;
        answer = 0;
        if (sdp_decode(session, buffer, true) == 0) {
            const struct le *at;
            /* It reads the address into a number. */
            uint32_t host = sa_in(sdp_media_raddr(audio));
            answer = sdp_media_rport(audio) + sdp_media_rport(video) + direction(sdp_media_rdir(audio))
                   + (host == 0xc000020a ? strlen("192.0.2.10") + '1' : 0);
            for (at = list_head(sdp_media_format_lst(audio, false)); at != NULL; at = at->next) {
                const struct sdp_format *format = at->data;
                answer += (uint64_t)format->pt + format->srate;
            }
        }
        USED(answer);
    }
    mem_deref(buffer);
    mem_deref(session);
    return answer;
}

uint64_t libre_rtp(const uint8_t *bytes, size_t len, size_t times)
{
    struct mbuf *buffer = mbuf_alloc(len);
    uint64_t answer = 0;
    mbuf_write_mem(buffer, bytes, len);
    while (times-- > 0) {
        OPAQUE(buffer);
        struct rtp_header header;
        buffer->pos = 0;
        answer = 0;
        if (rtp_hdr_decode(&header, buffer) == 0)
            answer = (uint64_t)header.pt + header.seq + header.ts + header.ssrc + mbuf_get_left(buffer);
        USED(answer);
    }
    mem_deref(buffer);
    return answer;
}
