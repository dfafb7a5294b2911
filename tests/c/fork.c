/* Forked workers share a table, a tap and a leg; one that is killed blocks nobody. */

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static void *shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Judges the envelope on a call; the outcome, or -1. */
static int judge(const struct side *side, ohp_table *table, const uint8_t *cbor, size_t len, ohp_str call)
{
    ohp_situation situation = {
        .size = sizeof situation,
        .context = side->context,
        .table = table,
        .now_ms = NOW,
        .call_ids = &call,
        .call_ids_len = 1,
        .scratch = side->scratch,
        .scratch_size = ohp_verify_scratch_size(),
    };
    ohp_verdict *verdict;
    ohp_verdict_summary summary = {.size = sizeof summary};
    if (ohp_verify(&situation, cbor, len, side->verdict_memory, ohp_verdict_size(), &verdict) != OHP_OK ||
        ohp_verdict_get(verdict, &summary) != OHP_OK)
        return -1;
    return (int)summary.outcome;
}

/* Runs `work` in a forked process; what it returned, or -1 if it was killed. */
static int in_child(int (*work)(void *), void *user)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(work(user));
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

struct work {
    struct side *side;
    void *memory;
    size_t size;
    const uint8_t *cbor;
    size_t len;
};

static int accept_in_child(void *user)
{
    struct work *work = user;
    ohp_table *table = NULL;
    OK(ohp_table_attach(work->memory, work->size, &table));
    return judge(work->side, table, work->cbor, work->len, (ohp_str){TEXT(CALL_ID)}) != OHP_OUTCOME_ACCEPT;
}

static int speak_in_child(void *user)
{
    return speak(((struct side *)user)->tap, 33);
}

static int propose_in_child(void *user)
{
    ohp_bytes cbor;
    OK(side_propose(user, OHP_TIER_SIGNED, &cbor));
    return 0;
}

static ohp_leg *inside_of;
static ohp_status inside;

/* Called from inside of a call into the leg: tries the leg once more, and ends the process if asked to. */
static void observe(void *user, uint32_t step, ohp_step_result result)
{
    ohp_leg_state state = {.size = sizeof state};
    (void)step, (void)result;
    inside = ohp_leg_get_state(inside_of, &state);
    if (user != NULL)
        _exit(0);
}

static int take_proposal(struct side *side, const uint8_t *cbor, size_t len, void *user)
{
    ohp_host host = side_host(side);
    ohp_info info = {.size = sizeof info, .content_type = {TEXT("application/ohp+cbor")}, .body = {cbor, len}};
    ohp_handled handled = {.size = sizeof handled};
    host.observe = observe;
    host.user = user;
    inside_of = side->leg;
    OK(ohp_leg_handle_info(side->leg, &host, &info, side->envelope, OHP_ENVELOPE_LEN_MAX, side->verdict_memory,
                           ohp_verdict_size(), &side->why, &handled));
    return 0;
}

static int end_inside(void *user)
{
    struct work *work = user;
    return take_proposal(work->side, work->cbor, work->len, work);
}

/* A leg turns a second user away; one that a process died in stays closed until it is made anew. */
static int one_user_at_a_time(void)
{
    struct side side;
    uint8_t cbor[4096];
    CHECK(side_init(&side, RECEIVER_TRUST) == 0);
    struct work work = {.side = &side, .cbor = cbor, .len = core_cbor(cbor, sizeof cbor)};
    void *leg = shared(ohp_leg_size());
    CHECK(leg != NULL);
    OK(ohp_leg_init(leg, ohp_leg_size(), TEXT(CALL_ID), &side.leg));
    CHECK(in_child(end_inside, &work) == 0);
    CHECK(side_event(&side) == 0);
    ohp_leg_state state = {.size = sizeof state};
    STATUS(OHP_ERR_BUSY, ohp_leg_get_state(side.leg, &state));
    OK(ohp_leg_init(leg, ohp_leg_size(), TEXT(CALL_ID), &side.leg));
    CHECK(take_proposal(&side, cbor, work.len, NULL) == 0);
    CHECK(inside == OHP_ERR_BUSY);
    CHECK(side_event(&side) == OHP_EVENT_PROPOSED);
    munmap(leg, ohp_leg_size());
    side_free(&side);
    return 0;
}

