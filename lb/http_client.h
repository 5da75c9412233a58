/* Clients' HTTP connections. One exchange (a request and its answer) is under way on each at most;
 * what a client sends ahead waits. */
#pragma once

#include "lb/channel.h"
#include "lb/http_parse.h"
#include "lb/listener.h"

typedef struct Exchange Exchange;

typedef struct HttpClient {
    Member member;
    Channel channel;
    Listener *listener;
    Exchange *exchange; /* NULL: none */
    char *input;        /* bytes that are not used yet: of a head, or sent ahead; from malloc */
    uint32_t input_n;
    HttpScan scan;      /* of a head in input */
    int64_t active_at;  /* milliseconds: last byte */
    int64_t head_at;    /* milliseconds: a head's first byte came; 0: none under way */
    uint32_t discarded; /* bytes, while lingering */
    uint32_t address;   /* host byte order */
    uint16_t port;
    bool ahead;     /* while an exchange begins: bytes of its body are at hand */
    bool lingering; /* all was said: what still comes is thrown away until the end comes */
} HttpClient;

/* Takes fd, an accepted socket whose client (host byte order) is allowed and counted. */
void http_start(Worker *worker, Listener *listener, int fd, uint32_t client, uint16_t client_port);

/* Takes what the client sent, as far as it can be used now. It may end the client. */
void http_client_run(Worker *worker, HttpClient *client);
/* Its exchange is over and was answered. close: no other follows. expected: the client has asked
 * for that, and sends nothing more. */
void http_client_answered(Worker *worker, HttpClient *client, bool close, bool expected);
/* Ends the connection, and the exchange if there is one. */
void http_client_end(Worker *worker, HttpClient *client, bool reset);
/* Answers without a target, whatever state the connection is in but answered; status as ELB gives
 * them. close: no other request follows. False: it did not go out, the client is to be ended. */
bool http_client_say(Worker *worker, HttpClient *client, unsigned status, bool close);

static inline void http_client_active(Worker *worker, HttpClient *client)
{
    client->active_at = worker->loop.now_ms;
}
