/* A proposal at each tier with real keys behind all of its parties, as tests/tiers writes it: see tests/c/scene/. */

#include "test.h"

const char *const SCENES[] = {"core", "signed", "sealed", "regulated"};

size_t scene_file(const char *name, void *memory, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "tests/c/scene/%s", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: run this in the checkout's folder\n", path);
        return 0;
    }
    size_t len = fread(memory, 1, size, file);
    fclose(file);
    return len < size ? len : 0;
}

const ohp_context *scene_context(void)
{
    const ohp_context *context = NULL;
    char why_data[256];
    ohp_text why = {why_data, sizeof why_data, 0};
    char *trust = malloc(SCENE_TRUST_MAX);
    ohp_context_config config = {
        .size = sizeof config,
        .trust = {(const uint8_t *)trust, scene_file("trust.json", trust, SCENE_TRUST_MAX)},
        .enforce = 1,
    };
    if (config.trust.len > 0 && ohp_context_new(&config, &why, &context) != OHP_OK)
        fprintf(stderr, "tests/c/scene/trust.json: %.*s\n", OHP_PRI(why));
    free(trust);
    return context;
}

size_t scene_cbor(const char *tier, uint8_t *cbor, size_t size)
{
    char name[32];
    snprintf(name, sizeof name, "%s.cbor", tier);
    return scene_file(name, cbor, size);
}

ohp_disclosed *disclosed_new(void)
{
    ohp_disclosed *disclosed = NULL;
    void *memory = aligned_alloc(ohp_disclosed_align(), ohp_disclosed_size());
    if (memory == NULL)
        return NULL;
    memset(memory, 0, ohp_disclosed_size());
    if (ohp_disclosed_init(memory, ohp_disclosed_size(), NULL, &disclosed) != OHP_OK)
        free(memory);
    return disclosed;
}

void disclosed_free(ohp_disclosed *disclosed)
{
    if (ohp_disclosed_end(disclosed) == OHP_OK)
        free(disclosed);
}
