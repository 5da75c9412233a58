/* A pool of worker threads over one queue. GLib's own pool has no hook at a thread's start, which
 * is what puts a thread into a network namespace.
 *
 * Invariant: every job that jobs_push took runs exactly once, those pushed by jobs during
 * jobs_free included; a thread leaves only when the pool ends and the queue is empty. */
#include "base/jobs.h"

#include <limits.h>

typedef struct Job {
    JobFn fn;
    void *data;
} Job;

struct JobPool {
    GMutex lock; /* over all below but threads, enter and enter_data, which never change */
    GCond pushed;
    GQueue queue; /* of Job */
    unsigned max_queued;
    bool ending;

    GPtrArray *threads; /* of GThread */
    JobFn enter;
    void *enter_data;
};

static Job *next_job(JobPool *pool)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pool->lock);
    while (pool->queue.length == 0 && !pool->ending)
        g_cond_wait(&pool->pushed, &pool->lock);
    return g_queue_pop_head(&pool->queue);
}

static void *work(void *data)
{
    JobPool *pool = data;
    if (pool->enter)
        pool->enter(pool->enter_data);
    for (Job *job; (job = next_job(pool));) {
        job->fn(job->data);
        g_free(job);
    }
    return NULL;
}

JobPool *jobs_new(const char *name, unsigned threads, JobFn enter, void *enter_data)
{
    g_assert(threads > 0);
    JobPool *pool = g_new0(JobPool, 1);
    g_mutex_init(&pool->lock);
    g_cond_init(&pool->pushed);
    g_queue_init(&pool->queue);
    pool->max_queued = UINT_MAX;
    pool->enter = enter;
    pool->enter_data = enter_data;
    pool->threads = g_ptr_array_new();
    for (unsigned i = 0; i < threads; i++)
        g_ptr_array_add(pool->threads, g_thread_new(name, work, pool));
    return pool;
}

bool jobs_push(JobPool *pool, JobFn fn, void *data)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pool->lock);
    if (pool->queue.length >= pool->max_queued)
        return false;
    Job *job = g_new(Job, 1);
    *job = (Job){fn, data};
    g_queue_push_tail(&pool->queue, job);
    g_cond_signal(&pool->pushed);
    return true;
}

void jobs_set_limit(JobPool *pool, unsigned max_queued)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pool->lock);
    pool->max_queued = max_queued;
}

void jobs_free(JobPool *pool)
{
    if (!pool)
        return;
    g_mutex_lock(&pool->lock);
    pool->ending = true;
    g_cond_broadcast(&pool->pushed);
    g_mutex_unlock(&pool->lock);

    for (unsigned i = 0; i < pool->threads->len; i++)
        g_thread_join(pool->threads->pdata[i]);
    g_ptr_array_unref(pool->threads);
    g_mutex_clear(&pool->lock);
    g_cond_clear(&pool->pushed);
    g_free(pool);
}
