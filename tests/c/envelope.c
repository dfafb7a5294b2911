/* JSON becomes CBOR, a view gives every member, and JSON comes out again. */

#include "test.h"

static int broken, warned;

static void report(void *user, bool warning, ohp_str text)
{
    *(int *)user += 1;
    broken += text.len > 0;
    warned += warning;
}

int test_envelope(void)
{
    uint8_t cbor[4096], memory[OHP_ENVELOPE_SIZE_MAX] __attribute__((aligned(OHP_ALIGN)));
    size_t len = core_cbor(cbor, sizeof cbor), count = 0;
    CHECK(len > 0 && ohp_envelope_size() <= sizeof memory);

    char buffer[256];
    ohp_text why = {buffer, sizeof buffer, 0};
    ohp_envelope *envelope = NULL;
    int told = 0;
    OK(ohp_envelope_read(memory, sizeof memory, cbor, len, report, &told, &why, &envelope));
    CHECK(told == 0);

    ohp_tier tier = 0;
    ohp_verb verb = 0;
    ohp_kind kind = 0;
    ohp_str text = {NULL, 0};
    ohp_bytes bytes = {NULL, 0};
    int64_t integer = 0;
    double number = 0;
    bool truth = false;
    uint64_t moment = 0;
    OK(ohp_envelope_tier(envelope, &tier));
    OK(ohp_envelope_verb(envelope, &verb));
    CHECK(tier == OHP_TIER_CORE && verb == OHP_VERB_PROPOSE);
    OK(ohp_envelope_id(envelope, &text));
    CHECK(IS(text, "cse_01HZX0R5N9V8W1QYK0XQM3R3K9"));
    CHECK((const uint8_t *)text.data > cbor && (const uint8_t *)text.data < cbor + len);
    OK(ohp_envelope_call_id(envelope, &text));
    CHECK(IS(text, CALL_ID));
    OK(ohp_envelope_bytes(envelope, &bytes));
    CHECK(bytes.data == cbor && bytes.len == len);

    OK(ohp_envelope_text(envelope, TEXT("intent.slots.accountRef"), &text));
    CHECK(IS(text, "acct_77"));
    OK(ohp_envelope_text(envelope, TEXT("/intent/slots/a.b"), &text));
    CHECK(IS(text, "dotted"));
    OK(ohp_envelope_text(envelope, TEXT("transcript.turns[1].text"), &text));
    CHECK(IS(text, "Of course."));
    OK(ohp_envelope_text(envelope, TEXT("issuedAt"), &text));
    CHECK(IS(text, "2026-05-28T13:42:11Z"));
    OK(ohp_envelope_time(envelope, TEXT("issuedAt"), &moment));
    CHECK(moment == NOW);
    OK(ohp_envelope_integer(envelope, TEXT("intent.slots.attempts"), &integer));
    OK(ohp_envelope_number(envelope, TEXT("intent.slots.amount"), &number));
    OK(ohp_envelope_bool(envelope, TEXT("intent.slots.urgent"), &truth));
    CHECK(integer == 3 && number == 42.5 && truth);
    OK(ohp_envelope_number(envelope, TEXT("intent.slots.attempts"), &number));
    CHECK(number == 3);
    OK(ohp_envelope_kind(envelope, TEXT("intent.slots.amount"), &kind));
    CHECK(kind == OHP_KIND_FLOAT);
    OK(ohp_envelope_kind(envelope, NULL, 0, &kind));
    CHECK(kind == OHP_KIND_MAP);
    OK(ohp_envelope_count(envelope, TEXT("transcript.turns"), &count));
    CHECK(count == 2);
    OK(ohp_envelope_count(envelope, TEXT("intent.slots"), &count));
    CHECK(count == 5);
    OK(ohp_envelope_key(envelope, TEXT("intent.slots"), 0, &text));
    CHECK(IS(text, "a.b"));
    STATUS(OHP_NONE, ohp_envelope_key(envelope, TEXT("intent.slots"), 5, &text));

    STATUS(OHP_NONE, ohp_envelope_text(envelope, TEXT("intent.slots.nothing"), &text));
    STATUS(OHP_NONE, ohp_envelope_text(envelope, TEXT("transcript.turns[2].text"), &text));
    STATUS(OHP_ERR_KIND, ohp_envelope_text(envelope, TEXT("intent.slots.attempts"), &text));
    STATUS(OHP_ERR_KIND, ohp_envelope_integer(envelope, TEXT("intent.slots.amount"), &integer));
    STATUS(OHP_ERR_KIND, ohp_envelope_bool(envelope, TEXT("intent"), &truth));
    STATUS(OHP_ERR_KIND, ohp_envelope_count(envelope, TEXT("id"), &count));
    STATUS(OHP_ERR_KIND, ohp_envelope_time(envelope, TEXT("id"), &moment));
    STATUS(OHP_ERR_UTF8, ohp_envelope_text(envelope, TEXT("\xff"), &text));

    char json[4096];
    OK(ohp_envelope_json(envelope, TEXT("intent.slots"), 0, json, sizeof json, &count));
    static const char SLOTS[] =
        "{\"a.b\":\"dotted\",\"amount\":42.5,\"urgent\":true,\"attempts\":3,\"accountRef\":\"acct_77\"}";
    CHECK(count == sizeof SLOTS - 1 && memcmp(json, SLOTS, count) == 0);
    STATUS(OHP_ERR_SPACE, ohp_envelope_json(envelope, NULL, 0, 0, json, 10, &count));
    OK(ohp_envelope_json(envelope, NULL, 0, 1, json, sizeof json, &count));
    size_t scratch_size = ohp_cbor_from_json_scratch_size(count);
    void *scratch = malloc(scratch_size);
    uint8_t again[4096];
    size_t again_len = 0;
    OK(ohp_cbor_from_json(json, count, scratch, scratch_size, &why, again, sizeof again, &again_len));
    CHECK(again_len == len && memcmp(again, cbor, len) == 0);
    STATUS(OHP_ERR_SPACE, ohp_cbor_from_json(json, count, scratch, 10, &why, again, sizeof again, &again_len));
    STATUS(OHP_ERR_SPACE, ohp_cbor_from_json(json, count, scratch, scratch_size, &why, again, 9, &again_len));
    STATUS(OHP_ERR_MALFORMED, ohp_cbor_from_json(TEXT("{\"a\":1,\"a\":2}"), scratch, scratch_size, &why, again,
                                                 sizeof again, &again_len));
    CHECK(why.len > 0 && strstr(strncat(buffer, "", 0), "second time") != NULL);
    free(scratch);

    /* One rule broken: the nonce is too short; then no envelope at all. */
    uint8_t *nonce = memmem(cbor, len, "9f2c1b7a55d04e21", 16);
    CHECK(nonce != NULL);
    nonce[0] = 'G';
    STATUS(OHP_ERR_MALFORMED, ohp_envelope_read(memory, sizeof memory, cbor, len, report, &told, &why, &envelope));
    CHECK(told == 1 && broken == 1 && warned == 0 && why.len > 0);
    nonce[0] = '9';
    STATUS(OHP_ERR_MALFORMED, ohp_envelope_read(memory, sizeof memory, cbor, len - 1, NULL, NULL, NULL, &envelope));
    STATUS(OHP_ERR_MALFORMED, ohp_envelope_read(memory, sizeof memory, NULL, 0, NULL, NULL, NULL, &envelope));
    static uint8_t large[OHP_ENVELOPE_LEN_MAX + 1];
    STATUS(OHP_ERR_TOO_LONG,
           ohp_envelope_read(memory, sizeof memory, large, sizeof large, NULL, NULL, NULL, &envelope));
    return 0;
}
