/* A pipe between two threads in one process: blocks of bytes that one fills and the other empties.
 *
 * Memory is at most what was asked for at the start. Either side may give up: the writer with an
 * end that is not a good one, the reader by breaking the pipe; the other side learns it at its next
 * call. One writer, one reader. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BundlePipe BundlePipe;

typedef struct BundleBlock {
    uint8_t *data;
    size_t size; /* bytes in it, at most the pipe's block size */
} BundleBlock;

BundlePipe *bundle_pipe_new(size_t blocks, size_t block_size);
void bundle_pipe_free(BundlePipe *pipe); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BundlePipe, bundle_pipe_free)
size_t bundle_pipe_block_size(const BundlePipe *pipe);

/* The writer's: the next block to fill, of size 0 at first and the same until it is pushed; waits
 * for room. NULL: the reader has gone. */
BundleBlock *bundle_pipe_room(BundlePipe *pipe);
/* Hands the block over. */
void bundle_pipe_push(BundlePipe *pipe);
/* No more comes: that was all, or (not good) the writer failed. Once. */
void bundle_pipe_end(BundlePipe *pipe, bool good);

/* The reader's: the next block, which stays its until the next call; waits. NULL: the end. */
const BundleBlock *bundle_pipe_next(BundlePipe *pipe);
/* After the end: whether it was a good one. */
bool bundle_pipe_is_whole(BundlePipe *pipe);
/* The reader takes no more; it may call no other function then. */
void bundle_pipe_break(BundlePipe *pipe);
