/* A reload for which memory is too short: whichever allocation fails, the answer is a status, nothing is left behind, and
 * the context in use goes on serving. This program's own malloc stands in for the C library's, for libohp as well. */

#include <errno.h>

#include "../c/test.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

/* Whether allocations are counted; how many there were, which of them fails (0: none), how many blocks are live. */
static int counting;
static unsigned long asked, failing;
static long live;

static int refused(void)
{
    if (!counting || ++asked != failing)
        return 0;
    /* As POSIX has it; the C library itself relies on that. */
    errno = ENOMEM;
    return 1;
}

static void *given(void *memory)
{
    live += counting && memory != NULL;
    return memory;
}

void *malloc(size_t size)
{
    return refused() ? NULL : given(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return refused() ? NULL : given(__libc_calloc(count, size));
}

void *realloc(void *memory, size_t size)
{
    if (refused())
        return NULL;
    void *moved = __libc_realloc(memory, size);
    return memory == NULL ? given(moved) : moved;
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    *memory = refused() ? NULL : given(__libc_memalign(alignment, size));
    return *memory == NULL ? ENOMEM : 0;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return refused() ? NULL : given(__libc_memalign(alignment, size));
}

void free(void *memory)
{
    live -= counting && memory != NULL;
    __libc_free(memory);
}

/* Issuers in the bundle: each takes several allocations, so that there are more than 128. */
#define ISSUERS 40

static size_t bundle(char *json, size_t size)
{
    size_t end = strlen(RECEIVER_TRUST) - 2, len;
    memcpy(json, RECEIVER_TRUST, end);
    len = end;
    for (int i = 0; i < ISSUERS; i++)
        len += (size_t)snprintf(json + len, size - len,
                                ",\"did:web:%d.example\":{\"jwks\":{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\"},"
                                "{\"kty\":\"RSA\",\"kid\":\"b\"}]},\"federation\":{\"jurisdictions\":[\"GB\"]}}",
                                i);
    len += (size_t)snprintf(json + len, size - len, "},\"logs\":{\"l\":{\"entries\":{\"sha256:%064d\":"
                            "{\"index\":1,\"treeSize\":2,\"checkpoint\":\"c\",\"proof\":[\"%.43s=\"]}}}},"
                            "\"consentReceipts\":{\"r\":{\"purpose\":\"p\",\"scope\":[\"s\"],\"lawfulBasis\":\"b\"}}}",
                            0, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    return len;
}

/* Loads `json` with the allocation number `nth` failing. */
static ohp_status load(const char *json, size_t len, unsigned long nth, ohp_text *why, const ohp_context **context)
{
    ohp_context_config config = {.size = sizeof config, .trust = {(const uint8_t *)json, len}};
    asked = 0;
    failing = nth;
    live = 0;
    counting = 1;
    ohp_status status = ohp_context_new(&config, why, context);
    counting = 0;
    return status;
}

static struct side sender, receiver;

/* A signed envelope of the sender's holds with the receiver's context. */
static int serves(void)
{
    ohp_bytes cbor;
    side_free(&sender);
    CHECK(side_init(&sender, SENDER_TRUST) == 0);
    OK(ohp_leg_init(receiver.leg_memory, ohp_leg_size(), TEXT(CALL_ID), &receiver.leg));
    sender.now_ms = receiver.now_ms += 2000;
    sender.calls = receiver.calls;
    OK(side_propose(&sender, OHP_TIER_SIGNED, &cbor));
    CHECK(settle(&sender, &receiver) == 0 && side_event(&receiver) == OHP_EVENT_PROPOSED);
    return 0;
}

/* Refuses each allocation in turn, until there are no more; how often that was. */
static int every_allocation(const char *json, size_t len, ohp_status otherwise, unsigned long *times)
{
    char buffer[64];
    ohp_text why = {buffer, sizeof buffer, 0};
    const ohp_context *context = NULL;
    for (unsigned long nth = 1;; nth++) {
        ohp_status status = load(json, len, nth, &why, &context);
        if (asked < nth) {
            CHECK(status == otherwise && (context != NULL) == (status == OHP_OK));
            counting = 1;
            OK(ohp_context_unref(&context));
            counting = 0;
            CHECK(live == 0);
            *times = nth - 1;
            return 0;
        }
        STATUS(OHP_ERR_MEMORY, status);
        CHECK(context == NULL && live == 0);
        CHECK(IS(((ohp_str){buffer, why.len}), "not enough memory"));
        if (nth % 16 == 1)
            CHECK(serves() == 0);
    }
}

int main(void)
{
    static char json[16 * 1024];
    unsigned long times;
    CHECK(side_init(&sender, SENDER_TRUST) == 0 && side_init(&receiver, RECEIVER_TRUST) == 0);
    CHECK(serves() == 0);

    size_t len = bundle(json, sizeof json);
    CHECK(every_allocation(json, len, OHP_OK, &times) == 0);
    CHECK(times >= 128);
    printf("a bundle of %zu bytes: each of %lu allocations failed once\n", len, times);

    /* A chain of three statements with constraints and policies, from another implementation. */
    FILE *file = fopen("tests/c_memory/chain.json", "r");
    CHECK(file != NULL);
    len = fread(json, 1, sizeof json, file);
    fclose(file);
    CHECK(len > 0 && len < sizeof json);
    CHECK(every_allocation(json, len, OHP_OK, &times) == 0);
    CHECK(times >= 32);
    printf("a trust chain of %zu bytes: each of %lu allocations failed once\n", len, times);

    /* The way to an explanation allocates as well: of a member that is wrong, of one given twice, of a syntax error. */
    const char *wrong[] = {
        "{\"ohpTrust\":1,\"issuers\":{\"did:web:a\":{\"jwks\":{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}]}}}}",
        "{\"ohpTrust\":1,\"issuers\":{\"did:web:a\":{\"jwks\":{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"k\"},{\"kty\":\"RSA\",\"kid\":\"k\"}]}}}}",
        "{\"ohpTrust\":1,\"a member\":1,\"a member\":2}",
        "{\"ohpTrust\":1,}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK(every_allocation(wrong[i], strlen(wrong[i]), OHP_ERR_CONFIG, &times) == 0);
        printf("a wrong bundle: each of %lu allocations failed once\n", times);
    }
    CHECK(serves() == 0);
    side_free(&sender);
    side_free(&receiver);
    return 0;
}
