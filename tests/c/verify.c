/* A verdict without a leg: accepted, refused with step and reason, in need, seen before. */

#include "test.h"

static void observe(void *user, uint32_t step, ohp_step_result result)
{
    if (step < OHP_STEPS && result != OHP_STEP_NOT_REACHED)
        ++*(unsigned *)user;
}

int test_verify(void)
{
    struct side side;
    CHECK(side_init(&side, RECEIVER_TRUST) == 0);
    uint8_t cbor[4096];
    unsigned steps = 0;
    size_t len = core_cbor(cbor, sizeof cbor);
    const ohp_str ids[] = {{TEXT("another@192.0.2.9")}, {TEXT(CALL_ID)}};
    ohp_situation situation = {
        .size = sizeof situation,
        .context = side.context,
        .table = side.table,
        .now_ms = NOW + 1000,
        .call_ids = ids,
        .call_ids_len = 2,
        .observe = observe,
        .user = &steps,
        .scratch = side.scratch,
        .scratch_size = ohp_verify_scratch_size(),
    };
    ohp_verdict *verdict = NULL;
    ohp_verdict_summary summary = {.size = sizeof summary};
    size_t size = ohp_verdict_size();
    CHECK(size <= OHP_VERDICT_SIZE_MAX);

    OK(ohp_verify(&situation, cbor, len, side.verdict_memory, size, &verdict));
    OK(ohp_verdict_get(verdict, &summary));
    CHECK(summary.outcome == OHP_OUTCOME_ACCEPT && summary.reason == OHP_REASON_NONE && summary.has_envelope);
    CHECK(summary.results[0] == OHP_STEP_PASS && summary.results[2] == OHP_STEP_SKIP &&
          summary.results[4] == OHP_STEP_PASS);
    CHECK(steps >= 5);
    STATUS(OHP_NONE, ohp_verdict_detail(verdict, &side.why));
    STATUS(OHP_NONE, ohp_verdict_warning(verdict, 0, &side.why));
    uint8_t memory[OHP_ENVELOPE_SIZE_MAX] __attribute__((aligned(OHP_ALIGN)));
    ohp_envelope *envelope = NULL;
    ohp_str text;
    OK(ohp_verdict_envelope(verdict, memory, sizeof memory, &envelope));
    OK(ohp_envelope_text(envelope, TEXT("intent.current.name"), &text));
    CHECK(IS(text, "billing_dispute"));

    /* The same again is a retransmission; on another call it is a replay. */
    OK(ohp_verify(&situation, cbor, len, side.verdict_memory, size, &verdict));
    OK(ohp_verdict_get(verdict, &summary));
    CHECK(summary.outcome == OHP_OUTCOME_DUPLICATE);
    const ohp_str other = {TEXT("third@192.0.2.9")};
    situation.call_ids = &other;
    situation.call_ids_len = 1;
    OK(ohp_verify(&situation, cbor, len, side.verdict_memory, size, &verdict));
    OK(ohp_verdict_get(verdict, &summary));
    CHECK(summary.outcome == OHP_OUTCOME_REJECT && summary.step == 0 &&
          summary.reason == OHP_REASON_NOT_BOUND_TO_CALL);
    OK(ohp_verdict_detail(verdict, &side.why));
    CHECK(side.why.len > 0);

    /* Nothing remembered, no call known: step 4 is not run. Then too late. */
    situation.table = NULL;
    situation.call_ids_len = 0;
    OK(ohp_verify(&situation, cbor, len, side.verdict_memory, size, &verdict));
    OK(ohp_verdict_get(verdict, &summary));
    CHECK(summary.outcome == OHP_OUTCOME_ACCEPT && summary.results[4] == OHP_STEP_SKIP);
    situation.now_ms = NOW + 306000;
    OK(ohp_verify(&situation, cbor, len, side.verdict_memory, size, &verdict));
    OK(ohp_verdict_get(verdict, &summary));
    CHECK(summary.outcome == OHP_OUTCOME_REJECT && summary.step == 3 && summary.reason == OHP_REASON_STALE);
    situation.now_ms = NOW;

    /* As many identifiers of a call as there may be, and one more. */
    ohp_str many[OHP_CALL_IDS_MAX + 1];
    for (size_t nth = 0; nth <= OHP_CALL_IDS_MAX; nth++)
        many[nth] = other;
    situation.call_ids = many;
    situation.call_ids_len = OHP_CALL_IDS_MAX;
    OK(ohp_verify(&situation, cbor, len, side.verdict_memory, size, &verdict));
    situation.call_ids_len++;
    STATUS(OHP_ERR_RANGE, ohp_verify(&situation, cbor, len, side.verdict_memory, size, &verdict));
    situation.call_ids_len = 0;

    /* An echo header that says otherwise. */
    ohp_info info = {.size = sizeof info, .ohp_verb = {TEXT("ACCEPT")}};
    situation.info = &info;
    OK(ohp_verify(&situation, cbor, len, side.verdict_memory, size, &verdict));
    OK(ohp_verdict_get(verdict, &summary));
    CHECK(summary.outcome == OHP_OUTCOME_REJECT && summary.step == 0 && summary.reason == OHP_REASON_UNKNOWN);
    situation.info = NULL;

    /* No envelope at all. */
    OK(ohp_verify(&situation, cbor, len - 1, side.verdict_memory, size, &verdict));
    OK(ohp_verdict_get(verdict, &summary));
    CHECK(summary.outcome == OHP_OUTCOME_REJECT && !summary.has_envelope);
    STATUS(OHP_NONE, ohp_verdict_envelope(verdict, memory, sizeof memory, &envelope));

    situation.scratch_size--;
    STATUS(OHP_ERR_SPACE, ohp_verify(&situation, cbor, len, side.verdict_memory, size, &verdict));
    situation.scratch_size++;
    STATUS(OHP_ERR_SPACE, ohp_verify(&situation, cbor, len, side.verdict_memory, size - 1, &verdict));
    situation.fingerprint = (ohp_str){TEXT("sha256:beef")};
    STATUS(OHP_ERR_MALFORMED, ohp_verify(&situation, cbor, len, side.verdict_memory, size, &verdict));
    side_free(&side);
    return 0;
}
