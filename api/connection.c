/* One exchange over libmicrohttpd.
 *
 * Invariants: an event thread never waits here; a suspended connection is always resumed, and
 * nothing of the exchange is touched after that by who resumed it; a refused request's body is
 * read and dropped up to DISCARD_MAX, so that the client gets to see the refusal. */
#include "api/connection.h"

#include "base/fault.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DISCARD_MAX (16 * 1024 * 1024)   /* of a refused body; more cuts the connection */
#define BUFFERED_MAX (256 * 1024 * 1024) /* of bodies of all connections */
#define FIRST_RESERVE 65536              /* of a body, before it has come */
#define SOURCE_BLOCK (128 * 1024)        /* bytes asked of a BodySource at a time, at most */

typedef enum Phase { PHASE_HEADERS, PHASE_BODY, PHASE_SUSPENDED, PHASE_REPLY } Phase;

typedef struct Conversation {
    Exchange exchange;
    Traffic *traffic;
    struct MHD_Connection *mhd;
    Phase phase;
    Buffer body;
    size_t counted;   /* of body, in traffic->buffered */
    size_t discarded; /* bytes read and dropped */
    bool answering;   /* counted in traffic->answering */

    GMutex lock;  /* over what follows */
    bool paused;  /* the connection is suspended until exchange_resume() */
    bool resumed; /* exchange_resume() came before exchange_pause() */
} Conversation;

/* ---- beginning ---- */

void *http_connection_open(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    Arena *arena = arena_new();
    Conversation *conversation = arena_new_struct(arena, Conversation);
    const Entrance *entrance = cls;
    conversation->traffic = entrance->traffic;
    conversation->mhd = mhd;
    conversation->exchange.arena = arena;
    g_mutex_init(&conversation->lock);
    HttpRequest *request = &conversation->exchange.request;
    request->secure = entrance->secure;
    const char *question = strchr(uri, '?');
    request->path =
        question ? arena_strndup(arena, uri, (size_t)(question - uri)) : arena_strdup(arena, uri);
    request->query = question ? arena_strdup(arena, question + 1) : "";
    /* libmicrohttpd would make a table of the parameters, in the memory for one request's headers:
     * some hundred fill it, and then 0.9.75 neither answers nor closes. The text is its read
     * buffer, in which it cuts the line up itself; it finds none behind the '?' now. */
    if (question)
        *(char *)(uintptr_t)(question + 1) = '\0';
    return conversation;
}

size_t http_connection_unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
    /* Signatures need the text as sent; we decode it ourselves. */
    return strlen(text);
}

typedef struct HeaderList {
    Header *headers;
    size_t n, capacity;
} HeaderList;

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    HeaderList *list = cls;
    if (list->n == list->capacity)
        return MHD_NO;
    list->headers[list->n++] = (Header){name, value ? value : ""};
    return MHD_YES;
}

static char *write_octet(char *at, unsigned octet)
{
    if (octet >= 100)
        *at++ = (char)('0' + octet / 100);
    if (octet >= 10)
        *at++ = (char)('0' + octet / 10 % 10);
    *at++ = (char)('0' + octet % 10);
    return at;
}

/* inet_ntop, but without its printf: every request asks. */
static void write_ipv4(char *text, const struct in_addr *address)
{
    uint32_t bits = ntohl(address->s_addr);
    for (int shift = 24; shift >= 0; shift -= 8) {
        text = write_octet(text, bits >> shift & 0xff);
        *text++ = shift ? '.' : '\0';
    }
}

static const char *client_ip(Arena *arena, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    if (!address)
        return "";
    char *text = arena_alloc(arena, INET6_ADDRSTRLEN);
    if (address->sa_family == AF_INET)
        write_ipv4(text, &((const struct sockaddr_in *)address)->sin_addr);
    else if (address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text,
                  INET6_ADDRSTRLEN);
    return text;
}

/* Header texts stay libmicrohttpd's; they live as long as the exchange. */
static void read_headers(Conversation *conversation, const char *method)
{
    Exchange *exchange = &conversation->exchange;
    int n = MHD_get_connection_values(conversation->mhd, MHD_HEADER_KIND, NULL, NULL);
    HeaderList list = {.capacity = n > 0 ? (size_t)n : 0};
    list.headers = arena_alloc(exchange->arena, list.capacity * sizeof(*list.headers));
    MHD_get_connection_values(conversation->mhd, MHD_HEADER_KIND, add_header, &list);
    exchange->request.method = arena_strdup(exchange->arena, method);
    exchange->request.headers = list.headers;
    exchange->request.n_headers = list.n;
    exchange->request.source_ip = client_ip(exchange->arena, conversation->mhd);
}

