/* Clients' connections.
 *
 *   event                     what happens
 *   ------------------------  -----------------------------------------------------------------
 *   readable, no exchange     a head is gathered; when it is whole and good, an exchange begins
 *   readable, with one        its body is passed on as the back end takes it; what is behind it
 *                             (the next request) stays in the socket, or is kept if it was read
 *   writable                  bytes held for the client go out, and the back end is read again
 *   head not good             400, 405, 414 or 431, and the connection lingers
 *   end of stream             without an exchange: closed. Within a body: all is dropped. Else the
 *                             answer is still sent
 *   idle_ms without a byte    without an exchange: closed, within a head: 408. With one: 408 when
 *                             the client's body is awaited, 504 when the answer is
 *   HEAD_MS for one head      408 (a client that sends a byte now and then holds nothing up)
 *   answered with close       closed, if the client asked for that and has sent nothing more; else
 * it lingers: the end is sent, and what still comes is thrown away, for a reset could overtake the
 * answer; closed at the client's end, after LINGER_MS or LINGER_BYTES
 *
 * An idle client owns no buffer: bytes are read into the worker's scratch buffer, and copied only
 * when they cannot be used at once. Invariant: what is kept of a client's bytes is at most a head
 * that is not whole (HTTP_HEAD_MAX) and one read, or what one read had beyond what was usable. */
#include "lb/http_client.h"

#include "lb/http_exchange.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    TURNS = 16,
    HEAD_MS = 60000,
    LINGER_MS = 5000,
    LINGER_BYTES = 1 << 20,
    EMPTY_LINES = 2, /* that may be before a request line */
};

/* ---- our own answers ---- */

/* As classic ELB words them. */
static const char *reason_of(unsigned status)
{
    switch (status) {
    case 400:
        return "BAD_REQUEST";
    case 405:
        return "METHOD_NOT_ALLOWED";
    case 408:
        return "REQUEST_TIMEOUT";
    case 414:
        return "Request-URI Too Long";
    case 431:
        return "Request Header Fields Too Large";
    case 502:
        return "BAD_GATEWAY";
    case 503:
        return "Service Unavailable: Back-end server is at capacity";
    default:
        return "GATEWAY_TIMEOUT";
    }
}

bool http_client_say(Worker *worker, HttpClient *client, unsigned status, bool close)
{
    char text[160];
    int n =
        snprintf(text, sizeof text, "HTTP/1.1 %u %s\r\nContent-Length: 0\r\nConnection: %s\r\n\r\n",
                 status, reason_of(status), close ? "close" : "keep-alive");
    return channel_write(worker, &client->channel, text, (size_t)n, false) == n;
}

/* ---- ends ---- */

/* When it is over, or its exchange is, unless a byte passes. */
static int64_t deadline_of(const HttpClient *client)
{
    const Rules *rules = listener_rules(client->listener);
    int64_t deadline = client->active_at + (rules ? rules->idle_ms : 0);
    if (client->lingering)
        return client->active_at + LINGER_MS;
    if (!client->exchange)
        return client->head_at ? MIN(deadline, client->head_at + HEAD_MS) : deadline;
    const Target *target = client->exchange->target;
    int64_t left_at = target ? atomic_load_explicit(&target->left_at, memory_order_relaxed) : 0;
    return left_at && rules ? MIN(deadline, left_at + rules->drain_ms) : deadline;
}

static void arm(Worker *worker, HttpClient *client)
{
    member_arm(worker, &client->member, deadline_of(client));
}

void http_client_end(Worker *worker, HttpClient *client, bool reset)
{
    if (client->member.over)
        return;
    if (client->exchange) {
        exchange_abandon(worker, client->exchange); /* comes back here */
        return;
    }
    g_free(g_steal_pointer(&client->input));
    channel_close(&client->channel, reset);
    worker_connection_ended(worker);
    member_end(worker, &client->member);
}

static void linger(Worker *worker, HttpClient *client)
{
    g_free(g_steal_pointer(&client->input));
    client->input_n = 0;
    if (client->channel.flags & CHANNEL_ENDED) {
        http_client_end(worker, client, false);
        return;
    }
    channel_shut(&client->channel);
    client->lingering = true;
    client->active_at = worker->loop.now_ms;
    member_arm(worker, &client->member, client->active_at + LINGER_MS);
}

static void discard(Worker *worker, HttpClient *client)
{
    while (channel_can_read(&client->channel)) {
        ssize_t n = channel_read(worker, &client->channel, worker->scratch, WORKER_SCRATCH);
        if (n == -EAGAIN)
            return;
        client->discarded += n > 0 ? (uint32_t)n : 0;
        if (n <= 0 || client->discarded > LINGER_BYTES || client->channel.flags & CHANNEL_ENDED) {
            http_client_end(worker, client, n < 0);
            return;
        }
    }
}

