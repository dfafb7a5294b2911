/* Two legs hand a call over, at Core and at Signed, with sound and without; and what a leg says when it cannot. */

#include "test.h"

static int hand_over(uint32_t tier, int with_sound)
{
    struct side sender, receiver;
    CHECK(side_init(&sender, SENDER_TRUST) == 0 && side_init(&receiver, RECEIVER_TRUST) == 0);
    ohp_bytes cbor = {NULL, 0};
    uint64_t deadline = 0;
    STATUS(OHP_NONE, ohp_leg_poll_timeout(sender.leg, &deadline));
    if (with_sound) {
        CHECK(speak(sender.tap, 21) == 0 && speak(receiver.tap, 21) == 0);
    } else {
        sender.tap = receiver.tap = NULL;
    }
    OK(side_propose(&sender, tier, &cbor));
    CHECK(cbor.data == sender.envelope && cbor.len > 0);
    STATUS(OHP_ERR_STATE, side_propose(&sender, tier, &cbor));
    CHECK(sender.why.len > 0);
    OK(ohp_leg_poll_timeout(sender.leg, &deadline));
    CHECK(deadline == NOW + 300000);
    CHECK(settle(&sender, &receiver) == 0);
    CHECK(side_event(&receiver) == OHP_EVENT_PROPOSED);

    uint8_t memory[OHP_ENVELOPE_SIZE_MAX] __attribute__((aligned(OHP_ALIGN)));
    ohp_envelope *envelope = NULL;
    ohp_str text;
    OK(ohp_envelope_read(memory, sizeof memory, receiver.handled.cbor.data, receiver.handled.cbor.len, NULL, NULL,
                         NULL, &envelope));
    OK(ohp_envelope_text(envelope, TEXT("transcript.summary"), &text));
    CHECK(IS(text, "Disputes a charge."));
    STATUS(with_sound && tier != OHP_TIER_CORE ? OHP_OK : OHP_NONE,
           ohp_envelope_text(envelope, TEXT("session.media.rtpFingerprint"), &text));

    ohp_host host = side_host(&receiver);
    OK(ohp_leg_accept(receiver.leg, &host, &receiver.why));
    CHECK(settle(&sender, &receiver) == 0);
    CHECK(side_event(&sender) == OHP_EVENT_ACCEPTED);
    host = side_host(&sender);
    OK(ohp_leg_assume(sender.leg, &host, &sender.why));
    CHECK(settle(&sender, &receiver) == 0);
    CHECK(side_event(&sender) == OHP_EVENT_HANDED_OFF && side_event(&receiver) == OHP_EVENT_HANDED_OFF);

    ohp_leg_state state = {.size = sizeof state};
    OK(ohp_leg_get_state(sender.leg, &state));
    CHECK(state.phase == OHP_PHASE_HANDED_OFF && state.side == OHP_SIDE_SENDER && !state.is_pending);
    STATUS(OHP_ERR_STATE, ohp_leg_accept(sender.leg, &host, &sender.why));

    host = side_host(&receiver);
    OK(ohp_leg_give_back(receiver.leg, &host, TEXT("resolved"), TEXT("{\"transcript\":{\"summary\":\"Refunded.\"}}"),
                         &receiver.why));
    CHECK(settle(&sender, &receiver) == 0);
    CHECK(side_event(&sender) == OHP_EVENT_RETURNED && side_event(&receiver) == OHP_EVENT_RETURNED);
    OK(ohp_envelope_read(memory, sizeof memory, sender.handled.cbor.data, sender.handled.cbor.len, NULL, NULL, NULL,
                         &envelope));
    OK(ohp_envelope_text(envelope, TEXT("transcript.summary"), &text));
    CHECK(IS(text, "Refunded."));
    CHECK(side_event(&sender) == 0);
    side_free(&sender);
    side_free(&receiver);
    return 0;
}

/* What the last verdict says of the sound; the answers to a verdict that is none are no ohp_doubt. */
static int doubt(const struct side *side)
{
    ohp_verdict_summary summary = {.size = sizeof summary};
    return ohp_verdict_get(side->handled.verdict, &summary) == OHP_OK ? (int)summary.doubt : -1;
}

