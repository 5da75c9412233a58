/* What the balancer makes of requests that are malformed, ambiguous or odd: which are refused, and
 * how those that are not look to the back end. A row (lb_http_rows.h) is a connection of its own;
 * the back end reads as naively as they come, so a request that was smuggled past the balancer
 * would be counted. */
#include "tests/unit/lb_http_fixture.h"
#include "tests/unit/lb_http_rows.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A back end that answers everything with 200, and keeps what it got. */
typedef struct Naive {
    int server;
    pthread_mutex_t lock; /* guards what is below */
    GString *got;
    unsigned requests;
} Naive;

typedef struct NaiveCall {
    Naive *naive;
    int fd;
} NaiveCall;

/* Where the first request in text ends, read naively; 0: not yet. */
static size_t request_end(const char *text, size_t n)
{
    const char *end = memmem(text, n, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end + 4 - text);
    g_autofree char *lower = g_ascii_strdown(text, (gssize)head);
    const char *length = strstr(lower, "\r\ncontent-length:");
    if (strstr(lower, "\r\ntransfer-encoding:")) {
        /* The first line of zeros, and what comes up to an empty line. */
        const char *last = text + head - 2;
        while ((last = memmem(last, n - (size_t)(last - text), "\r\n0", 3))) {
            last += 2;
            const char *digits = last + strspn(last, "0");
            if (strncmp(digits, "\r\n", 2) == 0)
                break;
        }
        end = last ? memmem(last, n - (size_t)(last - text), "\r\n\r\n", 4) : NULL;
        return end ? (size_t)(end + 4 - text) : 0;
    }
    size_t body = length ? strtoul(length + 17, NULL, 10) : 0;
    return n >= head + body ? head + body : 0;
}

/* Answers the n bytes of one request. */
static void answer_naively(Naive *naive, int fd, const char *request, size_t n)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    pthread_mutex_lock(&naive->lock);
    g_string_append_len(naive->got, request, (gssize)n);
    naive->requests++;
    pthread_mutex_unlock(&naive->lock);
    send(fd, ok, strlen(ok), MSG_NOSIGNAL);
}

static gpointer serve_naively(gpointer data)
{
    enum { ROOM = 64 << 10 };
    g_autofree NaiveCall *call = data;
    g_autofree char *text = g_malloc(ROOM);
    size_t n = 0, end;
    ssize_t got;
    while (n < ROOM - 1 && (got = recv(call->fd, text + n, ROOM - 1 - n, 0)) > 0) {
        n += (size_t)got;
        text[n] = 0;
        while ((end = request_end(text, n))) {
            answer_naively(call->naive, call->fd, text, end);
            n -= end;
            memmove(text, text + end, n + 1);
        }
    }
    close(call->fd);
    return NULL;
}

static gpointer accept_naively(gpointer data)
{
    Naive *naive = data;
    int fd;
    g_autoptr(GPtrArray) threads = g_ptr_array_new();
    while ((fd = accept4(naive->server, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        NaiveCall *call = g_new0(NaiveCall, 1);
        *call = (NaiveCall){.naive = naive, .fd = fd};
        g_ptr_array_add(threads, g_thread_new("serve", serve_naively, call));
    }
    for (unsigned i = 0; i < threads->len; i++)
        g_thread_join(g_ptr_array_index(threads, i));
    return NULL;
}

/* All that the client is told until the end; the status of the first answer, 0: none. */
static unsigned talk(const Web *web, const Row *row)
{
    int client = web_client(web);
    g_autoptr(GString) told = g_string_new(NULL);
    char bytes[4096];
    ssize_t n;
    send(client, row->bytes, row->n, MSG_NOSIGNAL);
    shutdown(client, SHUT_WR);
    do {
        wait_for(client, POLLIN);
        n = recv(client, bytes, sizeof bytes, 0);
        g_string_append_len(told, bytes, n > 0 ? n : 0);
    } while (n > 0);
    close(client);
    if (!told->len)
        return 0;
    if (!g_str_has_prefix(told->str, "HTTP/1.1 "))
        fail_msg("%s: \"%s\"", row->what, told->str);
    return (unsigned)strtoul(told->str + 9, NULL, 10);
}

static void check_row(const Web *web, Naive *naive, const Row *row)
{
    unsigned status = talk(web, row);
    pthread_mutex_lock(&naive->lock);
    unsigned requests = naive->requests;
    bool seen =
        !row->seen || memmem(naive->got->str, naive->got->len, row->seen, strlen(row->seen));
    g_autofree char *got = g_strdup(naive->got->str);
    g_string_truncate(naive->got, 0);
    naive->requests = 0;
    pthread_mutex_unlock(&naive->lock);
    if (status != row->status || requests != row->requests || !seen)
        fail_msg("%s: answered %u, %u requests reached the back end: \"%s\"", row->what, status,
                 requests, got);
}

static void every_request_is_answered_as_it_deserves(void **state)
{
    Web web;
    web_open(&web, NULL);
    Naive naive = {.server = web.server, .got = g_string_new(NULL)};
    pthread_mutex_init(&naive.lock, NULL);
    GThread *thread = g_thread_new("accept", accept_naively, &naive);
    assert_true(G_N_ELEMENTS(ROWS) >= 100);
    for (size_t i = 0; i < G_N_ELEMENTS(ROWS); i++)
        check_row(&web, &naive, &ROWS[i]);
    shutdown(web.server, SHUT_RDWR);
    web_close(&web);
    g_thread_join(thread);
    g_string_free(naive.got, TRUE);
}

static void check_size(const Web *web, const char *text, unsigned status)
{
    const Row row = {.what = "size", .bytes = text, .n = strlen(text), .status = status};
    assert_int_equal(talk(web, &row), status);
}

static char *repeat(char byte, size_t n)
{
    char *text = g_malloc(n + 1);
    memset(text, byte, n);
    text[n] = 0;
    return text;
}

static void sizes_are_bounded(void **state)
{
    Web web;
    web_open(&web, NULL);
    web.listener->targets.n = 0; /* what is acceptable gets a 503 */
    fixture_apply(&web.fixture, 0);
    g_autofree char *path = repeat('a', 16200), *longer = repeat('a', 17000);
    g_autofree char *fits = g_strdup_printf("GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    g_autofree char *line = g_strdup_printf("GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", longer);
    g_autofree char *field = g_strdup_printf("GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", longer);
    g_autofree char *four = g_strdup_printf("GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\nX: %s\r\n"
                                            "X: %s\r\nX: %s\r\nX: %s\r\n\r\n",
                                            path, path, path, path, path);
    g_autofree char *method = repeat('M', 127), *unending = repeat('x', 70000);
    g_autofree char *longest = g_strdup_printf("%s / HTTP/1.1\r\nHost: a\r\n\r\n", method);
    g_autofree char *too_long = g_strdup_printf("M%s / HTTP/1.1\r\nHost: a\r\n\r\n", method);
    g_autoptr(GString) many = g_string_new("GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 300; i++)
        g_string_append(many, "X: 1\r\n");
    g_string_append(many, "\r\n");
    check_size(&web, fits, 503);
    check_size(&web, line, 414);
    check_size(&web, field, 431);
    check_size(&web, four, 431);
    check_size(&web, longest, 503);
    check_size(&web, too_long, 405);
    check_size(&web, unending, 414);
    check_size(&web, many->str, 431);
    web_close(&web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_answered_as_it_deserves),
        cmocka_unit_test(sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
