/* The stock of pipes. Invariant: a pipe in the stock is empty, so one connection's bytes never
 * reach another. */
#include "lb/pipes.h"

#include <fcntl.h>
#include <glib.h>
#include <unistd.h>

enum {
    WANTED = 1 << 20,       /* 64 KiB, the default, costs twice the CPU per byte */
    USEFUL = 1 << 16,       /* below this, copying is cheaper */
    OPEN_MAX_PER_LOOP = 64, /* bounds descriptors; a connection without a pipe copies */
    IDLE_MAX = 8,
    PAUSE_MS = 1000,
};

/* An unprivileged user gets 64 MiB of pipes (pipe-user-pages-soft); past that F_SETPIPE_SZ says
 * EPERM and new pipes shrink to two pages. */
static int grow(int fd)
{
    for (int size = WANTED; size > USEFUL; size /= 4) {
        if (fcntl(fd, F_SETPIPE_SZ, size) >= 0)
            break;
    }
    return fcntl(fd, F_GETPIPE_SZ);
}

static Pipe *pipe_open(void)
{
    int fds[2];
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
        return NULL;
    int capacity = grow(fds[1]);
    if (capacity < USEFUL) {
        close(fds[0]);
        close(fds[1]);
        return NULL;
    }
    Pipe *pipe = g_new0(Pipe, 1);
    *pipe = (Pipe){.out = fds[0], .in = fds[1], .capacity = (uint32_t)capacity};
    return pipe;
}

Pipe *pipes_take(PipeStock *stock, int64_t now_ms)
{
    Pipe *pipe = stock->idle;
    if (pipe) {
        stock->idle = pipe->next;
        stock->idle_n--;
        return pipe;
    }
    if (stock->open_n >= OPEN_MAX_PER_LOOP || now_ms < stock->no_more_until)
        return NULL;
    pipe = pipe_open();
    if (pipe)
        stock->open_n++;
    else
        stock->no_more_until = now_ms + PAUSE_MS;
    return pipe;
}

void pipes_drop(PipeStock *stock, Pipe *pipe)
{
    close(pipe->in);
    close(pipe->out);
    g_free(pipe);
    stock->open_n--;
}

void pipes_give_back(PipeStock *stock, Pipe *pipe)
{
    if (stock->idle_n >= IDLE_MAX) {
        pipes_drop(stock, pipe);
        return;
    }
    pipe->next = stock->idle;
    stock->idle = pipe;
    stock->idle_n++;
}

void pipes_release(PipeStock *stock)
{
    while (stock->idle) {
        Pipe *pipe = stock->idle;
        stock->idle = pipe->next;
        pipes_drop(stock, pipe);
    }
    g_assert(stock->open_n == 0);
    stock->idle_n = 0;
}
