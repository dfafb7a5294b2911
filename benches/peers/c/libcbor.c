/* libcbor: builds a tree on the heap. It counts the code points of texts and does not look at the order of keys. */
#include "peer.h"

#include <cbor.h>

uint64_t libcbor_cbor(const uint8_t *bytes, size_t len, size_t times)
{
    uint64_t answer = 0;
    while (times-- > 0) {
        OPAQUE(bytes);
        struct cbor_load_result result;
        cbor_item_t *item = cbor_load(bytes, len, &result);
        answer = item != NULL && result.read == len;
        if (item != NULL)
            cbor_decref(&item);
        USED(answer);
    }
    return answer;
}
