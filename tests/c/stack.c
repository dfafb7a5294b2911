/* No function uses more than 96 KiB of stack, though the worst comes in: the threads of a PBX have 240 KiB and have used
 * some of it. Each function of the header runs on a thread of that size whose stack is painted first. */

#include <pthread.h>
#include <sys/mman.h>

#include "test.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* Sanitizers put more on the stack: how much is theirs, so that only what is done on it is looked at. */
#define STACK (1024 * 1024)
#define LIMIT STACK
#else
#define STACK (240 * 1024)
#define LIMIT (96 * 1024)
#endif
#define PAGE 4096
#define PAINT 0xa5
#define NAMES_MAX 128
/* So long, and so unlike itself, that its INFOs are as many as may be. */
#define SUMMARY_LEN 5200
/* Containers in one another that the reader of JSON takes. */
#define DEPTH 31

static struct side sender, receiver;
static uint8_t object[OHP_ENVELOPE_SIZE_MAX] __attribute__((aligned(OHP_ALIGN)));
static uint8_t core[4096], buffer[OHP_TRANSMIT_LEN], large[OHP_ENVELOPE_LEN_MAX];
static uint8_t packet[12 + 160] = {0x80};
static char deep[OHP_ENVELOPE_LEN_MAX], template[OHP_TEMPLATE_LEN_MAX], printed[OHP_ENVELOPE_LEN_MAX];
static char context_text[OHP_TEMPLATE_LEN_MAX];
static size_t core_len, deep_len, size, len, count;
static ohp_envelope *envelope;
static ohp_verdict *verdict;
static ohp_disclosed *disclosed;
static ohp_disclosed_value value = {.size = sizeof value};
static const ohp_context *context;
static ohp_bytes cbor;
static ohp_str text;
static ohp_host host;
static ohp_info info = {.size = sizeof info};
static ohp_transmit sent = {.size = sizeof sent}, one = {.size = sizeof one};
static ohp_received received = {.size = sizeof received};
static ohp_event event = {.size = sizeof event};
static ohp_fingerprint mark = {.size = sizeof mark};
static ohp_robust_fingerprint likeness = {.size = sizeof likeness};
static void *json_scratch, *memory;

static const char SDP[] =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 96 97 98 99\r\n"
    "a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 PCMU/16000\r\na=rtpmap:98 telephone-event/8000\r\na=rtpmap:99 G722/8000\r\n"
    "a=fmtp:96 useinbandfec=1\r\na=ptime:20\r\na=sendrecv\r\n";
static const char ABSENT[] = "sha256:00000000000000000000000000000000000000000000000000000000000000aa";

/* The most stack that each function has used. */
static struct {
    const char *name;
    size_t used;
} table[NAMES_MAX];
static size_t names, thread_itself;

struct task {
    int (*work)(void);
    int done;
};

static void *run(void *user)
{
    struct task *task = user;
    task->done = task->work();
    return NULL;
}

/* Runs `work` on a painted stack; how much of that it used, or 0 if it failed. */
static size_t used(int (*work)(void))
{
    struct task task = {work, 0};
    pthread_attr_t attributes;
    pthread_t thread;
    uint8_t *stack = mmap(NULL, STACK + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED || mprotect(stack, PAGE, PROT_NONE) != 0)
        return 0;
    memset(stack + PAGE, PAINT, STACK);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack + PAGE, STACK);
    int failed = pthread_create(&thread, &attributes, run, &task) || pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    size_t untouched = 0;
    while (untouched < STACK && stack[PAGE + untouched] == PAINT)
        untouched++;
    munmap(stack, STACK + PAGE);
    return failed || !task.done ? 0 : STACK - untouched;
}

static int measure(const char *name, int (*work)(void))
{
    size_t stack = used(work), at = 0;
    if (stack == 0)
        fprintf(stderr, "%s failed\n", name);
    CHECK(stack > 0);
    stack -= thread_itself < stack ? thread_itself : stack;
    while (at < names && strcmp(table[at].name, name) != 0)
        at++;
    CHECK(at < NAMES_MAX);
    table[at].name = name;
    if (stack > table[at].used)
        table[at].used = stack;
    names += at == names;
    return 0;
}

static int nothing(void)
{
    return 1;
}

/* A function of the header, and what is done with it; `tests/header.rs` looks whether all are here. */
#define WORK(function, ...)            \
    static int work_##function(void)   \
    {                                  \
        return (__VA_ARGS__);          \
    }
#define RUN(function) CHECK(measure(#function, work_##function) == 0)