int test_fork(void)
{
    CHECK(one_user_at_a_time() == 0);
    struct side side;
    CHECK(side_init(&side, RECEIVER_TRUST) == 0);
    uint8_t cbor[4096];
    struct work work = {.side = &side, .cbor = cbor, .len = core_cbor(cbor, sizeof cbor)};
    ohp_table_config config = {.size = sizeof config, .replays = 256, .hashes = 16, .kids = 16, .peers = 16,
                               .sets = 16, .slots = 4};
    ohp_table *table = NULL;
    OK(ohp_table_size(&config, &work.size));
    work.memory = shared(work.size);
    CHECK(work.memory != NULL);
    OK(ohp_table_init(work.memory, work.size, &config, (const uint8_t *)"0123456789abcdef", &table));

    /* What a child has accepted, the parent knows: the same call sends it again, another call replays it. */
    CHECK(in_child(accept_in_child, &work) == 0);
    CHECK(judge(&side, table, cbor, work.len, (ohp_str){TEXT(CALL_ID)}) == OHP_OUTCOME_DUPLICATE);
    CHECK(judge(&side, table, cbor, work.len, (ohp_str){TEXT("other@192.0.2.9")}) == OHP_OUTCOME_REJECT);

    /* Workers are killed in the middle of their work; the table goes on. */
    for (int round = 0; round < 20; round++) {
        fflush(NULL);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            uint8_t *nonce = memmem(cbor, work.len, "9f2c1b7a55d04e21", 16);
            uint8_t *id = memmem(cbor, work.len, "cse_", 4);
            for (unsigned n = 0;; n++) {
                char digits[17];
                snprintf(digits, sizeof digits, "%08x%08x", (unsigned)round, n);
                memcpy(nonce, digits, 16);
                id[4 + 20] = (uint8_t)('0' + n % 10);
                id[4 + 21] = (uint8_t)('0' + n / 10 % 10);
                judge(&side, table, cbor, work.len, (ohp_str){TEXT(CALL_ID)});
            }
        }
        usleep(2000 + 500 * (unsigned)round);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    CHECK(judge(&side, table, cbor, work.len, (ohp_str){TEXT("other@192.0.2.9")}) == OHP_OUTCOME_REJECT);
    ohp_table_stats stats = {.size = sizeof stats};
    OK(ohp_table_get_stats(table, &stats));
    munmap(work.memory, work.size);

    /* A tap that one process writes, another reads. */
    struct side sender = side;
    size_t tap_size;
    OK(ohp_tap_size(OHP_CODEC_PCMU, 10, &tap_size));
    void *tap = shared(tap_size);
    OK(ohp_tap_init(tap, tap_size, OHP_CODEC_PCMU, 10, &sender.tap));
    CHECK(in_child(speak_in_child, &sender) == 0);
    CHECK(speak(side.tap, 33) == 0);
    ohp_fingerprint theirs = {.size = sizeof theirs}, ours = {.size = sizeof ours};
    OK(ohp_tap_fingerprint(sender.tap, NULL, &theirs));
    OK(ohp_tap_fingerprint(side.tap, NULL, &ours));
    CHECK(memcmp(theirs.text, ours.text, OHP_FINGERPRINT_LEN) == 0);
    munmap(tap, tap_size);
    side_free(&side);

    /* A leg that one process proposes with, another sends from. */
    CHECK(side_init(&side, SENDER_TRUST) == 0);
    side.tap = NULL;
    void *leg = shared(ohp_leg_size());
    OK(ohp_leg_init(leg, ohp_leg_size(), TEXT(CALL_ID), &side.leg));
    OK(ohp_table_size(&config, &work.size));
    void *memory = shared(work.size);
    OK(ohp_table_init(memory, work.size, &config, (const uint8_t *)"0123456789abcdef", &side.table));
    CHECK(in_child(propose_in_child, &side) == 0);
    uint8_t buffer[OHP_TRANSMIT_LEN];
    ohp_transmit sent = {.size = sizeof sent};
    OK(ohp_leg_poll_transmit(side.leg, side.table, buffer, sizeof buffer, &sent));
    CHECK(sent.verb == OHP_VERB_PROPOSE && sent.body.len > 0);
    munmap(leg, ohp_leg_size());
    munmap(memory, work.size);
    side_free(&side);
    return 0;
}
