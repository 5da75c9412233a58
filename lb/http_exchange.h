/* An exchange: a request, the target that gets it, and its answer. */
#pragma once

#include "lb/choose.h"
#include "lb/held.h"
#include "lb/http_backend.h"
#include "lb/http_body.h"
#include "lb/http_client.h"
#include "lb/http_stock.h"

struct Exchange {
    Exchange *next; /* in the stock */
    HttpClient *client;
    BackEnd *backend; /* NULL: waits for a place, or has lost it */
    Target *target;   /* the one chosen, held and counted; NULL: none */
    Target *session;  /* whose cookie the request had; only compared */
    Links waiting;    /* in the surge queue */
    Choice choice;
    HttpBody up, down;       /* of the request and of the answer */
    Held up_held, down_held; /* on their way to the target and to the client */
    char *head;              /* of the request, rewritten; until an answer has begun */
    uint32_t head_n;
    uint8_t client_minor;
    bool keep_alive; /* the client wants to go on */
    bool is_head, is_safe, upgrade;
    bool sent;      /* the head went to a back end, or part of it */
    bool body_sent; /* and some of the body: it cannot be sent again */
    bool answered;  /* an answer's head (not a 1xx) went to the client, or part of it */
    bool tunnel;    /* the protocol was changed: both bodies last until their ends */
    bool close;     /* the client's connection ends behind the answer */
    bool timed_out; /* the last attempt to connect */
    int64_t began_us, sent_us, answered_us; /* monotonic; 0: not yet */
    uint64_t received, returned;            /* bytes of bodies */
    uint16_t status, target_status;
    char *log_text; /* of the request, for the log; NULL: there is none */
    int log_request_n, log_agent_n;
};

/* Of the head just parsed (in the stock). The client has none. It may be over when this returns. */
void exchange_begin(Worker *worker, HttpClient *client);
/* Chooses a target and goes to it, or waits, or fails. */
void exchange_assign(Worker *worker, Exchange *exchange);

/* Whether body bytes of the client can be taken now. */
bool exchange_takes_body(const Exchange *exchange);
/* Some of them; *ret_used is how many were its own. False: the exchange and its client are over. */
bool exchange_take_body(Worker *worker, Exchange *exchange, char *bytes, uint32_t n,
                        uint32_t *ret_used);
/* Likewise straight from the client's socket, through a pipe. False: not now, or not so. */
bool exchange_splice_body(Worker *worker, Exchange *exchange);
/* The client sends no more. False: the exchange and its client are over. */
bool exchange_client_ended(Worker *worker, Exchange *exchange);

/* It cannot be sent again any more. */
void exchange_drop_head(Exchange *exchange);

/* Events of its back end. */
void exchange_connected(Worker *worker, Exchange *exchange);
void exchange_connect_failed(Worker *worker, Exchange *exchange, bool timed_out);
/* Something may move, in either direction. */
void exchange_run(Worker *worker, Exchange *exchange);

/* Takes what the back end sent, as far as it can go to the client now (http_answer.c). */
void exchange_answer_run(Worker *worker, Exchange *exchange);
/* The back end's connection ended or failed with the exchange under way. */
void exchange_backend_lost(Worker *worker, Exchange *exchange);

/* Answers with that status instead of a target, unless an answer has begun: then the client is cut.
 * The exchange is over. */
void exchange_fail(Worker *worker, Exchange *exchange, unsigned status);
/* All was sent, both ways. The exchange is over. */
void exchange_finish(Worker *worker, Exchange *exchange);
/* Drops it, whatever its state: its client ends. */
void exchange_abandon(Worker *worker, Exchange *exchange);
/* What its client's deadline means for it. */
void exchange_time_out(Worker *worker, Exchange *exchange);
/* Rules changed. */
void exchange_review(Worker *worker, Exchange *exchange);

/* Keeps of the request what its log line will say, if there will be one. */
void exchange_keep_log_text(Exchange *exchange, const HttpHead *head);
/* Writes its line (exchange NULL: there was no request), if the listener has a log. */
void exchange_log(Worker *worker, const HttpClient *client, const Exchange *exchange,
                  unsigned status);
/* Counts and logs an answer that was not a target's (exchange NULL: to what was no request). */
void exchange_note_refusal(Worker *worker, HttpClient *client, Exchange *exchange, unsigned status);

static inline const Rules *exchange_rules(const Exchange *exchange)
{
    return listener_rules(exchange->client->listener);
}
