/* The threads that digest and write: see the header for when.
 *
 * Invariants: a stream is queued exactly while it has blocks and no thread has it; it is urgent
 * exactly while it must not wait for company; blocks of a stream are worked on in order, by one
 * thread at a time. */
#include "imagestore/blob_pool.h"

#include <unistd.h>

#define THREADS_MOST 4
#define IDLE_BLOCKS_MOST 16

#define URGENT_PENDING (BLOB_PENDING_MAX / 2)

struct BlobPool {
    GPtrArray *threads; /* of GThread */

    GMutex lock; /* over all below */
    GCond work;
    GQueue urgent, patient; /* of BlobStream */
    unsigned working;       /* threads with a batch */
    bool ending;
    BlobBlock *idle; /* to be used again: their memory is there already */
    unsigned n_idle;
};

/* What a thread works on. */
typedef struct Batch {
    BlobStream *streams[MD5_LANES];
    BlobBlock *blocks[MD5_LANES];
    unsigned n;
} Batch;

/* --- blocks --- */

BlobBlock *blob_pool_block(BlobPool *pool)
{
    g_mutex_lock(&pool->lock);
    BlobBlock *block = pool->idle;
    if (block) {
        pool->idle = block->next;
        pool->n_idle--;
    }
    g_mutex_unlock(&pool->lock);
    if (!block)
        block = g_new(BlobBlock, 1);
    block->next = NULL;
    block->size = 0;
    return block;
}

void blob_pool_return(BlobPool *pool, BlobBlock *block)
{
    if (!block)
        return;
    g_mutex_lock(&pool->lock);
    bool keep = pool->n_idle < IDLE_BLOCKS_MOST;
    if (keep) {
        block->next = pool->idle;
        pool->idle = block;
        pool->n_idle++;
    }
    g_mutex_unlock(&pool->lock);
    if (!keep)
        g_free(block);
}

static void free_blocks(BlobBlock *head)
{
    for (BlobBlock *next; head; head = next) {
        next = head->next;
        g_free(head);
    }
}

/* --- streams --- */

void blob_stream_init(BlobStream *stream, BlobFiles *files, const BlobSpec *spec)
{
    *stream = (BlobStream){
        .files = files, .ready = spec->ready, .ready_data = spec->ready_data, .fd = -1};
    stream->link.data = stream;
    g_cond_init(&stream->changed);
    blob_id_make(stream->id);
    blob_digests_init(&stream->digests, spec->checksums, spec->customer_key);
}

static void drop_file(BlobStream *stream)
{
    if (stream->fd < 0)
        return;
    close(stream->fd);
    stream->fd = -1;
    /* If even that fails, the next start sweeps it away. */
    blob_files_remove(stream->files, stream->id, NULL);
}

void blob_stream_clear(BlobStream *stream)
{
    g_assert(!stream->queued && !stream->busy && !stream->calling && !stream->head);
    drop_file(stream);
    blob_digests_clear(&stream->digests);
    g_clear_error(&stream->trouble);
    g_cond_clear(&stream->changed);
}

/* --- queues; the lock is held --- */

static GQueue *queue_of(BlobPool *pool, const BlobStream *stream)
{
    return stream->urgent ? &pool->urgent : &pool->patient;
}

static void unqueue(BlobPool *pool, BlobStream *stream)
{
    if (stream->queued)
        g_queue_unlink(queue_of(pool, stream), &stream->link);
    stream->queued = false;
}

static bool has_work(const BlobPool *pool)
{
    if (pool->urgent.length >= MD5_LANES)
        return true;
    return pool->working == 0 && (pool->urgent.length > 0 || pool->patient.length >= MD5_LANES);
}

static void call_thread(BlobPool *pool)
{
    if (has_work(pool))
        g_cond_signal(&pool->work);
}

/* Puts a stream where it belongs now. */
static void settle(BlobPool *pool, BlobStream *stream)
{
    bool queued = stream->head && !stream->busy;
    bool urgent = stream->ending || stream->stopped || stream->pending >= URGENT_PENDING;
    if (queued == stream->queued && urgent == stream->urgent)
        return;
    unqueue(pool, stream);
    stream->urgent = urgent;
    stream->queued = queued;
    if (queued)
        g_queue_push_tail_link(queue_of(pool, stream), &stream->link);
}

static void take_from(BlobPool *pool, GQueue *queue, Batch *batch)
{
    while (batch->n < MD5_LANES && queue->length > 0) {
        BlobStream *stream = g_queue_peek_head(queue);
        BlobBlock *block = stream->head;
        unqueue(pool, stream);
        stream->busy = true;
        stream->head = block->next;
        if (!stream->head)
            stream->tail = NULL;
        batch->streams[batch->n] = stream;
        batch->blocks[batch->n] = block;
        batch->n++;
    }
}

/* Owners are told that there is room again. The lock is let go of meanwhile; `calling` keeps the
 * stream alive. */
static void call_ready(BlobPool *pool, BlobStream *stream)
{
    stream->calling++;
    g_mutex_unlock(&pool->lock);
    stream->ready(stream->ready_data);
    g_mutex_lock(&pool->lock);
    stream->calling--;
    g_cond_broadcast(&stream->changed);
}

