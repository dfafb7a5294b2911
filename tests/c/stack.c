/* No function uses more than 96 KiB of stack: the threads of a PBX have 240 KiB and have used some of it. */

#include <pthread.h>

#include "test.h"

#define LIMIT (96 * 1024)
#define STACK (1024 * 1024)
#define PAINT 0xa5

static struct side sender, receiver;
static ohp_bytes cbor;

static void *propose(void *user)
{
    return side_propose(&sender, OHP_TIER_SIGNED, &cbor) == OHP_OK ? user : NULL;
}

/* With the search for the fingerprint in the receiver's tap: step 4 holds. */
static void *carry_and_verify(void *user)
{
    ohp_verdict_summary summary = {.size = sizeof summary};
    if (settle(&sender, &receiver) != 0 || side_event(&receiver) != OHP_EVENT_PROPOSED || receiver.tap == NULL ||
        ohp_verdict_get(receiver.handled.verdict, &summary) != OHP_OK)
        return NULL;
    ohp_tap_stats stats = {.size = sizeof stats};
    ohp_tap_get_stats(receiver.tap, &stats);
    return summary.results[4] == OHP_STEP_PASS && summary.warnings == 0 && stats.kept > 0 ? user : NULL;
}

static void *accept(void *user)
{
    ohp_host host = side_host(&receiver);
    return ohp_leg_accept(receiver.leg, &host, NULL) == OHP_OK ? user : NULL;
}

static void *load(void *user)
{
    const ohp_context *context;
    ohp_context_config config = {
        .size = sizeof config,
        .trust = {(const uint8_t *)RECEIVER_TRUST, strlen(RECEIVER_TRUST)},
    };
    return ohp_context_new(&config, NULL, &context) == OHP_OK && ohp_context_unref(&context) == OHP_OK ? user : NULL;
}

static void *fingerprint(void *user)
{
    ohp_fingerprint mark = {.size = sizeof mark};
    return ohp_tap_fingerprint(sender.tap, NULL, &mark) == OHP_OK ? user : NULL;
}

static void *convert(void *user)
{
    static uint8_t out[4096];
    return core_cbor(out, sizeof out) > 0 ? user : NULL;
}

/* Runs `work` on a painted stack; how much of that it used, or 0 if it failed. */
static size_t used(void *(*work)(void *))
{
    uint8_t *stack = aligned_alloc(4096, STACK);
    pthread_attr_t attributes;
    pthread_t thread;
    void *result = NULL;
    memset(stack, PAINT, STACK);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, STACK);
    int failed = pthread_create(&thread, &attributes, work, stack) || pthread_join(thread, &result);
    pthread_attr_destroy(&attributes);
    size_t untouched = 0;
    while (untouched < STACK && stack[untouched] == PAINT)
        untouched++;
    free(stack);
    return failed || result == NULL ? 0 : STACK - untouched;
}

static void *nothing(void *user)
{
    return user;
}

int test_stack(void)
{
    CHECK(side_init(&sender, SENDER_TRUST) == 0 && side_init(&receiver, RECEIVER_TRUST) == 0);
    CHECK(speak(sender.tap, 21) == 0 && speak(receiver.tap, 21) == 0);
    const struct {
        const char *name;
        void *(*work)(void *);
    } works[] = {
        {"ohp_context_new", load},     {"ohp_cbor_from_json", convert},
        {"ohp_tap_fingerprint", fingerprint}, {"ohp_leg_propose", propose},
        {"ohp_leg_handle_info", carry_and_verify}, {"ohp_leg_accept", accept},
    };
    size_t thread_itself = used(nothing);
    CHECK(thread_itself > 0);
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        size_t stack = used(works[i].work);
        CHECK(stack > 0);
        stack -= thread_itself < stack ? thread_itself : stack;
        printf("       %s uses %zu KiB of stack\n", works[i].name, (stack + 1023) / 1024);
        CHECK(stack <= LIMIT);
    }
    side_free(&sender);
    side_free(&receiver);
    return 0;
}
