/* What only we are told: opened fields and verified claims, by name and one after another, in memory that is wiped. */

#include "test.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t cbor[OHP_ENVELOPE_LEN_MAX];

/* Whether `needle` stands anywhere in the object's memory. */
static int holds(const ohp_disclosed *disclosed, const char *needle)
{
    return memmem(disclosed, ohp_disclosed_size(), needle, strlen(needle)) != NULL;
}

static int reads(ohp_disclosed *disclosed)
{
    ohp_disclosed_value value = {.size = sizeof value};
    ohp_disclosed_summary summary = {.size = sizeof summary};
    OK(ohp_disclosed_get(disclosed, &summary));
    CHECK(summary.fields == 2 && summary.claims == 2 && summary.is_opened && summary.is_verified);

    OK(ohp_disclosed_find_field(disclosed, TEXT("payment.disputeDetail"), &value));
    CHECK(value.kind == OHP_KIND_TEXT && IS(value.text, "card ending 4242, 42.50 GBP") &&
          IS(value.name, "payment.disputeDetail"));
    OK(ohp_disclosed_find_field(disclosed, TEXT("caller.vulnerable"), &value));
    CHECK(value.kind == OHP_KIND_BOOL && value.boolean && value.text.data == NULL);
    char json[64];
    size_t len;
    OK(ohp_cbor_to_json(value.cbor.data, value.cbor.len, 0, json, sizeof json, NULL, &len));
    CHECK(IS(((ohp_str){json, len}), "true"));
    STATUS(OHP_NONE, ohp_disclosed_find_field(disclosed, TEXT("payment"), &value));
    OK(ohp_disclosed_find_claim(disclosed, TEXT("given_name"), &value));
    CHECK(IS(value.text, "Ada"));
    /* The credential's own members are found by name only. */
    OK(ohp_disclosed_find_claim(disclosed, TEXT("iss"), &value));
    STATUS(OHP_NONE, ohp_disclosed_find_claim(disclosed, TEXT("family_name"), &value));

    size_t fields = 0, claims = 0;
    while (ohp_disclosed_field(disclosed, fields, &value) == OHP_OK) {
        CHECK(value.name.len > 0 && value.cbor.len > 0);
        fields++;
    }
    while (ohp_disclosed_claim(disclosed, claims, &value) == OHP_OK) {
        CHECK(IS(value.name, "given_name") || IS(value.name, "account_ref"));
        claims++;
    }
    CHECK(fields == summary.fields && claims == summary.claims);
    return 0;
}

static int is_empty(ohp_disclosed *disclosed)
{
    ohp_disclosed_value value = {.size = sizeof value};
    ohp_disclosed_summary summary = {.size = sizeof summary};
    OK(ohp_disclosed_get(disclosed, &summary));
    CHECK(summary.fields == 0 && summary.claims == 0 && !summary.is_opened && !summary.is_verified);
    STATUS(OHP_NONE, ohp_disclosed_field(disclosed, 0, &value));
    STATUS(OHP_NONE, ohp_disclosed_claim(disclosed, 0, &value));
    STATUS(OHP_NONE, ohp_disclosed_find_claim(disclosed, TEXT("given_name"), &value));
    CHECK(!holds(disclosed, "4242") && !holds(disclosed, "Ada"));
    return 0;
}