static int other_sound_is_refused(void)
{
    struct side sender, receiver;
    CHECK(side_init(&sender, SENDER_TRUST) == 0 && side_init(&receiver, RECEIVER_TRUST) == 0);
    CHECK(speak(sender.tap, 21) == 0 && speak(receiver.tap, 22) == 0);
    ohp_bytes cbor;
    OK(side_propose(&sender, OHP_TIER_SIGNED, &cbor));
    CHECK(settle(&sender, &receiver) == 0);
    /* The sound may be on its way still; then it is no more. */
    CHECK(side_event(&receiver) == OHP_EVENT_NEEDS_RESOURCES);
    CHECK(doubt(&receiver) == OHP_DOUBT_MISMATCH);
    OK(ohp_leg_poll_timeout(receiver.leg, &receiver.now_ms));
    CHECK(receiver.now_ms > NOW && receiver.now_ms < NOW + 1000);
    ohp_host host = side_host(&receiver);
    OK(ohp_leg_handle_timeout(receiver.leg, &host));
    CHECK(settle(&sender, &receiver) == 0);
    ohp_event event = {.size = sizeof event};
    OK(ohp_leg_poll_event(receiver.leg, &receiver.why, &event));
    CHECK(event.kind == OHP_EVENT_REFUSED && event.step == 4 && event.reason == OHP_REASON_NOT_BOUND_TO_CALL &&
          event.answered && event.doubt == OHP_DOUBT_MISMATCH && receiver.why.len > 0);
    OK(ohp_leg_poll_event(sender.leg, NULL, &event));
    CHECK(event.kind == OHP_EVENT_REJECTED && event.reason == OHP_REASON_NOT_BOUND_TO_CALL && event.verified &&
          event.doubt == OHP_DOUBT_MISMATCH);
    CHECK(memcmp(event.id, "cse_", 4) == 0);
    side_free(&sender);
    side_free(&receiver);
    return 0;
}

/* The sound comes late: the proposal waits for it, and is judged again with its own bytes. */
static int proposal_waits_for_sound(unsigned seed, ohp_event_kind end, ohp_doubt heard)
{
    struct side sender, receiver;
    CHECK(side_init(&sender, SENDER_TRUST) == 0 && side_init(&receiver, RECEIVER_TRUST) == 0);
    CHECK(speak(sender.tap, 21) == 0);
    ohp_bytes cbor;
    OK(side_propose(&sender, OHP_TIER_SIGNED, &cbor));
    CHECK(settle(&sender, &receiver) == 0);
    CHECK(side_event(&receiver) == OHP_EVENT_NEEDS_RESOURCES);
    ohp_need need = {.size = sizeof need};
    OK(ohp_verdict_need(receiver.handled.verdict, 0, &need));
    CHECK(doubt(&receiver) == OHP_DOUBT_NO_MEDIA);
    CHECK(need.kind == OHP_NEED_MEDIA && need.step == 4 && need.reference.data == NULL);
    STATUS(OHP_NONE, ohp_verdict_need(receiver.handled.verdict, 1, &need));
    ohp_leg_state state = {.size = sizeof state};
    OK(ohp_leg_get_state(receiver.leg, &state));
    CHECK(state.is_pending);
    const uint8_t silence[12 + 160] = {0x80, 0};
    OK(ohp_tap_write_rtp(receiver.tap, silence, sizeof silence));
    ohp_host host = side_host(&receiver);
#define VERIFY_AGAIN()                                                                         \
    ohp_leg_verify_again(receiver.leg, &host, receiver.envelope, len, receiver.verdict_memory, \
                         ohp_verdict_size(), &receiver.why, &receiver.handled)
    const size_t len = receiver.handled.cbor.len;
    OK(VERIFY_AGAIN());
    CHECK(doubt(&receiver) == OHP_DOUBT_NO_USABLE_AUDIO && side_event(&receiver) == 0);
    CHECK(speak(receiver.tap, seed) == 0);
    receiver.now_ms += 2000;
    host = side_host(&receiver);
    OK(VERIFY_AGAIN());
    ohp_event event = {.size = sizeof event};
    OK(ohp_leg_poll_event(receiver.leg, &receiver.why, &event));
    CHECK(event.kind == end && event.doubt == (uint32_t)heard && doubt(&receiver) == (int)heard);
    side_free(&sender);
    side_free(&receiver);
    return 0;
}

