/* Threads, their life and the barrier. Invariant: when crew_call returns, no worker is inside an
 * event that began before the call; what such an event could have held may be freed. */
#include "lb/worker.h"

#include "lb/http_stock.h"
#include "lb/listener.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>

enum {
    RESUME_MS = 100, /* how long accepting stops when descriptors ran out */
    IMBALANCE = 2,   /* connections a worker may be ahead of the least busy one, less one */
};

static int worker_settle(Loop *loop)
{
    Worker *worker = container_of(loop, Worker, loop);
    bool more = members_run_deferred(worker);
    if (worker->paused->len && loop->now_ms - worker->paused_at >= RESUME_MS)
        listener_resume_paused(worker);
    members_sweep(worker);
    more |= worker->deferred != NULL;
    if (more)
        return 0;
    if (worker->paused->len)
        return RESUME_MS;
    return worker->wheel.n ? (int)(WHEEL_TICK_MS - loop->now_ms % WHEEL_TICK_MS) : -1;
}

int worker_init(Worker *worker, Crew *crew)
{
    int r = loop_init(&worker->loop, worker_settle);
    if (r < 0)
        return r;
    worker->crew = crew;
    worker->scratch = g_malloc(WORKER_SCRATCH);
    wheel_init(&worker->wheel, worker->loop.now_ms);
    worker->paused = g_ptr_array_new();
    worker->accept_batch = 1;
    return 0;
}

void worker_release(Worker *worker)
{
    http_stock_free(worker->http);
    pipes_release(&worker->pipes);
    g_ptr_array_unref(worker->paused);
    g_free(worker->scratch);
    loop_release(&worker->loop);
}

static void *worker_main(void *argument)
{
    Worker *worker = argument;
    Crew *crew = worker->crew;
    char name[16]; /* the kernel's limit */
    snprintf(name, sizeof name, "lb-%u", (unsigned)(worker - crew->workers) % 1000);
    pthread_setname_np(pthread_self(), name);
    if (crew->enter)
        crew->enter(crew->data);
    loop_run(&worker->loop);
    members_end_all(worker);
    return NULL;
}

/* Signals are for the process's other threads. SIGPIPE blocked is SIGPIPE ignored, for splice has
 * no MSG_NOSIGNAL. */
static int worker_start(Worker *worker)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&worker->thread, NULL, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

static void stop_task(Loop *loop, Task *task)
{
    g_free(task);
    loop_stop(loop);
}

static void stop_first(Crew *crew, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        Task *task = g_new0(Task, 1);
        task->run = stop_task;
        loop_post(&crew->workers[i].loop, task);
    }
    for (unsigned i = 0; i < n; i++) {
        pthread_join(crew->workers[i].thread, NULL);
        worker_release(&crew->workers[i]);
    }
    g_free(crew->workers);
    crew->workers = NULL;
}

int crew_start(Crew *crew, const LbOptions *options)
{
    crew->n = options->threads ? options->threads : g_get_num_processors();
    crew->enter = options->enter;
    crew->data = options->data;
    crew->workers = g_new0(Worker, crew->n);
    for (unsigned i = 0; i < crew->n; i++) {
        Worker *worker = &crew->workers[i];
        int r = worker_init(worker, crew);
        if (r == 0) {
            r = worker_start(worker);
            if (r < 0)
                worker_release(worker);
        }
        if (r < 0) {
            stop_first(crew, i);
            return r;
        }
    }
    return 0;
}

void crew_stop(Crew *crew)
{
    stop_first(crew, crew->n);
}

typedef struct Call {
    void (*fn)(Worker *worker, void *data);
    void *data;
    unsigned missing;     /* workers that have not run it */
    pthread_mutex_t lock; /* guards missing */
    pthread_cond_t done;
} Call;

typedef struct CallTask {
    Task task;
    Call *call;
} CallTask;

static void call_task(Loop *loop, Task *task)
{
    Call *call = container_of(task, CallTask, task)->call;
    call->fn(container_of(loop, Worker, loop), call->data);
    pthread_mutex_lock(&call->lock);
    if (--call->missing == 0)
        pthread_cond_signal(&call->done);
    pthread_mutex_unlock(&call->lock);
}

void crew_call(Crew *crew, void (*fn)(Worker *worker, void *data), void *data)
{
    Call call = {.fn = fn,
                 .data = data,
                 .missing = crew->n,
                 .lock = PTHREAD_MUTEX_INITIALIZER,
                 .done = PTHREAD_COND_INITIALIZER};
    g_autofree CallTask *tasks = g_new0(CallTask, crew->n);
    for (unsigned i = 0; i < crew->n; i++) {
        tasks[i] = (CallTask){.task.run = call_task, .call = &call};
        loop_post(&crew->workers[i].loop, &tasks[i].task);
    }
    pthread_mutex_lock(&call.lock);
    while (call.missing)
        pthread_cond_wait(&call.done, &call.lock);
    pthread_mutex_unlock(&call.lock);
    pthread_cond_destroy(&call.done);
    pthread_mutex_destroy(&call.lock);
}

/* The kernel wakes the first idle loop that watches a listening socket, so connections that trickle
 * in would all pile up on one: measured with 64 on two threads, the lesser one then did 0.44 of
 * the other's work, and with this 0.97. Handing one over wakes another thread, but under a flood of
 * connections all loops accept and are even without it: the CPU per connection did not change. */
Worker *crew_choose(Worker *worker)
{
    Crew *crew = worker->crew;
    Worker *best = worker;
    unsigned own = atomic_load_explicit(&worker->connections, memory_order_relaxed), least = own;
    for (unsigned i = 0; i < crew->n; i++) {
        Worker *other = &crew->workers[i];
        unsigned n = atomic_load_explicit(&other->connections, memory_order_relaxed);
        if (n < least) {
            least = n;
            best = other;
        }
    }
    return own - least >= IMBALANCE ? best : worker;
}
