/*
 * The receiving side of a handoff: a contact centre on one UDP port, its caller's sound on the next one.
 *
 *   cc -o receiver examples/receiver.c $(pkg-config --cflags --libs ohp)
 *   ./receiver 5070 examples/trust/receiver.json
 *
 * The sender may be examples/sender.c or examples/sender.rs.
 */

#include "loopback.h"

/* How often a proposal that waits for sound is looked at again: RTP wakes this program all the time. */
#define VERIFY_AGAIN_MS 100

static int handed_off;
/* A proposal that waits for sound or for a key, with its bytes. */
static uint8_t pending[OHP_ENVELOPE_LEN_MAX];
static size_t pending_len;

/* Shows what has been proposed, and takes it. */
static void take(const ohp_verdict *verdict)
{
    void *memory = malloc(ohp_envelope_size());
    ohp_envelope *envelope;
    ohp_str intent, summary;
    check("envelope", ohp_verdict_envelope(verdict, memory, ohp_envelope_size(), &envelope));
    check("intent", ohp_envelope_text(envelope, "intent.current.name", 19, &intent));
    check("summary", ohp_envelope_text(envelope, "transcript.summary", 18, &summary));
    printf("proposed: %.*s (%.*s)\n", OHP_PRI(intent), OHP_PRI(summary));
    free(memory);
    /* What only we are told: what was sealed for us, and what an identity provider vouches for. Nothing at Signed. */
    ohp_disclosed_value value = {.size = sizeof value};
    for (size_t i = 0; check("field", ohp_disclosed_field(disclosed, i, &value)) == OHP_OK; i++)
        printf("opened: %.*s: %.*s\n", OHP_PRI(value.name), OHP_PRI(value.text));
    if (check("claim", ohp_disclosed_find_claim(disclosed, "given_name", 10, &value)) == OHP_OK)
        printf("verified: the caller is %.*s\n", OHP_PRI(value.text));
    check("wipe", ohp_disclosed_wipe(disclosed));
    ohp_host host = lend();
    check("accept", ohp_leg_accept(leg, &host, &why));
}

/* After every call into the leg: first what happened, then what is to be sent. */
static void drain(const ohp_handled *handled)
{
    ohp_event event = {.size = sizeof event};
    while (check("poll_event", ohp_leg_poll_event(leg, &why, &event)) == OHP_OK) {
        switch (event.kind) {
        case OHP_EVENT_PROPOSED:
            pending_len = 0;
            take(handled->verdict);
            break;
        case OHP_EVENT_NEEDS_RESOURCES:
            memcpy(pending, handled->cbor.data, handled->cbor.len);
            pending_len = handled->cbor.len;
            break;
        case OHP_EVENT_HANDED_OFF:
            printf("handed-off\n");
            handed_off = 1;
            break;
        case OHP_EVENT_REFUSED: {
            ohp_str step = ohp_step_name(event.step), reason = ohp_reason_text(event.reason);
            pending_len = 0;
            printf("refused at %.*s, %.*s: %.*s\n", OHP_PRI(step), OHP_PRI(reason), OHP_PRI(why));
            break;
        }
        default:
            printf("event %d: %.*s\n", (int)event.kind, OHP_PRI(why));
        }
    }
    send_infos();
}

static void signal_arrived(void)
{
    static uint8_t datagram[65536], envelope[OHP_ENVELOPE_LEN_MAX];
    socklen_t peer_len = sizeof peer;
    ssize_t len = recvfrom(signalling, datagram, sizeof datagram, 0, (struct sockaddr *)&peer, &peer_len);
    ohp_handled handled = {.size = sizeof handled, .sip_status = 400};
    void *memory = malloc(ohp_verdict_size());
    if (len > 0 && !is_response(datagram, (size_t)len)) {
        ohp_info info = {.size = sizeof info};
        if (ohp_info_parse_message(datagram, (size_t)len, &why, &info) == OHP_OK) {
            ohp_host host = lend();
            check("handle_info", ohp_leg_handle_info(leg, &host, &info, envelope, sizeof envelope, memory,
                                                     ohp_verdict_size(), &why, &handled));
        }
        char status[4];
        snprintf(status, sizeof status, "%03u", (unsigned)handled.sip_status % 1000);
        sendto(signalling, status, 3, 0, (struct sockaddr *)&peer, peer_len);
    }
    drain(&handled);
    free(memory);
}

/* More sound has come: what waited for it may hold now. */
static void verify_again(void)
{
    void *memory = malloc(ohp_verdict_size());
    ohp_handled handled = {.size = sizeof handled};
    ohp_host host = lend();
    check("verify_again", ohp_leg_verify_again(leg, &host, pending, pending_len, memory, ohp_verdict_size(), &why,
                                               &handled));
    drain(&handled);
    free(memory);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: receiver PORT TRUST.json\n");
        return 1;
    }
    begin(argv[2]);
    signalling = listen_on(atoi(argv[1]));
    int media = listen_on(atoi(argv[1]) + 1);
    printf("listening\n");

    uint64_t end = now_ms() + PATIENCE_MS, verified_ms = 0;
    struct pollfd ready[] = {{signalling, POLLIN, 0}, {media, POLLIN, 0}};
    while (!handed_off && now_ms() < end) {
        poll(ready, 2, VERIFY_AGAIN_MS);
        if (ready[1].revents & POLLIN) {
            uint8_t packet[2048];
            ssize_t len = recv(media, packet, sizeof packet, 0);
            if (len > 0)
                ohp_tap_write_rtp(tap, packet, (size_t)len);
        } else if (ready[0].revents & POLLIN) {
            signal_arrived();
        }
        if (pending_len > 0 && now_ms() >= verified_ms + VERIFY_AGAIN_MS) {
            verified_ms = now_ms();
            verify_again();
        }
        tick();
        drain(&(ohp_handled){0});
    }
    check("unref", ohp_context_unref(&context));
    return !handed_off;
}
