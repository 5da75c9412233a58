/* What HTTP needs in a worker: working memory for heads, exchanges that were used before, and the
 * idle connections to targets in the order of their use. */
#pragma once

#include "lb/http_rewrite.h"
#include "lb/worker.h"

typedef struct Exchange Exchange;

struct HttpStock {
    Exchange *idle; /* linked by their next */
    unsigned idle_n;
    Links pooled; /* of BackEnd, of all targets; least recently used first */
    unsigned pooled_n, pooled_max;
    HttpHead head;                            /* of the message at hand */
    char out[HTTP_HEAD_MAX + HTTP_ADDED_MAX]; /* the rewritten head of an answer */
};

/* Made when it is not there. */
HttpStock *http_stock(Worker *worker);
/* NULL is fine. All exchanges have ended. */
void http_stock_free(HttpStock *stock);
/* Rules changed: closes idle connections to targets that are in none any more. */
void http_stock_review(Worker *worker);