/* Functions that say what is so, or whose outcome nothing else here hangs on, in an order that works. */
#define PLAIN(DO)                                                                                                     \
    DO(ohp_status_text, ohp_status_text(OHP_ERR_MEMORY).len > 0)                                                      \
    DO(ohp_abi_version, ohp_abi_version() == OHP_ABI_VERSION)                                                         \
    DO(ohp_version, ohp_version().len > 0)                                                                            \
    DO(ohp_tier_text, ohp_tier_text(OHP_TIER_CORE).len > 0)                                                           \
    DO(ohp_verb_text, ohp_verb_text(OHP_VERB_PROPOSE).len > 0)                                                        \
    DO(ohp_reason_text, ohp_reason_text(OHP_REASON_NOT_BOUND_TO_CALL).len > 0)                                        \
    DO(ohp_step_name, ohp_step_name(1).len > 0)                                                                       \
    DO(ohp_outcome_text, ohp_outcome_text(OHP_OUTCOME_ACCEPT).len > 0)                                                \
    DO(ohp_step_result_text, ohp_step_result_text(OHP_STEP_PASS).len > 0)                                             \
    DO(ohp_need_kind_text, ohp_need_kind_text(OHP_NEED_JWKS).len > 0)                                                 \
    DO(ohp_disclosed_size, ohp_disclosed_size() > 0)                                                                  \
    DO(ohp_disclosed_align, ohp_disclosed_align() > 0)                                                                \
    DO(ohp_disclosed_init, ohp_disclosed_init(memory, ohp_disclosed_size(), &receiver.why, &disclosed) == OHP_OK)     \
    DO(ohp_disclosed_end, ohp_disclosed_end(disclosed) == OHP_OK)                                                     \
    DO(ohp_context_ref, ohp_context_ref(receiver.context) == OHP_OK && (context = receiver.context) != NULL)          \
    DO(ohp_context_unref, ohp_context_unref(&context) == OHP_OK)                                                      \
    DO(ohp_table_size, ohp_table_size(NULL, &size) == OHP_OK)                                                         \
    DO(ohp_table_init, ohp_table_init(memory, size, NULL, (const uint8_t *)"0123456789abcdef", &(ohp_table *){NULL}) == OHP_OK) \
    DO(ohp_table_attach, ohp_table_attach(memory, size, &(ohp_table *){NULL}) == OHP_OK)                              \
    DO(ohp_table_get_stats, ohp_table_get_stats(receiver.table, &(ohp_table_stats){.size = sizeof(ohp_table_stats)}) == OHP_OK) \
    DO(ohp_tap_size, ohp_tap_size(OHP_CODEC_PCMU, 10, &size) == OHP_OK)                                               \
    DO(ohp_tap_init, ohp_tap_init(memory, size, OHP_CODEC_PCMU, 10, &(ohp_tap *){NULL}) == OHP_OK)                    \
    DO(ohp_tap_attach, ohp_tap_attach(memory, size, &(ohp_tap *){NULL}) == OHP_OK)                                    \
    DO(ohp_tap_set_payload_types, ohp_tap_set_payload_types(memory, (const uint8_t[OHP_PAYLOAD_TYPES]){OHP_CODEC_PCMU}) == OHP_OK)                                \
    DO(ohp_tap_set_sdp, ohp_tap_set_sdp(memory, TEXT(SDP)) == OHP_OK)                                                 \
    DO(ohp_tap_write_rtp, ohp_tap_write_rtp(memory, packet, sizeof packet) == OHP_OK)                                 \
    DO(ohp_tap_write_frame, ohp_tap_write_frame(memory, &(ohp_frame){.size = sizeof(ohp_frame), .codec = OHP_CODEC_PCMU, \
        .payload = packet, .payload_len = sizeof packet}) == OHP_OK)                                                  \
    DO(ohp_tap_write_pcm, ohp_tap_write_pcm(memory, &(ohp_pcm){.size = sizeof(ohp_pcm), .sample_rate = 8000,           \
        .samples = (const int16_t[80]){1}, .count = 80}) == OHP_OK)                                                   \
    DO(ohp_tap_get_stats, ohp_tap_get_stats(memory, &(ohp_tap_stats){.size = sizeof(ohp_tap_stats)}) == OHP_OK)       \
    DO(ohp_tap_fingerprint, ohp_tap_fingerprint(sender.tap, NULL, &mark) == OHP_OK)                                   \
    DO(ohp_tap_search, ohp_tap_search(receiver.tap, TEXT(ABSENT), &receiver.why, &(ohp_decision){0}) == OHP_OK)       \
    DO(ohp_decision_text, ohp_decision_text(OHP_DECISION_ROBUST_MATCH).len == 6)                                      \
    DO(ohp_tap_robust_fingerprint, ohp_tap_robust_fingerprint(sender.tap, NULL, &likeness) == OHP_OK)                 \
    DO(ohp_tap_continuity, ohp_tap_continuity(receiver.tap, (ohp_str){TEXT(ABSENT)}, (ohp_str){likeness.text, OHP_ROBUST_LEN},         \
        &receiver.why, &(ohp_continuity){.size = sizeof(ohp_continuity)}) == OHP_OK)                                  \
    DO(ohp_envelope_size, ohp_envelope_size() > 0)                                                                    \
    DO(ohp_cbor_from_json_scratch_size, ohp_cbor_from_json_scratch_size(deep_len) > 0)                                \
    DO(ohp_cbor_from_json, ohp_cbor_from_json(deep, deep_len, json_scratch, ohp_cbor_from_json_scratch_size(deep_len), \
        &receiver.why, large, sizeof large, &len) == OHP_OK)                                                          \
    DO(ohp_envelope_read, ohp_envelope_read(object, sizeof object, core, core_len, NULL, NULL, &receiver.why, &envelope) == OHP_OK) \
    DO(ohp_envelope_tier, ohp_envelope_tier(envelope, &(ohp_tier){0}) == OHP_OK)                                      \
    DO(ohp_envelope_verb, ohp_envelope_verb(envelope, &(ohp_verb){0}) == OHP_OK)                                      \
    DO(ohp_envelope_id, ohp_envelope_id(envelope, &text) == OHP_OK)                                                   \
    DO(ohp_envelope_surface_hash, ohp_envelope_surface_hash(envelope, &(uint8_t[32]){0}) == OHP_OK)                   \
    DO(ohp_envelope_report_due, ohp_envelope_report_due(envelope, &(uint64_t){0}) == OHP_NONE)                        \
    DO(ohp_envelope_call_id, ohp_envelope_call_id(envelope, &text) == OHP_OK)                                         \
    DO(ohp_envelope_bytes, ohp_envelope_bytes(envelope, &(ohp_bytes){0}) == OHP_OK)                                   \
    DO(ohp_envelope_kind, ohp_envelope_kind(envelope, TEXT("intent.slots"), &(ohp_kind){0}) == OHP_OK)                \
    DO(ohp_envelope_text, ohp_envelope_text(envelope, TEXT("transcript.turns[1].text"), &text) == OHP_OK)             \
    DO(ohp_envelope_integer, ohp_envelope_integer(envelope, TEXT("intent.slots.attempts"), &(int64_t){0}) == OHP_OK)  \
    DO(ohp_envelope_number, ohp_envelope_number(envelope, TEXT("intent.slots.amount"), &(double){0}) == OHP_OK)       \
    DO(ohp_envelope_bool, ohp_envelope_bool(envelope, TEXT("intent.slots.urgent"), &(bool){0}) == OHP_OK)             \
    DO(ohp_envelope_time, ohp_envelope_time(envelope, TEXT("issuedAt"), &(uint64_t){0}) == OHP_OK)                    \
    DO(ohp_envelope_count, ohp_envelope_count(envelope, TEXT("transcript.turns"), &count) == OHP_OK)                  \
    DO(ohp_envelope_key, ohp_envelope_key(envelope, TEXT("intent.slots"), 0, &text) == OHP_OK)                        \
    DO(ohp_cbor_to_json, ohp_cbor_to_json(core, core_len, 1, printed, sizeof printed, &receiver.why, &len) == OHP_OK) \
    DO(ohp_envelope_json, ohp_envelope_json(envelope, NULL, 0, 1, printed, sizeof printed, &len) == OHP_OK)           \
    DO(ohp_sdp_hint, ohp_sdp_hint(TEXT(SDP), 0, &receiver.why, printed, sizeof printed, &len) == OHP_OK)              \
    DO(ohp_sdp_compare, ohp_sdp_compare(envelope, TEXT(SDP), &receiver.why, &(ohp_agreement){0}) == OHP_OK)           \
    DO(ohp_leg_renegotiation, ohp_leg_renegotiation(receiver.leg, envelope, TEXT("opus/48000/2 PCMU"), printed, sizeof printed, &len, \
        &(ohp_renegotiation){0}) == OHP_OK)                                                                           \
    DO(ohp_receive_scratch_size, ohp_receive_scratch_size() > 0)                                                      \
    DO(ohp_verdict_size, ohp_verdict_size() > 0)                                                                      \
    DO(ohp_verify_scratch_size, ohp_verify_scratch_size() > 0)                                                        \
    DO(ohp_scratch_size, ohp_scratch_size() > 0)                                                                      \
    DO(ohp_leg_size, ohp_leg_size() > 0)                                                                              \
    DO(ohp_leg_init, ohp_leg_init(memory, ohp_leg_size(), TEXT(CALL_ID), &(ohp_leg *){NULL}) == OHP_OK)               \
    DO(ohp_leg_attach, ohp_leg_attach(memory, ohp_leg_size(), &(ohp_leg *){NULL}) == OHP_OK)                          \
    DO(ohp_leg_bind_id, ohp_leg_bind_id(memory, TEXT("b@192.0.2.1")) == OHP_OK)                                       \
    DO(ohp_leg_get_state, ohp_leg_get_state(memory, &(ohp_leg_state){.size = sizeof(ohp_leg_state)}) == OHP_OK)

