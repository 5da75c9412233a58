/* What is computed of a blob's bytes as they come: MD5, the checksums asked for, and the bytes as
 * they are stored, if a customer's key encrypts them. One thread at a time. */
#pragma once

#include "imagestore/blobs.h"
#include "imagestore/md5_lanes.h"

typedef struct BlobDigests {
    Md5 md5, stored_md5;
    Checksum *checksums[CHECKSUM_KINDS]; /* NULL: not asked for */
    uint64_t size;
    bool encrypted;
    uint8_t customer_key[BLOB_CUSTOMER_KEY_SIZE];
    char salt[33];
} BlobDigests;

void blob_digests_init(BlobDigests *digests, uint32_t checksums, const uint8_t *customer_key);
void blob_digests_clear(BlobDigests *digests);

/* The next bytes of one of several blobs. */
typedef struct BlobDigestsFeed {
    BlobDigests *digests;
    uint8_t *data; /* encrypted in place */
    size_t size;
} BlobDigestsFeed;

/* At most MD5_LANES feeds, of different blobs: their MD5s are computed together. */
void blob_digests_add(const BlobDigestsFeed *feeds, size_t n);
/* Fills all but id. */
void blob_digests_end(BlobDigests *digests, BlobResult *result);
