/* 1,024 legs on 8 threads: 512 calls are handed over and given back, again and again, for a given time.
 *
 * The legs share a table and two contexts. Whichever thread is free takes the next step of a call, so that the chunks of
 * one message arrive on different threads; a ninth thread writes all taps. Every message says which call and which
 * handoff it belongs to. Counted are handoffs and messages that got lost, came twice, or came to another call. INFOs are
 * also sent twice now and then, as a SIP stack does whose response was lost; that must change nothing.
 *
 *   legs SECONDS [THREADS]
 */

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "../c/test.h"

#define CALLS 512
#define THREADS_MAX 64
/* A call is handed over at most so often, in milliseconds; what the shared table remembers of it has room then. */
#define PACE 2500
/* Calls that are handed over at the same time: few enough that a slow machine is through with each before the receiver
 * stops waiting for the ASSUME, after ten seconds. */
#define UNDERWAY_MAX 24
/* How long a proposal lives; a call that stands still for longer has lost something. */
#define LIFETIME 60000
#define PACKET 160
#define SUMMARY_LEN 1800
#define ENVELOPE_LEN 8192

enum stage { PROPOSE, PROPOSED, ACCEPTED, HANDED_OFF, RETURNED, BROKEN };

struct leg {
    void *memory;
    ohp_leg *leg;
    void *tap_memory;
    ohp_tap *tap;
    const ohp_context *context;
    /* Events of this handoff, a bit each. */
    unsigned seen;
    /* A proposal that waits for its sound. */
    uint8_t *pending;
    size_t pending_len;
};

struct call {
    /* 1 while a thread has it. */
    int taken;
    unsigned number, handoff;
    enum stage stage;
    char id[64];
    size_t id_len;
    struct leg legs[2];
    uint32_t tier;
    int has_sound;
    uint64_t due, moved;
    /* The proposal's identifier. */
    char proposal[OHP_ID_LEN];
    /* The INFO on its way: from which leg, how often it is still to arrive, and how it was answered. */
    int from, copies, is_copy;
    uint32_t answer;
    ohp_transmit info;
    uint8_t buffer[OHP_TRANSMIT_LEN];
    uint64_t random;
};

/* What a thread lends. */
struct worker {
    pthread_t thread;
    uint64_t random;
    void *scratch, *verdict;
    uint8_t *envelope;
    uint8_t *object;
    char why_data[256];
    ohp_text why;
    ohp_handled handled;
};

static struct call calls[CALLS];
static ohp_table *table;
static int stop;
static unsigned underway;
static uint64_t handoffs, infos, copies_sent, lost, doubled, crossed, waited, late;

#define ADD(counter) __atomic_fetch_add(&(counter), 1, __ATOMIC_RELAXED)

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Takes a call out of the test, and says why. */
static void breaks(struct call *call, uint64_t *counter, const char *what, long detail)
{
    ADD(*counter);
    if (call->stage != PROPOSE)
        __atomic_fetch_sub(&underway, 1, __ATOMIC_RELAXED);
    call->stage = BROKEN;
    fprintf(stderr, "call %u, handoff %u: %s (%ld)\n", call->number, call->handoff, what, detail);
}

/* The machine was too slow for a handoff, and it ran out of time: the call begins anew. */
static void begins_anew(struct call *call)
{
    ADD(late);
    __atomic_fetch_sub(&underway, 1, __ATOMIC_RELAXED);
    call->stage = PROPOSE;
    call->copies = 0;
    call->answer = 0;
    for (int side = 0; side < 2; side++) {
        struct leg *leg = &call->legs[side];
        leg->pending_len = 0;
        if (ohp_leg_init(leg->memory, ohp_leg_size(), call->id, call->id_len, &leg->leg) != OHP_OK)
            breaks(call, &lost, "a leg cannot be made", side);
    }
}