static const Route *find_route(const Traffic *traffic, const HttpRequest *request)
{
    for (const Route *const *route = traffic->routes;; route++) {
        g_assert(*route); /* the last one matches everything */
        if ((*route)->match(*route, request))
            return *route;
    }
}

/* ---- refusing ---- */

static bool is_refused(const Conversation *conversation)
{
    return conversation->exchange.reply.status != 0;
}

static void refuse(Conversation *conversation, Fault fault, const char *message)
{
    if (is_refused(conversation))
        return;
    g_autoptr(GError) why = g_error_new_literal(FAULT_DOMAIN, (int)fault, message);
    conversation->exchange.route->refuse(&conversation->exchange, why);
}

static void refuse_size(Conversation *conversation)
{
    refuse(conversation, FAULT_REQUEST_TOO_LARGE, "The request's body is too large.");
}

/* ---- the body ---- */

static void count_body(Conversation *conversation)
{
    size_t grown = conversation->body.capacity - conversation->counted;
    if (grown == 0)
        return;
    conversation->counted += grown;
    if (atomic_fetch_add(&conversation->traffic->buffered, grown) + grown > BUFFERED_MAX)
        refuse(conversation, FAULT_REQUEST_LIMIT_EXCEEDED, "Request limit exceeded.");
}

static void drop_body(Conversation *conversation)
{
    atomic_fetch_sub(&conversation->traffic->buffered, conversation->counted);
    conversation->counted = 0;
    buffer_clear(&conversation->body);
}

static uint64_t content_length(const HttpRequest *request)
{
    const char *text = http_header(request, "content-length");
    return text ? g_ascii_strtoull(text, NULL, 10) : 0;
}

/* False: the connection has to be cut. */
static bool take_piece(Conversation *conversation, const char *data, size_t size)
{
    Exchange *exchange = &conversation->exchange;
    if (is_refused(conversation)) {
        conversation->discarded += size;
        return conversation->discarded <= DISCARD_MAX;
    }
    if (exchange->route->chunk) {
        if (atomic_load(&conversation->traffic->stopping))
            return false;
        exchange->route->chunk(exchange, data, size);
        return true;
    }
    if (size > exchange->route->max_body - conversation->body.size) {
        refuse_size(conversation);
    } else {
        if (conversation->body.size == 0)
            buffer_reserve(&conversation->body,
                           MIN(content_length(&exchange->request), FIRST_RESERVE));
        buffer_add(&conversation->body, data, size);
        count_body(conversation);
    }
    if (is_refused(conversation))
        drop_body(conversation);
    return true;
}

/* ---- replying ---- */

static void add_reply_headers(struct MHD_Response *response, const HttpReply *reply, bool last)
{
    if (reply->content_type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
    if (reply->request_id) {
        MHD_add_response_header(response, "x-amzn-RequestId", reply->request_id);
        MHD_add_response_header(response, "x-amz-request-id", reply->request_id);
    }
    if (reply->allow)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
    /* libmicrohttpd knows no empty values; white space at a value's ends means nothing. */
    LIST_EACH (const Header *, header, &reply->headers)
        MHD_add_response_header(response, header->name, *header->value ? header->value : " ");
    if (last)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* What follows on this connection reaches no further than so many hops. */
static void limit_hops(struct MHD_Connection *mhd, unsigned hop_limit)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    int hops = (int)hop_limit;
    if (info)
        setsockopt(info->connect_fd, IPPROTO_IP, IP_TTL, &hops, sizeof(hops));
}

static struct MHD_Response *respond_own(HttpReply *reply)
{
    size_t size;
    char *data = buffer_steal(&reply->body, &size);
    struct MHD_Response *response =
        data ? MHD_create_response_from_buffer(size, data, MHD_RESPMEM_MUST_FREE)
             : MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    if (!response)
        g_free(data);
    return response;
}

static void release_shared(void *bytes)
{
    g_bytes_unref(bytes);
}

static struct MHD_Response *respond_bytes(GBytes *bytes)
{
    size_t size;
    const void *data = g_bytes_get_data(bytes, &size);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        size, (void *)data, release_shared, g_bytes_ref(bytes));
    if (!response)
        g_bytes_unref(bytes);
    return response;
}

/* The shared bytes as they are, around this reply's own request id; nothing is copied. The id is in
 * the exchange's arena, which lives until the reply is sent. */
