/* Prints the verdict on an envelope as `ohp verify --json` does, from what the C interface says and nothing else. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ohp.h>

#define FILE_MAX (256 * 1024)

static char text_data[512], path_data[512];
static ohp_text text = {text_data, sizeof text_data, 0}, path = {path_data, sizeof path_data, 0};

static void string(ohp_str value)
{
    putchar('"');
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\')
            putchar('\\');
        putchar(value.data[i]);
    }
    putchar('"');
}

static void member(const char *name, ohp_str value)
{
    printf(",\"%s\":", name);
    string(value);
}

static ohp_str said(ohp_text from)
{
    return (ohp_str){from.data, from.len};
}

static size_t contents(const char *name, void *memory)
{
    FILE *file = fopen(name, "rb");
    if (file == NULL)
        return 0;
    size_t len = fread(memory, 1, FILE_MAX, file);
    fclose(file);
    return len;
}

static void print(ohp_verdict *verdict, ohp_disclosed *disclosed)
{
    ohp_verdict_summary summary = {.size = sizeof summary};
    ohp_disclosed_summary told = {.size = sizeof told};
    ohp_disclosed_value value = {.size = sizeof value};
    ohp_fault fault = {.size = sizeof fault};
    ohp_need need = {.size = sizeof need};
    ohp_verdict_get(verdict, &summary);
    ohp_disclosed_get(disclosed, &told);
    int is_faulty = ohp_verdict_fault(verdict, &text, &path, &fault) == OHP_OK;
    int is_malformed = is_faulty && fault.has_offset;

    printf("{\"outcome\":");
    string(is_malformed ? (ohp_str){"malformed", 9} : ohp_outcome_text(summary.outcome));
    if (is_faulty && (fault.has_offset || fault.has_path)) {
        printf(",\"error\":{\"message\":");
        string(said(text));
        if (fault.has_offset)
            printf(",\"offset\":%llu", (unsigned long long)fault.offset);
        if (fault.has_path)
            member("path", said(path));
        printf("}");
    }
    if (summary.has_envelope) {
        char memory[OHP_ENVELOPE_SIZE_MAX] __attribute__((aligned(OHP_ALIGN)));
        ohp_envelope *envelope = NULL;
        ohp_tier tier = 0;
        ohp_verb verb = 0;
        ohp_str id = {NULL, 0};
        ohp_verdict_envelope(verdict, memory, sizeof memory, &envelope);
        ohp_envelope_id(envelope, &id);
        ohp_envelope_tier(envelope, &tier);
        ohp_envelope_verb(envelope, &verb);
        member("id", id);
        member("tier", ohp_tier_text(tier));
        member("verb", ohp_verb_text(verb));
        uint64_t due;
        if (ohp_envelope_report_due(envelope, &due) == OHP_OK) {
            time_t seconds = (time_t)(due / 1000);
            char moment[32];
            strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%S", gmtime(&seconds));
            printf(",\"reportDue\":\"%s.%03uZ\"", moment, (unsigned)(due % 1000));
        }
    }
    if (summary.outcome == OHP_OUTCOME_REJECT && !is_malformed) {
        member("rejectReason", ohp_reason_text(summary.reason));
        printf(",\"firstFailingStep\":%u", (unsigned)summary.step);
        ohp_verdict_detail(verdict, &text);
        member("stepDescription", said(text));
    }
    if (summary.decision != OHP_DECISION_NONE) {
        printf(",\"continuity\":{\"outcome\":\"%.*s\"", OHP_PRI(ohp_decision_text(summary.decision)));
        if (summary.decision == OHP_DECISION_ROBUST_MATCH)
            printf(",\"bitErrorRate\":%.4g", (double)summary.bit_errors / OHP_ROBUST_BITS);
        printf("}");
    }
    printf(",\"needs\":[");
    for (size_t i = 0; ohp_verdict_need(verdict, i, &need) == OHP_OK; i++) {
        printf("%s{\"step\":%u", i == 0 ? "" : ",", (unsigned)need.step);
        member("kind", ohp_need_kind_text(need.kind));
        member("ref", need.reference);
        printf("}");
    }
    printf("],\"steps\":[");
    for (unsigned step = 0; !is_malformed && step < OHP_STEPS && summary.results[step] != OHP_STEP_NOT_REACHED; step++) {
        printf("%s{\"step\":%u", step == 0 ? "" : ",", step);
        member("name", ohp_step_name(step));
        member("result", ohp_step_result_text(summary.results[step]));
        printf("}");
    }
    printf("],\"openedSealedFields\":[");
    for (size_t i = 0; ohp_disclosed_field(disclosed, i, &value) == OHP_OK; i++) {
        printf(i == 0 ? "" : ",");
        string(value.name);
    }
    printf("],\"verifiedFields\":[%s", told.is_verified ? "\"caller.assurance\"" : "");
    for (size_t i = 0; ohp_disclosed_claim(disclosed, i, &value) == OHP_OK; i++)
        printf(",\"caller.identity.%.*s\"", OHP_PRI(value.name));
    printf("],\"warnings\":[");
    for (size_t i = 0; ohp_verdict_warning(verdict, i, &text) == OHP_OK; i++) {
        printf(i == 0 ? "" : ",");
        string(said(text));
    }
    printf("]}\n");
}

/* print TRUST ENVELOPE NOW-MS CALL-ID FINGERPRINT */
int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    uint8_t *trust = malloc(FILE_MAX), *cbor = malloc(FILE_MAX);
    ohp_context_config config = {.size = sizeof config, .trust = {trust, contents(argv[1], trust)}};
    const ohp_context *context = NULL;
    if (ohp_context_new(&config, &text, &context) != OHP_OK) {
        fprintf(stderr, "%.*s\n", OHP_PRI(text));
        return 2;
    }
    ohp_disclosed *disclosed = NULL;
    void *private = aligned_alloc(ohp_disclosed_align(), ohp_disclosed_size());
    if (ohp_disclosed_init(private, ohp_disclosed_size(), NULL, &disclosed) != OHP_OK)
        return 2;
    const ohp_str call = {argv[4], strlen(argv[4])};
    ohp_situation situation = {
        .size = sizeof situation,
        .context = context,
        .now_ms = strtoull(argv[3], NULL, 10),
        .call_ids = &call,
        .call_ids_len = 1,
        .fingerprint = {argv[5], strlen(argv[5])},
        .scratch = malloc(ohp_verify_scratch_size()),
        .scratch_size = ohp_verify_scratch_size(),
        .disclosed = disclosed,
    };
    void *memory = malloc(ohp_verdict_size());
    ohp_verdict *verdict = NULL;
    ohp_status status = ohp_verify(&situation, cbor, contents(argv[2], cbor), memory, ohp_verdict_size(), &verdict);
    if (status == OHP_OK)
        print(verdict, disclosed);
    ohp_disclosed_end(disclosed);
    ohp_context_unref(&context);
    free(private);
    free(situation.scratch);
    free(memory);
    free(trust);
    free(cbor);
    return status == OHP_OK ? 0 : 2;
}