PLAIN(WORK)

WORK(ohp_context_new,
     ohp_context_new(&(ohp_context_config){.size = sizeof(ohp_context_config),
                                           .trust = {(const uint8_t *)RECEIVER_TRUST, strlen(RECEIVER_TRUST)}},
                     &receiver.why, &context) == OHP_OK)

/* A handoff; `from` and `to` are the sides of the INFO under way. */
static struct side *from, *to;
static ohp_situation situation;

WORK(ohp_leg_handle_local_sdp, ohp_leg_handle_local_sdp(sender.leg, TEXT(SDP), &sender.why) == OHP_OK)
WORK(ohp_leg_handle_remote_sdp, ohp_leg_handle_remote_sdp(receiver.leg, TEXT(SDP), &receiver.why) == OHP_OK)
WORK(ohp_leg_propose, ohp_leg_propose(sender.leg, &host, OHP_TIER_SIGNED, template, strlen(template), sender.envelope,
                                      OHP_ENVELOPE_LEN_MAX, &sender.why, &cbor) == OHP_OK)
WORK(ohp_leg_poll_transmit,
     ohp_leg_poll_transmit(from->leg, from->table, buffer, sizeof buffer, &sent) == OHP_OK)
WORK(ohp_info_parse,
     ohp_info_parse(sent.headers.data, sent.headers.len, sent.body.data, sent.body.len, &to->why, &info) == OHP_OK)
