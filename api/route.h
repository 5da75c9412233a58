/* Routes: who takes a request, and one request's way through it.
 *
 * The server asks its routes in order and the first that matches takes the request. A Route is
 * embedded in its owner, who finds himself with ROUTE_OWNER. Bodies are
 * buffered up to max_body, or handed on piece by piece to `chunk` (services that stream). All but
 * `work` runs in an event thread and must never wait. */
#pragma once

#include "api/http.h"
#include "base/arena.h"

typedef struct Route Route;

typedef struct Exchange {
    const Route *route;
    Arena *arena; /* for the exchange's life */
    HttpRequest request;
    HttpReply reply; /* to be filled by finish or work; by begin or chunk to refuse */
    void *state;     /* the route's own */
} Exchange;

typedef enum RouteNext {
    ROUTE_REPLY, /* the reply is filled */
    ROUTE_WORK,  /* run `work` on a worker, then reply */
} RouteNext;

struct Route {
    const char *name;
    bool (*match)(const Route *route, const HttpRequest *request);
    /* The largest body that is buffered; without chunk. */
    size_t max_body;
    /* The headers are there. May fill the reply: the body is then not wanted. NULL: nothing. */
    void (*begin)(Exchange *exchange);
    /* A piece of the body, taken whole. As begin; may call exchange_pause(). NULL: the server
     * buffers into exchange->request.body. */
    void (*chunk)(Exchange *exchange, const char *data, size_t size);
    /* The request is whole. */
    RouteNext (*finish)(Exchange *exchange);
    void (*work)(Exchange *exchange);
    /* Fills the reply with a refusal of the server's (too large, busy, stopping). */
    void (*refuse)(Exchange *exchange, const GError *why);
    /* The exchange is over, answered or not, in whatever state. NULL: nothing. */
    void (*end)(Exchange *exchange);
};

/* From `chunk`: no more of the body until exchange_resume() is called, once, on any thread; it may
 * have been already. The exchange does not end in between. */
void exchange_pause(Exchange *exchange);
void exchange_resume(Exchange *exchange);

/* The structure that embeds a Route as `route`. */
#define ROUTE_OWNER(Type, pointer)                                                                 \
    ((const Type *)(const void *)((const char *)(pointer)-offsetof(Type, route)))