static void refuse(Worker *worker, HttpClient *client, unsigned status)
{
    exchange_note_refusal(worker, client, NULL, status);
    client->head_at = 0;
    if (http_client_say(worker, client, status, true))
        linger(worker, client);
    else
        http_client_end(worker, client, true);
}

/* ---- what comes in ---- */

/* Bytes at hand: in the worker's scratch buffer, or kept from before. */
typedef struct Input {
    char *bytes; /* the rest */
    uint32_t n;
    char *owned; /* from malloc; NULL: in the scratch buffer */
} Input;

static Input take_input(HttpClient *client)
{
    Input input = {.bytes = client->input, .n = client->input_n, .owned = client->input};
    client->input = NULL;
    client->input_n = 0;
    return input;
}

static void keep_input(HttpClient *client, Input *input)
{
    if (client->member.over || client->lingering || !input->n) {
        g_free(input->owned);
        return;
    }
    if (input->owned && input->bytes == input->owned) {
        client->input = input->owned;
    } else {
        client->input = g_memdup2(input->bytes, input->n);
        g_free(input->owned);
    }
    client->input_n = input->n;
}

/* Puts n bytes of the scratch buffer behind what is there. */
static void add_input(Worker *worker, Input *input, uint32_t n)
{
    if (!input->n) {
        g_free(input->owned);
        *input = (Input){.bytes = worker->scratch, .n = n};
        return;
    }
    char *all = g_malloc((size_t)input->n + n);
    memcpy(all, input->bytes, input->n);
    memcpy(all + input->n, worker->scratch, n);
    g_free(input->owned);
    *input = (Input){.bytes = all, .n = input->n + n, .owned = all};
}

typedef enum Read { READ_SOME, READ_NOTHING, READ_END, READ_FAILED } Read;

static Read read_more(Worker *worker, HttpClient *client, Input *input)
{
    if (client->channel.flags & CHANNEL_ENDED)
        return READ_END;
    if (!channel_can_read(&client->channel))
        return READ_NOTHING;
    ssize_t n = channel_read(worker, &client->channel, worker->scratch, WORKER_SCRATCH);
    if (n == -EAGAIN)
        return READ_NOTHING;
    if (n <= 0)
        return n == 0 ? READ_END : READ_FAILED;
    http_client_active(worker, client);
    if (client->exchange)
        held_note_read(&client->exchange->up_held, (size_t)n, WORKER_SCRATCH);
    add_input(worker, input, (uint32_t)n);
    return READ_SOME;
}

/* Lines without a text before a request, which some clients send behind a body. */
static void skip_empty_lines(HttpClient *client, Input *input)
{
    for (int i = 0; i < EMPTY_LINES && !client->scan.at && input->n >= 2; i++) {
        if (memcmp(input->bytes, "\r\n", 2) != 0)
            return;
        input->bytes += 2;
        input->n -= 2;
    }
}

/* What comes after a step. */
typedef enum Step {
    STEP_MORE,  /* the next step */
    STEP_BYTES, /* more has to be read for it */
    STEP_STOP,
} Step;

static Step after(const HttpClient *client)
{
    return client->member.over || client->lingering ? STEP_STOP : STEP_MORE;
}

/* A head that is not whole yet. */
static Step await_head(Worker *worker, HttpClient *client)
{
    if (!client->head_at) {
        client->head_at = worker->loop.now_ms;
        arm(worker, client);
    }
    return STEP_BYTES;
}

/* Begins an exchange if a head is whole. */
static Step take_head(Worker *worker, HttpClient *client, Input *input)
{
    HttpStock *stock = http_stock(worker);
    uint32_t size;
    skip_empty_lines(client, input);
    if (!input->n)
        return STEP_BYTES;
    HttpVerdict verdict = http_scan(&client->scan, input->bytes, input->n, false, &size);
    if (verdict == HTTP_GOOD && !size)
        return await_head(worker, client);
    if (verdict == HTTP_GOOD)
        verdict = http_parse_request(input->bytes, size, &stock->head);
    client->scan = (HttpScan){0};
    client->head_at = 0;
    if (verdict != HTTP_GOOD) {
        refuse(worker, client, verdict);
        return STEP_STOP;
    }
    input->bytes += size;
    input->n -= size;
    client->ahead = input->n > 0;
    exchange_begin(worker, client);
    client->ahead = false;
    return after(client);
}

static Step take_body(Worker *worker, HttpClient *client, Input *input)
{
    uint32_t used;
    if (!exchange_take_body(worker, client->exchange, input->bytes, input->n, &used))
        return after(client);
    input->bytes += used;
    input->n -= used;
    return STEP_MORE;
}

