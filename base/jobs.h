/* A pool of worker threads for what must not wait in an event thread. Jobs of one pool run in
 * the order pushed, as far as threads allow. Thread-safe. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct JobPool JobPool;
typedef void (*JobFn)(void *data);

/* enter (may be NULL) runs once at the start of each thread, for instance to enter a network
 * namespace. */
JobPool *jobs_new(const char *name, unsigned threads, JobFn enter, void *enter_data);
/* False when max_queued jobs wait already (the caller answers "busy"). */
bool jobs_push(JobPool *pool, JobFn fn, void *data);
void jobs_set_limit(JobPool *pool, unsigned max_queued);
/* Finishes what is queued, ends the threads. NULL is fine. */
void jobs_free(JobPool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JobPool, jobs_free)
