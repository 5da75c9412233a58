/* Exchanges.
 *
 *   begin ──► assign ──┬──► waiting (surge queue) ──► assign
 *               ▲      └──► connecting ──► connected: the head is sent
 *               │                │                │
 *               └── failed ◄─────┘                ├──► lost before any answer: assign again, if it
 *                                                 │    may be sent twice; else 504
 *                                                 └──► answered ──► both bodies passed ──► finish
 *
 * Any state may end in exchange_fail (an answer of our own) or exchange_abandon (nothing more can
 * be said to the client). Invariant: an exchange holds and counts a target exactly while
 * exchange->target is set; a back end names an exchange exactly while that names it. */
#include "lb/http_exchange.h"

#include "lb/sticky.h"
#include "lb/surge.h"
#include <errno.h>
#include <string.h>

enum { STOCK_MAX = 256, BULK_RUN = 128 << 10 };

/* ---- life ---- */

static Exchange *exchange_new(Worker *worker)
{
    HttpStock *stock = worker->http;
    Exchange *exchange = stock->idle;
    if (exchange) {
        stock->idle = exchange->next;
        stock->idle_n--;
    } else {
        exchange = g_new(Exchange, 1);
    }
    memset(exchange, 0, sizeof *exchange);
    links_init(&exchange->waiting);
    return exchange;
}

void exchange_drop_head(Exchange *exchange)
{
    g_free(g_steal_pointer(&exchange->head));
}

/* Memory only. */
static void exchange_free(Worker *worker, Exchange *exchange)
{
    HttpStock *stock = worker->http;
    exchange_drop_head(exchange);
    g_free(exchange->log_text);
    held_drop(worker, &exchange->up_held);
    held_drop(worker, &exchange->down_held);
    if (stock->idle_n >= STOCK_MAX) {
        g_free(exchange);
        return;
    }
    exchange->next = stock->idle;
    stock->idle = exchange;
    stock->idle_n++;
}

static void leave_target(Worker *worker, Exchange *exchange)
{
    Target *target = g_steal_pointer(&exchange->target);
    if (!target)
        return;
    atomic_fetch_sub(&target->outstanding, 1);
    target_release(target);
    balancer_place_free(exchange->client->listener->balancer, worker);
}

static void drop_backend(Worker *worker, Exchange *exchange)
{
    BackEnd *backend = g_steal_pointer(&exchange->backend);
    if (!backend)
        return;
    backend->exchange = NULL;
    backend_drop(worker, backend);
}

/* Takes the exchange off its client, its queue, its back end and its target. */
static void detach(Worker *worker, Exchange *exchange)
{
    HttpClient *client = exchange->client;
    if (!links_empty(&exchange->waiting))
        surge_leave(client->listener->balancer, worker, exchange);
    drop_backend(worker, exchange);
    client->exchange = NULL;
    leave_target(worker, exchange);
}

/* ---- endings ---- */

void exchange_abandon(Worker *worker, Exchange *exchange)
{
    HttpClient *client = exchange->client;
    exchange_log(worker, client, exchange, exchange->status);
    detach(worker, exchange);
    exchange_free(worker, exchange);
    http_client_end(worker, client, true);
}

void exchange_fail(Worker *worker, Exchange *exchange, unsigned status)
{
    HttpClient *client = exchange->client;
    if (exchange->answered || exchange->down_held.pending) {
        exchange_abandon(worker, exchange);
        return;
    }
    exchange->status = (uint16_t)status;
    exchange_note_refusal(worker, client, exchange, status);
    if (status >= 503)
        counter_add(&worker->failed, 1);
    bool close =
        !exchange->keep_alive || !exchange->up.done || status < 500 || exchange->client_minor == 0;
    detach(worker, exchange);
    exchange_free(worker, exchange);
    if (http_client_say(worker, client, status, close))
        http_client_answered(worker, client, close, false);
    else
        http_client_end(worker, client, true);
}

