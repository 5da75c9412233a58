/* The event loop. Invariant: between two calls of epoll_wait every event of the batch has been
 * handled, then the tasks ran, then settle; so memory given up while handling events may be freed
 * in settle, and not before (the same batch may still name it). */
#include "lb/loop.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 256 };

int64_t loop_clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void woken(Loop *loop, Source *source, uint32_t events)
{
    loop->woken = true;
}

int loop_init(Loop *loop, int (*settle)(Loop *loop))
{
    *loop = (Loop){.epoll_fd = -1, .wake_fd = -1, .wake.ready = woken, .settle = settle};
    loop->now_ms = loop_clock_ms();
    loop->last = &loop->first;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        return -errno;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = loop->wake_fd < 0 ? -errno : loop_watch(loop, loop->wake_fd, &loop->wake, EPOLLIN);
    if (r < 0) {
        if (loop->wake_fd >= 0)
            close(loop->wake_fd);
        close(loop->epoll_fd);
        return r;
    }
    pthread_mutex_init(&loop->lock, NULL);
    return 0;
}

void loop_release(Loop *loop)
{
    close(loop->wake_fd);
    close(loop->epoll_fd);
    pthread_mutex_destroy(&loop->lock);
}

void loop_post(Loop *loop, Task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&loop->lock);
    bool was_empty = !loop->first;
    *loop->last = task;
    loop->last = &task->next;
    pthread_mutex_unlock(&loop->lock);
    if (was_empty) {
        uint64_t one = 1;
        /* Fails only when the counter is full, and then the loop is awake anyway. */
        ssize_t ignored = write(loop->wake_fd, &one, sizeof one);
        (void)ignored;
    }
}

static void run_tasks(Loop *loop)
{
    uint64_t count;
    ssize_t ignored = read(loop->wake_fd, &count, sizeof count);
    (void)ignored;
    loop->woken = false;
    pthread_mutex_lock(&loop->lock);
    Task *task = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    pthread_mutex_unlock(&loop->lock);
    while (task) {
        Task *next = task->next;
        task->run(loop, task);
        task = next;
    }
}

void loop_run(Loop *loop)
{
    struct epoll_event events[BATCH];
    while (!loop->stopping) {
        int sleep_ms = loop->settle(loop);
        int n = epoll_wait(loop->epoll_fd, events, BATCH, sleep_ms);
        loop->now_ms = loop_clock_ms();
        for (int i = 0; i < n; i++) {
            Source *source = events[i].data.ptr;
            source->ready(loop, source, events[i].events);
        }
        if (loop->woken)
            run_tasks(loop);
    }
}

void loop_stop(Loop *loop)
{
    loop->stopping = true;
}

static int control(Loop *loop, int operation, int fd, Source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    return epoll_ctl(loop->epoll_fd, operation, fd, &event) < 0 ? -errno : 0;
}

int loop_watch(Loop *loop, int fd, Source *source, uint32_t events)
{
    return control(loop, EPOLL_CTL_ADD, fd, source, events);
}

int loop_rewatch(Loop *loop, int fd, Source *source, uint32_t events)
{
    return control(loop, EPOLL_CTL_MOD, fd, source, events);
}

void loop_forget(Loop *loop, int fd)
{
    control(loop, EPOLL_CTL_DEL, fd, NULL, 0);
}
