/* What the C tests share: checks, and a side of a call. */

#ifndef OHP_TEST_H
#define OHP_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ohp.h>

/* Ends the test as failed unless `condition` holds. */
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
            return 1;                                                                 \
        }                                                                             \
    } while (0)

/* Ends the test as failed unless `call` returns `wanted`. */
#define STATUS(wanted, call)                                                          \
    do {                                                                              \
        ohp_status got_ = (call);                                                     \
        if (got_ != (wanted)) {                                                       \
            ohp_str text_ = ohp_status_text(got_);                                    \
            fprintf(stderr, "%s:%d: %s: %d, %.*s\n", __FILE__, __LINE__, #call, (int)got_, \
                    OHP_PRI(text_));                                                  \
            return 1;                                                                 \
        }                                                                             \
    } while (0)

#define OK(call) STATUS(OHP_OK, call)
/* A literal as the two parameters that a text takes. */
#define TEXT(literal) (literal), (sizeof(literal) - 1)
#define IS(text, literal) \
    ((text).len == sizeof(literal) - 1 && memcmp((text).data, (literal), (text).len) == 0)

/* The moment at which all tests happen: 2026-05-28T13:42:11Z. */
#define NOW 1779975731000u
#define CALL_ID "a84b4c76e66710@pc33.atlanta.example.com"

/* One side of a call, in memory of its own. */
struct side {
    const ohp_context *context;
    void *table_memory;
    ohp_table *table;
    void *tap_memory;
    ohp_tap *tap;
    void *leg_memory;
    ohp_leg *leg;
    void *verdict_memory;
    uint8_t *envelope;
    void *scratch;
    uint64_t now_ms;
    char why_data[256];
    ohp_text why;
    ohp_handled handled;
    /* What the side lends for what only it may see; NULL at first. */
    ohp_disclosed *disclosed;
    unsigned calls;
};

int side_init(struct side *side, const char *trust);
/* Likewise; it sends robust fingerprints and lets similar sound count. */
int side_similar(struct side *side, const char *trust);
void side_free(struct side *side);
/* What the side's leg is lent for one call. */
ohp_host side_host(struct side *side);
/* Takes the kind of the next event, 0 if there is none. */
int side_event(struct side *side);
/* Carries INFOs from one side to the other until both are still; NULL and 0 on a failure in between. */
int settle(struct side *one, struct side *other);
/* Proposes at that tier, with a template that the schema likes. */
ohp_status side_propose(struct side *side, uint32_t tier, ohp_bytes *cbor);
/* Writes 3 s of noise, which is alive, into a tap; equal seeds sound alike. */
int speak(ohp_tap *tap, unsigned seed);
/* Likewise so many packets of 20 ms, each octet with those bits changed: with 1 it is similar, and not the same. */
int talk(ohp_tap *tap, unsigned seed, unsigned packets, uint8_t blur);

/* The four proposals of tests/c/scene/, by tier; their receiver's context; memory for what they disclose. */
extern const char *const SCENES[];
#define SCENE_TRUST_MAX (64 * 1024)
/* Whose voice the call has that they were made on, for speak(). */
#define SCENE_VOICE 22
size_t scene_file(const char *name, void *memory, size_t size);
const ohp_context *scene_context(void);
size_t scene_cbor(const char *tier, uint8_t *cbor, size_t size);
ohp_disclosed *disclosed_new(void);
void disclosed_free(ohp_disclosed *disclosed);

extern const char SENDER_TRUST[];
extern const char RECEIVER_TRUST[];
/* A whole Core envelope. */
extern const char CORE_JSON[];
/* Turns it into CBOR; its length, or 0. */
size_t core_cbor(uint8_t *cbor, size_t size);

int test_version(void);
int test_context(void);
int test_table(void);
int test_fork(void);
int test_tap(void);
int test_envelope(void);
int test_info(void);
int test_sdp(void);
int test_renegotiation(void);
int test_verify(void);
int test_disclosed(void);
int test_regulated(void);
int test_receive(void);
int test_issue(void);
int test_leg(void);
int test_leg_lent(void);
int test_stack(void);
int test_threads(void);
int test_misuse(void);

#endif