static Step step(Worker *worker, HttpClient *client, Input *input)
{
    Exchange *exchange = client->exchange;
    if (!exchange)
        return input->n ? take_head(worker, client, input) : STEP_BYTES;
    if (!exchange_takes_body(exchange))
        return STEP_STOP;
    if (input->n)
        return take_body(worker, client, input);
    return exchange_splice_body(worker, exchange) ? STEP_MORE : STEP_BYTES;
}

/* The stream's end, and no byte before it that could still be used. */
static void client_ended(Worker *worker, HttpClient *client)
{
    if (client->exchange)
        exchange_client_ended(worker, client->exchange);
    else
        http_client_end(worker, client, false);
}

void http_client_run(Worker *worker, HttpClient *client)
{
    if (client->lingering) {
        discard(worker, client);
        return;
    }
    Input input = take_input(client);
    Read result = READ_SOME;
    for (unsigned turns = 0; result == READ_SOME; turns++) {
        Step next = step(worker, client, &input);
        if (next == STEP_STOP)
            break;
        if (turns >= TURNS) {
            member_defer(worker, &client->member);
            break;
        }
        if (next == STEP_BYTES)
            result = read_more(worker, client, &input);
    }
    if (result == READ_FAILED)
        http_client_end(worker, client, true);
    else if (result == READ_END)
        client_ended(worker, client);
    keep_input(client, &input);
}

void http_client_answered(Worker *worker, HttpClient *client, bool close, bool expected)
{
    if (close && expected && !client->input_n && !channel_can_read(&client->channel)) {
        if (client->channel.tls)
            channel_shut(&client->channel);
        http_client_end(worker, client, false);
        return;
    }
    if (close) {
        linger(worker, client);
        return;
    }
    http_client_active(worker, client);
    arm(worker, client);
    /* The next request may be there already. Not at once: this may be within another's turn. */
    if (client->input_n || channel_can_read(&client->channel) ||
        client->channel.flags & CHANNEL_ENDED)
        member_defer(worker, &client->member);
}

/* ---- events ---- */

static void run(Worker *worker, HttpClient *client)
{
    const Exchange *exchange = client->exchange;
    if (exchange && exchange->backend && exchange->backend->phase == BACKEND_READY)
        exchange_run(worker, client->exchange);
    else
        http_client_run(worker, client);
}

static void client_ready(Loop *loop, Source *source, uint32_t events)
{
    Worker *worker = container_of(loop, Worker, loop);
    HttpClient *client = container_of(source, HttpClient, channel.source);
    if (client->member.over)
        return;
    channel_note(worker, &client->channel, events);
    run(worker, client);
    if (events & EPOLLERR && !client->member.over)
        http_client_end(worker, client, true);
}

static HttpClient *client_of(Member *member)
{
    return container_of(member, HttpClient, member);
}

static int64_t client_due(Worker *worker, Member *member)
{
    HttpClient *client = client_of(member);
    int64_t now = worker->loop.now_ms;
    if (now < deadline_of(client))
        return deadline_of(client);
    if (client->exchange)
        exchange_time_out(worker, client->exchange);
    else if (client->head_at)
        refuse(worker, client, 408);
    else
        http_client_end(worker, client, false);
    return member->over ? 0 : MAX(deadline_of(client), now);
}

static void client_turn(Worker *worker, Member *member)
{
    run(worker, client_of(member));
}

static void client_review(Worker *worker, Member *member)
{
    HttpClient *client = client_of(member);
    const Rules *rules = listener_rules(client->listener);
    if (!client->listener->changed)
        return;
    if (!rules || !rules_allow(rules, client->address))
        http_client_end(worker, client, true);
    else if (client->exchange)
        exchange_review(worker, client->exchange);
    if (!member->over)
        arm(worker, client);
}

static void client_end(Worker *worker, Member *member)
{
    http_client_end(worker, client_of(member), false);
}

static void client_free(Member *member)
{
    g_free(client_of(member));
}

static const MemberKind HTTP_CLIENT = {
    .due = client_due,
    .turn = client_turn,
    .review = client_review,
    .end = client_end,
    .free = client_free,
};

void http_start(Worker *worker, Listener *listener, int fd, uint32_t address, uint16_t port)
{
    HttpClient *client = g_new0(HttpClient, 1);
    const Rules *rules = listener_rules(listener);
    http_stock(worker);
    client->channel = (Channel){.source.ready = client_ready, .fd = fd, .flags = CHANNEL_WRITABLE};
    client->listener = listener;
    client->address = address;
    client->port = port;
    client->active_at = worker->loop.now_ms;
    member_start(worker, &client->member, &HTTP_CLIENT, deadline_of(client));
    if (rules && rules->tls)
        client->channel.tls = tls_accept(rules->tls, fd);
    if (channel_watch(worker, &client->channel) < 0) {
        counter_add(&worker->refused, 1);
        http_client_end(worker, client, true);
    }
}
