/* Breaks the library's rules in a way that each sanitizer must find in the library's own code: without this nobody knows
 * whether a run without a report has looked at anything. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ohp.h>

static const char JSON[] = "{\"a\":[1,2,3],\"b\":\"text\"}";

static char *copy;
static uint8_t cbor[2][256];
static void *scratch;

static ohp_status convert(size_t len, uint8_t *out)
{
    size_t written = 0;
    return ohp_cbor_from_json(copy, len, scratch, ohp_cbor_from_json_scratch_size(len), NULL, out, sizeof cbor[0],
                              &written);
}

static void *convert_often(void *out)
{
    for (int i = 0; i < 1000; i++)
        convert(sizeof JSON - 1, out);
    return NULL;
}

int main(int argc, char **argv)
{
    scratch = malloc(ohp_cbor_from_json_scratch_size(sizeof JSON));
    copy = malloc(sizeof JSON - 1);
    memcpy(copy, JSON, sizeof JSON - 1);
    if (argc == 2 && strcmp(argv[1], "race") == 0) {
        /* Two threads lend the library the same scratch memory. */
        pthread_t threads[2];
        for (int i = 0; i < 2; i++)
            pthread_create(&threads[i], NULL, convert_often, cbor[i]);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
    } else if (argc == 2 && strcmp(argv[1], "overflow") == 0) {
        /* A length that is one byte too large. */
        convert(sizeof JSON, cbor[0]);
    } else {
        fprintf(stderr, "usage: %s race|overflow\n", argv[0]);
        return 2;
    }
    free(copy);
    free(scratch);
    return 0;
}
