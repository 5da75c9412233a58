/* Answers on their way from a back end to a client.
 *
 * A head is rewritten when it is whole; interim ones (1xx) are passed on and forgotten; 101 turns
 * the exchange into a tunnel, if the client asked for it. What follows in the same read goes out in
 * the same write. A body is passed as it comes, in a pipe when it is bulk. Invariant: nothing is
 * read from the back end while bytes for the client are held. */
#include "lb/http_exchange.h"
#include "lb/sticky.h"
#include <errno.h>
#include <string.h>

enum { TURNS = 16, BULK_RUN = 128 << 10 };

/* What is known when a piece was handled. */
typedef enum Went {
    WENT_ON,
    WENT_WAIT, /* for an event */
    WENT_OVER, /* the exchange ended */
} Went;

static Went client_gone(Worker *worker, Exchange *exchange)
{
    exchange_abandon(worker, exchange);
    return WENT_OVER;
}

static Went malformed(Worker *worker, Exchange *exchange)
{
    exchange_fail(worker, exchange, 502);
    return WENT_OVER;
}

static Went write_client(Worker *worker, Exchange *exchange, const void *first, size_t first_n,
                         const void *second, size_t second_n)
{
    ssize_t n =
        channel_write_two(worker, &exchange->client->channel, first, first_n, second, second_n);
    if (n < 0)
        return client_gone(worker, exchange);
    held_keep(&exchange->down_held, first, first_n, second, second_n, (size_t)n);
    http_client_active(worker, exchange->client);
    return WENT_ON;
}

/* 100 Continue and the like: HTTP/1.0 knows none. */
static Went pass_interim(Worker *worker, Exchange *exchange, const HttpHead *head)
{
    HttpStock *stock = worker->http;
    if (exchange->client_minor == 0)
        return WENT_ON;
    uint32_t n = http_rewrite_answer(head, &(HttpAnswerChange){0}, stock->out);
    return write_client(worker, exchange, stock->out, n, NULL, 0);
}

static void count_answer(Worker *worker, Exchange *exchange, unsigned status)
{
    Tally *tally = &target_part(exchange->target, worker)->tally;
    exchange->status = exchange->target_status = (uint16_t)status;
    exchange->answered_us = clock_us();
    tally_latency(tally, exchange->answered_us - exchange->sent_us);
    if (status >= 200 && status < 600)
        counter_add(&tally->codes[status / 100 - 2], 1);
}

static void frame_answer(Worker *worker, Exchange *exchange, const HttpHead *head)
{
    HttpFraming framing = exchange->is_head ? HTTP_NO_BODY : head->framing;
    if (exchange->tunnel) {
        framing = HTTP_UNTIL_CLOSE;
        http_body_init(&exchange->up, HTTP_UNTIL_CLOSE, 0, false);
        member_defer(worker, &exchange->client->member); /* it may have sent something already */
    }
    http_body_init(&exchange->down, framing, head->length, exchange->client_minor == 0);
    exchange->close = !exchange->keep_alive || framing == HTTP_UNTIL_CLOSE || exchange->down.strip;
    exchange->backend->keep_alive = head->keep_alive && framing != HTTP_UNTIL_CLOSE;
}

/* A final head, with n bytes behind it, *ret_used of which are its body's. */
static Went pass_head(Worker *worker, Exchange *exchange, const HttpHead *head, char *rest,
                      size_t n, size_t *ret_used)
{
    HttpStock *stock = worker->http;
    const Rules *rules = exchange_rules(exchange);
    char cookie[STICKY_LINE_MAX];
    size_t out;
    exchange->tunnel = head->status == 101;
    frame_answer(worker, exchange, head);
    if (!http_body_take(&exchange->down, rest, n, ret_used, &out))
        return malformed(worker, exchange);
    HttpAnswerChange change = {
        .strip = exchange->down.strip,
        .upgrade = exchange->tunnel,
        .close = exchange->close,
        .keep_alive = exchange->client_minor == 0,
    };
    if (rules && sticky_wants_cookie(rules, head, exchange->session, exchange->target)) {
        change.line = cookie;
        change.line_n = (uint32_t)sticky_write_cookie(rules, exchange->target, cookie);
    }
    uint32_t head_n = http_rewrite_answer(head, &change, stock->out);
    exchange->answered = true;
    exchange_drop_head(exchange);
    exchange->returned += out;
    count_answer(worker, exchange, head->status);
    return write_client(worker, exchange, stock->out, head_n, rest, out);
}

static bool is_acceptable(const Exchange *exchange, const HttpHead *head)
{
    return head->status != 101 || (exchange->upgrade && head->upgrade);
}

/* Keeps what is left of bytes, which may be the input itself, as the back end's input. */
static void keep_input(BackEnd *backend, const char *bytes, uint32_t n)
{
    if (backend->input && n) {
        memmove(backend->input, bytes, n);
    } else {
        g_free(backend->input);
        backend->input = n ? g_memdup2(bytes, n) : NULL;
    }
    backend->input_n = n;
}

