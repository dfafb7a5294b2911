/* Contexts are counted, and a wrong bundle is explained. */

#include "test.h"

int test_context(void)
{
    const ohp_context *context = NULL, *copy, *again;
    char buffer[256];
    ohp_text why = {buffer, sizeof buffer, 0};

    OK(ohp_context_new(NULL, NULL, &context));
    copy = again = context;
    OK(ohp_context_ref(copy));
    OK(ohp_context_unref(&context));
    CHECK(context == NULL);
    /* The same variable cannot give its reference back twice. */
    OK(ohp_context_unref(&context));
    OK(ohp_context_ref(again));
    OK(ohp_context_unref(&again));
    OK(ohp_context_unref(&copy));

    static const char WRONG[] =
        "{\"ohpTrust\":1,\"issuers\":{\"did:web:a.example\":{\"jwks\":{\"keys\":["
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"use\":\"sig\",\"x\":\"!\"}]}}}}";
    ohp_context_config config = {.size = sizeof config, .trust = {(const uint8_t *)WRONG, sizeof WRONG - 1}};
    STATUS(OHP_ERR_CONFIG, ohp_context_new(&config, &why, &context));
    CHECK(context == NULL);
    CHECK(why.len > 0 && strncmp(buffer, "issuers[\"did:web:a.example\"].jwks.keys[0].x", 43) == 0);
    /* A short buffer takes the beginning. */
    why.size = 7;
    STATUS(OHP_ERR_CONFIG, ohp_context_new(&config, &why, &context));
    CHECK(why.len == 7 && memcmp(buffer, "issuers", 7) == 0);

    memset(&config, 0, sizeof config);
    STATUS(OHP_ERR_SIZE, ohp_context_new(&config, NULL, &context));
    config.size = sizeof config;
    config.body_max = 1301;
    STATUS(OHP_ERR_RANGE, ohp_context_new(&config, NULL, &context));
    config.body_max = 1300;
    config.lifetime_ms = 300001;
    STATUS(OHP_ERR_RANGE, ohp_context_new(&config, NULL, &context));
    config.lifetime_ms = 0;
    OK(ohp_context_new(&config, NULL, &context));
    OK(ohp_context_unref(&context));

    /* A program built with a newer header passes a longer structure: zeros are understood, others are not. */
    struct {
        ohp_context_config known;
        uint64_t unknown;
    } newer = {.known = {.size = sizeof newer}};
    OK(ohp_context_new(&newer.known, NULL, &context));
    OK(ohp_context_unref(&context));
    newer.unknown = 1;
    STATUS(OHP_ERR_SIZE, ohp_context_new(&newer.known, NULL, &context));
    return 0;
}
