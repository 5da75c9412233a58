/* An event loop: epoll, a task queue that other threads may post to, and a hook between batches.
 *
 * One thread runs a loop. An event source is a descriptor with a Source embedded in its owner;
 * `ready` finds the owner with container_of. A source may sit in several loops at once (a listening
 * socket does), so `ready` is told which loop calls. Tasks run between batches of events, in the
 * order posted, so a task sees no half-handled event: that is what lb_apply's barrier rests on.
 *
 * loop_post and loop_watch may be called from any thread, the rest from the loop's own. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

typedef struct Loop Loop;
typedef struct Source Source;
typedef struct Task Task;

struct Source {
    void (*ready)(Loop *loop, Source *source, uint32_t events); /* events: EPOLLIN, ... */
};

struct Task {
    Task *next;                          /* in the queue; the loop's business */
    void (*run)(Loop *loop, Task *task); /* owns task from here on */
};

struct Loop {
    int epoll_fd;
    int wake_fd; /* eventfd: the queue became non-empty */
    Source wake;
    bool woken; /* wake_fd fired in this batch */
    bool stopping;
    int64_t now_ms; /* monotonic, coarse (some milliseconds), taken once a batch */
    /* Runs after every batch and its tasks: deferred work and time-outs. Returns how many
     * milliseconds the loop may sleep: 0 to poll, -1 until something happens. */
    int (*settle)(Loop *loop);
    pthread_mutex_t lock; /* guards first and last */
    Task *first, **last;
};

/* The clock of now_ms. */
int64_t loop_clock_ms(void);

/* 0 or -errno. */
int loop_init(Loop *loop, int (*settle)(Loop *loop));
/* Every task must have run. Of a loop that failed to init: no. */
void loop_release(Loop *loop);
/* Returns after loop_stop. */
void loop_run(Loop *loop);
void loop_stop(Loop *loop);
void loop_post(Loop *loop, Task *task);

/* Each 0 or -errno. */
int loop_watch(Loop *loop, int fd, Source *source, uint32_t events);
int loop_rewatch(Loop *loop, int fd, Source *source, uint32_t events);
/* Closing a descriptor that has no duplicate does the same. Not watched is fine. */
void loop_forget(Loop *loop, int fd);