WORK(ohp_leg_handle_info, ohp_leg_handle_info(to->leg, &host, &info, to->envelope, OHP_ENVELOPE_LEN_MAX, to->verdict_memory,
                                              ohp_verdict_size(), &to->why, &to->handled) == OHP_OK)
WORK(ohp_leg_handle_response, ohp_leg_handle_response(from->leg, from->table, to->handled.sip_status) == OHP_OK)
WORK(ohp_leg_verify_again,
     ohp_leg_verify_again(receiver.leg, &host, receiver.envelope, receiver.handled.cbor.len, receiver.verdict_memory,
                          ohp_verdict_size(), &receiver.why, &receiver.handled) == OHP_OK)
WORK(ohp_leg_handle_timeout, ohp_leg_handle_timeout(receiver.leg, &host) == OHP_OK)
WORK(ohp_leg_poll_timeout, ohp_leg_poll_timeout(receiver.leg, &(uint64_t){0}) == OHP_OK)
WORK(ohp_leg_poll_event, ohp_leg_poll_event(to->leg, &to->why, &event) == OHP_OK)
WORK(ohp_leg_accept, ohp_leg_accept(receiver.leg, &host, &receiver.why) == OHP_OK)
WORK(ohp_leg_reject, ohp_leg_reject(receiver.leg, &host, OHP_REASON_UNKNOWN, &receiver.why) == OHP_OK)
WORK(ohp_leg_assume, ohp_leg_assume(sender.leg, &host, &sender.why) == OHP_OK)
WORK(ohp_leg_give_back, ohp_leg_give_back(receiver.leg, &host, TEXT("resolved"), context_text, strlen(context_text),
                                          &receiver.why) == OHP_OK)
WORK(ohp_leg_report, ohp_leg_report(sender.leg, &host, TEXT("harm-to-health"), template, strlen(template), sender.envelope,
                                    OHP_ENVELOPE_LEN_MAX, &sender.why, &cbor) == OHP_OK)
WORK(ohp_leg_anchored, ohp_leg_anchored(sender.leg, &host, cbor.data, cbor.len, &sender.why) == OHP_OK)
WORK(ohp_leg_withdraw, ohp_leg_withdraw(sender.leg) == OHP_OK)
WORK(ohp_verdict_get, ohp_verdict_get(receiver.handled.verdict,
                                      &(ohp_verdict_summary){.size = sizeof(ohp_verdict_summary)}) == OHP_OK)
WORK(ohp_verdict_need, ohp_verdict_need(receiver.handled.verdict, 0, &(ohp_need){.size = sizeof(ohp_need)}) == OHP_OK)

WORK(ohp_issue, ohp_issue(&host, OHP_TIER_SIGNED, template, strlen(template), sender.envelope, OHP_ENVELOPE_LEN_MAX,
                          &sender.why, &cbor) == OHP_OK)
WORK(ohp_split, ohp_split(sender.context, cbor.data, cbor.len, 1, sender.scratch, ohp_scratch_size(), buffer,
                          sizeof buffer, &sender.why, &one) == OHP_OK)