/* Bytes of heads, and what is behind the last. */
static Went take_heads(Worker *worker, Exchange *exchange, char *bytes, uint32_t n)
{
    BackEnd *backend = exchange->backend;
    HttpHead *head = &worker->http->head;
    uint32_t size;
    while (n && !exchange->answered && !exchange->down_held.pending) {
        if (http_scan(&backend->scan, bytes, n, true, &size) != HTTP_GOOD)
            return malformed(worker, exchange);
        if (!size)
            break;
        if (http_parse_answer(bytes, size, head) != HTTP_GOOD || !is_acceptable(exchange, head))
            return malformed(worker, exchange);
        backend->scan = (HttpScan){0};
        size_t used = 0;
        Went went = head->status < 200 && head->status != 101
                        ? pass_interim(worker, exchange, head)
                        : pass_head(worker, exchange, head, bytes + size, n - size, &used);
        if (went != WENT_ON)
            return went;
        bytes += size + used;
        n -= size + (uint32_t)used;
    }
    keep_input(backend, bytes, n); /* behind a whole answer: it then cannot be used again */
    return WENT_ON;
}

static Went ended(Worker *worker, Exchange *exchange)
{
    const TlsStream *tls = exchange->backend->channel.tls;
    if (exchange->answered && !(tls && tls_truncated(tls) && !exchange->tunnel) &&
        http_body_end(&exchange->down)) {
        exchange->backend->keep_alive = false;
        return WENT_ON;
    }
    exchange_backend_lost(worker, exchange);
    return WENT_OVER;
}

/* Reads more of a head that is not whole. */
static Went read_head(Worker *worker, Exchange *exchange)
{
    BackEnd *backend = exchange->backend;
    ssize_t n = channel_read(worker, &backend->channel, worker->scratch, WORKER_SCRATCH);
    if (n == -EAGAIN)
        return WENT_WAIT;
    if (n <= 0) {
        exchange_backend_lost(worker, exchange);
        return WENT_OVER;
    }
    if (!backend->input)
        return take_heads(worker, exchange, worker->scratch, (uint32_t)n);
    backend->input = g_realloc(backend->input, backend->input_n + (size_t)n);
    memcpy(backend->input + backend->input_n, worker->scratch, (size_t)n);
    return take_heads(worker, exchange, backend->input, backend->input_n + (uint32_t)n);
}

static bool may_splice(const Exchange *exchange)
{
    return exchange->down_held.bulk >= HELD_BULK && http_body_run(&exchange->down) >= BULK_RUN &&
           channel_can_splice(&exchange->backend->channel) &&
           channel_can_splice(&exchange->client->channel);
}

static Went splice_body(Worker *worker, Exchange *exchange)
{
    ssize_t n = held_splice(worker, &exchange->down_held, &exchange->backend->channel,
                            http_body_run(&exchange->down));
    if (n == -EAGAIN)
        return WENT_WAIT;
    if (n == 0)
        return ended(worker, exchange);
    if (n == -ENOBUFS) {
        exchange->down_held.bulk = 0; /* copy for a while */
        return WENT_ON;
    }
    if (n < 0) {
        exchange_backend_lost(worker, exchange);
        return WENT_OVER;
    }
    http_body_skip(&exchange->down, (uint64_t)n);
    exchange->returned += (uint64_t)n;
    http_client_active(worker, exchange->client);
    return WENT_ON;
}

static Went read_body(Worker *worker, Exchange *exchange)
{
    BackEnd *backend = exchange->backend;
    size_t used, out;
    if (may_splice(exchange))
        return splice_body(worker, exchange);
    ssize_t n = channel_read(worker, &backend->channel, worker->scratch, WORKER_SCRATCH);
    if (n == -EAGAIN)
        return WENT_WAIT;
    if (n == 0)
        return ended(worker, exchange);
    if (n < 0) {
        exchange_backend_lost(worker, exchange);
        return WENT_OVER;
    }
    held_note_read(&exchange->down_held, (size_t)n, WORKER_SCRATCH);
    if (!http_body_take(&exchange->down, worker->scratch, (size_t)n, &used, &out))
        return malformed(worker, exchange);
    if (used < (size_t)n)
        backend->keep_alive = false;
    exchange->returned += out;
    return out ? write_client(worker, exchange, worker->scratch, out, NULL, 0) : WENT_ON;
}

static Went write_held(Worker *worker, Exchange *exchange)
{
    ssize_t n = held_write(worker, &exchange->down_held, &exchange->client->channel);
    if (n < 0)
        return client_gone(worker, exchange);
    if (n > 0)
        http_client_active(worker, exchange->client);
    return exchange->down_held.pending ? WENT_WAIT : WENT_ON;
}

/* The answer is with the client. A tunnel goes on until both ends have ended. */
static Went conclude(Worker *worker, Exchange *exchange)
{
    if (exchange->tunnel && (!exchange->up.done || exchange->up_held.pending)) {
        channel_shut(&exchange->client->channel);
        return WENT_WAIT;
    }
    exchange_finish(worker, exchange);
    return WENT_OVER;
}

static Went one_step(Worker *worker, Exchange *exchange)
{
    const BackEnd *backend = exchange->backend;
    if (exchange->down_held.pending) {
        Went went = write_held(worker, exchange);
        if (went != WENT_ON)
            return went;
    }
    if (exchange->answered && exchange->down.done)
        return conclude(worker, exchange);
    if (!exchange->answered && backend->input && backend->input_n && !backend->scan.at)
        return take_heads(worker, exchange, backend->input, backend->input_n);
    if (backend->channel.flags & CHANNEL_ENDED)
        return ended(worker, exchange);
    if (!channel_can_read(&backend->channel))
        return WENT_WAIT;
    return exchange->answered ? read_body(worker, exchange) : read_head(worker, exchange);
}

void exchange_answer_run(Worker *worker, Exchange *exchange)
{
    Member *backend = &exchange->backend->member;
    for (unsigned turns = 0; turns < TURNS; turns++) {
        if (one_step(worker, exchange) != WENT_ON)
            return;
    }
    member_defer(worker, backend);
}
