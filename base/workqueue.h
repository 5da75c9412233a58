/* A keyed work queue: the engine of level-triggered controllers.
 *
 * Invariants: one key is worked on by at most one thread at a time; adding a key that waits
 * changes nothing; adding one that is being worked on makes it be worked on again afterwards. So
 * "look at i-0123 again" may be said by anybody, any number of times, and costs one look.
 *
 * Life cycle: new → add … → free (finishes what is being worked on, drops the rest). */
#pragma once

#include "base/clock.h"

typedef struct WorkQueue WorkQueue;

#define WORK_DONE INT64_MAX

/* Looks at key and does the next step. Returns the time (of the queue's clock) at which to look
 * again of itself, or WORK_DONE. */
typedef int64_t (*WorkFn)(void *data, const char *key);

/* enter (may be NULL) runs once with data at the start of each thread. */
WorkQueue *workqueue_new(const char *name, Clock *clock, unsigned threads, void (*enter)(void *),
                         WorkFn work, void *data);
/* Never blocks. */
void workqueue_add(WorkQueue *queue, const char *key);
/* Waits until nothing is being worked on, and starts nothing until resumed. pause drops what
 * waits when drop is set. */
void workqueue_pause(WorkQueue *queue, bool drop);
void workqueue_resume(WorkQueue *queue);
/* Keys waiting or being worked on, those that wait for their time included. */
unsigned workqueue_length(WorkQueue *queue);
void workqueue_free(WorkQueue *queue); /* NULL is fine */
