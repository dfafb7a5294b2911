/* pjproject: pjsip_parse_msg, pjmedia_sdp_parse, pjmedia_rtp_decode_rtp, out of a pool that is reset each time. */
#include "peer.h"

#include <pjlib.h>
#include <pjmedia/rtp.h>
#include <pjmedia/sdp.h>
#include <pjsip/sip_msg.h>
#include <pjsip/sip_parser.h>

/* What pjsip_endpt_create calls first. */
void init_sip_parser(void);

static pj_pool_t *pool_of_this_row(void)
{
    static pj_caching_pool caching;
    static pj_pool_t *pool;
    if (pool == NULL) {
        pj_log_set_level(0);
        pj_init();
        pj_caching_pool_init(&caching, NULL, 0);
        pool = pj_pool_create(&caching.factory, "peers", 16000, 16000, NULL);
        init_sip_parser();
    }
    return pool;
}

static uint64_t str(const pj_str_t *value)
{
    return text(value->ptr, (size_t)value->slen);
}

static uint64_t header(pjsip_msg *message, const char *name)
{
    pj_str_t wanted = pj_str((char *)name);
    const pjsip_generic_string_hdr *found = pjsip_msg_find_hdr_by_name(message, &wanted, NULL);
    return found == NULL ? 0 : str(&found->hvalue);
}

uint64_t pjproject_info(const uint8_t *bytes, size_t len, size_t times)
{
    pj_pool_t *pool = pool_of_this_row();
    /* Its scanner wants a NUL behind the bytes. */
    char *copy = calloc(1, len + 1);
    memcpy(copy, bytes, len);
    uint64_t answer = 0;
    while (times-- > 0) {
        OPAQUE(copy);
        pj_pool_reset(pool);
        pjsip_msg *message = pjsip_parse_msg(pool, copy, len, NULL);
        answer = 0;
        if (message != NULL) {
            const pjsip_cid_hdr *call_id = pjsip_msg_find_hdr(message, PJSIP_H_CALL_ID, NULL);
            const pjsip_cseq_hdr *cseq = pjsip_msg_find_hdr(message, PJSIP_H_CSEQ, NULL);
            const pjsip_ctype_hdr *type = pjsip_msg_find_hdr(message, PJSIP_H_CONTENT_TYPE, NULL);
            if (call_id != NULL && cseq != NULL && type != NULL && message->body != NULL)
                answer = str(&call_id->id) + (uint64_t)cseq->cseq + str(&type->media.type) + str(&type->media.subtype)
                       + header(message, "Info-Package") + header(message, "OHP-Version")
                       + header(message, "OHP-Tier") + header(message, "OHP-Verb")
                       + text(message->body->data, message->body->len);
        }
        USED(answer);
    }
    free(copy);
    return answer;
}

static uint64_t direction(const pjmedia_sdp_media *media)
{
    if (pjmedia_sdp_media_find_attr2(media, "sendrecv", NULL) != NULL)
        return SENDRECV;
    if (pjmedia_sdp_media_find_attr2(media, "sendonly", NULL) != NULL)
        return SENDONLY;
    if (pjmedia_sdp_media_find_attr2(media, "recvonly", NULL) != NULL)
        return RECVONLY;
    return pjmedia_sdp_media_find_attr2(media, "inactive", NULL) != NULL ? INACTIVE : SENDRECV;
}

uint64_t pjproject_sdp(const uint8_t *bytes, size_t len, size_t times)
{
    pj_pool_t *pool = pool_of_this_row();
    char *copy = calloc(1, len + 1);
    memcpy(copy, bytes, len);
    uint64_t answer = 0;
    while (times-- > 0) {
        OPAQUE(copy);
        pj_pool_reset(pool);
        pjmedia_sdp_session *session = NULL;
        answer = 0;
        if (pjmedia_sdp_parse(pool, copy, len, &session) == PJ_SUCCESS && session->media_count == 2) {
            const pjmedia_sdp_media *audio = session->media[0];
            answer = (uint64_t)audio->desc.port + session->media[1]->desc.port + direction(audio)
                   + str(&(audio->conn != NULL ? audio->conn : session->conn)->addr);
            for (unsigned at = 0; at < audio->desc.fmt_count; at++) {
                const pjmedia_sdp_attr *attribute =
                    pjmedia_sdp_media_find_attr2(audio, "rtpmap", &audio->desc.fmt[at]);
                pjmedia_sdp_rtpmap map;
                if (attribute != NULL && pjmedia_sdp_attr_get_rtpmap(attribute, &map) == PJ_SUCCESS)
                    answer += pj_strtoul(&audio->desc.fmt[at]) + map.clock_rate;
            }
        }
        USED(answer);
    }
    free(copy);
    return answer;
}

uint64_t pjproject_rtp(const uint8_t *bytes, size_t len, size_t times)
{
    pjmedia_rtp_session session;
    uint64_t answer = 0;
    pjmedia_rtp_session_init(&session, 0, 1);
    while (times-- > 0) {
        OPAQUE(bytes);
        const pjmedia_rtp_hdr *header;
        const void *payload;
        unsigned left;
        answer = 0;
        if (pjmedia_rtp_decode_rtp(&session, bytes, (int)len, &header, &payload, &left) == PJ_SUCCESS)
            answer = (uint64_t)header->pt + pj_ntohs(header->seq) + pj_ntohl(header->ts) + pj_ntohl(header->ssrc) + left;
        USED(answer);
    }
    return answer;
}