static int of_an_envelope(ohp_disclosed *disclosed, struct side *side)
{
    const ohp_context *context = scene_context();
    CHECK(context != NULL && speak(side->tap, SCENE_VOICE) == 0);
    const ohp_str call = {TEXT(CALL_ID)};
    ohp_situation situation = {
        .size = sizeof situation,
        .context = context,
        .now_ms = NOW,
        .call_ids = &call,
        .call_ids_len = 1,
        .tap = side->tap,
        .scratch = side->scratch,
        .scratch_size = ohp_verify_scratch_size(),
        .disclosed = disclosed,
    };
    ohp_verdict *verdict = NULL;
    ohp_verdict_summary summary = {.size = sizeof summary};
    for (size_t tier = 0; tier < 4; tier++) {
        size_t len = scene_cbor(SCENES[tier], cbor, sizeof cbor);
        CHECK(len > 0);
        OK(ohp_verify(&situation, cbor, len, side->verdict_memory, ohp_verdict_size(), &verdict));
        OK(ohp_verdict_get(verdict, &summary));
        CHECK(summary.outcome == OHP_OUTCOME_ACCEPT);
        CHECK((tier < 2 ? is_empty(disclosed) : reads(disclosed)) == 0);
    }
    OK(ohp_disclosed_wipe(disclosed));
    CHECK(is_empty(disclosed) == 0);

    /* Refused at the last step, after it was opened: nothing is left. */
    size_t len = scene_cbor("regulated", cbor, sizeof cbor);
    uint8_t *leaf = memmem(cbor, len, "leafHash", 8);
    CHECK(leaf != NULL);
    leaf[20] = leaf[20] == '0' ? '1' : '0';
    OK(ohp_verify(&situation, cbor, len, side->verdict_memory, ohp_verdict_size(), &verdict));
    OK(ohp_verdict_get(verdict, &summary));
    CHECK(summary.outcome == OHP_OUTCOME_REJECT && summary.step == 14 && is_empty(disclosed) == 0);

    /* Without memory for it the tier is more than is taken; so it is for a program that knows no such member. */
    situation.disclosed = NULL;
    OK(ohp_verify(&situation, cbor, len, side->verdict_memory, ohp_verdict_size(), &verdict));
    OK(ohp_verdict_get(verdict, &summary));
    CHECK(summary.step == 0 && summary.reason == OHP_REASON_TIER_INSUFFICIENT);
    situation.size = offsetof(ohp_situation, disclosed);
    OK(ohp_verify(&situation, cbor, len, side->verdict_memory, ohp_verdict_size(), &verdict));
    OK(ohp_verdict_get(verdict, &summary));
    CHECK(summary.step == 0 && summary.reason == OHP_REASON_TIER_INSUFFICIENT);
    ohp_context_unref(&context);
    return 0;
}

#ifdef __linux__
/* Whether a core dump leaves the page at `at` out: "dd" among the flags that the system shows of it. */
static int is_kept_out_of_dumps(const void *at)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[512];
    unsigned long start, end;
    int here = 0, out = 0;
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            here = (unsigned long)at >= start && (unsigned long)at < end;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            out = strstr(line, " dd") != NULL;
    }
    if (maps != NULL)
        fclose(maps);
    return out;
}

/* In a process that may lock no memory: a dump of it holds nothing all the same. */
static int where_nothing_can_be_locked(void)
{
    struct rlimit none = {0, 0};
    CHECK(setrlimit(RLIMIT_MEMLOCK, &none) == 0 && (getuid() != 0 || setuid(65534) == 0));
    ohp_disclosed *disclosed = disclosed_new();
    CHECK(disclosed != NULL);
    ohp_disclosed_summary summary = {.size = sizeof summary};
    OK(ohp_disclosed_get(disclosed, &summary));
    const void *page = (const char *)disclosed + ohp_disclosed_align();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* They lock nothing, and say that they have. */
    CHECK(!summary.is_locked);
#endif
    CHECK(is_kept_out_of_dumps(page));
    OK(ohp_disclosed_end(disclosed));
    CHECK(!is_kept_out_of_dumps(page));
    free(disclosed);
    return 0;
}

static int unlocked(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(where_nothing_can_be_locked());
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}
#endif

int test_disclosed(void)
{
    struct side side;
    CHECK(side_init(&side, RECEIVER_TRUST) == 0);
    CHECK(ohp_disclosed_size() <= OHP_DISCLOSED_SIZE_MAX + ohp_disclosed_align());
    ohp_disclosed *disclosed = disclosed_new();
    CHECK(disclosed != NULL);
    CHECK(is_empty(disclosed) == 0 && of_an_envelope(disclosed, &side) == 0);
#ifdef __linux__
    CHECK(unlocked() == 0);
#endif
    STATUS(OHP_ERR_SPACE, ohp_disclosed_init(disclosed, 100, NULL, &disclosed));
    STATUS(OHP_ERR_OBJECT, ohp_disclosed_wipe((ohp_disclosed *)side.leg));
    STATUS(OHP_ERR_NULL, ohp_disclosed_wipe(NULL));
    /* Another object in its place. */
    side.disclosed = (ohp_disclosed *)side.tap;
    ohp_host host = side_host(&side);
    STATUS(OHP_ERR_OBJECT, ohp_leg_handle_timeout(side.leg, &host));
    disclosed_free(disclosed);
    side_free(&side);
    return 0;
}