/* Two calls over one receiver's table: similar sound is taken and told as such, and the same sound on another call is not. */
static int similar_sound_is_told_and_refused_on_another_call(void)
{
    struct side sender, receiver;
    CHECK(side_similar(&sender, SENDER_TRUST) == 0 && side_similar(&receiver, RECEIVER_TRUST) == 0);
    for (int call = 0; call < 2; call++) {
        const char *id = call == 0 ? "one@192.0.2.1" : "two@192.0.2.1";
        OK(ohp_leg_init(sender.leg_memory, ohp_leg_size(), id, strlen(id), &sender.leg));
        OK(ohp_leg_init(receiver.leg_memory, ohp_leg_size(), id, strlen(id), &receiver.leg));
        CHECK(talk(sender.tap, 31, 500, 0) == 0 && talk(receiver.tap, 31, 500, 1) == 0);
        ohp_bytes cbor;
        OK(side_propose(&sender, OHP_TIER_SIGNED, &cbor));
        CHECK(settle(&sender, &receiver) == 0);
        ohp_event event = {.size = sizeof event};
        ohp_verdict_summary summary = {.size = sizeof summary};
        OK(ohp_leg_poll_event(receiver.leg, &receiver.why, &event));
        CHECK(event.decision == OHP_DECISION_ROBUST_MATCH && event.bit_errors > 0 &&
              event.bit_errors <= OHP_ROBUST_ERRORS_MAX);
        if (call == 0) {
            OK(ohp_verdict_get(receiver.handled.verdict, &summary));
            CHECK(event.kind == OHP_EVENT_PROPOSED && summary.outcome == OHP_OUTCOME_ACCEPT);
            CHECK(summary.decision == OHP_DECISION_ROBUST_MATCH && summary.bit_errors == event.bit_errors);
            CHECK(summary.doubt == OHP_DOUBT_NONE && summary.warnings == 1);
        } else {
            CHECK(event.kind == OHP_EVENT_REFUSED && event.doubt == OHP_DOUBT_SEEN_ELSEWHERE && event.answered);
            CHECK(receiver.why.len > 0);
            OK(ohp_leg_poll_event(sender.leg, &sender.why, &event));
            CHECK(event.kind == OHP_EVENT_REJECTED && event.doubt == OHP_DOUBT_SEEN_ELSEWHERE && event.verified);
            CHECK(IS(sender.why, "the peer has heard the same sound on another call"));
        }
    }
    side_free(&sender);
    side_free(&receiver);
    return 0;
}

static int time_runs_out_and_messages_get_lost(void)
{
    struct side sender, receiver;
    CHECK(side_init(&sender, SENDER_TRUST) == 0 && side_init(&receiver, RECEIVER_TRUST) == 0);
    sender.tap = NULL;
    ohp_bytes cbor;
    OK(side_propose(&sender, OHP_TIER_CORE, &cbor));
    sender.now_ms += 300000;
    ohp_host host = side_host(&sender);
    OK(ohp_leg_handle_timeout(sender.leg, &host));
    CHECK(side_event(&sender) == OHP_EVENT_UNANSWERED);

    OK(ohp_leg_init(sender.leg_memory, ohp_leg_size(), TEXT(CALL_ID), &sender.leg));
    OK(side_propose(&sender, OHP_TIER_CORE, &cbor));
    uint8_t buffer[OHP_TRANSMIT_LEN];
    ohp_transmit sent = {.size = sizeof sent};
    OK(ohp_leg_poll_transmit(sender.leg, sender.table, buffer, sizeof buffer, &sent));
    CHECK(sent.verb == OHP_VERB_PROPOSE && sent.part == 1 && sent.parts >= 1 && IS(sent.ohp_verb, "PROPOSE"));
    STATUS(OHP_NONE, ohp_leg_poll_transmit(sender.leg, sender.table, buffer, sizeof buffer, &sent));
    STATUS(OHP_ERR_RANGE, ohp_leg_handle_response(sender.leg, sender.table, 180));
    OK(ohp_leg_handle_response(sender.leg, sender.table, 481));
    ohp_event event = {.size = sizeof event};
    OK(ohp_leg_poll_event(sender.leg, NULL, &event));
    CHECK(event.kind == OHP_EVENT_UNDELIVERED && event.sip_status == 481 && event.verb == OHP_VERB_PROPOSE);
    side_free(&sender);
    side_free(&receiver);
    return 0;
}