/* What a message of this handoff says; `back` in the other direction. */
static size_t summary(const struct call *call, int back, char *text)
{
    size_t len = (size_t)sprintf(text, "call %u handoff %u %s ", call->number, call->handoff, back ? "back" : "there");
    uint64_t random = (call->number + 1) * 0x9e3779b97f4a7c15u ^ (call->handoff + 1) * 0xc2b2ae3d27d4eb4fu ^ (uint64_t)back;
    while (len < SUMMARY_LEN)
        text[len++] = (char)('a' + next(&random) % 26);
    return len;
}

static ohp_host host_for(struct call *call, int side, struct worker *worker)
{
    ohp_host host = {
        .size = sizeof host,
        .context = call->legs[side].context,
        .table = table,
        .tap = call->has_sound ? call->legs[side].tap : NULL,
        .peer = {(const uint8_t *)call->id, call->id_len},
        .now_ms = now_ms(),
        .scratch = worker->scratch,
        .scratch_size = ohp_scratch_size(),
    };
    for (size_t at = 0; at < sizeof host.random; at += 8) {
        uint64_t random = next(&worker->random);
        memcpy(host.random + at, &random, 8);
    }
    return host;
}

/* Whether the message that has just arrived is this call's. */
static int is_ours(struct call *call, struct worker *worker, int back)
{
    char wanted[SUMMARY_LEN + 64];
    size_t len = summary(call, back, wanted);
    ohp_envelope *envelope = NULL;
    ohp_str text = {NULL, 0};
    return ohp_envelope_read(worker->object, OHP_ENVELOPE_SIZE_MAX, worker->handled.cbor.data, worker->handled.cbor.len,
                             NULL, NULL, NULL, &envelope) == OHP_OK &&
           ohp_envelope_text(envelope, TEXT("transcript.summary"), &text) == OHP_OK && text.len == len &&
           memcmp(text.data, wanted, len) == 0;
}

/* Takes the events of a leg, of which only those that belong to the call's stage may come, once. */
static void events(struct call *call, int side, struct worker *worker)
{
    struct leg *leg = &call->legs[side];
    ohp_event event = {.size = sizeof event};
    while (call->stage != BROKEN && call->stage != PROPOSE && ohp_leg_poll_event(leg->leg, &worker->why, &event) == OHP_OK) {
        static const unsigned WANTED[] = {
            [PROPOSED] = 1u << OHP_EVENT_PROPOSED,
            [ACCEPTED] = 1u << OHP_EVENT_ACCEPTED,
            [HANDED_OFF] = 1u << OHP_EVENT_HANDED_OFF,
            [RETURNED] = 1u << OHP_EVENT_RETURNED,
        };
        unsigned bit = 1u << event.kind;
        if (event.kind == OHP_EVENT_NEEDS_RESOURCES && side == 1 && call->stage == PROPOSED && call->has_sound) {
            ADD(waited);
            continue;
        }
        if (event.kind == OHP_EVENT_IGNORED && call->is_copy)
            continue;
        if (event.kind == OHP_EVENT_NOT_ASSUMED || event.kind == OHP_EVENT_UNANSWERED) {
            begins_anew(call);
            break;
        }
        if (leg->seen & bit) {
            breaks(call, &doubled, "an event came twice", event.kind);
        } else if (bit != WANTED[call->stage]) {
            fprintf(stderr, "%.*s\n", (int)worker->why.len, worker->why_data);
            breaks(call, &lost, "an event that does not belong here", event.kind);
        } else if (memcmp(event.id, call->proposal, OHP_ID_LEN) != 0) {
            breaks(call, &crossed, "an event of another proposal", event.kind);
        } else if ((event.kind == OHP_EVENT_PROPOSED && !is_ours(call, worker, 0)) ||
                   (event.kind == OHP_EVENT_RETURNED && side == 0 && !is_ours(call, worker, 1))) {
            breaks(call, &crossed, "a message of another call", event.kind);
        }
        leg->seen |= bit;
    }
    worker->handled.cbor = (ohp_bytes){NULL, 0};
}