WORK(ohp_receive, ohp_receive(receiver.table, &info, (ohp_str){TEXT(CALL_ID)}, receiver.now_ms, receiver.scratch,
                              ohp_scratch_size(), receiver.envelope, OHP_ENVELOPE_LEN_MAX, &receiver.why, &received) == OHP_OK)
WORK(ohp_verify, ohp_verify(&situation, cbor.data, cbor.len, receiver.verdict_memory, ohp_verdict_size(), &verdict) == OHP_OK)
WORK(ohp_verdict_detail, ohp_verdict_detail(verdict, &receiver.why) == OHP_OK)
WORK(ohp_verdict_warning, ohp_verdict_warning(verdict, 0, &receiver.why) == OHP_OK)
WORK(ohp_verdict_envelope, ohp_verdict_envelope(verdict, object, sizeof object, &envelope) == OHP_OK)
WORK(ohp_verdict_fault, ohp_verdict_fault(verdict, &sender.why, &receiver.why, &(ohp_fault){.size = sizeof(ohp_fault)}) == OHP_OK)
WORK(ohp_disclosed_get, ohp_disclosed_get(disclosed, &(ohp_disclosed_summary){.size = sizeof(ohp_disclosed_summary)}) == OHP_OK)
WORK(ohp_disclosed_field, ohp_disclosed_field(disclosed, 0, &value) == OHP_OK)
WORK(ohp_disclosed_find_field, ohp_disclosed_find_field(disclosed, TEXT("caller.vulnerable"), &value) == OHP_OK)
WORK(ohp_disclosed_claim, ohp_disclosed_claim(disclosed, 1, &value) == OHP_OK)
WORK(ohp_disclosed_find_claim, ohp_disclosed_find_claim(disclosed, TEXT("given_name"), &value) == OHP_OK)
WORK(ohp_disclosed_wipe, ohp_disclosed_wipe(disclosed) == OHP_OK)
WORK(ohp_info_parse_message, ohp_info_parse_message(large, len, &receiver.why, &info) == OHP_OK)

/* Carries what one side has to send, INFO by INFO; how many there were, or -1. */
static int carried(struct side *one_side, struct side *other)
{
    int infos = 0;
    from = one_side;
    to = other;
    while (ohp_leg_poll_transmit(from->leg, from->table, buffer, sizeof buffer, &sent) == OHP_OK) {
        host = side_host(to);
        to->handled.size = sizeof to->handled;
        if (measure("ohp_info_parse", work_ohp_info_parse) || measure("ohp_leg_handle_info", work_ohp_leg_handle_info) ||
            to->handled.sip_status != 200)
            return -1;
        if (to->handled.cbor.data != NULL && to->handled.cbor.data != to->envelope)
            memcpy(to->envelope, to->handled.cbor.data, to->handled.cbor.len);
        if (measure("ohp_leg_handle_response", work_ohp_leg_handle_response))
            return -1;
        infos++;
    }
    return infos;
}

/* A template whose summary deflate cannot shorten much, with slots as deep as JSON goes. */
static void write_template(void)
{
    char *end = template + sprintf(template, "{\"audience\":{\"vendor\":\"contact-centre\",\"did\":"
                                   "\"did:web:contact-centre.example\",\"purpose\":\"human-takeover\"},\"session\":"
                                   "{\"callId\":\"" CALL_ID "\",\"locale\":\"en-GB\"},\"policy\":{\"retention\":{},"
                                   "\"redaction\":{},\"dataResidency\":[]},\"control\":{\"reason\":\"human-requested\"},"
                                   "\"intent\":{\"current\":{\"name\":\"billing\",\"confidence\":0.9},\"slots\":");
    for (int level = 0; level < DEPTH - 2; level++)
        end += sprintf(end, "{\"b\":1,\"a\":");
    end += sprintf(end, "1");
    for (int level = 0; level < DEPTH - 2; level++)
        *end++ = '}';
    end += sprintf(end, "},\"transcript\":{\"redaction\":{\"policy\":\"pii-mask\",\"version\":\"1\"},\"summary\":\"");
    unsigned state = 1;
    for (size_t i = 0; i < SUMMARY_LEN; i++) {
        state = state * 1103515245u + 12345u;
        char letter = (char)('#' + (state >> 16) % 90);
        *end++ = letter == '\\' ? 'x' : letter;
    }
    sprintf(end, "\"}}");

    deep_len = 0;
    for (int level = 0; level < DEPTH; level++)
        deep_len += (size_t)sprintf(deep + deep_len, "{\"b\":1.5,\"a\":");
    deep[deep_len++] = '1';
    for (int level = 0; level < DEPTH; level++)
        deep[deep_len++] = '}';
}

