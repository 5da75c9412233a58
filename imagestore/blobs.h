/* The bytes of objects: written once, read often, never changed.
 *
 * A blob of at most BLOB_INLINE_MAX bytes lives in the database (store/blob_data.h), any other in a
 * file of its own. Under <state>/objects:
 *
 *     new/<id>        being written, or committed and not yet moved
 *     <xx>/<id>       at rest; xx are the id's first two digits
 *
 * Writing: blob_writer_new (event thread) → blob_writer_add as the bytes come → blob_writer_finish
 * (worker: waits for the digests and for the disk) → blob_writer_keep within the caller's
 * transaction → txn_commit → blob_writer_kept → blob_writer_free. Freed before it is kept, or
 * killed at any point before the commit, it leaves nothing that a restart does not sweep away.
 * The order is: file synced, new/ synced, record committed, file moved; a file that lies in new/
 * when blobs are opened has a record and is moved, or has none and is removed.
 *
 * Deleting: a blob's record counts who has it; blob_unref in the transaction that takes the last
 * of them away puts the file's name into the trash, which a thread empties after the commit.
 *
 * Digests and writes run on threads of their own, so that no event thread waits: a writer holds at
 * most BLOB_PENDING_MAX bytes, and says when it wants no more. MD5s of several blobs that are
 * written at the same time are computed together, one in each lane of a vector.
 *
 * Thread-safe but for one BlobWriter, which belongs to one thread at a time. A full disk is a
 * trouble with code ENOSPC. */
#pragma once

#include "base/clock.h"
#include "imagestore/checksum.h"
#include "store/record.h"

#define BLOB_INLINE_MAX (32 * 1024)
#define BLOB_PENDING_MAX (512 * 1024)
/* AES-256-CTR: as many bytes stored as given, any range alone. */
#define BLOB_CUSTOMER_KEY_SIZE 32

typedef struct Blobs Blobs;
typedef struct BlobWriter BlobWriter;

/* Directory is made if need be; sweeps new/ and the trash. What is still in use stays. */
bool blobs_open(const char *directory, Store *store, Blobs **ret_blobs, GError **error);
/* NULL is fine; every writer and reader is freed before, and the calling thread has no transaction:
 * the thread that empties the trash may want one before it ends. */
void blobs_close(Blobs *blobs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Blobs, blobs_close)

typedef struct BlobSpec {
    uint32_t checksums;          /* bits 1 << ChecksumKind: those wanted beside MD5 */
    const uint8_t *customer_key; /* BLOB_CUSTOMER_KEY_SIZE bytes, copied; NULL: not encrypted */
    /* Called on some other thread when a writer whose blob_writer_add said false wants more; maybe
     * before that has returned. Must not wait for whoever finishes or frees the writer: both wait
     * for it. */
    void (*ready)(void *data);
    void *ready_data;
} BlobSpec;

typedef struct BlobResult {
    const char *id;
    uint64_t size;
    uint8_t md5[16];        /* of the bytes given */
    uint8_t stored_md5[16]; /* of those stored: differs when encrypted */
    uint8_t checksums[CHECKSUM_KINDS][CHECKSUM_MAX_SIZE]; /* those asked for */
} BlobResult;

BlobWriter *blob_writer_new(Blobs *blobs, const BlobSpec *spec);
/* Takes all of the bytes, never waits. False: no more, please, until spec.ready was called. */
bool blob_writer_add(BlobWriter *writer, const void *data, size_t size);
/* The bytes so far. */
uint64_t blob_writer_size(const BlobWriter *writer);
/* Waits until all is digested and, for a file, safe on the disk. *ret_result is the writer's. */
bool blob_writer_finish(BlobWriter *writer, const BlobResult **ret_result, GError **error);
/* Inserts the record, with one reference. */
bool blob_writer_keep(BlobWriter *writer, Txn *txn, GError **error);
/* After the commit. */
void blob_writer_kept(BlobWriter *writer);
void blob_writer_free(BlobWriter *writer); /* NULL is fine; ready is not called any more */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlobWriter, blob_writer_free)

/* One more, one less. */
bool blob_ref(Txn *txn, const char *id, GError **error);
bool blob_unref(Blobs *blobs, Txn *txn, const char *id, GError **error);
/* A transaction with blob_unref or part_trash_put was committed: there may be trash. Never waits.
 */
void blobs_wake(Blobs *blobs);
/* The same after store_clear(). */
void blobs_sweep(Blobs *blobs);

/* Where bytes of a blob are to be had, from now on and even when it is deleted meanwhile. */
typedef struct BlobBytes {
    int fd;     /* the caller's to close; -1: they are in data */
    char *data; /* the caller's, of g_malloc's: only those asked for */
    size_t size;
    uint64_t stored_size;
    char salt[33]; /* "" not encrypted */
} BlobBytes;

/* Opens a blob, of which the bytes from offset on, at most size, are wanted. Trouble when the
 * record or the file is not there. */
bool blob_open(Blobs *blobs, Txn *txn, const char *id, uint64_t offset, uint64_t size,
               BlobBytes *ret_bytes, GError **error);
/* Decrypts, or encrypts, in place what lies at offset of a blob. */
void blob_crypt(const uint8_t *customer_key, const char *salt, uint64_t offset, void *data,
                size_t size);

/* Reads every byte and compares with what the records say; with repair, removes files that no
 * record owns and records that nobody refers to, and corrects their counts. What is damaged or
 * missing stays as it is. Each finding is handed to `tell` as a line. For a store that nobody else
 * writes to meanwhile. */
typedef struct BlobCheck {
    uint64_t blobs, bytes;
    uint64_t damaged; /* blobs whose bytes are not what was written */
    uint64_t missing; /* blobs, references to them with nothing there, objects without all parts */
    uint64_t orphans; /* files and records that nobody owns */
    uint64_t miscounted; /* records that say more or fewer refer to them than do */
} BlobCheck;
bool blobs_check(Blobs *blobs, bool repair, void (*tell)(void *data, const char *line), void *data,
                 BlobCheck *ret_check, GError **error);
