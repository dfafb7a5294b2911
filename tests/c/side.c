/* A side of a call: a context, a table, a tap and a leg, and what carries INFOs to the other side. */

#include "test.h"

static const char TEMPLATE[] =
    "{\"audience\":{\"vendor\":\"contact-centre\",\"did\":\"did:web:contact-centre.example\","
    "\"purpose\":\"human-takeover\"},\"session\":{\"locale\":\"en-GB\"},"
    "\"intent\":{\"current\":{\"name\":\"billing_dispute\",\"confidence\":0.94}},"
    "\"transcript\":{\"redaction\":{\"policy\":\"pii-mask\",\"version\":\"1\"},"
    "\"summary\":\"Disputes a charge.\"},\"policy\":{\"retention\":{\"transcript\":\"P30D\"},"
    "\"redaction\":{\"pii\":\"mask\"},\"dataResidency\":[\"GB\"]},"
    "\"control\":{\"reason\":\"human-requested\"}}";

static const ohp_table_config SMALL = {
    .size = sizeof SMALL, .replays = 64, .hashes = 16, .kids = 16, .peers = 16, .sets = 16, .slots = 4,
    .sounds = 16,
};

static int side_with(struct side *side, const char *trust, uint8_t robust);

int side_init(struct side *side, const char *trust)
{
    return side_with(side, trust, 0);
}

int side_similar(struct side *side, const char *trust)
{
    static const char BEFORE[] = "{\"ohpTrust\":1,\"receiver\":{";
    char *with = malloc(strlen(trust) + 64);
    CHECK(with != NULL && strncmp(trust, BEFORE, sizeof BEFORE - 1) == 0);
    sprintf(with, "%s\"robustFingerprint\":true,%s", BEFORE, trust + sizeof BEFORE - 1);
    int failed = side_with(side, with, 1);
    free(with);
    return failed;
}

static int side_with(struct side *side, const char *trust, uint8_t robust)
{
    size_t size;
    memset(side, 0, sizeof *side);
    side->now_ms = NOW;
    side->why.data = side->why_data;
    side->why.size = sizeof side->why_data;
    ohp_context_config config = {
        .size = sizeof config,
        .trust = {(const uint8_t *)trust, strlen(trust)},
        .enforce = 1,
        .robust_fingerprint = robust,
    };
    OK(ohp_context_new(&config, &side->why, &side->context));

    OK(ohp_table_size(&SMALL, &size));
    side->table_memory = malloc(size);
    OK(ohp_table_init(side->table_memory, size, &SMALL, (const uint8_t *)"0123456789abcdef", &side->table));

    OK(ohp_tap_size(OHP_CODEC_PCMU, OHP_TAP_SECONDS_MAX, &size));
    side->tap_memory = malloc(size);
    OK(ohp_tap_init(side->tap_memory, size, OHP_CODEC_PCMU, OHP_TAP_SECONDS_MAX, &side->tap));

    side->leg_memory = malloc(ohp_leg_size());
    OK(ohp_leg_init(side->leg_memory, ohp_leg_size(), TEXT(CALL_ID), &side->leg));

    side->verdict_memory = malloc(ohp_verdict_size());
    side->envelope = malloc(OHP_ENVELOPE_LEN_MAX);
    side->scratch = malloc(ohp_scratch_size());
    return 0;
}

void side_free(struct side *side)
{
    ohp_context_unref(&side->context);
    free(side->table_memory);
    free(side->tap_memory);
    free(side->leg_memory);
    free(side->verdict_memory);
    free(side->envelope);
    free(side->scratch);
}

