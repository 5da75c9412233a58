/* The checksums that S3 knows beside the MD5, in one pass over the bytes.
 *
 * How a record keeps them: "CRC32 AAAAAA== FULL_OBJECT" (algorithm, base64, type), NULL none;
 * before it is known, in an upload: "CRC32 - COMPOSITE". Composite values are of the parts' and end
 * with "-N". Source: "Checking object integrity" (Amazon S3 User Guide); CRC-64/NVME: NVM Express
 * NVM Command Set Specification. Pure but for their own state; thread-safe. */
#pragma once

#include "base/arena.h"
#include <stdint.h>

typedef enum ChecksumKind {
    CHECKSUM_CRC32,
    CHECKSUM_CRC32C,
    CHECKSUM_CRC64NVME,
    CHECKSUM_SHA1,
    CHECKSUM_SHA256,
    CHECKSUM_KINDS,
    CHECKSUM_NONE = CHECKSUM_KINDS,
} ChecksumKind;

#define CHECKSUM_MAX_SIZE 32 /* bytes, before base64 */

/* "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256". */
const char *checksum_name(ChecksumKind kind);
const char *checksum_lower_name(ChecksumKind kind); /* "crc32" … */
/* In any case; false when there is none of that name. */
bool checksum_parse(const char *name, ChecksumKind *ret_kind);
size_t checksum_size(ChecksumKind kind);
static inline bool checksum_is_crc(ChecksumKind kind)
{
    return kind <= CHECKSUM_CRC64NVME;
}

typedef struct Checksum Checksum;
Checksum *checksum_new(ChecksumKind kind);
void checksum_add(Checksum *checksum, const void *data, size_t size);
/* Ends it: out has checksum_size() bytes. */
void checksum_end(Checksum *checksum, uint8_t *out);
void checksum_free(Checksum *checksum); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Checksum, checksum_free)

/* CRCs only: that of A followed by B, of which `size_b` bytes, from those of both. out may be a. */
void checksum_combine(ChecksumKind kind, const uint8_t *a, const uint8_t *b, uint64_t size_b,
                      uint8_t *out);

/* base64 of a value. */
char *checksum_text(Arena *arena, ChecksumKind kind, const uint8_t *value);
/* The other way; false when it is not base64 of the right length. */
bool checksum_read(ChecksumKind kind, const char *text, uint8_t *ret_value);

/* The parts of what a record keeps; text NULL: kind CHECKSUM_NONE. */
typedef struct ChecksumClaim {
    ChecksumKind kind;
    const char *value; /* base64; NULL: not known yet */
    bool composite;
} ChecksumClaim;
ChecksumClaim checksum_claim(Arena *arena, const char *text);
char *checksum_record(Arena *arena, const ChecksumClaim *claim);
