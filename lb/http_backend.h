/* Connections to targets that speak HTTP: made, used for one exchange at a time, and kept idle in
 * their target's pool in between. */
#pragma once

#include "lb/balancer.h"
#include "lb/channel.h"
#include "lb/http_parse.h"

typedef struct Exchange Exchange;

typedef enum BackEndPhase { BACKEND_CONNECTING, BACKEND_HANDSHAKE, BACKEND_READY } BackEndPhase;

typedef struct BackEnd {
    Member member;
    Channel channel;
    Target *target;     /* held */
    Exchange *exchange; /* NULL: idle, in the pool */
    Links in_pool;      /* of the target's part */
    Links in_stock;     /* of the worker's */
    char *input;        /* bytes of an answer that wait for more; from malloc */
    uint32_t input_n;
    HttpScan scan;
    int64_t since;   /* milliseconds: when it was begun, or became idle */
    uint8_t phase;   /* BackEndPhase */
    bool reused;     /* has had an exchange before this one */
    bool keep_alive; /* may be used again after this one */
} BackEnd;

/* An idle connection for the exchange, or NULL. sure: look whether its server has closed it. */
BackEnd *backend_take(Worker *worker, Target *target, Exchange *exchange, bool sure);
/* A new one, under way: exchange_connected or exchange_connect_failed follow. NULL: not possible.
 */
BackEnd *backend_connect(Worker *worker, Target *target, Exchange *exchange);
/* The exchange is over: back to the pool, if that is possible. */
void backend_give_back(Worker *worker, BackEnd *backend);
/* Closes it. The exchange has let go of it. */
void backend_drop(Worker *worker, BackEnd *backend);