/* Says `what` with the leg, and goes on to `stage` if the leg agrees. */
static void act(struct call *call, struct worker *worker)
{
    static const enum stage NEXT[] = {PROPOSED, ACCEPTED, HANDED_OFF, RETURNED, PROPOSE};
    int side = call->stage == PROPOSED || call->stage == HANDED_OFF;
    ohp_leg *leg = call->legs[side].leg;
    ohp_host host = host_for(call, side, worker);
    char template[SUMMARY_LEN + 1024], text[SUMMARY_LEN + 64];
    ohp_bytes cbor = {NULL, 0};
    ohp_status status = OHP_OK;
    int len;
    switch (call->stage) {
    case PROPOSE:
        if (call->due > host.now_ms)
            return;
        call->due = host.now_ms + PACE;
        call->handoff++;
        call->legs[0].seen = call->legs[1].seen = 0;
        len = (int)summary(call, 0, text);
        len = sprintf(template,
                      "{\"audience\":{\"vendor\":\"contact-centre\",\"did\":\"did:web:contact-centre.example\","
                      "\"purpose\":\"human-takeover\"},\"session\":{\"locale\":\"en-GB\"},"
                      "\"intent\":{\"current\":{\"name\":\"billing_dispute\",\"confidence\":0.94}},"
                      "\"transcript\":{\"redaction\":{\"policy\":\"pii-mask\",\"version\":\"1\"},"
                      "\"summary\":\"%.*s\"},\"policy\":{\"retention\":{\"transcript\":\"P30D\"},"
                      "\"redaction\":{\"pii\":\"mask\"},\"dataResidency\":[\"GB\"]},"
                      "\"control\":{\"reason\":\"human-requested\"}}",
                      len, text);
        status = ohp_leg_propose(leg, &host, call->tier, template, (size_t)len, worker->envelope, OHP_ENVELOPE_LEN_MAX,
                                 &worker->why, &cbor);
        if (status == OHP_OK) {
            ohp_envelope *envelope = NULL;
            ohp_str id = {NULL, 0};
            if (ohp_envelope_read(worker->object, OHP_ENVELOPE_SIZE_MAX, cbor.data, cbor.len, NULL, NULL, NULL,
                                  &envelope) == OHP_OK &&
                ohp_envelope_text(envelope, TEXT("id"), &id) == OHP_OK && id.len == OHP_ID_LEN)
                memcpy(call->proposal, id.data, OHP_ID_LEN);
        }
        break;
    case PROPOSED:
        status = ohp_leg_accept(leg, &host, &worker->why);
        break;
    case ACCEPTED:
        status = ohp_leg_assume(leg, &host, &worker->why);
        break;
    case HANDED_OFF:
        len = (int)summary(call, 1, text);
        len = sprintf(template, "{\"transcript\":{\"summary\":\"%.*s\"}}", len, text);
        status = ohp_leg_give_back(leg, &host, TEXT("resolved"), template, (size_t)len, &worker->why);
        break;
    default:
        __atomic_fetch_sub(&underway, 1, __ATOMIC_RELAXED);
        ADD(handoffs);
        break;
    }
    if (call->stage == PROPOSE)
        ADD(underway);
    if (status != OHP_OK) {
        fprintf(stderr, "%.*s\n", (int)worker->why.len, worker->why_data);
        breaks(call, &lost, "a leg refused to go on", (long)status);
        return;
    }
    call->moved = host.now_ms;
    call->stage = NEXT[call->stage];
}

/* Whether all events of the stage have come: at the side that hears of it, or at both. */
static int is_reached(const struct call *call)
{
    unsigned sender = call->legs[0].seen, receiver = call->legs[1].seen;
    switch (call->stage) {
    case PROPOSE:
        return 1;
    case PROPOSED:
        return receiver >> OHP_EVENT_PROPOSED & 1;
    case ACCEPTED:
        return sender >> OHP_EVENT_ACCEPTED & 1;
    case HANDED_OFF:
        return (sender & receiver) >> OHP_EVENT_HANDED_OFF & 1;
    case RETURNED:
        return (sender & receiver) >> OHP_EVENT_RETURNED & 1;
    default:
        return 0;
    }
}

