/* One thread writes a tap while others read it; a context is shared and let go of by all; a leg has one user. */

#include <pthread.h>

#include "test.h"

#define READERS 2

struct shared {
    ohp_tap *tap;
    const ohp_context *context;
    ohp_leg *leg;
    int done;
    int failed;
};

static void *writer(void *user)
{
    struct shared *shared = user;
    int failed = 0;
    for (unsigned round = 0; round < 20; round++)
        failed |= speak(shared->tap, round + 1);
    __atomic_store_n(&shared->done, 1, __ATOMIC_RELEASE);
    return failed ? shared : NULL;
}

static void *reader(void *user)
{
    struct shared *shared = user;
    const ohp_context *context = shared->context;
    int failed = 0;
    do {
        ohp_fingerprint mark = {.size = sizeof mark};
        ohp_status status = ohp_tap_fingerprint(shared->tap, NULL, &mark);
        failed |= status != OHP_OK && status != OHP_NO_MEDIA && status != OHP_NO_USABLE_AUDIO;
        const ohp_context *mine = context;
        failed |= ohp_context_ref(mine) != OHP_OK || ohp_context_unref(&mine) != OHP_OK;
        ohp_leg_state state = {.size = sizeof state};
        status = ohp_leg_get_state(shared->leg, &state);
        failed |= status != OHP_OK && status != OHP_ERR_BUSY;
    } while (!__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE));
    failed |= ohp_context_unref(&context) != OHP_OK;
    return failed ? shared : NULL;
}

int test_threads(void)
{
    struct side side;
    CHECK(side_init(&side, RECEIVER_TRUST) == 0);
    struct shared shared = {.tap = side.tap, .context = side.context, .leg = side.leg};
    pthread_t threads[READERS + 1];
    CHECK(pthread_create(&threads[0], NULL, writer, &shared) == 0);
    for (int i = 1; i <= READERS; i++) {
        OK(ohp_context_ref(shared.context));
        CHECK(pthread_create(&threads[i], NULL, reader, &shared) == 0);
    }
    int failed = 0;
    for (int i = 0; i <= READERS; i++) {
        void *result = NULL;
        failed |= pthread_join(threads[i], &result) != 0 || result != NULL;
    }
    CHECK(!failed);
    side_free(&side);
    return 0;
}
