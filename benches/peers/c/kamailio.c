/* Kamailio: parse_msg and parse_headers over all headers, then the parsers of the ones that are needed; parse_sdp.
 *
 * What the parsers want of the rest of Kamailio stands at the end: logging that is switched off as in production, and
 * an allocator that only moves a pointer and so costs less than any of Kamailio's own. */
#include "peer.h"

#include <core/mem/mem.h>
#include <core/parser/msg_parser.h>
#include <core/parser/parse_content.h>
#include <core/parser/parse_cseq.h>
#include <core/parser/parse_hname2.h>
#include <core/parser/sdp/sdp.h>

static struct {
    size_t used;
    char bytes[1 << 16] __attribute__((aligned(16)));
} arena;

static void *arena_malloc(void *block, size_t size)
{
    (void)block;
    size_t used = arena.used + ((size + 15) & ~(size_t)15);
    if (used > sizeof arena.bytes)
        return NULL;
    void *place = arena.bytes + arena.used;
    arena.used = used;
    return place;
}

static void *arena_malloc_zeroed(void *block, size_t size)
{
    void *place = arena_malloc(block, size);
    return place == NULL ? NULL : memset(place, 0, size);
}

static void *arena_realloc(void *block, void *old, size_t size)
{
    void *place = arena_malloc(block, size);
    return place == NULL || old == NULL ? place : memcpy(place, old, size);
}

static void arena_free(void *block, void *place)
{
    (void)block, (void)place;
}

static void start(void)
{
    static int started;
    if (started)
        return;
    _pkg_root.xmalloc = arena_malloc;
    _pkg_root.xmallocxz = arena_malloc_zeroed;
    _pkg_root.xrealloc = arena_realloc;
    _pkg_root.xreallocxf = arena_realloc;
    _pkg_root.xfree = arena_free;
    _shm_root.xmalloc = arena_malloc;
    _shm_root.xmallocxz = arena_malloc_zeroed;
    _shm_root.xrealloc = arena_realloc;
    _shm_root.xfree = arena_free;
    ksr_hname_init_index();
    started = 1;
}

static uint64_t str_of(const str *value)
{
    return text(value->s, (size_t)value->len);
}

static uint64_t header(const sip_msg_t *message, const char *name, size_t len)
{
    for (const hdr_field_t *at = message->headers; at != NULL; at = at->next)
        if ((size_t)at->name.len == len && strncasecmp(at->name.s, name, len) == 0)
            return str_of(&at->body);
    return 0;
}
#define HEADER(message, name) header(message, name, sizeof name - 1)

static uint64_t content_type(int mime)
{
    /* It knows the type and calls a subtype that it has not in its list unknown; then the text is there to be read. */
    return (unsigned)mime >> 16 == TYPE_APPLICATION ? text("application", 11) : 0;
}

uint64_t kamailio_info(const uint8_t *bytes, size_t len, size_t times)
{
    start();
    uint64_t answer = 0;
    while (times-- > 0) {
        OPAQUE(bytes);
        sip_msg_t message;
        memset(&message, 0, sizeof message);
        arena.used = 0;
        message.buf = (char *)bytes;
        message.len = (unsigned)len;
        answer = 0;
        if (parse_msg(message.buf, message.len, &message) == 0 && parse_headers(&message, HDR_EOH_F, 0) == 0
            && message.callid != NULL && message.cseq != NULL && message.content_type != NULL
            && message.content_length != NULL) {
            const str *type = &message.content_type->body;
            const char *slash = memchr(type->s, '/', (size_t)type->len);
            const char *body = get_body(&message);
            size_t length = (size_t)get_content_length(&message);
            unsigned number = 0;
            str2int(&get_cseq(&message)->number, &number);
            if (slash != NULL && body != NULL && length <= len - (size_t)(body - message.buf))
                answer = str_of(&message.callid->body) + number + content_type(parse_content_type_hdr(&message))
                       + text(slash + 1, (size_t)(type->s + type->len - slash - 1)) + HEADER(&message, "info-package")
                       + HEADER(&message, "ohp-version") + HEADER(&message, "ohp-tier")
                       + HEADER(&message, "ohp-verb") + text(body, length);
        }
        USED(answer);
    }
    return answer;
}

static uint64_t direction(const sdp_stream_cell_t *stream)
{
    const str *mode = &stream->sendrecv_mode;
    if (mode->s == NULL || mode->len < 8)
        return SENDRECV;
    return mode->s[0] == 'i' ? INACTIVE : mode->s[0] == 'r' ? RECVONLY : mode->s[4] == 'o' ? SENDONLY : SENDRECV;
}

static uint64_t number_of(const str *digits)
{
    unsigned number = 0;
    return digits->s == NULL || str2int((str *)digits, &number) != 0 ? 0 : number;
}

/* Its SDP parser takes a message. Finding the body again is left out: the message is read once, and only what the
 * parser of descriptions adds to it is thrown away between the rounds. */
uint64_t kamailio_sdp(const uint8_t *bytes, size_t len, size_t times)
{
    static char whole[1 << 14];
    start();
    arena.used = 0;
    int head = snprintf(whole, sizeof whole,
                        "INVITE sip:bob@biloxi.example.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.example.com;branch=z9hG4bKa\r\n"
                        "From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n"
                        "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n",
                        len);
    memcpy(whole + head, bytes, len);
    sip_msg_t message;
    memset(&message, 0, sizeof message);
    message.buf = whole;
    message.len = (unsigned)head + (unsigned)len;
    if (parse_msg(message.buf, message.len, &message) != 0 || parse_headers(&message, HDR_EOH_F, 0) != 0)
        return 0;
    const size_t kept = arena.used;
    uint64_t answer = 0;
    while (times-- > 0) {
        char *opaque = whole;
        OPAQUE(opaque);
        arena.used = kept;
        message.body = NULL;
        answer = 0;
        if (parse_sdp(&message) == 0) {
            const sdp_session_cell_t *session = ((sdp_info_t *)message.body)->sessions;
            for (const sdp_stream_cell_t *stream = session->streams; stream != NULL; stream = stream->next) {
                answer += number_of(&stream->port);
                if (stream->media.len != 5 || memcmp(stream->media.s, "audio", 5) != 0)
                    continue;
                answer += direction(stream) + str_of(stream->ip_addr.s != NULL ? &stream->ip_addr : &session->ip_addr);
                for (const sdp_payload_attr_t *at = stream->payload_attr; at != NULL; at = at->next)
                    answer += number_of(&at->rtp_payload) + number_of(&at->rtp_clock);
            }
        }
        USED(answer);
    }
    return answer;
}
