/* What every shim says to the table: the bytes, how often, and the answer of the last time round. The answer is a sum
 * over everything that the row demands, so that all contestants can be held to the same; 0 means refused. */
#ifndef PEER_H
#define PEER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The compiler may neither take the bytes as known nor the work as useless. */
#define OPAQUE(pointer) __asm__ volatile("" : "+r"(pointer) : : "memory")
#define USED(value) __asm__ volatile("" : : "r"(value) : "memory")

/* A text counts by its length and its first byte. */
static inline uint64_t text(const void *bytes, size_t len)
{
    return len == 0 ? 0 : len + *(const uint8_t *)bytes;
}

/* A direction as the rows count it. */
enum { SENDRECV = 1, SENDONLY, RECVONLY, INACTIVE };

#endif
