/* A thread that runs functions for others, one after the other, in the network namespace and with
 * the ambient capabilities that it was given. */
#pragma once

typedef struct Worker Worker;
typedef void (*WorkerFn)(void *data);

/* It starts in the caller's namespace and with the caller's capabilities. */
Worker *worker_new(const char *name);
/* Runs fn(data) there and waits for its end; called from the worker itself, runs it in place. */
void worker_run(Worker *worker, WorkerFn fn, void *data);
/* Ends the thread. NULL is fine. */
void worker_free(Worker *worker);