/* Nobody else touches what the stream points to once busy is false and it is ending. */
static void give_back(BlobPool *pool, BlobStream *stream, size_t done)
{
    stream->busy = false;
    stream->pending -= done;
    bool tell = stream->stopped && stream->pending < URGENT_PENDING;
    if (tell)
        stream->stopped = false;
    settle(pool, stream);
    if (tell && !stream->ending && stream->ready)
        call_ready(pool, stream);
    else
        g_cond_broadcast(&stream->changed);
}

/* --- work, without the lock --- */

static void write_block(BlobStream *stream, const BlobBlock *block)
{
    if (stream->fd < 0 &&
        !blob_files_create(stream->files, stream->id, &stream->fd, &stream->trouble))
        return;
    if (blob_files_write(stream->files, stream->fd, block->data, block->size, stream->written,
                         &stream->trouble))
        stream->written += block->size;
    else
        drop_file(stream);
}

static void work_on(Batch *batch)
{
    BlobDigestsFeed feeds[MD5_LANES];
    unsigned n = 0;
    for (unsigned i = 0; i < batch->n; i++) {
        BlobBlock *block = batch->blocks[i];
        if (!batch->streams[i]->trouble)
            feeds[n++] = (BlobDigestsFeed){&batch->streams[i]->digests, block->data, block->size};
    }
    blob_digests_add(feeds, n);
    for (unsigned i = 0; i < batch->n; i++) {
        if (!batch->streams[i]->trouble)
            write_block(batch->streams[i], batch->blocks[i]);
    }
}

static void *run_thread(void *data)
{
    BlobPool *pool = data;
    g_mutex_lock(&pool->lock);
    for (;;) {
        while (!has_work(pool) && !pool->ending)
            g_cond_wait(&pool->work, &pool->lock);
        if (!has_work(pool))
            break;
        Batch batch = {0};
        take_from(pool, &pool->urgent, &batch);
        take_from(pool, &pool->patient, &batch);
        pool->working++;
        call_thread(pool);
        g_mutex_unlock(&pool->lock);

        size_t sizes[MD5_LANES];
        work_on(&batch);
        for (unsigned i = 0; i < batch.n; i++) {
            sizes[i] = batch.blocks[i]->size;
            blob_pool_return(pool, batch.blocks[i]);
        }

        g_mutex_lock(&pool->lock);
        pool->working--;
        for (unsigned i = 0; i < batch.n; i++)
            give_back(pool, batch.streams[i], sizes[i]);
    }
    g_mutex_unlock(&pool->lock);
    return NULL;
}

/* --- owners --- */

BlobPool *blob_pool_new(void)
{
    BlobPool *pool = g_new0(BlobPool, 1);
    g_mutex_init(&pool->lock);
    g_cond_init(&pool->work);
    g_queue_init(&pool->urgent);
    g_queue_init(&pool->patient);
    pool->threads = g_ptr_array_new();
    unsigned threads = MIN(g_get_num_processors(), THREADS_MOST);
    for (unsigned i = 0; i < threads; i++)
        g_ptr_array_add(pool->threads, g_thread_new("blobs", run_thread, pool));
    return pool;
}

void blob_pool_free(BlobPool *pool)
{
    if (!pool)
        return;
    g_mutex_lock(&pool->lock);
    g_assert(pool->urgent.length == 0 && pool->patient.length == 0);
    pool->ending = true;
    g_cond_broadcast(&pool->work);
    g_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->threads->len; i++)
        g_thread_join(pool->threads->pdata[i]);
    g_ptr_array_unref(pool->threads);
    free_blocks(pool->idle);
    g_cond_clear(&pool->work);
    g_mutex_clear(&pool->lock);
    g_free(pool);
}

void blob_pool_push(BlobPool *pool, BlobStream *stream, BlobBlock *block)
{
    g_mutex_lock(&pool->lock);
    if (stream->tail)
        stream->tail->next = block;
    else
        stream->head = block;
    stream->tail = block;
    stream->pending += block->size;
    settle(pool, stream);
    call_thread(pool);
    g_mutex_unlock(&pool->lock);
}

bool blob_pool_has_room(BlobPool *pool, BlobStream *stream)
{
    g_mutex_lock(&pool->lock);
    /* Its owner has a block more, which it is filling. */
    if (stream->pending + 2 * BLOB_BLOCK_SIZE > BLOB_PENDING_MAX) {
        stream->stopped = true;
        settle(pool, stream);
        call_thread(pool);
    }
    bool room = !stream->stopped;
    g_mutex_unlock(&pool->lock);
    return room;
}

void blob_pool_finish(BlobPool *pool, BlobStream *stream)
{
    g_mutex_lock(&pool->lock);
    stream->ending = true;
    settle(pool, stream);
    call_thread(pool);
    while (stream->queued || stream->busy || stream->calling)
        g_cond_wait(&stream->changed, &pool->lock);
    g_mutex_unlock(&pool->lock);
}

void blob_pool_leave(BlobPool *pool, BlobStream *stream)
{
    g_mutex_lock(&pool->lock);
    stream->ending = true;
    unqueue(pool, stream);
    BlobBlock *dropped = g_steal_pointer(&stream->head);
    stream->tail = NULL;
    while (stream->busy || stream->calling)
        g_cond_wait(&stream->changed, &pool->lock);
    g_mutex_unlock(&pool->lock);
    free_blocks(dropped);
}
