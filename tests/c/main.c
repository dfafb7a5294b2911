/* Runs all tests, the one that is named, or, after "without", all but that. */

#include "test.h"

static const struct {
    const char *name;
    int (*run)(void);
} TESTS[] = {
    {"version", test_version}, {"context", test_context},
    {"table", test_table}, {"fork", test_fork},
    {"tap", test_tap}, {"envelope", test_envelope},
    {"info", test_info}, {"sdp", test_sdp}, {"renegotiation", test_renegotiation},
    {"verify", test_verify}, {"disclosed", test_disclosed}, {"regulated", test_regulated}, {"receive", test_receive},
    {"issue", test_issue}, {"leg", test_leg},
    {"leg_lent", test_leg_lent}, {"stack", test_stack},
    {"threads", test_threads}, {"misuse", test_misuse},
};

int main(int argc, char **argv)
{
    int run = 0, failed = 0, without = argc == 3 && strcmp(argv[1], "without") == 0;
    for (size_t i = 0; i < sizeof TESTS / sizeof *TESTS; i++) {
        if (argc > 1 && (strcmp(argv[argc - 1], TESTS[i].name) == 0) == without)
            continue;
        int result = TESTS[i].run();
        printf("%s %s\n", result == 0 ? "ok    " : "FAILED", TESTS[i].name);
        fflush(stdout);
        run++;
        failed += result != 0;
    }
    printf("%d run, %d failed\n", run, failed);
    return run == 0 || failed > 0;
}
