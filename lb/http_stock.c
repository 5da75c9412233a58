/* The stock of a worker. */
#include "lb/http_stock.h"

#include "lb/http_backend.h"
#include "lb/http_exchange.h"

enum { POOLED_MIN = 64 };

HttpStock *http_stock(Worker *worker)
{
    HttpStock *stock = worker->http;
    if (stock)
        return stock;
    const Crew *crew = worker->crew;
    stock = worker->http = g_new0(HttpStock, 1);
    links_init(&stock->pooled);
    /* With them, descriptors are still two for each connection there may be. */
    stock->pooled_max = MAX(crew->max_connections / crew->n / 2, POOLED_MIN);
    return stock;
}

void http_stock_free(HttpStock *stock)
{
    if (!stock)
        return;
    while (stock->idle) {
        Exchange *exchange = stock->idle;
        stock->idle = exchange->next;
        g_free(exchange);
    }
    g_free(stock);
}

void http_stock_review(Worker *worker)
{
    const HttpStock *stock = worker->http;
    if (!stock)
        return;
    for (Links *links = stock->pooled.next, *next; links != &stock->pooled; links = next) {
        next = links->next;
        BackEnd *backend = container_of(links, BackEnd, in_stock);
        if (atomic_load_explicit(&backend->target->left_at, memory_order_relaxed))
            backend_drop(worker, backend);
    }
}
