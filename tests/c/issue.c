/* Without a leg on either side: an envelope is built, signed and split, put together again and judged. */

#include "test.h"

static struct side sender, receiver;

/* So long, and so unlike itself, that it takes more than one INFO, deflated or not. */
#define SUMMARY_LEN 3000
/* A template around its summary. */
#define TEMPLATE \
    "{\"audience\":{\"vendor\":\"contact-centre\",\"did\":\"did:web:contact-centre.example\"," \
    "\"purpose\":\"human-takeover\"}," \
    "\"session\":{\"callId\":\"" CALL_ID "\",\"locale\":\"en-GB\"}," \
    "\"intent\":{\"current\":{\"name\":\"parcel_missing\",\"confidence\":0.87}}," \
    "\"transcript\":{\"redaction\":{\"policy\":\"pii-mask\",\"version\":\"1\"},\"summary\":\"%s\"}," \
    "\"policy\":{\"retention\":{},\"redaction\":{},\"dataResidency\":[]}," \
    "\"control\":{\"reason\":\"human-requested\"}}"

static char template[sizeof(TEMPLATE) + SUMMARY_LEN];

static ohp_status split(ohp_bytes cbor, uint32_t part, uint8_t *buffer, ohp_transmit *transmit)
{
    transmit->size = sizeof *transmit;
    return ohp_split(sender.context, cbor.data, cbor.len, part, sender.scratch, ohp_scratch_size(), buffer,
                     OHP_TRANSMIT_LEN, &sender.why, transmit);
}

static int carried(ohp_bytes cbor, ohp_received *received)
{
    ohp_transmit transmit = {.parts = 1};
    uint8_t buffer[OHP_TRANSMIT_LEN];
    const ohp_str call = {TEXT(CALL_ID)};
    for (uint32_t part = 1; part <= transmit.parts; part++) {
        OK(split(cbor, part, buffer, &transmit));
        CHECK(transmit.part == part && transmit.verb == OHP_VERB_PROPOSE);
        ohp_info info = {.size = sizeof info,
                         .content_type = transmit.content_type,
                         .content_encoding = transmit.content_encoding,
                         .ohp_tier = transmit.ohp_tier,
                         .ohp_verb = transmit.ohp_verb,
                         .body = transmit.body};
        OK(ohp_receive(receiver.table, &info, call, NOW, receiver.scratch, ohp_scratch_size(), receiver.envelope,
                       OHP_ENVELOPE_LEN_MAX, &receiver.why, received));
        CHECK(received->sip_status == 200 && received->complete == (part == transmit.parts));
    }
    CHECK(transmit.parts > 1);
    STATUS(OHP_ERR_RANGE, split(cbor, 0, buffer, &transmit));
    STATUS(OHP_ERR_RANGE, split(cbor, transmit.parts + 1, buffer, &transmit));
    return 0;
}

static int judged(const ohp_received *received)
{
    const ohp_str call = {TEXT(CALL_ID)};
    ohp_situation situation = {
        .size = sizeof situation,
        .context = receiver.context,
        .table = receiver.table,
        .now_ms = NOW,
        .call_ids = &call,
        .call_ids_len = 1,
        .echo = received->echo,
        .scratch = receiver.scratch,
        .scratch_size = ohp_verify_scratch_size(),
    };
    ohp_verdict *verdict = NULL;
    ohp_verdict_summary summary = {.size = sizeof summary};
    OK(ohp_verify(&situation, received->cbor.data, received->cbor.len, receiver.verdict_memory, ohp_verdict_size(),
                  &verdict));
    OK(ohp_verdict_get(verdict, &summary));
    CHECK(summary.outcome == OHP_OUTCOME_ACCEPT);

    uint8_t memory[OHP_ENVELOPE_SIZE_MAX] __attribute__((aligned(OHP_ALIGN)));
    ohp_envelope *envelope = NULL;
    uint8_t hash[32] = {0}, zeros[32] = {0};
    OK(ohp_verdict_envelope(verdict, memory, sizeof memory, &envelope));
    OK(ohp_envelope_surface_hash(envelope, &hash));
    CHECK(memcmp(hash, zeros, sizeof hash) != 0);
    return 0;
}

static void write_template(void)
{
    char summary[SUMMARY_LEN + 1];
    unsigned state = 1;
    for (size_t i = 0; i < SUMMARY_LEN; i++) {
        state = state * 1103515245u + 12345u;
        summary[i] = (char)('a' + (state >> 16) % 26);
    }
    summary[SUMMARY_LEN] = 0;
    snprintf(template, sizeof template, TEMPLATE, summary);
}

static int issued(void)
{
    ohp_host host = side_host(&sender);
    ohp_bytes cbor = {NULL, 0};
    ohp_received received = {.size = sizeof received};
    host.now_ms = NOW;
    write_template();
    OK(ohp_issue(&host, OHP_TIER_SIGNED, template, strlen(template), sender.envelope, OHP_ENVELOPE_LEN_MAX, &sender.why, &cbor));
    if (carried(cbor, &received) || judged(&received))
        return 1;

    STATUS(OHP_ERR_INVALID,
           ohp_issue(&host, OHP_TIER_SIGNED, TEXT("{}"), sender.envelope, OHP_ENVELOPE_LEN_MAX, &sender.why, &cbor));
    CHECK(sender.why.len > 0);
    STATUS(OHP_ERR_SPACE, ohp_issue(&host, OHP_TIER_CORE, template, strlen(template), sender.envelope, 100, NULL, &cbor));
    STATUS(OHP_ERR_NULL,
           ohp_issue(NULL, OHP_TIER_CORE, template, strlen(template), sender.envelope, OHP_ENVELOPE_LEN_MAX, NULL, &cbor));
    STATUS(OHP_ERR_NULL, ohp_envelope_surface_hash(NULL, NULL));
    return 0;
}

int test_issue(void)
{
    CHECK(side_init(&sender, SENDER_TRUST) == 0 && side_init(&receiver, RECEIVER_TRUST) == 0);
    int failed = issued();
    side_free(&sender);
    side_free(&receiver);
    return failed;
}