/* The INFO on its way arrives. */
static void deliver(struct call *call, struct worker *worker)
{
    int side = !call->from;
    ohp_info info = {.size = sizeof info};
    ohp_host host = host_for(call, side, worker);
    ohp_status status = ohp_info_parse(call->info.headers.data, call->info.headers.len, call->info.body.data,
                                       call->info.body.len, &worker->why, &info);
    if (status == OHP_OK) {
        worker->handled.size = sizeof worker->handled;
        status = ohp_leg_handle_info(call->legs[side].leg, &host, &info, worker->envelope, OHP_ENVELOPE_LEN_MAX,
                                     worker->verdict, ohp_verdict_size(), &worker->why, &worker->handled);
    }
    ADD(infos);
    if (status != OHP_OK || worker->handled.sip_status != 200) {
        breaks(call, &lost, "an INFO was refused", status != OHP_OK ? (long)status : (long)worker->handled.sip_status);
        return;
    }
    /* A copy that comes late is answered as the first was. */
    call->answer = worker->handled.sip_status;
    ohp_leg_state state = {.size = sizeof state};
    struct leg *leg = &call->legs[side];
    if (ohp_leg_get_state(leg->leg, &state) == OHP_OK && state.is_pending && worker->handled.cbor.len > 0 &&
        worker->handled.cbor.len <= ENVELOPE_LEN) {
        leg->pending_len = worker->handled.cbor.len;
        memcpy(leg->pending, worker->handled.cbor.data, leg->pending_len);
    }
    call->copies--;
    events(call, side, worker);
    call->is_copy = 1;
}

/* A proposal whose sound had not arrived is judged again; what has run out, ends. */
static void look_again(struct call *call, int side, struct worker *worker)
{
    struct leg *leg = &call->legs[side];
    ohp_host host = host_for(call, side, worker);
    ohp_leg_state state = {.size = sizeof state};
    uint64_t deadline = 0;
    if (leg->pending_len > 0 && ohp_leg_get_state(leg->leg, &state) == OHP_OK && state.is_pending) {
        worker->handled.size = sizeof worker->handled;
        ohp_leg_verify_again(leg->leg, &host, leg->pending, leg->pending_len, worker->verdict, ohp_verdict_size(),
                             &worker->why, &worker->handled);
        if (ohp_leg_get_state(leg->leg, &state) == OHP_OK && !state.is_pending)
            leg->pending_len = 0;
        events(call, side, worker);
    }
    if (call->stage != BROKEN && ohp_leg_poll_timeout(leg->leg, &deadline) == OHP_OK && deadline <= host.now_ms) {
        ohp_leg_handle_timeout(leg->leg, &host);
        events(call, side, worker);
    }
}

/* Takes one step of a call. */
static void step(struct call *call, struct worker *worker)
{
    if (call->stage == BROKEN)
        return;
    if (call->copies > 0) {
        deliver(call, worker);
        return;
    }
    if (call->answer != 0) {
        uint32_t answer = call->answer;
        call->answer = 0;
        if (ohp_leg_handle_response(call->legs[call->from].leg, table, answer) != OHP_OK)
            breaks(call, &lost, "a response was refused", (long)answer);
        events(call, call->from, worker);
        return;
    }
    for (int side = 0; side < 2; side++) {
        call->info.size = sizeof call->info;
        ohp_status status = ohp_leg_poll_transmit(call->legs[side].leg, table, call->buffer, sizeof call->buffer,
                                                  &call->info);
        if (status == OHP_OK) {
            call->from = side;
            call->is_copy = 0;
            call->copies = next(&worker->random) % 8 == 0 ? 2 : 1;
            if (call->copies == 2)
                ADD(copies_sent);
            return;
        }
        if (status != OHP_NONE) {
            breaks(call, &lost, "nothing can be sent", (long)status);
            return;
        }
    }
    /* Both are still. */
    for (int side = 0; side < 2 && call->stage != BROKEN; side++)
        look_again(call, side, worker);
    if (call->stage == BROKEN || (call->stage == PROPOSE && call->due > now_ms()))
        return;
    if (is_reached(call)) {
        act(call, worker);
    } else if (call->legs[1].pending_len == 0 || now_ms() > call->moved + LIFETIME) {
        breaks(call, &lost, "both legs are still", (long)call->stage);
    }
}

