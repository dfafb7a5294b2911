/* What a host can get wrong gives a status, and changes nothing. */

#include "test.h"

int test_misuse(void)
{
    struct side side;
    CHECK(side_init(&side, RECEIVER_TRUST) == 0);
    uint8_t cbor[4096];
    size_t len = core_cbor(cbor, sizeof cbor), size = 0;
    char *odd = (char *)side.scratch + 1;
    void *zeros = calloc(1, OHP_LEG_SIZE_MAX);

    /* NULL. */
    STATUS(OHP_ERR_NULL, ohp_context_new(NULL, NULL, NULL));
    STATUS(OHP_ERR_NULL, ohp_context_ref(NULL));
    STATUS(OHP_ERR_NULL, ohp_context_unref(NULL));
    STATUS(OHP_ERR_NULL, ohp_table_size(NULL, NULL));
    STATUS(OHP_ERR_NULL, ohp_table_init(NULL, 1 << 20, NULL, (const uint8_t *)"0123456789abcdef", &side.table));
    STATUS(OHP_ERR_NULL, ohp_table_init(zeros, OHP_LEG_SIZE_MAX, NULL, NULL, &side.table));
    STATUS(OHP_ERR_NULL, ohp_table_get_stats(side.table, NULL));
    STATUS(OHP_ERR_NULL, ohp_tap_write_rtp(NULL, cbor, len));
    STATUS(OHP_ERR_NULL, ohp_tap_write_rtp(side.tap, NULL, 10));
    STATUS(OHP_ERR_NULL, ohp_tap_search(side.tap, NULL, 71, NULL, NULL));
    STATUS(OHP_ERR_NULL, ohp_envelope_text(NULL, TEXT("id"), NULL));
    STATUS(OHP_ERR_NULL, ohp_info_parse(NULL, 10, NULL, 0, NULL, NULL));
    STATUS(OHP_ERR_NULL, ohp_leg_init(side.leg_memory, ohp_leg_size(), NULL, 5, &side.leg));
    STATUS(OHP_ERR_NULL, ohp_leg_poll_event(NULL, NULL, &(ohp_event){.size = sizeof(ohp_event)}));
    STATUS(OHP_ERR_NULL, ohp_leg_accept(side.leg, NULL, NULL));
    STATUS(OHP_ERR_NULL, ohp_verify(NULL, cbor, len, side.verdict_memory, ohp_verdict_size(), NULL));
    STATUS(OHP_ERR_NULL, ohp_verdict_detail(NULL, &side.why));
    STATUS(OHP_ERR_NULL, ohp_envelope_tier(NULL, NULL));

    /* Memory that holds no object, or another one. */
    STATUS(OHP_ERR_OBJECT, ohp_tap_write_rtp(zeros, cbor, len));
    STATUS(OHP_ERR_OBJECT, ohp_leg_get_state(zeros, &(ohp_leg_state){.size = sizeof(ohp_leg_state)}));
    STATUS(OHP_ERR_OBJECT, ohp_leg_get_state((ohp_leg *)side.tap, &(ohp_leg_state){.size = sizeof(ohp_leg_state)}));
    STATUS(OHP_ERR_OBJECT, ohp_table_get_stats((ohp_table *)side.tap, &(ohp_table_stats){.size = sizeof(ohp_table_stats)}));
    STATUS(OHP_ERR_OBJECT, ohp_envelope_tier(zeros, &(ohp_tier){0}));
    STATUS(OHP_ERR_OBJECT, ohp_context_ref((const ohp_context *)zeros));
    STATUS(OHP_ERR_OBJECT, ohp_leg_attach(zeros, OHP_LEG_SIZE_MAX, &side.leg));

    /* Misaligned. */
    STATUS(OHP_ERR_ALIGNMENT, ohp_leg_init(odd, ohp_leg_size(), TEXT(CALL_ID), &side.leg));
    STATUS(OHP_ERR_ALIGNMENT, ohp_tap_init(odd, 1 << 20, OHP_CODEC_PCMU, 10, &side.tap));
    STATUS(OHP_ERR_ALIGNMENT, ohp_leg_get_state((ohp_leg *)odd, &(ohp_leg_state){.size = sizeof(ohp_leg_state)}));
    STATUS(OHP_ERR_ALIGNMENT, ohp_table_size(NULL, (size_t *)odd));

    /* Too little room. */
    STATUS(OHP_ERR_SPACE, ohp_leg_init(side.leg_memory, ohp_leg_size() - 1, TEXT(CALL_ID), &side.leg));
    STATUS(OHP_ERR_SPACE, ohp_tap_init(zeros, OHP_LEG_SIZE_MAX, OHP_CODEC_PCMU, 10, &side.tap));
    ohp_host host = side_host(&side);
    ohp_info info = {.size = sizeof info, .content_type = {TEXT("application/ohp+cbor")}, .body = {cbor, len}};
    ohp_handled handled = {.size = sizeof handled};
    host.scratch_size--;
    STATUS(OHP_ERR_SPACE, ohp_leg_handle_info(side.leg, &host, &info, side.envelope, OHP_ENVELOPE_LEN_MAX,
                                              side.verdict_memory, ohp_verdict_size(), NULL, &handled));
    host.scratch_size++;
    STATUS(OHP_ERR_SPACE, ohp_leg_handle_info(side.leg, &host, &info, side.envelope, 100, side.verdict_memory,
                                              ohp_verdict_size(), NULL, &handled));
    STATUS(OHP_ERR_SPACE, ohp_leg_handle_info(side.leg, &host, &info, side.envelope, OHP_ENVELOPE_LEN_MAX,
                                              side.verdict_memory, 10, NULL, &handled));
    uint8_t small[100];
    STATUS(OHP_ERR_SPACE, ohp_leg_poll_transmit(side.leg, side.table, small, sizeof small,
                                                &(ohp_transmit){.size = sizeof(ohp_transmit)}));

    /* A structure whose size was not set, a length that no memory has, a moment that is none, a text that is none. */
    STATUS(OHP_ERR_SIZE, ohp_leg_poll_event(side.leg, NULL, &(ohp_event){0}));
    STATUS(OHP_ERR_SIZE, ohp_leg_accept(side.leg, &(ohp_host){0}, NULL));
    info.reserved[1] = 1;
    STATUS(OHP_ERR_SIZE, ohp_leg_handle_info(side.leg, &host, &info, side.envelope, OHP_ENVELOPE_LEN_MAX,
                                             side.verdict_memory, ohp_verdict_size(), NULL, &handled));
    info.reserved[1] = 0;
    STATUS(OHP_ERR_RANGE, ohp_tap_write_rtp(side.tap, cbor, SIZE_MAX));
    host.now_ms = UINT64_MAX;
    STATUS(OHP_ERR_RANGE, ohp_leg_handle_timeout(side.leg, &host));
    host.now_ms = NOW;
    STATUS(OHP_ERR_UTF8, ohp_leg_init(side.leg_memory, ohp_leg_size(), TEXT("\xc3("), &side.leg));
    STATUS(OHP_ERR_RANGE, ohp_leg_init(side.leg_memory, ohp_leg_size(), TEXT(""), &side.leg));

    /* Wrong order: nothing is proposed, nothing is outstanding. */
    STATUS(OHP_ERR_STATE, ohp_leg_accept(side.leg, &host, &side.why));
    STATUS(OHP_ERR_STATE, ohp_leg_assume(side.leg, &host, &side.why));
    STATUS(OHP_ERR_STATE, ohp_leg_reject(side.leg, &host, OHP_REASON_UNKNOWN, &side.why));
    STATUS(OHP_ERR_RANGE, ohp_leg_reject(side.leg, &host, OHP_REASON_NONE, &side.why));
    STATUS(OHP_ERR_STATE, ohp_leg_give_back(side.leg, &host, TEXT("resolved"), NULL, 0, &side.why));
    CHECK(side.why.len > 0);
    OK(ohp_leg_handle_response(side.leg, side.table, 200));
    OK(ohp_leg_handle_timeout(side.leg, &host));
    OK(ohp_leg_verify_again(side.leg, &host, cbor, len, side.verdict_memory, ohp_verdict_size(), NULL, &handled));
    CHECK(handled.verdict == NULL && handled.cbor.data == NULL);
    CHECK(side_event(&side) == 0);

    /* After all that the leg still takes a call. */
    OK(ohp_leg_handle_info(side.leg, &host, &info, side.envelope, OHP_ENVELOPE_LEN_MAX, side.verdict_memory,
                           ohp_verdict_size(), NULL, &handled));
    CHECK(handled.sip_status == 200 && side_event(&side) == OHP_EVENT_PROPOSED);
    OK(ohp_table_size(NULL, &size));
    free(zeros);
    side_free(&side);
    return 0;
}
