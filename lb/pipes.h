/* Pipes for splice: a small stock per loop of big ones.
 *
 * A pipe is in use only while bytes are in it, so a busy loop needs few: one for each direction
 * whose reader is slower than its writer, and one for the transfer at hand. */
#pragma once

#include <stdint.h>

typedef struct Pipe {
    struct Pipe *next; /* in the stock */
    int in, out;       /* written to; read from */
    uint32_t capacity; /* bytes */
} Pipe;

typedef struct PipeStock {
    Pipe *idle;
    unsigned idle_n;
    unsigned open_n;       /* idle and in use */
    int64_t no_more_until; /* milliseconds: the kernel refused one; ask again then */
} PipeStock;

/* An empty pipe, or NULL: the stock's cap is reached, or the kernel grants only useless ones. The
 * caller copies instead. now_ms is the loop's. */
Pipe *pipes_take(PipeStock *stock, int64_t now_ms);
/* The pipe must be empty. */
void pipes_give_back(PipeStock *stock, Pipe *pipe);
/* Bytes may still be in it. */
void pipes_drop(PipeStock *stock, Pipe *pipe);
/* None may be in use. */
void pipes_release(PipeStock *stock);
