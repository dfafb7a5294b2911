/*
 * What both C examples need: a clock, randomness, sockets, and the objects of one call.
 *
 * The wire is what a SIP stack leaves to libohp, and no more: an INFO is a datagram of header lines, an empty line and a
 * body; its final response is a datagram of three digits. The caller's sound is RTP on the next port.
 */

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <ohp.h>

#define CALL_ID "example-call@127.0.0.1"
/* How long either side waits for all to be over. */
#define PATIENCE_MS 20000

static const ohp_context *context;
static ohp_table *table;
static ohp_tap *tap;
static ohp_leg *leg;
static ohp_disclosed *disclosed;
static void *scratch;
static int signalling = -1;
static struct sockaddr_in peer;

static char why_data[256];
static ohp_text why = {why_data, sizeof why_data, 0};

/* Every function says what it did; in these programs an error ends them. */
static ohp_status check(const char *what, ohp_status status)
{
    if (status >= OHP_ERR_NULL) {
        ohp_str text = ohp_status_text(status);
        fprintf(stderr, "%s: %.*s: %.*s\n", what, OHP_PRI(text), OHP_PRI(why));
        exit(1);
    }
    return status;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void fill_random(void *bytes, size_t len)
{
    if (getrandom(bytes, len, 0) != (ssize_t)len)
        exit(1);
}

/* What a leg is lent for one call into it: the library has no clock and no randomness of its own. */
static ohp_host lend(void)
{
    ohp_host host = {
        .size = sizeof host,
        .context = context,
        .table = table,
        .tap = tap,
        .peer = {(const uint8_t *)&peer.sin_addr, sizeof peer.sin_addr},
        .now_ms = now_ms(),
        .scratch = scratch,
        .scratch_size = ohp_scratch_size(),
        .disclosed = disclosed,
    };
    fill_random(host.random, sizeof host.random);
    return host;
}

static uint8_t *file(const char *path, size_t *len)
{
    FILE *in = fopen(path, "rb");
    uint8_t *bytes = malloc(1 << 20);
    if (in == NULL || bytes == NULL) {
        perror(path);
        exit(1);
    }
    *len = fread(bytes, 1, 1 << 20, in);
    fclose(in);
    return bytes;
}

/* A UDP socket on the loopback interface. */
static int listen_on(int port)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                              .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) != 0) {
        perror("bind");
        exit(1);
    }
    return fd;
}

/* Makes the objects of one call, with memory that is given back when the program ends. */
static void begin(const char *trust_path)
{
    size_t size;
    uint8_t salt[16];
    ohp_context_config config = {.size = sizeof config, .enforce = 1};
    uint8_t *trust = file(trust_path, &config.trust.len);
    config.trust.data = trust;
    check(trust_path, ohp_context_new(&config, &why, &context));
    free(trust);
    fill_random(salt, sizeof salt);
    check("table", ohp_table_size(NULL, &size));
    check("table", ohp_table_init(malloc(size), size, NULL, salt, &table));
    check("tap", ohp_tap_size(OHP_CODEC_PCMU, OHP_TAP_SECONDS_MAX, &size));
    check("tap", ohp_tap_init(malloc(size), size, OHP_CODEC_PCMU, OHP_TAP_SECONDS_MAX, &tap));
    check("leg", ohp_leg_init(malloc(ohp_leg_size()), ohp_leg_size(), CALL_ID, sizeof CALL_ID - 1, &leg));
    scratch = malloc(ohp_scratch_size());
    void *memory = aligned_alloc(ohp_disclosed_align(), ohp_disclosed_size());
    check("disclosed", ohp_disclosed_init(memory, ohp_disclosed_size(), &why, &disclosed));
    setvbuf(stdout, NULL, _IOLBF, 0);
}

/* Sends what the leg has to send. */
static void send_infos(void)
{
    uint8_t buffer[OHP_TRANSMIT_LEN], datagram[OHP_TRANSMIT_LEN + 2];
    ohp_transmit info = {.size = sizeof info};
    while (check("poll_transmit", ohp_leg_poll_transmit(leg, table, buffer, sizeof buffer, &info)) == OHP_OK) {
        size_t len = info.headers.len;
        memcpy(datagram, info.headers.data, len);
        memcpy(datagram + len, "\r\n", 2);
        memcpy(datagram + len + 2, info.body.data, info.body.len);
        sendto(signalling, datagram, len + 2 + info.body.len, 0, (struct sockaddr *)&peer, sizeof peer);
    }
}

/* Whether a datagram is a final response; then the leg has been told. */
static int is_response(const uint8_t *datagram, size_t len)
{
    if (len != 3 || datagram[0] < '2' || datagram[0] > '6')
        return 0;
    uint32_t status = 0;
    for (size_t i = 0; i < len; i++)
        status = status * 10 + (uint32_t)(datagram[i] - '0');
    check("handle_response", ohp_leg_handle_response(leg, table, status));
    return 1;
}

/* Lets the leg end what has run out. */
static void tick(void)
{
    uint64_t due;
    if (ohp_leg_poll_timeout(leg, &due) == OHP_OK && due <= now_ms()) {
        ohp_host host = lend();
        check("handle_timeout", ohp_leg_handle_timeout(leg, &host));
    }
}