void exchange_finish(Worker *worker, Exchange *exchange)
{
    HttpClient *client = exchange->client;
    BackEnd *backend = exchange->backend;
    Tally *tally = &target_part(exchange->target, worker)->tally;
    bool whole = exchange->up.done && !exchange->up_held.pending;
    bool close = exchange->close || !whole, expected = whole && !exchange->keep_alive;
    counter_add(&tally->bytes_in, exchange->received);
    counter_add(&tally->bytes_out, exchange->returned);
    counter_add(&worker->bytes_in, exchange->received);
    counter_add(&worker->bytes_out, exchange->returned);
    exchange_log(worker, client, exchange, exchange->status);
    exchange->backend = NULL;
    if (whole && !exchange->tunnel) {
        backend_give_back(worker, backend);
    } else {
        backend->exchange = NULL;
        backend_drop(worker, backend);
    }
    detach(worker, exchange);
    exchange_free(worker, exchange);
    http_client_answered(worker, client, close, expected);
}

void exchange_time_out(Worker *worker, Exchange *exchange)
{
    bool waits_for_client = exchange_takes_body(exchange);
    if (exchange->answered)
        exchange_abandon(worker, exchange);
    else if (!exchange->backend)
        exchange_fail(worker, exchange, 503);
    else
        exchange_fail(worker, exchange, waits_for_client ? 408 : 504);
}

void exchange_review(Worker *worker, Exchange *exchange)
{
    const Rules *rules = exchange_rules(exchange);
    if (!links_empty(&exchange->waiting))
        exchange_assign(worker, exchange);
    else if (exchange->target && !rules_have_target(rules, exchange->target) && !rules->drain_ms)
        exchange_abandon(worker, exchange);
}

/* ---- to a target ---- */

/* False: the connection was lost; what that means for the exchange has been done. */
static bool send_head(Worker *worker, Exchange *exchange)
{
    BackEnd *backend = exchange->backend;
    bool more = !exchange->up.done && (exchange->client->ahead || exchange->client->input_n);
    exchange->sent = true;
    ssize_t n = channel_write(worker, &backend->channel, exchange->head, exchange->head_n, more);
    if (n < 0) {
        exchange_backend_lost(worker, exchange);
        return false;
    }
    exchange->sent_us = clock_us();
    held_keep(&exchange->up_held, exchange->head, exchange->head_n, NULL, 0, (size_t)n);
    http_client_active(worker, exchange->client);
    return true;
}

/* False: it cannot even be begun. The exchange has the target. */
static bool go_to(Worker *worker, Exchange *exchange, Target *target)
{
    exchange->target = target_hold(target);
    atomic_fetch_add(&target->outstanding, 1);
    BackEnd *backend = backend_take(worker, target, exchange, !exchange->is_safe);
    if (backend) {
        backend->keep_alive = false; /* until its answer says so */
        exchange->backend = backend;
        counter_add(&target_part(target, worker)->tally.requests, 1);
        send_head(worker, exchange);
        return true;
    }
    exchange->backend = backend_connect(worker, target, exchange);
    return exchange->backend != NULL;
}

static void give_up(Worker *worker, Exchange *exchange, bool full)
{
    BalancerPart *part = balancer_part(exchange->client->listener->balancer, worker);
    if (full || !exchange->choice.tried_n) /* or none in service */
        counter_add(&part->spillover, 1);
    exchange_fail(worker, exchange, exchange->timed_out ? 504 : 503);
}

/* Its session's target, if that still has a place, or the least busy one. */
static Target *choose(Exchange *exchange, const Rules *rules, bool *ret_full)
{
    Target *session = exchange->session;
    *ret_full = false;
    if (session && !exchange->choice.tried_n) {
        if (rules->target_connections &&
            atomic_load(&session->outstanding) >= rules->target_connections) {
            *ret_full = true;
            return NULL;
        }
        choice_tried(&exchange->choice, session);
        return session;
    }
    return choice_least(&exchange->choice, rules, ret_full);
}

