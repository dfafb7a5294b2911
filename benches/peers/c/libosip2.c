/* libosip2: every header is copied to the heap. */
#include "peer.h"

#include <stdlib.h>
#include <osip2/osip.h>
#include <osipparser2/osip_parser.h>

static uint64_t chars(const char *value)
{
    return value == NULL ? 0 : text(value, strlen(value));
}

static uint64_t header(const osip_message_t *message, const char *name)
{
    osip_header_t *found = NULL;
    if (osip_message_header_get_byname(message, name, 0, &found) < 0 || found == NULL)
        return 0;
    return chars(found->hvalue);
}

static uint64_t read_info(const uint8_t *bytes, size_t len)
{
    osip_message_t *message = NULL;
    osip_message_init(&message);
    uint64_t answer = 0;
    osip_body_t *body = NULL;
    if (osip_message_parse(message, (const char *)bytes, len) == 0 && message->call_id != NULL
        && message->cseq != NULL && message->content_type != NULL
        && osip_message_get_body(message, 0, &body) >= 0) {
        /* It takes a Call-ID apart at its @. */
        answer = text(message->call_id->number, strlen(message->call_id->number) + 1 + strlen(message->call_id->host))
               + strtoul(message->cseq->number, NULL, 10) + chars(message->content_type->type)
               + chars(message->content_type->subtype) + header(message, "info-package")
               + header(message, "ohp-version") + header(message, "ohp-tier") + header(message, "ohp-verb")
               + text(body->body, body->length);
    }
    osip_message_free(message);
    return answer;
}

uint64_t libosip2_info(const uint8_t *bytes, size_t len, size_t times)
{
    static int started;
    if (!started) {
        parser_init();
        started = 1;
    }
    uint64_t answer = 0;
    while (times-- > 0) {
        OPAQUE(bytes);
        answer = read_info(bytes, len);
        USED(answer);
    }
    return answer;
}