static int wrong_templates_are_explained(void)
{
    struct side sender;
    CHECK(side_init(&sender, SENDER_TRUST) == 0);
    ohp_host host = side_host(&sender);
    ohp_bytes cbor = {NULL, 7};
#define PROPOSE(tier, ...) \
    ohp_leg_propose(sender.leg, &host, tier, __VA_ARGS__, sender.envelope, OHP_ENVELOPE_LEN_MAX, &sender.why, &cbor)
    STATUS(OHP_ERR_MALFORMED, PROPOSE(OHP_TIER_CORE, TEXT("{\"intent\":")));
    CHECK(sender.why.len > 0);
    STATUS(OHP_ERR_MALFORMED, PROPOSE(OHP_TIER_CORE, TEXT("[1]")));
    STATUS(OHP_ERR_MALFORMED, PROPOSE(OHP_TIER_CORE, TEXT("\x01")));
    CHECK(sender.why.len > 0);
    STATUS(OHP_ERR_INVALID, PROPOSE(OHP_TIER_CORE, TEXT("{\"control\":{\"reason\":7}}")));
    CHECK(sender.why.len > 0);
    STATUS(OHP_ERR_RANGE, PROPOSE(9, TEXT("{}")));
    char crowded[OHP_TEMPLATE_LEN_MAX];
    size_t end = (size_t)snprintf(crowded, sizeof crowded, "{\"intent\":{\"slots\":{");
    for (int slot = 0; slot < OHP_TEMPLATE_LEAVES_MAX; slot++)
        end += (size_t)snprintf(crowded + end, sizeof crowded - end, "%s\"s%d\":1", slot > 0 ? "," : "", slot);
    end += (size_t)snprintf(crowded + end, sizeof crowded - end, "}}}");
    STATUS(OHP_ERR_TOO_LONG, PROPOSE(OHP_TIER_CORE, crowded, end));
    static char large[OHP_TEMPLATE_LEN_MAX + 2] = "{";
    STATUS(OHP_ERR_TOO_LONG, PROPOSE(OHP_TIER_CORE, TEXT(large)));
    CHECK(cbor.data == NULL && cbor.len == 7);

    /* No key, no signature. */
    ohp_context_unref(&sender.context);
    OK(ohp_context_new(NULL, NULL, &sender.context));
    ohp_status status = side_propose(&sender, OHP_TIER_SIGNED, &cbor);
    CHECK(status == OHP_ERR_KEY || status == OHP_ERR_INVALID);
    side_free(&sender);
    return 0;
}

static int descriptions_and_identifiers_are_taken(void)
{
    struct side side;
    CHECK(side_init(&side, SENDER_TRUST) == 0);
    static const char HOLD[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
                               "m=audio 4000 RTP/AVP 0\r\na=inactive\r\n";
    OK(ohp_leg_handle_local_sdp(side.leg, TEXT(HOLD), NULL));
    OK(ohp_leg_handle_remote_sdp(side.leg, TEXT(HOLD), &side.why));
    STATUS(OHP_ERR_MALFORMED, ohp_leg_handle_remote_sdp(side.leg, TEXT("m=audio 1"), &side.why));
    CHECK(side.why.len > 0);
    ohp_leg_state state = {.size = sizeof state};
    OK(ohp_leg_get_state(side.leg, &state));
    CHECK(state.is_on_hold && state.phase == OHP_PHASE_IDLE);
    OK(ohp_leg_bind_id(side.leg, TEXT("b@192.0.2.1")));
    OK(ohp_leg_bind_id(side.leg, TEXT("b@192.0.2.1")));
    OK(ohp_leg_bind_id(side.leg, TEXT("c@192.0.2.1")));
    OK(ohp_leg_bind_id(side.leg, TEXT("d@192.0.2.1")));
    STATUS(OHP_ERR_RANGE, ohp_leg_bind_id(side.leg, TEXT("e@192.0.2.1")));
    STATUS(OHP_ERR_RANGE, ohp_leg_bind_id(side.leg, NULL, 0));
    ohp_leg *found = NULL;
    OK(ohp_leg_attach(side.leg_memory, ohp_leg_size(), &found));
    CHECK(found == side.leg && ohp_leg_size() <= OHP_LEG_SIZE_MAX);
    side_free(&side);
    return 0;
}

int test_leg(void)
{
    return hand_over(OHP_TIER_CORE, 0) || hand_over(OHP_TIER_SIGNED, 0) || hand_over(OHP_TIER_SIGNED, 1) ||
           other_sound_is_refused() || similar_sound_is_told_and_refused_on_another_call() || proposal_waits_for_sound(21, OHP_EVENT_PROPOSED, OHP_DOUBT_NONE) ||
           proposal_waits_for_sound(22, OHP_EVENT_REFUSED, OHP_DOUBT_MISMATCH) || time_runs_out_and_messages_get_lost();
}

int test_leg_lent(void)
{
    return wrong_templates_are_explained() || descriptions_and_identifiers_are_taken();
}
