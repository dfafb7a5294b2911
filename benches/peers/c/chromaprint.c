/* Chromaprint: four seconds out of ten are fingerprinted beforehand, and then looked for in the ten. */
#include "peer.h"

#include <chromaprint.h>
#include <stdlib.h>

enum { RATE = 8000, FROM = 32000, SPAN = 31744 };

static uint32_t *fingerprint(ChromaprintContext *context, const int16_t *samples, int count, int *items)
{
    uint32_t *raw = NULL;
    if (!chromaprint_start(context, RATE, 1) || !chromaprint_feed(context, samples, count)
        || !chromaprint_finish(context) || !chromaprint_get_raw_fingerprint(context, &raw, items))
        *items = 0;
    return raw;
}

/* 1 if the span is nearest where it is. */
uint64_t chromaprint_search(const uint8_t *bytes, size_t len, size_t times)
{
    ChromaprintContext *context = chromaprint_new(CHROMAPRINT_ALGORITHM_DEFAULT);
    int16_t *samples = malloc(len);
    uint64_t answer = 0;
    int wanted = 0;
    memcpy(samples, bytes, len);
    uint32_t *span = fingerprint(context, samples + FROM, SPAN, &wanted);
    while (times-- > 0) {
        int heard = 0, best = 0, fewest = 32 * wanted + 1;
        OPAQUE(samples);
        uint32_t *all = fingerprint(context, samples, (int)(len / 2), &heard);
        for (int at = 0; at + wanted <= heard; at++) {
            int errors = 0;
            for (int item = 0; item < wanted; item++)
                errors += __builtin_popcount(all[at + item] ^ span[item]);
            if (errors < fewest) {
                fewest = errors;
                best = at;
            }
        }
        int off = best * chromaprint_get_item_duration(context) * (RATE / 100)
                      / (chromaprint_get_sample_rate(context) / 100)
                  - FROM;
        answer = wanted > 0 && abs(off) < RATE / 4;
        chromaprint_dealloc(all);
        USED(answer);
    }
    chromaprint_dealloc(span);
    chromaprint_free(context);
    free(samples);
    return answer;
}
