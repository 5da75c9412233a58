/* A ring of blocks between two threads.
 *
 * Invariant: blocks [taken, pushed) of the ring are the reader's, the others the writer's; both
 * only grow. So nobody touches bytes under the lock. */
#include "imagestore/bundle_pipe.h"

struct BundlePipe {
    size_t n, block_size;
    BundleBlock *blocks; /* data NULL: never used so far */

    GMutex lock;
    GCond changed;
    size_t taken, pushed; /* how many ever; modulo n: where in the ring */
    bool holding;         /* block number `taken` is in the reader's hands */
    bool ended, good, broken;
};

BundlePipe *bundle_pipe_new(size_t blocks, size_t block_size)
{
    BundlePipe *pipe = g_new0(BundlePipe, 1);
    pipe->n = blocks;
    pipe->block_size = block_size;
    pipe->blocks = g_new0(BundleBlock, blocks);
    g_mutex_init(&pipe->lock);
    g_cond_init(&pipe->changed);
    return pipe;
}

void bundle_pipe_free(BundlePipe *pipe)
{
    if (!pipe)
        return;
    g_cond_clear(&pipe->changed);
    g_mutex_clear(&pipe->lock);
    for (size_t i = 0; i < pipe->n; i++)
        g_free(pipe->blocks[i].data);
    g_free(pipe->blocks);
    g_free(pipe);
}

size_t bundle_pipe_block_size(const BundlePipe *pipe)
{
    return pipe->block_size;
}

BundleBlock *bundle_pipe_room(BundlePipe *pipe)
{
    g_mutex_lock(&pipe->lock);
    while (pipe->pushed - pipe->taken == pipe->n && !pipe->broken)
        g_cond_wait(&pipe->changed, &pipe->lock);
    BundleBlock *block = pipe->broken ? NULL : &pipe->blocks[pipe->pushed % pipe->n];
    g_mutex_unlock(&pipe->lock);
    if (block && !block->data)
        block->data = g_malloc(pipe->block_size);
    return block;
}

void bundle_pipe_push(BundlePipe *pipe)
{
    g_mutex_lock(&pipe->lock);
    if (pipe->pushed++ == pipe->taken)
        g_cond_broadcast(&pipe->changed);
    g_mutex_unlock(&pipe->lock);
}

void bundle_pipe_end(BundlePipe *pipe, bool good)
{
    g_mutex_lock(&pipe->lock);
    g_assert(!pipe->ended);
    pipe->ended = true;
    pipe->good = good;
    g_cond_broadcast(&pipe->changed);
    g_mutex_unlock(&pipe->lock);
}

static void give_back(BundlePipe *pipe)
{
    if (!pipe->holding)
        return;
    pipe->holding = false;
    pipe->blocks[pipe->taken % pipe->n].size = 0;
    if (pipe->pushed - pipe->taken++ == pipe->n)
        g_cond_broadcast(&pipe->changed);
}

const BundleBlock *bundle_pipe_next(BundlePipe *pipe)
{
    const BundleBlock *block = NULL;
    g_mutex_lock(&pipe->lock);
    give_back(pipe);
    while (pipe->pushed == pipe->taken && !pipe->ended)
        g_cond_wait(&pipe->changed, &pipe->lock);
    if (pipe->pushed != pipe->taken) {
        pipe->holding = true;
        block = &pipe->blocks[pipe->taken % pipe->n];
    }
    g_mutex_unlock(&pipe->lock);
    return block;
}

bool bundle_pipe_is_whole(BundlePipe *pipe)
{
    g_mutex_lock(&pipe->lock);
    bool whole = pipe->ended && pipe->good;
    g_mutex_unlock(&pipe->lock);
    return whole;
}

void bundle_pipe_break(BundlePipe *pipe)
{
    g_mutex_lock(&pipe->lock);
    pipe->broken = true;
    g_cond_broadcast(&pipe->changed);
    g_mutex_unlock(&pipe->lock);
}