static void *work(void *user)
{
    struct worker *worker = user;
    unsigned idle = 0;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        struct call *call = &calls[next(&worker->random) % CALLS];
        if (__atomic_exchange_n(&call->taken, 1, __ATOMIC_ACQUIRE) != 0)
            continue;
        int is_full = __atomic_load_n(&underway, __ATOMIC_RELAXED) >= UNDERWAY_MAX;
        int is_idle = call->stage == BROKEN || (call->stage == PROPOSE && (is_full || call->due > now_ms()));
        if (!is_idle)
            step(call, worker);
        __atomic_store_n(&call->taken, 0, __ATOMIC_RELEASE);
        idle = is_idle ? idle + 1 : 0;
        if (idle > CALLS) {
            usleep(1000);
            idle = 0;
        }
    }
    return NULL;
}

/* Writes the next packet of a call into the taps of both legs. */
static void write_packet(struct call *call, unsigned number)
{
    uint8_t packet[12 + PACKET] = {0x80, 0};
    uint32_t timestamp = number * PACKET;
    packet[2] = (uint8_t)(number >> 8);
    packet[3] = (uint8_t)number;
    for (int i = 0; i < 4; i++) {
        packet[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
        packet[8 + i] = (uint8_t)(call->number >> (24 - 8 * i));
    }
    for (size_t at = 12; at + 8 <= sizeof packet; at += 8) {
        uint64_t noise = next(&call->random);
        memcpy(packet + at, &noise, 8);
    }
    for (int side = 0; side < 2; side++)
        ohp_tap_write_rtp(call->legs[side].tap, packet, sizeof packet);
}

static void *write_taps(void *user)
{
    unsigned number = *(unsigned *)user;
    uint64_t due = now_ms();
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        for (int call = 0; call < CALLS; call++)
            if (calls[call].has_sound)
                write_packet(&calls[call], number);
        number++;
        due += 20;
        uint64_t now = now_ms();
        if (due > now)
            usleep((unsigned)(due - now) * 1000);
        else
            due = now;
    }
    return NULL;
}

/* A context of one side, that lets one key sign as often as this test does. */
static int context_new(const char *trust, const ohp_context **context)
{
    static const char RECEIVER[] = "\"receiver\":{", RATE[] = "\"ratePerKid\":100000,";
    char bundle[4096], why_data[256];
    ohp_text why = {why_data, sizeof why_data, 0};
    const char *at = strstr(trust, RECEIVER);
    CHECK(at != NULL);
    at += sizeof RECEIVER - 1;
    int len = snprintf(bundle, sizeof bundle, "%.*s%s%s", (int)(at - trust), trust, RATE, at);
    ohp_context_config config = {
        .size = sizeof config,
        .trust = {(const uint8_t *)bundle, (size_t)len},
        .peer_rate = 1000,
        .lifetime_ms = LIFETIME,
        .enforce = 1,
    };
    OK(ohp_context_new(&config, &why, context));
    return 0;
}

static int call_init(unsigned number, const ohp_context *const *contexts)
{
    struct call *call = &calls[number];
    size_t tap_size;
    call->number = number;
    call->random = 0x9e3779b97f4a7c15u * (number + 1);
    call->tier = number % 4 == 0 ? OHP_TIER_CORE : OHP_TIER_SIGNED;
    call->has_sound = number % 4 >= 2;
    call->due = now_ms() + next(&call->random) % PACE;
    call->id_len = (size_t)sprintf(call->id, "call-%u@192.0.2.1", number);
    OK(ohp_tap_size(OHP_CODEC_PCMU, OHP_TAP_SECONDS_MAX, &tap_size));
    for (int side = 0; side < 2; side++) {
        struct leg *leg = &call->legs[side];
        leg->context = contexts[side];
        leg->memory = malloc(ohp_leg_size());
        leg->tap_memory = malloc(tap_size);
        leg->pending = malloc(ENVELOPE_LEN);
        OK(ohp_leg_init(leg->memory, ohp_leg_size(), call->id, call->id_len, &leg->leg));
        OK(ohp_tap_init(leg->tap_memory, tap_size, OHP_CODEC_PCMU, OHP_TAP_SECONDS_MAX, &leg->tap));
    }
    return 0;
}