/* The session's target may have left since the request came; memory of it may be gone. */
static void check_session(Exchange *exchange, const Rules *rules)
{
    for (unsigned i = 0; exchange->session && i < rules->open_n; i++) {
        if (rules->open[i] == exchange->session)
            return;
    }
    exchange->session = NULL;
}

void exchange_assign(Worker *worker, Exchange *exchange)
{
    const Rules *rules = exchange_rules(exchange);
    Balancer *balancer = exchange->client->listener->balancer;
    bool full = false;
    Target *target;
    if (!rules) {
        give_up(worker, exchange, full);
        return;
    }
    if (exchange->session)
        check_session(exchange, rules);
    for (;;) {
        target = choose(exchange, rules, &full);
        bool waits = !links_empty(&exchange->waiting);
        if (!target && full) {
            if (waits)
                return;
            if (surge_join(balancer, worker, exchange, rules->surge_queue))
                continue; /* a place may have become free in between */
        }
        if (waits)
            surge_leave(balancer, worker, exchange);
        if (!target) {
            give_up(worker, exchange, full);
            return;
        }
        if (go_to(worker, exchange, target))
            return;
        target_refused(target, worker);
        leave_target(worker, exchange);
    }
}

void exchange_connected(Worker *worker, Exchange *exchange)
{
    counter_add(&target_part(exchange->target, worker)->tally.requests, 1);
    if (send_head(worker, exchange))
        exchange_run(worker, exchange);
}

void exchange_connect_failed(Worker *worker, Exchange *exchange, bool timed_out)
{
    exchange->timed_out = timed_out;
    target_refused(exchange->target, worker);
    drop_backend(worker, exchange);
    leave_target(worker, exchange);
    exchange_assign(worker, exchange);
}

/* A connection that was used before may have been closed by its server while the request was on its
 * way: that says nothing about the request. */
static bool may_send_again(const Exchange *exchange)
{
    return exchange->backend->reused && exchange->is_safe && !exchange->body_sent &&
           !exchange->backend->input && !exchange->down_held.pending && !exchange->answered;
}

void exchange_backend_lost(Worker *worker, Exchange *exchange)
{
    bool again = may_send_again(exchange), partial = exchange->backend->input != NULL;
    if (exchange->answered || !again) {
        exchange_fail(worker, exchange, partial ? 502 : 504);
        return;
    }
    Target *target = exchange->target;
    drop_backend(worker, exchange);
    held_drop(worker, &exchange->up_held);
    /* The same target, but by a new connection. */
    exchange->backend = backend_connect(worker, target, exchange);
    if (!exchange->backend)
        exchange_connect_failed(worker, exchange, false);
}

static void take_head(Worker *worker, Exchange *exchange, const HttpHead *head)
{
    const Listener *listener = exchange->client->listener;
    HttpOrigin origin = {.client = exchange->client->address,
                         .address = listener->address,
                         .port = listener->port,
                         .tls = listener->protocol == LB_HTTPS};
    exchange->head = g_malloc(head->size + HTTP_REQUEST_ADDED_MAX);
    exchange->head_n = http_rewrite_request(head, &origin, exchange->upgrade, exchange->head);
}

void exchange_begin(Worker *worker, HttpClient *client)
{
    const HttpHead *head = &worker->http->head;
    const Rules *rules = listener_rules(client->listener);
    Exchange *exchange = exchange_new(worker);
    client->exchange = exchange;
    exchange->client = client;
    exchange->began_us = clock_us();
    exchange->client_minor = head->minor;
    exchange->keep_alive = head->keep_alive;
    exchange->is_head = head->is_head;
    exchange->is_safe = head->is_safe;
    /* HTTP/2 would hide requests from this parser. */
    exchange->upgrade = head->upgrade && !head->upgrade_h2c && head->framing == HTTP_NO_BODY;
    http_body_init(&exchange->up, head->framing, head->length, false);
    choice_begin(&exchange->choice, &client->listener->turn, worker->loop.now_ms);
    if (rules)
        exchange->session = sticky_target(rules, head);
    exchange_keep_log_text(exchange, head);
    take_head(worker, exchange, head);
    exchange_assign(worker, exchange);
}

