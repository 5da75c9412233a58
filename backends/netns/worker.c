/* A thread with a queue. Invariant: whoever waits in worker_run keeps its call on its stack until
 * the worker has said that it is done with it, and the worker does not touch it afterwards. */
#include "backends/netns/worker.h"

#include <glib.h>
#include <stdbool.h>

struct Worker {
    GThread *thread;
    GAsyncQueue *calls; /* of Call * */
};

typedef struct Call {
    WorkerFn fn; /* NULL: the worker shall end */
    void *data;
    GMutex lock;
    GCond done_cond;
    bool done;
} Call;

static void *serve(void *data)
{
    Worker *worker = data;
    for (bool ends = false; !ends;) {
        Call *call = g_async_queue_pop(worker->calls);
        ends = !call->fn;
        if (call->fn)
            call->fn(call->data);
        g_mutex_lock(&call->lock);
        call->done = true;
        g_cond_signal(&call->done_cond);
        g_mutex_unlock(&call->lock);
    }
    return NULL;
}

static void submit(Worker *worker, WorkerFn fn, void *data)
{
    Call call = {.fn = fn, .data = data};
    g_mutex_init(&call.lock);
    g_cond_init(&call.done_cond);
    g_async_queue_push(worker->calls, &call);
    g_mutex_lock(&call.lock);
    while (!call.done)
        g_cond_wait(&call.done_cond, &call.lock);
    g_mutex_unlock(&call.lock);
    g_mutex_clear(&call.lock);
    g_cond_clear(&call.done_cond);
}

Worker *worker_new(const char *name)
{
    Worker *worker = g_new0(Worker, 1);
    worker->calls = g_async_queue_new();
    worker->thread = g_thread_new(name, serve, worker);
    return worker;
}

void worker_run(Worker *worker, WorkerFn fn, void *data)
{
    if (g_thread_self() == worker->thread)
        fn(data);
    else
        submit(worker, fn, data);
}

void worker_free(Worker *worker)
{
    if (!worker)
        return;
    submit(worker, NULL, NULL);
    g_thread_join(worker->thread);
    g_async_queue_unref(worker->calls);
    g_free(worker);
}