ohp_host side_host(struct side *side)
{
    ohp_host host = {
        .size = sizeof host,
        .context = side->context,
        .table = side->table,
        .tap = side->tap,
        .peer = {(const uint8_t *)"192.0.2.1", 9},
        .now_ms = side->now_ms,
        .scratch = side->scratch,
        .scratch_size = ohp_scratch_size(),
        .disclosed = side->disclosed,
    };
    /* Different in each call, and repeatable: no cryptography hangs on it in a test. */
    memset(host.random, 0x5a, sizeof host.random);
    memcpy(host.random, &side->calls, sizeof side->calls);
    memcpy(host.random + 10, &side->calls, sizeof side->calls);
    host.random[9] = (uint8_t)((uintptr_t)side >> 4);
    host.random[20] = (uint8_t)((uintptr_t)side >> 4);
    side->calls++;
    return host;
}

int side_event(struct side *side)
{
    ohp_event event = {.size = sizeof event};
    return ohp_leg_poll_event(side->leg, &side->why, &event) == OHP_OK ? (int)event.kind : 0;
}

static int carry(struct side *from, struct side *to, int *moved)
{
    uint8_t buffer[OHP_TRANSMIT_LEN];
    ohp_transmit sent = {.size = sizeof sent};
    ohp_status status = ohp_leg_poll_transmit(from->leg, from->table, buffer, sizeof buffer, &sent);
    if (status == OHP_NONE)
        return 0;
    OK(status);
    *moved = 1;

    ohp_info info = {.size = sizeof info};
    OK(ohp_info_parse(sent.headers.data, sent.headers.len, sent.body.data, sent.body.len, &to->why, &info));
    CHECK(info.is_ohp);
    ohp_host host = side_host(to);
    to->handled.size = sizeof to->handled;
    OK(ohp_leg_handle_info(to->leg, &host, &info, to->envelope, OHP_ENVELOPE_LEN_MAX, to->verdict_memory,
                           ohp_verdict_size(), &to->why, &to->handled));
    /* The INFO's body ends with this function, so what borrows it is moved to where it lives. */
    if (to->handled.cbor.data != NULL && to->handled.cbor.data != to->envelope) {
        memcpy(to->envelope, to->handled.cbor.data, to->handled.cbor.len);
        to->handled.cbor.data = to->envelope;
    }
    OK(ohp_leg_handle_response(from->leg, from->table, to->handled.sip_status));
    return 0;
}

int settle(struct side *one, struct side *other)
{
    int moved;
    do {
        moved = 0;
        if (carry(one, other, &moved) || carry(other, one, &moved))
            return 1;
    } while (moved);
    return 0;
}

ohp_status side_propose(struct side *side, uint32_t tier, ohp_bytes *cbor)
{
    ohp_host host = side_host(side);
    return ohp_leg_propose(side->leg, &host, tier, TEXT(TEMPLATE), side->envelope, OHP_ENVELOPE_LEN_MAX,
                           &side->why, cbor);
}

int speak(ohp_tap *tap, unsigned seed)
{
    return talk(tap, seed, 150, 0);
}

int talk(ohp_tap *tap, unsigned seed, unsigned packets, uint8_t blur)
{
    uint8_t packet[12 + 160] = {0x80, 0};
    const unsigned source = seed;
    for (unsigned number = 0; number < packets; number++) {
        unsigned timestamp = number * 160;
        packet[2] = (uint8_t)(number >> 8);
        packet[3] = (uint8_t)number;
        for (int i = 0; i < 4; i++) {
            packet[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
            packet[8 + i] = (uint8_t)(source >> (24 - 8 * i));
        }
        for (size_t i = 12; i < sizeof packet; i++) {
            seed = seed * 1103515245u + 12345u;
            packet[i] = (uint8_t)(seed >> 16) ^ blur;
        }
        OK(ohp_tap_write_rtp(tap, packet, sizeof packet));
    }
    return 0;
}

size_t core_cbor(uint8_t *cbor, size_t size)
{
    size_t scratch_size = ohp_cbor_from_json_scratch_size(strlen(CORE_JSON)), len = 0;
    void *scratch = malloc(scratch_size);
    if (ohp_cbor_from_json(CORE_JSON, strlen(CORE_JSON), scratch, scratch_size, NULL, cbor, size, &len) != OHP_OK)
        len = 0;
    free(scratch);
    return len;
}
