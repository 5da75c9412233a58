/* MD5 (RFC 1321) of several streams at once, each in one lane of a vector: as one MD5 cannot be
 * computed in parallel, many are.
 *
 * Life cycle: md5_init → md5_add with others' streams, any number of times → md5_end. Pure;
 * thread-safe but for one Md5. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MD5_LANES 8

typedef struct Md5 {
    uint32_t state[4];
    uint64_t size;
    uint8_t tail[64]; /* size % 64 bytes that do not fill a block yet */
} Md5;

typedef struct Md5Feed {
    Md5 *md5;
    const uint8_t *data;
    size_t size;
} Md5Feed;

void md5_init(Md5 *md5);
/* Any number of feeds, of different Md5s; their data and size are used up. */
void md5_add(Md5Feed *feeds, size_t n);
void md5_end(const Md5 *md5, uint8_t out[16]);