/* The smallest INFOs in which the proposal still fits. */
static int many_chunks(void)
{
    ohp_context_config config = {.size = sizeof config,
                                 .trust = {(const uint8_t *)SENDER_TRUST, strlen(SENDER_TRUST)},
                                 .text_only = 1};
    for (config.body_max = 200; config.body_max < 1300; config.body_max += 2) {
        CHECK(ohp_context_unref(&sender.context) == OHP_OK);
        ohp_status status = ohp_context_new(&config, &sender.why, &sender.context);
        if (status == OHP_ERR_RANGE) {
            OK(ohp_context_new(NULL, NULL, &sender.context));
            continue;
        }
        OK(status);
        OK(ohp_leg_init(sender.leg_memory, ohp_leg_size(), TEXT(CALL_ID), &sender.leg));
        host = side_host(&sender);
        if (work_ohp_leg_propose())
            return 0;
    }
    fprintf(stderr, "%.*s\n", (int)sender.why.len, sender.why.data);
    return 1;
}

static int handed_over(void)
{
    CHECK(many_chunks() == 0);
    OK(ohp_leg_init(sender.leg_memory, ohp_leg_size(), TEXT(CALL_ID), &sender.leg));
    RUN(ohp_leg_handle_local_sdp);
    RUN(ohp_leg_handle_remote_sdp);
    host = side_host(&sender);
    RUN(ohp_leg_propose);
    /* Another sound than the sender's: the whole ring is searched. */
    CHECK(speak(receiver.tap, 22) == 0);
    from = &sender;
    to = &receiver;
    RUN(ohp_leg_poll_transmit);
    const int parts = (int)sent.parts;
    CHECK(parts > 60);
    /* What was polled is sent; the rest follows. */
    host = side_host(&receiver);
    receiver.handled.size = sizeof receiver.handled;
    RUN(ohp_info_parse);
    RUN(ohp_leg_handle_info);
    RUN(ohp_leg_handle_response);
    CHECK(carried(&sender, &receiver) == parts - 1);
    RUN(ohp_leg_poll_event);
    CHECK(event.kind == OHP_EVENT_NEEDS_RESOURCES);
    RUN(ohp_verdict_get);
    RUN(ohp_verdict_need);
    RUN(ohp_leg_poll_timeout);
    host = side_host(&receiver);
    RUN(ohp_leg_verify_again);
    CHECK(talk(receiver.tap, 21, 500, 0) == 0);
    receiver.now_ms += 100;
    host = side_host(&receiver);
    RUN(ohp_leg_verify_again);
    RUN(ohp_leg_poll_event);
    CHECK(event.kind == OHP_EVENT_PROPOSED);
    host = side_host(&receiver);
    RUN(ohp_leg_accept);
    CHECK(carried(&receiver, &sender) > 0);
    RUN(ohp_leg_poll_event);
    CHECK(event.kind == OHP_EVENT_ACCEPTED);
    host = side_host(&sender);
    RUN(ohp_leg_assume);
    CHECK(carried(&sender, &receiver) > 0);
    RUN(ohp_leg_poll_event);
    CHECK(event.kind == OHP_EVENT_HANDED_OFF);
    host = side_host(&receiver);
    RUN(ohp_leg_give_back);
    CHECK(carried(&receiver, &sender) > 1);
    host = side_host(&receiver);
    RUN(ohp_leg_handle_timeout);
    return 0;
}

static int rejected(void)
{
    OK(ohp_leg_init(sender.leg_memory, ohp_leg_size(), TEXT(CALL_ID), &sender.leg));
    OK(ohp_leg_init(receiver.leg_memory, ohp_leg_size(), TEXT(CALL_ID), &receiver.leg));
    receiver.now_ms = sender.now_ms += 10000;
    host = side_host(&sender);
    RUN(ohp_leg_propose);
    CHECK(carried(&sender, &receiver) > 60);
    RUN(ohp_leg_poll_event);
    CHECK(event.kind == OHP_EVENT_PROPOSED);
    host = side_host(&receiver);
    RUN(ohp_leg_reject);
    CHECK(carried(&receiver, &sender) > 0);
    RUN(ohp_leg_poll_event);
    CHECK(event.kind == OHP_EVENT_REJECTED);
    /* A proposal whose sound never comes is refused when its time is over, and answered. */
    OK(ohp_leg_init(sender.leg_memory, ohp_leg_size(), TEXT(CALL_ID), &sender.leg));
    OK(ohp_leg_init(receiver.leg_memory, ohp_leg_size(), TEXT(CALL_ID), &receiver.leg));
    receiver.now_ms = sender.now_ms += 10000;
    OK(ohp_tap_size(OHP_CODEC_PCMU, OHP_TAP_SECONDS_MAX, &size));
    OK(ohp_tap_init(receiver.tap_memory, size, OHP_CODEC_PCMU, OHP_TAP_SECONDS_MAX, &receiver.tap));
    CHECK(speak(receiver.tap, 22) == 0);
    host = side_host(&sender);
    RUN(ohp_leg_propose);
    CHECK(carried(&sender, &receiver) > 60);
    receiver.now_ms += 1000;
    host = side_host(&receiver);
    RUN(ohp_leg_handle_timeout);
    CHECK(carried(&receiver, &sender) > 0);
    return 0;
}

