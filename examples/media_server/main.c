/*
 * Options and the main loop. media_server.h says what the program is.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media_server.h"

static void signal_handler(int signal)
{
    (void)signal;
    calls_stop();
}

int main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},       {"bundle", required_argument, NULL, 'b'},
        {"return-after", required_argument, NULL, 'r'}, {"calls", required_argument, NULL, 'c'},
        {NULL, 0, NULL, 0},
    };
    const char *listen = "127.0.0.1:5070", *bundle = NULL;
    uint32_t return_after_ms = 2000, calls = 0;
    struct sa addr;
    int option, err;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'l': listen = optarg; break;
        case 'b': bundle = optarg; break;
        case 'r': return_after_ms = (uint32_t)(strtod(optarg, NULL) * 1000); break;
        case 'c': calls = (uint32_t)strtoul(optarg, NULL, 10); break;
        default:
            fprintf(stderr, "usage: %s [--listen ADDR:PORT] [--bundle FILE] [--return-after SECONDS] [--calls N]\n",
                    argv[0]);
            return 2;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);

    err = libre_init();
    if (err)
        return 1;
    err = sa_decode(&addr, listen, strlen(listen));
    if (err) {
        fprintf(stderr, "%s: not an address and port such as 127.0.0.1:5070\n", listen);
        goto out;
    }
    err = handoff_init(bundle, return_after_ms);
    if (err) {
        fprintf(stderr, "%s: %s\n", bundle ? bundle : "no bundle", strerror(err));
        goto out;
    }
    err = calls_init(&addr, calls);
    if (err) {
        fprintf(stderr, "%s: %s\n", listen, strerror(err));
        goto out;
    }
    printf("listening on %s\n", listen);
    err = re_main(signal_handler);

out:
    calls_close();
    handoff_close();
    libre_close();
    tmr_debug(); /* both say what was left behind, where libre was built to keep count */
    mem_debug();
    return err ? 1 : 0;
}