int main(int argc, char **argv)
{
    const unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 10;
    const unsigned threads = argc > 2 ? (unsigned)atoi(argv[2]) : 8;
    static struct worker workers[THREADS_MAX];
    if (seconds == 0 || threads == 0 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: %s SECONDS [THREADS]\n", argv[0]);
        return 2;
    }
    const ohp_context *contexts[2];
    CHECK(context_new(SENDER_TRUST, &contexts[0]) == 0 && context_new(RECEIVER_TRUST, &contexts[1]) == 0);
    ohp_table_config config = {
        .size = sizeof config, .replays = 600000, .hashes = 65536, .kids = 16, .peers = 2048, .sets = 400000,
        .slots = 4 * CALLS, .slot_bytes = ENVELOPE_LEN,
    };
    size_t size = 0;
    OK(ohp_table_size(&config, &size));
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    OK(ohp_table_init(memory, size, &config, (const uint8_t *)"0123456789abcdef", &table));
    for (unsigned call = 0; call < CALLS; call++)
        CHECK(call_init(call, contexts) == 0);
    unsigned packets = 0;
    for (; packets < 150; packets++)
        for (int call = 0; call < CALLS; call++)
            if (calls[call].has_sound)
                write_packet(&calls[call], packets);

    pthread_t writer;
    CHECK(pthread_create(&writer, NULL, write_taps, &packets) == 0);
    for (unsigned i = 0; i < threads; i++) {
        struct worker *worker = &workers[i];
        worker->random = 0xd1342543de82ef95u * (i + 1) ^ now_ms();
        worker->scratch = malloc(ohp_scratch_size());
        worker->verdict = malloc(ohp_verdict_size());
        worker->envelope = malloc(OHP_ENVELOPE_LEN_MAX);
        worker->object = malloc(OHP_ENVELOPE_SIZE_MAX);
        worker->why = (ohp_text){worker->why_data, sizeof worker->why_data, 0};
        CHECK(pthread_create(&worker->thread, NULL, work, worker) == 0);
    }
    sleep(seconds);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(writer, NULL);
    unsigned standing = 0;
    for (unsigned i = 0; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    /* Whoever has not moved for that long has been forgotten. */
    for (int call = 0; call < CALLS; call++)
        standing += calls[call].stage != PROPOSE && calls[call].stage != BROKEN && now_ms() > calls[call].moved + LIFETIME;
    lost += standing;

    ohp_table_stats stats = {.size = sizeof stats};
    OK(ohp_table_get_stats(table, &stats));
    uint64_t full = stats.replay_full + stats.hash_full + stats.kid_full + stats.peer_full + stats.set_full +
                    stats.slot_full + stats.owner_limit + stats.dead_sets + stats.contended;
    printf("%u legs on %u threads for %u s: %llu handoffs there and back, %llu INFOs (%llu sent twice, %llu proposals "
           "waited for sound, %llu handoffs too slow): %llu lost, %llu doubled, %llu cross-delivered; %llu refused by the table\n",
           2 * CALLS, threads, seconds, (unsigned long long)handoffs, (unsigned long long)infos,
           (unsigned long long)copies_sent, (unsigned long long)waited, (unsigned long long)late,
           (unsigned long long)lost,
           (unsigned long long)doubled, (unsigned long long)crossed, (unsigned long long)full);
    for (int call = 0; call < CALLS; call++) {
        for (int side = 0; side < 2; side++) {
            free(calls[call].legs[side].memory);
            free(calls[call].legs[side].tap_memory);
            free(calls[call].legs[side].pending);
        }
    }
    for (unsigned i = 0; i < threads; i++) {
        free(workers[i].scratch);
        free(workers[i].verdict);
        free(workers[i].envelope);
        free(workers[i].object);
    }
    free(memory);
    ohp_context_unref(&contexts[0]);
    ohp_context_unref(&contexts[1]);
    return handoffs == 0 || lost + doubled + crossed + full > 0;
}