static int without_a_leg(void)
{
    sender.now_ms = receiver.now_ms += 20000;
    host = side_host(&sender);
    RUN(ohp_issue);
    one.parts = 1;
    RUN(ohp_split);
    for (uint32_t part = 1; part <= one.parts; part++) {
        OK(ohp_split(sender.context, cbor.data, cbor.len, part, sender.scratch, ohp_scratch_size(), buffer,
                     sizeof buffer, &sender.why, &one));
        info = (ohp_info){.size = sizeof info, .content_type = one.content_type, .content_encoding = one.content_encoding,
                          .ohp_tier = one.ohp_tier, .ohp_verb = one.ohp_verb, .body = one.body};
        RUN(ohp_receive);
    }
    CHECK(received.complete && one.parts > 60);
    /* The situation serves after this function, too. */
    static const ohp_str call = {TEXT(CALL_ID)};
    situation = (ohp_situation){.size = sizeof situation,
                                .call_ids = &call,
                                .call_ids_len = 1,
                                .context = receiver.context,
                                .table = receiver.table,
                                .tap = receiver.tap,
                                .now_ms = receiver.now_ms,
                                .scratch = receiver.scratch,
                                .scratch_size = ohp_verify_scratch_size(),
                                .deadline_passed = 1};
    RUN(ohp_verify);
    RUN(ohp_verdict_detail);
    RUN(ohp_verdict_envelope);
    situation.tap = NULL;
    situation.table = NULL;
    RUN(ohp_verify);
    RUN(ohp_verdict_warning);
    len = (size_t)snprintf((char *)large, sizeof large,
                           "INFO sip:b@192.0.2.1 SIP/2.0\r\nContent-Type: application/ohp+json\r\nContent-Length: %zu\r\n\r\n%s",
                           strlen(CORE_JSON), CORE_JSON);
    RUN(ohp_info_parse_message);
    /* JSON as it is, and the deepest. */
    RUN(ohp_receive);
    CHECK(received.complete);
    info.body = (ohp_bytes){(const uint8_t *)deep, deep_len};
    RUN(ohp_receive);
    return 0;
}

/* The tiers that disclose something, through a leg and without one. */
static int disclosing(void)
{
    static uint8_t whole[OHP_ENVELOPE_LEN_MAX];
    OK(ohp_context_unref(&receiver.context));
    receiver.context = scene_context();
    receiver.disclosed = disclosed = disclosed_new();
    CHECK(receiver.context != NULL && disclosed != NULL && speak(receiver.tap, SCENE_VOICE) == 0);
    receiver.now_ms = NOW;
    receiver.handled.size = sizeof receiver.handled;
    from = &sender;
    to = &receiver;
    for (size_t tier = 2; tier < 4; tier++) {
        /* A table of its own: it is an earlier moment, and all scenes have one identifier. */
        OK(ohp_table_size(NULL, &size));
        OK(ohp_table_init(memory, size, NULL, (const uint8_t *)"0123456789abcdef", &receiver.table));
        OK(ohp_leg_init(receiver.leg_memory, ohp_leg_size(), TEXT(CALL_ID), &receiver.leg));
        cbor = (ohp_bytes){whole, scene_cbor(SCENES[tier], whole, sizeof whole)};
        CHECK(cbor.len > 0);
        one.parts = 1;
        for (uint32_t part = 1; part <= one.parts; part++) {
            OK(ohp_split(receiver.context, cbor.data, cbor.len, part, sender.scratch, ohp_scratch_size(), buffer,
                         sizeof buffer, &sender.why, &one));
            info = (ohp_info){.size = sizeof info, .content_type = one.content_type,
                              .content_encoding = one.content_encoding, .body = one.body};
            host = side_host(&receiver);
            RUN(ohp_leg_handle_info);
            CHECK(receiver.handled.sip_status == 200);
        }
        RUN(ohp_leg_poll_event);
        CHECK(event.kind == OHP_EVENT_PROPOSED && event.tier == tier + 1);
        RUN(ohp_disclosed_get);
        RUN(ohp_disclosed_field);
        RUN(ohp_disclosed_find_field);
        RUN(ohp_disclosed_claim);
        RUN(ohp_disclosed_find_claim);
        host = side_host(&receiver);
        RUN(ohp_leg_reject);
        situation.context = receiver.context;
        situation.table = NULL;
        situation.tap = receiver.tap;
        situation.now_ms = NOW;
        situation.disclosed = disclosed;
        RUN(ohp_verify);
        RUN(ohp_disclosed_field);
        RUN(ohp_disclosed_wipe);
    }
    /* Issuing at Regulated, which signs on a stack of its own. */
    char *trust = calloc(1, SCENE_TRUST_MAX);
    CHECK(trust != NULL && scene_file("agent.json", trust, SCENE_TRUST_MAX - 1) > 0);
    side_free(&sender);
    CHECK(side_init(&sender, trust) == 0 && speak(sender.tap, SCENE_VOICE) == 0);
    free(trust);
    memset(template, 0, sizeof template);
    CHECK(scene_file("template.json", template, sizeof template - 1) > 0);
    ohp_bytes before = cbor;
    host = side_host(&sender);
    RUN(ohp_leg_report);
    RUN(ohp_leg_anchored);
    RUN(ohp_leg_withdraw);
    cbor = before;
    cbor.len--;
    RUN(ohp_verify);
    RUN(ohp_verdict_fault);
    disclosed_free(disclosed);
    return 0;
}

