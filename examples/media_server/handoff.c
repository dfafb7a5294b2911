/*
 * The handoff on one call. What happens on the call comes in by handoff_*(); what is to be sent goes
 * out by the call's handoff_send_h. libre is used for memory and timers only.
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "media_server.h"

enum {
    BUNDLE_MAX = 1 << 20,
    LOOK_AGAIN_MS = 60, /* a proposal that came before its sound is judged again this often */
};

/* What has changed when the conversation is given back, in the envelope's own nesting. */
static const char resolved[] = "{\"transcript\":{\"summary\":\"The caller's question was answered.\"}}";

/* What all calls share. There is one thread, so one scratch and one buffer of each kind do. */
static struct {
    const ohp_context *context;
    ohp_table *table;
    void *scratch;
    uint32_t return_after_ms;
    uint8_t envelope[OHP_ENVELOPE_LEN_MAX];
    _Alignas(OHP_ALIGN) char verdict[OHP_VERDICT_SIZE_MAX];
    _Alignas(OHP_ALIGN) char view[OHP_ENVELOPE_SIZE_MAX];
} shared;

struct handoff {
    uint32_t number;
    char peer[64];
    ohp_leg *leg;
    ohp_tap *tap;
    handoff_send_h *sendh;
    void *arg;
    struct mbuf *pending; /* a proposal that lacks something */
    struct tmr timeout, hold;
    bool hold_is_over;
    _Alignas(OHP_ALIGN) char leg_memory[OHP_LEG_SIZE_MAX];
};

/* libre's objects are freed with the last reference, and so is the memory that libohp works in. */
static void *lasting(size_t size)
{
    return mem_zalloc(size, NULL);
}

static int read_bundle(const char *path, uint8_t *json, size_t *len)
{
    FILE *file = fopen(path, "rb");

    if (!file)
        return errno;
    *len = fread(json, 1, BUNDLE_MAX, file);
    fclose(file);
    return 0;
}

int handoff_init(const char *bundle, uint32_t return_after_ms)
{
    char words[256];
    ohp_text why = {words, sizeof(words), 0};
    ohp_context_config config = {.size = sizeof(config), .enforce = 1};
    uint8_t salt[16], *json = lasting(BUNDLE_MAX);
    void *memory = NULL;
    size_t size = 0;
    ohp_status status;
    int err;

    if (!json)
        return ENOMEM;
    err = bundle ? read_bundle(bundle, json, &size) : 0;
    if (err) {
        mem_deref(json);
        return err;
    }
    config.trust = (ohp_bytes){json, size};
    status = ohp_context_new(&config, &why, &shared.context);
    explicit_bzero(json, BUNDLE_MAX); /* our private keys stand in it */
    mem_deref(json);
    if (status != OHP_OK) {
        fprintf(stderr, "%s: %.*s\n", bundle ? bundle : "defaults", (int)why.len, words);
        return EINVAL;
    }

    shared.return_after_ms = return_after_ms;
    shared.scratch = lasting(ohp_scratch_size());
    if (ohp_table_size(NULL, &size) == OHP_OK)
        memory = lasting(size);
    if (!shared.scratch || !memory)
        err = ENOMEM;
    else if (getentropy(salt, sizeof(salt)))
        err = errno;
    else if (ohp_table_init(memory, size, NULL, salt, &shared.table) != OHP_OK)
        err = EINVAL;
    if (err)
        mem_deref(memory);
    return err;
}

void handoff_close(void)
{
    (void)ohp_context_unref(&shared.context);
    shared.table = mem_deref(shared.table);
    shared.scratch = mem_deref(shared.scratch);
}

static void destructor(void *arg)
{
    struct handoff *handoff = arg;

    tmr_cancel(&handoff->timeout);
    tmr_cancel(&handoff->hold);
    mem_deref(handoff->pending);
    mem_deref(handoff->tap);
}

