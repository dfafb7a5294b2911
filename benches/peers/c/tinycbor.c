/* TinyCBOR: cbor_value_validate, asked for canonical form and UTF-8. */
#include "peer.h"

#include <cbor.h>

static uint64_t validate(const uint8_t *bytes, size_t len, size_t times, uint32_t flags)
{
    uint64_t answer = 0;
    while (times-- > 0) {
        OPAQUE(bytes);
        CborParser parser;
        CborValue value;
        answer = cbor_parser_init(bytes, len, 0, &parser, &value) == CborNoError
              && cbor_value_validate(&value, flags) == CborNoError;
        USED(answer);
    }
    return answer;
}

uint64_t tinycbor_cbor(const uint8_t *bytes, size_t len, size_t times)
{
    return validate(bytes, len, times, CborValidateCanonicalFormat | CborValidateUtf8 | CborValidateNoUndefined);
}