/* Both fingerprints are taken, and the robust one is looked for; then it is found, and as another call's as well. */
static int similar(void)
{
    side_free(&sender);
    side_free(&receiver);
    CHECK(side_similar(&sender, SENDER_TRUST) == 0 && side_similar(&receiver, RECEIVER_TRUST) == 0);
    write_template();
    for (int call = 0; call < 3; call++) {
        static const char *const CALLS[] = {"a", "b", "c"};
        char *name = strstr(template, "84b4c76e66710@") - 1, id[] = CALL_ID;
        *name = *id = *CALLS[call];
        OK(ohp_leg_init(sender.leg_memory, ohp_leg_size(), TEXT(id), &sender.leg));
        OK(ohp_leg_init(receiver.leg_memory, ohp_leg_size(), TEXT(id), &receiver.leg));
        CHECK(talk(sender.tap, call == 0 ? 32 : 31, 500, 0) == 0 && talk(receiver.tap, 31, 500, 1) == 0);
        host = side_host(&sender);
        RUN(ohp_leg_propose);
        CHECK(carried(&sender, &receiver) > 0);
        RUN(ohp_leg_poll_event);
        static const ohp_event_kind TOLD[] = {OHP_EVENT_NEEDS_RESOURCES, OHP_EVENT_PROPOSED, OHP_EVENT_REFUSED};
        CHECK(event.kind == TOLD[call]);
        CHECK(event.decision == (call == 0 ? OHP_DECISION_MISMATCH : OHP_DECISION_ROBUST_MATCH));
        if (call == 0) {
            host = side_host(&receiver);
            RUN(ohp_leg_verify_again);
        }
        static ohp_str ids;
        ids = (ohp_str){TEXT(id)};
        situation = (ohp_situation){.size = sizeof situation,
                                    .call_ids = &ids,
                                    .call_ids_len = 1,
                                    .context = receiver.context,
                                    .tap = receiver.tap,
                                    .now_ms = receiver.now_ms,
                                    .scratch = receiver.scratch,
                                    .scratch_size = ohp_verify_scratch_size()};
        RUN(ohp_verify);
        RUN(ohp_tap_continuity);
    }
    return 0;
}

int test_stack(void)
{
    CHECK(side_init(&sender, SENDER_TRUST) == 0 && side_init(&receiver, RECEIVER_TRUST) == 0);
    CHECK(talk(sender.tap, 21, 500, 0) == 0 && speak(receiver.tap, 22) == 0);
    thread_itself = used(nothing);
    CHECK(thread_itself > 0);
    core_len = core_cbor(core, sizeof core);
    write_template();
    snprintf(context_text, sizeof context_text, "{\"transcript\":{\"summary\":\"%.*s\"}}", 3000,
             strstr(template, "\"summary\":\"") + 11);
    json_scratch = malloc(ohp_cbor_from_json_scratch_size(sizeof deep));
    OK(ohp_table_size(NULL, &size));
    memory = aligned_alloc(OHP_ALIGN * 8, (size + OHP_TRANSMIT_LEN + 1048576) & ~(size_t)63);
    CHECK(core_len > 0 && json_scratch != NULL && memory != NULL);
#define PLAINLY(function, ...) RUN(function);
    PLAIN(PLAINLY)
    RUN(ohp_context_new);
    OK(ohp_context_unref(&context));
    CHECK(handed_over() == 0 && rejected() == 0 && without_a_leg() == 0 && disclosing() == 0 &&
          similar() == 0);

    size_t most = 0;
    for (size_t at = 0; at < names; at++) {
        printf("       %-34s %6zu bytes of stack\n", table[at].name, table[at].used);
        if (table[at].used > most)
            most = table[at].used;
    }
    printf("       at most %zu KiB in %zu functions\n", (most + 1023) / 1024, names);
    CHECK(most <= LIMIT);
    free(json_scratch);
    free(memory);
    side_free(&sender);
    side_free(&receiver);
    return 0;
}
