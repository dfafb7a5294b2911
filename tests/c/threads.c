/* Eight threads share a context and a table: one writes a tap that three read, four hand calls over on legs of their
 * own. A leg has one user. */

#include <pthread.h>

#include "test.h"

#define READERS 3
#define CALLS 4
#define HANDOFFS 5

struct shared {
    struct side *side;
    /* Calls in which each leg's one user hands over. */
    unsigned calls;
    int done;
};

static void *writer(void *user)
{
    struct shared *shared = user;
    int failed = 0;
    for (unsigned round = 0; round < 20; round++)
        failed |= speak(shared->side->tap, round + 1);
    __atomic_store_n(&shared->done, 1, __ATOMIC_RELEASE);
    return failed ? shared : NULL;
}

static void *reader(void *user)
{
    struct shared *shared = user;
    const ohp_tap *tap = shared->side->tap;
    const ohp_context *context = shared->side->context;
    int failed = 0;
    do {
        ohp_fingerprint mark = {.size = sizeof mark};
        ohp_decision decision = 0;
        ohp_status status = ohp_tap_fingerprint(tap, NULL, &mark);
        failed |= status != OHP_OK && status != OHP_NO_MEDIA && status != OHP_NO_USABLE_AUDIO;
        if (status == OHP_OK)
            failed |= ohp_tap_search(tap, mark.text, OHP_FINGERPRINT_LEN, NULL, &decision) != OHP_OK;
        const ohp_context *mine = context;
        failed |= ohp_context_ref(mine) != OHP_OK || ohp_context_unref(&mine) != OHP_OK;
        ohp_leg_state state = {.size = sizeof state};
        status = ohp_leg_get_state(shared->side->leg, &state);
        failed |= status != OHP_OK && status != OHP_ERR_BUSY;
    } while (!__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE));
    failed |= ohp_context_unref(&context) != OHP_OK;
    return failed ? shared : NULL;
}

/* Hands one call over on the shared table, with contexts that all threads share. */
static int hand_over(struct side *sender, struct side *receiver)
{
    ohp_bytes cbor;
    OK(side_propose(sender, OHP_TIER_SIGNED, &cbor));
    CHECK(settle(sender, receiver) == 0);
    CHECK(side_event(receiver) == OHP_EVENT_PROPOSED);
    ohp_host host = side_host(receiver);
    OK(ohp_leg_accept(receiver->leg, &host, &receiver->why));
    CHECK(settle(sender, receiver) == 0);
    CHECK(side_event(sender) == OHP_EVENT_ACCEPTED);
    host = side_host(sender);
    OK(ohp_leg_assume(sender->leg, &host, &sender->why));
    CHECK(settle(sender, receiver) == 0);
    CHECK(side_event(sender) == OHP_EVENT_HANDED_OFF && side_event(receiver) == OHP_EVENT_HANDED_OFF);
    return 0;
}

static struct side senders[CALLS], receivers[CALLS];

static void *caller(void *user)
{
    struct shared *shared = user;
    unsigned call = __atomic_fetch_add(&shared->calls, 1, __ATOMIC_RELAXED);
    struct side *sides[] = {&senders[call], &receivers[call]};
    for (unsigned round = 0; round < HANDOFFS; round++) {
        for (int i = 0; i < 2; i++) {
            /* Random bytes of a side's calls come from this number. */
            sides[i]->calls = (call << 16) + (round << 8) + (unsigned)i * 128;
            if (ohp_leg_init(sides[i]->leg_memory, ohp_leg_size(), TEXT(CALL_ID), &sides[i]->leg) != OHP_OK)
                return shared;
        }
        if (hand_over(sides[0], sides[1]) != 0)
            return shared;
    }
    return NULL;
}

/* Gives both sides of every call the same table and the same two contexts. */
static int sides_init(ohp_table *table)
{
    for (int call = 0; call < CALLS; call++) {
        struct side *sides[] = {&senders[call], &receivers[call]};
        CHECK(side_init(sides[0], SENDER_TRUST) == 0 && side_init(sides[1], RECEIVER_TRUST) == 0);
        for (int i = 0; i < 2; i++) {
            sides[i]->table = table;
            sides[i]->tap = NULL;
        }
        if (call > 0) {
            OK(ohp_context_unref(&senders[call].context));
            OK(ohp_context_unref(&receivers[call].context));
            OK(ohp_context_ref(senders[0].context));
            OK(ohp_context_ref(receivers[0].context));
            senders[call].context = senders[0].context;
            receivers[call].context = receivers[0].context;
        }
    }
    return 0;
}

int test_threads(void)
{
    struct side side;
    CHECK(side_init(&side, RECEIVER_TRUST) == 0);
    ohp_table_config config = {.size = sizeof config, .replays = 2048, .hashes = 16, .kids = 16, .peers = 16,
                               .sets = 1024, .slots = 16};
    size_t size = 0;
    OK(ohp_table_size(&config, &size));
    void *memory = malloc(size);
    ohp_table *table = NULL;
    OK(ohp_table_init(memory, size, &config, (const uint8_t *)"0123456789abcdef", &table));
    CHECK(sides_init(table) == 0);

    struct shared shared = {.side = &side};
    pthread_t threads[1 + READERS + CALLS];
    CHECK(pthread_create(&threads[0], NULL, writer, &shared) == 0);
    for (int i = 0; i < READERS; i++) {
        OK(ohp_context_ref(side.context));
        CHECK(pthread_create(&threads[1 + i], NULL, reader, &shared) == 0);
    }
    for (int i = 0; i < CALLS; i++)
        CHECK(pthread_create(&threads[1 + READERS + i], NULL, caller, &shared) == 0);
    int failed = 0;
    for (int i = 0; i < 1 + READERS + CALLS; i++) {
        void *result = NULL;
        failed |= pthread_join(threads[i], &result) != 0 || result != NULL;
    }
    CHECK(!failed);
    for (int call = 0; call < CALLS; call++) {
        side_free(&senders[call]);
        side_free(&receivers[call]);
    }
    free(memory);
    side_free(&side);
    return 0;
}
