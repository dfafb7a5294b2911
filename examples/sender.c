/*
 * The sending side of a handoff: a voice agent that has heard enough, and gives its caller to a contact centre.
 *
 *   cc -o sender examples/sender.c $(pkg-config --cflags --libs ohp)
 *   ./sender 5070 examples/trust/sender.json assets/caller.wav
 *
 * The receiver, which has to be there before, may be examples/receiver.c or examples/receiver.rs.
 */

#include "loopback.h"

/* What only the application knows; the leg adds the rest, and signs. */
static const char PROPOSAL[] =
    "{ \"audience\": { \"vendor\": \"contact-centre\", \"did\": \"did:web:contact-centre.example\","
    "                  \"purpose\": \"human-takeover\" },"
    "  \"session\": { \"locale\": \"en-GB\" },"
    "  \"intent\": { \"current\": { \"name\": \"billing_dispute\", \"confidence\": 0.94 },"
    "                \"slots\": { \"accountRef\": \"acct_77\" } },"
    "  \"transcript\": { \"summary\": \"The caller disputes a charge of 42.99.\","
    "                    \"redaction\": { \"policy\": \"pii-mask\", \"version\": \"1\" } },"
    "  \"policy\": { \"retention\": { \"transcript\": \"P30D\" }, \"redaction\": { \"pii\": \"mask\" },"
    "                \"dataResidency\": [\"GB\"] },"
    "  \"control\": { \"reason\": \"human-requested\" } }";

/* Packets of sound, 20 ms each, that are sent before the proposal. */
#define PACKETS 100
#define PACKET_SAMPLES 160
/* Where samples begin in a WAV file with the header that assets/caller.wav has. */
#define WAV_HEADER 58

static int handed_off, given_up;

/* Sends the caller's voice, and taps what it sends: the fingerprint is made of that. */
static void speak(const char *path, int port)
{
    struct sockaddr_in to = peer;
    size_t len;
    uint8_t *wav = file(path, &len), packet[12 + PACKET_SAMPLES] = {0x80, 0};
    to.sin_port = htons((uint16_t)port);
    fill_random(packet + 8, 4);
    for (unsigned number = 0; number < PACKETS; number++) {
        size_t at = WAV_HEADER + number * PACKET_SAMPLES;
        uint32_t timestamp = htonl(number * PACKET_SAMPLES);
        uint16_t sequence = htons((uint16_t)number);
        if (at + PACKET_SAMPLES > len)
            break;
        memcpy(packet + 2, &sequence, 2);
        memcpy(packet + 4, &timestamp, 4);
        memcpy(packet + 12, wav + at, PACKET_SAMPLES);
        sendto(signalling, packet, sizeof packet, 0, (struct sockaddr *)&to, sizeof to);
        check("tap", ohp_tap_write_rtp(tap, packet, sizeof packet));
        /* Five times as fast as life: nobody listens here. */
        usleep(4000);
    }
    free(wav);
}

static void propose(void)
{
    uint8_t *buffer = malloc(OHP_ENVELOPE_LEN_MAX);
    ohp_bytes envelope;
    ohp_host host = lend();
    check("propose", ohp_leg_propose(leg, &host, OHP_TIER_SIGNED, PROPOSAL, sizeof PROPOSAL - 1, buffer,
                                     OHP_ENVELOPE_LEN_MAX, &why, &envelope));
    printf("proposing with %zu bytes\n", envelope.len);
    free(buffer);
}

/* After every call into the leg: first what happened, then what is to be sent. */
static void drain(void)
{
    ohp_event event = {.size = sizeof event};
    while (check("poll_event", ohp_leg_poll_event(leg, &why, &event)) == OHP_OK) {
        switch (event.kind) {
        case OHP_EVENT_ACCEPTED: {
            ohp_host host = lend();
            printf("accepted: %.*s\n", OHP_ID_LEN, event.id);
            check("assume", ohp_leg_assume(leg, &host, &why));
            break;
        }
        case OHP_EVENT_HANDED_OFF:
            printf("handed-off\n");
            handed_off = 1;
            break;
        case OHP_EVENT_REJECTED: {
            ohp_str reason = ohp_reason_text(event.reason);
            printf("rejected: %.*s\n", OHP_PRI(reason));
            given_up = 1;
            break;
        }
        case OHP_EVENT_UNDELIVERED:
        case OHP_EVENT_UNANSWERED:
            printf("no answer, status %u\n", (unsigned)event.sip_status);
            given_up = 1;
            break;
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
    if (len <= 0 || is_response(datagram, (size_t)len))
        return;
    void *memory = malloc(ohp_verdict_size());
    ohp_info info = {.size = sizeof info};
    ohp_handled handled = {.size = sizeof handled, .sip_status = 400};
    if (ohp_info_parse_message(datagram, (size_t)len, &why, &info) == OHP_OK) {
        ohp_host host = lend();
        check("handle_info", ohp_leg_handle_info(leg, &host, &info, envelope, sizeof envelope, memory,
                                                 ohp_verdict_size(), &why, &handled));
    }
    char status[4];
    snprintf(status, sizeof status, "%03u", (unsigned)handled.sip_status % 1000);
    sendto(signalling, status, 3, 0, (struct sockaddr *)&peer, peer_len);
    free(memory);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: sender PORT TRUST.json CALLER.wav\n");
        return 1;
    }
    begin(argv[2]);
    signalling = listen_on(0);
    peer = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
    speak(argv[3], atoi(argv[1]) + 1);
    propose();
    drain();
    uint64_t end = now_ms() + PATIENCE_MS;
    struct pollfd ready = {signalling, POLLIN, 0};
    while (!handed_off && !given_up && now_ms() < end) {
        if (poll(&ready, 1, 100) > 0)
            signal_arrived();
        tick();
        drain();
    }
    check("unref", ohp_context_unref(&context));
    return !handed_off;
}
