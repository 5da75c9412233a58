/* Threads that digest blobs and write them to their files, many at a time.
 *
 * The bytes of a blob are a BlobStream: blocks that its owner fills and pushes, and that threads of
 * the pool take from its head. A thread takes one block each of up to MD5_LANES streams. It starts
 * when so many have blocks, or when one is urgent: its owner waits for the end, or it holds half of
 * what it may. So blocks wait for company as long as nobody waits for them. A second thread joins
 * only when there is a full set of urgent streams: the same MD5s on two threads cost twice as much.
 *
 * Locking: the pool's lock is over the members of a stream that say so; the rest is the owner's
 * until the first push, then the threads', and the owner's again after blob_pool_finish or
 * blob_pool_leave. No lock is held while `ready` is called. */
#pragma once

#include "imagestore/blob_digests.h"
#include "imagestore/blob_files.h"

#define BLOB_BLOCK_SIZE (128 * 1024)

typedef struct BlobBlock {
    struct BlobBlock *next;
    size_t size;
    uint8_t data[BLOB_BLOCK_SIZE];
} BlobBlock;

typedef struct BlobStream {
    BlobFiles *files;
    char id[BLOB_ID_SIZE];
    void (*ready)(void *data); /* may be NULL */
    void *ready_data;

    BlobDigests digests;
    int fd; /* -1: no block was written yet, or there is trouble */
    uint64_t written;
    GError *trouble; /* its file is gone, what still comes is dropped */

    /* Under the pool's lock. */
    BlobBlock *head, *tail;
    size_t pending; /* bytes in blocks, those being worked on included */
    GList link;     /* in one of the pool's queues, while it has blocks and no thread has it */
    bool queued;
    bool urgent;      /* which of the queues */
    bool busy;        /* a thread has it */
    bool stopped;     /* its owner wants to hear of ready */
    unsigned calling; /* it hears of it now, on so many threads */
    bool ending;
    GCond changed; /* busy, calling */
} BlobStream;

typedef struct BlobPool BlobPool;

BlobPool *blob_pool_new(void);
void blob_pool_free(BlobPool *pool); /* NULL is fine; no stream may be left */

/* An empty block, to be filled and pushed. */
BlobBlock *blob_pool_block(BlobPool *pool);
/* One that is not pushed. NULL is fine. */
void blob_pool_return(BlobPool *pool, BlobBlock *block);

void blob_stream_init(BlobStream *stream, BlobFiles *files, const BlobSpec *spec);
/* After finish or leave, if anything was pushed. Removes the file unless `fd` was closed. */
void blob_stream_clear(BlobStream *stream);

void blob_pool_push(BlobPool *pool, BlobStream *stream, BlobBlock *block);
/* Whether there is room for another block; if not, ready will be called, once. */
bool blob_pool_has_room(BlobPool *pool, BlobStream *stream);
/* Waits until all is digested and written, or there is trouble. `ready` is not called any more. */
void blob_pool_finish(BlobPool *pool, BlobStream *stream);
/* Drops what waits. `ready` is not called any more. */
void blob_pool_leave(BlobPool *pool, BlobStream *stream);
