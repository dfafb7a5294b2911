/* oRTP: accessors over the packet's bytes; where the payload starts is checked, its padding is not. */
#include "peer.h"

#include <arpa/inet.h>
#include <ortp/ortp.h>

uint64_t ortp_rtp(const uint8_t *bytes, size_t len, size_t times)
{
    mblk_t *block = allocb(len, 0);
    uint64_t answer = 0;
    memcpy(block->b_wptr, bytes, len);
    block->b_wptr += len;
    while (times-- > 0) {
        OPAQUE(block);
        unsigned char *payload;
        int left = rtp_get_payload(block, &payload);
        answer = rtp_get_version(block) != 2 || left < 0 ? 0
               : (uint64_t)rtp_get_payload_type(block) + ntohs(rtp_get_seqnumber(block))
                     + ntohl(rtp_get_timestamp(block)) + ntohl(rtp_get_ssrc(block)) + (uint64_t)left;
        USED(answer);
    }
    freemsg(block);
    return answer;
}