static struct MHD_Response *respond_shared(HttpReply *reply)
{
    const SharedBody *shared = &reply->shared;
    if (shared->id_size == 0)
        return respond_bytes(shared->bytes);
    size_t size;
    const char *data = g_bytes_get_data(shared->bytes, &size);
    size_t rest = shared->id_at + shared->id_size;
    g_assert(strlen(reply->request_id) == shared->id_size && rest <= size);
    const struct MHD_IoVec parts[] = {
        {data, shared->id_at},
        {reply->request_id, shared->id_size},
        {data + rest, size - rest},
    };
    GBytes *bytes = g_bytes_ref(shared->bytes);
    struct MHD_Response *response =
        MHD_create_response_from_iovec(parts, G_N_ELEMENTS(parts), release_shared, bytes);
    if (!response)
        g_bytes_unref(bytes);
    return response;
}

/* The descriptor is libmicrohttpd's from now on. */
static struct MHD_Response *respond_file(HttpReply *reply)
{
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(reply->size, reply->fd, reply->offset);
    if (response)
        reply->kind = BODY_BUFFER;
    return response;
}

static ssize_t read_source(void *data, uint64_t position, char *buffer, size_t most)
{
    const BodySource *source = data;
    ssize_t n = source->read(source->data, buffer, most);
    return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_source(void *data)
{
    BodySource *source = data;
    source->free(source->data);
    g_free(source);
}

static struct MHD_Response *respond_source(HttpReply *reply)
{
    BodySource *source = g_memdup2(&reply->source, sizeof(reply->source));
    struct MHD_Response *response = MHD_create_response_from_callback(
        reply->size, SOURCE_BLOCK, read_source, source, free_source);
    if (response)
        reply->kind = BODY_BUFFER;
    else
        g_free(source);
    return response;
}

static ssize_t read_nothing(void *data, uint64_t position, char *buffer, size_t most)
{
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* For HEAD, whose body is never asked for. */
static struct MHD_Response *respond_length(const HttpReply *reply)
{
    return MHD_create_response_from_callback(reply->size, SOURCE_BLOCK, read_nothing, NULL, NULL);
}

static struct MHD_Response *respond(HttpReply *reply)
{
    switch (reply->kind) {
    case BODY_FILE:
        return respond_file(reply);
    case BODY_SOURCE:
        return respond_source(reply);
    case BODY_LENGTH:
        return respond_length(reply);
    case BODY_BUFFER:
        break;
    }
    return reply->shared.bytes ? respond_shared(reply) : respond_own(reply);
}

static enum MHD_Result send_reply(Conversation *conversation)
{
    HttpReply *reply = &conversation->exchange.reply;
    g_assert(reply->status != 0);
    conversation->phase = PHASE_REPLY;

    bool last = atomic_load(&conversation->traffic->stopping);
    struct MHD_Response *response = respond(reply);
    if (!response)
        return MHD_NO;
    add_reply_headers(response, reply, last);
    if (reply->hop_limit)
        limit_hops(conversation->mhd, reply->hop_limit);
    enum MHD_Result queued = MHD_queue_response(conversation->mhd, reply->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* ---- counting ---- */

/* One less. The server, when it stops, sets stopping and then looks at the count; we change the
 * count and then look at stopping: one of both sees the other. */
static void leave(Traffic *traffic, atomic_uint *count)
{
    atomic_fetch_sub(count, 1);
    if (!atomic_load(&traffic->stopping))
        return;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&traffic->lock);
    g_cond_broadcast(&traffic->quieter);
}

/* ---- pausing ---- */

static Conversation *conversation_of(Exchange *exchange)
{
    return (Conversation *)(void *)((char *)exchange - offsetof(Conversation, exchange));
}

/* A paused exchange counts as working: libmicrohttpd cannot be stopped while one is suspended. With
 * chunked bodies it hands over what it has read although the connection is suspended, so an
 * exchange may be paused that is paused already. */
void exchange_pause(Exchange *exchange)
{
    Conversation *conversation = conversation_of(exchange);
    Traffic *traffic = conversation->traffic;
    atomic_fetch_add(&traffic->working, 1);
    g_mutex_lock(&conversation->lock);
    bool suspends =
        !conversation->paused && !conversation->resumed && !atomic_load(&traffic->stopping);
    conversation->paused |= suspends;
    conversation->resumed = false;
    if (suspends)
        MHD_suspend_connection(conversation->mhd);
    g_mutex_unlock(&conversation->lock);
    if (!suspends)
        leave(traffic, &traffic->working);
}

void exchange_resume(Exchange *exchange)
{
    Conversation *conversation = conversation_of(exchange);
    Traffic *traffic = conversation->traffic;
    struct MHD_Connection *mhd = conversation->mhd;
    g_mutex_lock(&conversation->lock);
    bool paused = conversation->paused;
    conversation->paused = false;
    conversation->resumed = !paused;
    g_mutex_unlock(&conversation->lock);
    if (!paused)
        return;
    /* Until this, the exchange lives; from now on it is the event thread's again. */
    MHD_resume_connection(mhd);
    leave(traffic, &traffic->working);
}

/* ---- working ---- */

/* Counts the whole request in; false while the server stops. */
static bool start_answering(Conversation *conversation)
{
    Traffic *traffic = conversation->traffic;
    atomic_fetch_add(&traffic->answering, 1);
    if (atomic_load(&traffic->stopping)) {
        leave(traffic, &traffic->answering);
        return false;
    }
    conversation->answering = true;
    return true;
}

/* On a worker. */
static void work(void *data)
{
    Conversation *conversation = data;
    Traffic *traffic = conversation->traffic;
    conversation->exchange.route->work(&conversation->exchange);
    MHD_resume_connection(conversation->mhd);
    /* The exchange is the event thread's again. */
    leave(traffic, &traffic->working);
}

static enum MHD_Result hand_to_worker(Conversation *conversation)
{
    Traffic *traffic = conversation->traffic;
    conversation->phase = PHASE_SUSPENDED;
    atomic_fetch_add(&traffic->working, 1);
    MHD_suspend_connection(conversation->mhd);
    if (jobs_push(traffic->workers, work, conversation))
        return MHD_YES;

    refuse(conversation, FAULT_REQUEST_LIMIT_EXCEEDED, "Request limit exceeded.");
    MHD_resume_connection(conversation->mhd);
    leave(traffic, &traffic->working);
    return MHD_YES;
}

static enum MHD_Result finish(Conversation *conversation)
{
    Exchange *exchange = &conversation->exchange;
    if (!start_answering(conversation))
        refuse(conversation, FAULT_UNAVAILABLE, "The service is stopping.");
    if (is_refused(conversation))
        return send_reply(conversation);
    exchange->request.body = conversation->body.size ? conversation->body.data : NULL;
    exchange->request.body_size = conversation->body.size;
    if (exchange->route->finish(exchange) == ROUTE_WORK)
        return hand_to_worker(conversation);
    return send_reply(conversation);
}

/* ---- libmicrohttpd's view ---- */

static enum MHD_Result begin(Conversation *conversation, const char *method)
{
    Exchange *exchange = &conversation->exchange;
    conversation->phase = PHASE_BODY;
    read_headers(conversation, method);
    exchange->route = find_route(conversation->traffic, &exchange->request);

    uint64_t length = content_length(&exchange->request);
    if (!exchange->route->chunk && length > exchange->route->max_body)
        refuse_size(conversation);
    if (!is_refused(conversation) && exchange->route->begin)
        exchange->route->begin(exchange);

    /* A client that waits for leave to send, or has more than we would drop, hears it now. */
    bool waits = http_header(&exchange->request, "expect") != NULL;
    if (is_refused(conversation) && (waits || length > DISCARD_MAX))
        return send_reply(conversation);
    return MHD_YES;
}

enum MHD_Result http_connection_go_on(void *cls, struct MHD_Connection *mhd, const char *url,
                                      const char *method, const char *version, const char *data,
                                      size_t *size, void **exchange)
{
    Conversation *conversation = *exchange;
    switch (conversation->phase) {
    case PHASE_HEADERS:
        return begin(conversation, method);
    case PHASE_BODY:
        if (*size == 0)
            return finish(conversation);
        if (!take_piece(conversation, data, *size))
            return MHD_NO;
        *size = 0;
        return MHD_YES;
    case PHASE_SUSPENDED:
        return send_reply(conversation);
    case PHASE_REPLY:
        break;
    }
    /* The body of a request that is answered already. */
    *size = 0;
    return MHD_YES;
}

void http_connection_end(void *cls, struct MHD_Connection *mhd, void **exchange,
                         enum MHD_RequestTerminationCode code)
{
    Conversation *conversation = *exchange;
    if (!conversation)
        return;
    Traffic *traffic = conversation->traffic;
    *exchange = NULL;
    Exchange *ended = &conversation->exchange;
    if (ended->route && ended->route->end)
        ended->route->end(ended);
    http_reply_clear(&ended->reply);
    drop_body(conversation);
    bool answering = conversation->answering;
    g_mutex_clear(&conversation->lock);
    arena_free(ended->arena);

    if (answering)
        leave(traffic, &traffic->answering);
}