int handoff_alloc(struct handoff **handoffp, uint32_t number, const struct pl *call_id,
                  const struct sa *peer, handoff_send_h *sendh, void *arg)
{
    struct handoff *handoff = mem_zalloc(sizeof(*handoff), destructor);
    void *memory = NULL;
    size_t size;

    if (!handoff)
        return ENOMEM;
    handoff->number = number;
    handoff->sendh = sendh;
    handoff->arg = arg;
    (void)re_snprintf(handoff->peer, sizeof(handoff->peer), "%j", peer);

    if (ohp_tap_size(OHP_CODEC_PCMU, OHP_TAP_SECONDS_MAX, &size) == OHP_OK)
        memory = lasting(size);
    if (!memory || ohp_tap_init(memory, size, OHP_CODEC_PCMU, OHP_TAP_SECONDS_MAX, &handoff->tap) != OHP_OK) {
        mem_deref(memory);
        mem_deref(handoff);
        return ENOMEM;
    }
    if (ohp_leg_init(handoff->leg_memory, sizeof(handoff->leg_memory), call_id->p, call_id->l, &handoff->leg)
        != OHP_OK) {
        mem_deref(handoff);
        return EINVAL;
    }
    *handoffp = handoff;
    return 0;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What the leg is lent for one call into it: no two calls get the same random bytes. */
static ohp_host lend(const struct handoff *handoff)
{
    ohp_host host = {
        .size = sizeof(host),
        .context = shared.context,
        .table = shared.table,
        .tap = handoff->tap,
        .peer = {(const uint8_t *)handoff->peer, strlen(handoff->peer)},
        .now_ms = now_ms(),
        .scratch = shared.scratch,
        .scratch_size = ohp_scratch_size(),
    };

    if (getentropy(host.random, sizeof(host.random)))
        abort(); /* every Linux since 3.17 has it, and without it nothing may be signed */
    return host;
}

/* Another identifier of the same conversation: the call that has taken the first one's place. */
void handoff_bind(struct handoff *handoff, const struct pl *call_id)
{
    (void)ohp_leg_bind_id(handoff->leg, call_id->p, call_id->l);
}

void handoff_sdp(struct handoff *handoff, const struct mbuf *local, const struct pl *remote)
{
    const char *sdp = (const char *)mbuf_buf(local);
    size_t len = mbuf_get_left(local);

    (void)ohp_leg_handle_remote_sdp(handoff->leg, remote->p, remote->l, NULL);
    (void)ohp_leg_handle_local_sdp(handoff->leg, sdp, len, NULL);
    (void)ohp_tap_set_sdp(handoff->tap, sdp, len);
}

void handoff_rtp(struct handoff *handoff, const struct mbuf *packet)
{
    (void)ohp_tap_write_rtp(handoff->tap, packet->buf, packet->end);
}

/* Members are shown as JSON: whatever the peer wrote, it stays on its line. */
static void tell_member(const struct handoff *handoff, const ohp_envelope *envelope, const char *path)
{
    char json[4096];
    size_t len;

    if (ohp_envelope_json(envelope, path, strlen(path), 0, json, sizeof(json), &len) == OHP_OK)
        tell(handoff->number, "  %s: %.*s", path, (int)len, json);
}

static void tell_verdict(const struct handoff *handoff, const ohp_verdict *verdict)
{
    static const char *const outcomes[] = {"", "accept", "reject", "need", "duplicate", "overloaded"};
    static const char *const results[] = {"-", "pass", "fail", "skip", "need"};
    ohp_verdict_summary summary = {.size = sizeof(summary)};
    ohp_envelope *envelope;
    ohp_verb verb;
    ohp_str id;

    if (!verdict || ohp_verdict_get(verdict, &summary) != OHP_OK)
        return;
    if (ohp_verdict_envelope(verdict, shared.view, sizeof(shared.view), &envelope) != OHP_OK ||
        ohp_envelope_verb(envelope, &verb) != OHP_OK || ohp_envelope_id(envelope, &id) != OHP_OK)
        return;
    tell(handoff->number, "verifies %.*s %.*s: %s", OHP_PRI(ohp_verb_text(verb)), OHP_PRI(id),
         outcomes[summary.outcome]);
    for (uint32_t step = 0; step < OHP_STEPS; step++)
        if (summary.results[step] != OHP_STEP_NOT_REACHED && summary.results[step] != OHP_STEP_SKIP)
            tell(handoff->number, "  %2u %-15.*s %s", step, OHP_PRI(ohp_step_name(step)), results[summary.results[step]]);
    if (summary.outcome == OHP_OUTCOME_ACCEPT && verb == OHP_VERB_PROPOSE) {
        tell_member(handoff, envelope, "intent.current.name");
        tell_member(handoff, envelope, "intent.slots");
        tell_member(handoff, envelope, "transcript.summary");
    }
}

static void tell_event(const struct handoff *handoff, const ohp_event *event, const ohp_text *why)
{
    static const char *const names[] = {
        "",         "proposed", "needs resources", "refused",     "accepted",    "rejected", "handed off",
        "returned", "incident", "unanswered",      "not assumed", "undelivered", "ignored",  "overloaded",
        "to be anchored", "never anchored",
    };
    const char *name = (size_t)event->kind < sizeof(names) / sizeof(*names) ? names[event->kind] : "another event";
    ohp_str verb = ohp_verb_text(event->verb), reason = ohp_reason_text(event->reason);

    tell(handoff->number, "event: %s%s%.*s%s%.*s%s%.*s", name, verb.len ? " " : "", OHP_PRI(verb),
         reason.len ? ", " : "", OHP_PRI(reason), why->len ? ": " : "", OHP_PRI(*why));
}

/* A proposal that lacks something is kept until it has been judged for good. */
static void keep_pending(struct handoff *handoff, const ohp_bytes *cbor)
{
    ohp_leg_state state = {.size = sizeof(state)};

    if (ohp_leg_get_state(handoff->leg, &state) != OHP_OK || !state.is_pending) {
        handoff->pending = mem_deref(handoff->pending);
    } else if (cbor->data && !(handoff->pending && cbor->data == handoff->pending->buf)) {
        mem_deref(handoff->pending);
        handoff->pending = mbuf_alloc(cbor->len);
        if (handoff->pending)
            (void)mbuf_write_mem(handoff->pending, cbor->data, cbor->len);
    }
}

uint16_t handoff_info(struct handoff *handoff, const struct sip_msg *msg)
{
    char words[256];
    ohp_text why = {words, sizeof(words), 0};
    ohp_info info = {.size = sizeof(info)};
    ohp_handled handled = {.size = sizeof(handled)};
    ohp_host host = lend(handoff);

    /* libre has left the buffer's position behind the empty line. */
    if (ohp_info_parse((const char *)msg->mb->buf, msg->mb->pos, mbuf_buf(msg->mb), mbuf_get_left(msg->mb), &why,
                       &info) != OHP_OK)
        handled.sip_status = 400;
    else if (!info.content_type.data && !info.info_package.data && !info.body.len)
        handled.sip_status = 200; /* nothing but a sign of life (RFC 2976, 2.2) */
    else if (ohp_leg_handle_info(handoff->leg, &host, &info, shared.envelope, sizeof(shared.envelope), shared.verdict,
                                 sizeof(shared.verdict), &why, &handled) != OHP_OK)
        handled.sip_status = 500;
    tell(handoff->number, "INFO with %zu bytes: %u%s%.*s", info.body.len, handled.sip_status, why.len ? ", " : "",
         OHP_PRI(why));
    tell_verdict(handoff, handled.verdict);
    keep_pending(handoff, &handled.cbor);
    return (uint16_t)handled.sip_status;
}

void handoff_response(struct handoff *handoff, uint16_t status)
{
    (void)ohp_leg_handle_response(handoff->leg, shared.table, status);
    handoff_drain(handoff);
}

/* Something is due: the leg's own deadline, or another look at a proposal that lacks something. */
static void timeout_handler(void *arg)
{
    struct handoff *handoff = arg;
    ohp_handled handled = {.size = sizeof(handled)};
    ohp_host host = lend(handoff);

    (void)ohp_leg_handle_timeout(handoff->leg, &host);
    if (handoff->pending) {
        struct mbuf *cbor = mem_ref(handoff->pending); /* the verdict borrows it */

        host = lend(handoff);
        (void)ohp_leg_verify_again(handoff->leg, &host, cbor->buf, cbor->end, shared.verdict, sizeof(shared.verdict),
                                   NULL, &handled);
        keep_pending(handoff, &handled.cbor);
        if (!handoff->pending)
            tell_verdict(handoff, handled.verdict);
        mem_deref(cbor);
    }
    handoff_drain(handoff);
}

static void hold_handler(void *arg)
{
    struct handoff *handoff = arg;

    handoff->hold_is_over = true;
    handoff_drain(handoff);
}

/* What this server wants follows from where the handoff stands. While another message is on its way
 * the leg says OHP_ERR_STATE, and is asked again when that one has been answered. */
static void pursue(struct handoff *handoff)
{
    char words[256];
    ohp_text why = {words, sizeof(words), 0};
    ohp_leg_state state = {.size = sizeof(state)};
    ohp_host host = lend(handoff);
    ohp_status status = OHP_OK;

    if (ohp_leg_get_state(handoff->leg, &state) != OHP_OK || state.side != OHP_SIDE_RECEIVER)
        return;
    if (state.phase == OHP_PHASE_PROPOSING && !state.is_pending)
        status = ohp_leg_accept(handoff->leg, &host, &why);
    else if (state.phase == OHP_PHASE_HANDED_OFF && handoff->hold_is_over)
        status = ohp_leg_give_back(handoff->leg, &host, "resolved", strlen("resolved"), resolved, strlen(resolved),
                                   &why);
    if (status != OHP_OK && status != OHP_ERR_STATE)
        tell(handoff->number, "cannot say it: %.*s %.*s", OHP_PRI(ohp_status_text(status)), OHP_PRI(why));
}

static bool transmit(struct handoff *handoff)
{
    uint8_t buffer[OHP_TRANSMIT_LEN];
    ohp_transmit info = {.size = sizeof(info)};

    if (ohp_leg_poll_transmit(handoff->leg, shared.table, buffer, sizeof(buffer), &info) != OHP_OK)
        return false;
    tell(handoff->number, "sends %.*s, INFO %u of %u", OHP_PRI(info.ohp_verb), info.part, info.parts);
    if (handoff->sendh(&info, handoff->arg))
        (void)ohp_leg_handle_response(handoff->leg, shared.table, 408);
    return true;
}

/* After every call into the leg: what is to be said, what has happened, what is to be sent, and when
 * to come back. */
void handoff_drain(struct handoff *handoff)
{
    char words[256];
    ohp_text why = {words, sizeof(words), 0};
    ohp_event event = {.size = sizeof(event)};
    uint64_t deadline, now = now_ms();

    do {
        pursue(handoff);
        while (ohp_leg_poll_event(handoff->leg, &why, &event) == OHP_OK) {
            tell_event(handoff, &event, &why);
            if (event.kind == OHP_EVENT_HANDED_OFF) {
                handoff->hold_is_over = false;
                tmr_start(&handoff->hold, shared.return_after_ms, hold_handler, handoff);
            }
        }
    } while (transmit(handoff));

    if (handoff->pending)
        tmr_start(&handoff->timeout, LOOK_AGAIN_MS, timeout_handler, handoff);
    else if (ohp_leg_poll_timeout(handoff->leg, &deadline) == OHP_OK)
        tmr_start(&handoff->timeout, deadline > now ? deadline - now : 0, timeout_handler, handoff);
    else
        tmr_cancel(&handoff->timeout);
}
