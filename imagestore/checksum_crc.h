/* The three reflected CRCs that S3 knows, by one piece of code: they differ in width and polynomial
 * only. Fast where the CPU multiplies without carry, by tables elsewhere. Pure, thread-safe. */
#pragma once

#include "imagestore/checksum.h"

/* The checksum, as a number, of what `crc` is the checksum of (0: of nothing) and then data. */
uint64_t crc_add(ChecksumKind kind, uint64_t crc, const void *data, size_t size);
/* The same by tables alone, for the tests. */
uint64_t crc_add_by_tables(ChecksumKind kind, uint64_t crc, const void *data, size_t size);
/* Of A and then B, which has size_b bytes, from those of A and of B. */
uint64_t crc_combine(ChecksumKind kind, uint64_t a, uint64_t b, uint64_t size_b);