/* ---- the request's body ---- */

bool exchange_takes_body(const Exchange *exchange)
{
    return !exchange->up.done && exchange->sent && !exchange->up_held.pending &&
           exchange->backend && exchange->backend->phase == BACKEND_READY;
}

static void note_received(Worker *worker, Exchange *exchange, size_t n)
{
    exchange->received += n;
    exchange->body_sent |= n > 0;
    http_client_active(worker, exchange->client);
}

/* It takes nothing more. It may have answered before it closed: reading tells. */
static void stop_sending(Worker *worker, Exchange *exchange)
{
    held_drop(worker, &exchange->up_held);
    exchange->backend->channel.flags |= CHANNEL_READABLE;
    member_defer(worker, &exchange->backend->member);
}

/* Behind the last byte of a tunnel. */
static void pass_end_up(Exchange *exchange)
{
    if (exchange->tunnel && exchange->up.done && !exchange->up_held.pending)
        channel_shut(&exchange->backend->channel);
}

bool exchange_take_body(Worker *worker, Exchange *exchange, char *bytes, uint32_t n,
                        uint32_t *ret_used)
{
    size_t used, out;
    if (!http_body_take(&exchange->up, bytes, n, &used, &out)) {
        exchange_fail(worker, exchange, 400);
        return false;
    }
    ssize_t sent = out ? channel_write(worker, &exchange->backend->channel, bytes, out, false) : 0;
    if (sent < 0) {
        sent = (ssize_t)out;
        stop_sending(worker, exchange);
    }
    note_received(worker, exchange, out);
    held_keep(&exchange->up_held, bytes, out, NULL, 0, (size_t)sent);
    *ret_used = (uint32_t)used;
    return true;
}

bool exchange_splice_body(Worker *worker, Exchange *exchange)
{
    Held *held = &exchange->up_held;
    uint64_t run = http_body_run(&exchange->up);
    if (held->bulk < HELD_BULK || run < BULK_RUN || !exchange_takes_body(exchange) ||
        !channel_can_splice(&exchange->client->channel) ||
        !channel_can_splice(&exchange->backend->channel))
        return false;
    ssize_t n = held_splice(worker, held, &exchange->client->channel, run);
    if (n <= 0) { /* reading tells what it is, or that there is nothing */
        held->bulk = 0;
        return false;
    }
    http_body_skip(&exchange->up, (uint64_t)n);
    note_received(worker, exchange, (size_t)n);
    if (held_write(worker, held, &exchange->backend->channel) < 0)
        stop_sending(worker, exchange);
    return true;
}

bool exchange_client_ended(Worker *worker, Exchange *exchange)
{
    if (exchange->up.done)
        return true;
    if (http_body_end(&exchange->up)) {
        pass_end_up(exchange);
        return true;
    }
    exchange->status = 400;
    counter_add(&balancer_part(exchange->client->listener->balancer, worker)->elb_4xx, 1);
    exchange_abandon(worker, exchange);
    return false;
}

/* ---- both ways ---- */

void exchange_run(Worker *worker, Exchange *exchange)
{
    HttpClient *client = exchange->client;
    if (!exchange->backend || exchange->backend->phase != BACKEND_READY)
        return;
    ssize_t n = held_write(worker, &exchange->up_held, &exchange->backend->channel);
    if (n > 0)
        http_client_active(worker, client);
    if (n < 0)
        stop_sending(worker, exchange);
    pass_end_up(exchange);
    http_client_run(worker, client);
    /* That may have ended it and begun another, which is none of this event's. */
    if (!client->member.over && client->exchange == exchange && exchange->backend)
        exchange_answer_run(worker, exchange);
}
