/*
 * A small media server on a SIP stack that is not libohp's: libre does SIP, SDP and RTP, libohp does
 * the handoff and is known by ohp.h alone.
 *
 * It takes every call, sends the caller's sound back, and judges what is proposed on it. A proposal
 * that holds is accepted; the conversation is held for a while and then given back. A call that
 * replaces another one (RFC 3891) takes its conversation over.
 *
 *   apt-get install libre-dev        (https://github.com/baresip/re)
 *   make install PREFIX=/usr/local   (libohp, its header and ohp.pc)
 *   cd examples/media_server
 *   cc -o media_server main.c call.c handoff.c $(pkg-config --cflags --libs ohp libre)
 *   ./media_server --listen 127.0.0.1:5070 --bundle ../trust/receiver.json --return-after 2 --calls 1
 *
 * --listen        the address of this machine at which it can be called
 * --bundle        who it is and whom it believes; without one it takes Core proposals from anybody
 * --return-after  seconds until a conversation is given back
 * --calls         how many calls to serve; without it, until SIGINT
 *
 * tests/media_server.rs runs it against the voice agent of `ohp demo`, and against SIPp.
 *
 * handoff.c would look alike for another SIP stack: it calls libohp and no SIP. call.c is the SIP
 * side and does not call libohp. main.c reads the options.
 */
#ifndef MEDIA_SERVER_H
#define MEDIA_SERVER_H

#include <ohp.h>

#define HAVE_INTTYPES_H /* or libre defines C99's integers itself */
#include <re.h>

/* Two functions of libre have an argument more since its version 2; Debian 12 has 1.1. */
#if __has_include(<re_trice.h>)
#define SINCE_LIBRE_2(argument) argument,
#else
#define SINCE_LIBRE_2(argument)
#endif

/* One line about one call. */
#define tell(number, ...) (printf("call %u: ", (number)), printf(__VA_ARGS__), (void)putchar('\n'))

/* ---- handoff.c: the handoff on one call ---- */

struct handoff;

/* Sends an INFO inside the dialog; its final response is to come back by handoff_response(). */
typedef int (handoff_send_h)(const ohp_transmit *info, void *arg);

int  handoff_init(const char *bundle, uint32_t return_after_ms);
void handoff_close(void);

int  handoff_alloc(struct handoff **handoffp, uint32_t number, const struct pl *call_id,
                   const struct sa *peer, handoff_send_h *sendh, void *arg);
void handoff_bind(struct handoff *handoff, const struct pl *call_id);
void handoff_sdp(struct handoff *handoff, const struct mbuf *local, const struct pl *remote);
void handoff_rtp(struct handoff *handoff, const struct mbuf *packet);
/* Takes an INFO; gives the SIP status to answer it with. Afterwards, call handoff_drain(). */
uint16_t handoff_info(struct handoff *handoff, const struct sip_msg *msg);
void handoff_response(struct handoff *handoff, uint16_t status);
void handoff_drain(struct handoff *handoff);

/* ---- call.c: calls ---- */

int  calls_init(const struct sa *addr, uint32_t calls);
/* Hangs up. The main loop ends when the last BYE has been answered, or, the second time, at once. */
void calls_stop(void);
void calls_close(void);

#endif
