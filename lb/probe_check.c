/* One probe.
 *
 *     CONNECTING ──> HANDSHAKE ──> SENDING ──> READING ──> DRAINING ──> OVER
 *                    (SSL, HTTPS)  (HTTP, HTTPS)           (what follows the status line)
 *
 * Every event of the socket, whichever, makes the check go on until its step says EAGAIN; so what a
 * TLS step waits for need not be known. An answer is drained (up to a bound) after its status line
 * decided, for a server whose answer is cut off by a reset logs an error at every probe.
 *
 * Invariant: after `finished` or check_end nothing of the check is touched but its memory, which
 * goes in a task: the same batch of events may still name it. */
#include "lb/probe_check.h"

#include "lb/socket.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LINE_MAX_KEPT = 16,    /* "HTTP/1.1 200 OK": as much of a line as is looked at */
    ANSWER_MAX = 64 << 10, /* bytes read of an answer */
    READ_SIZE = 4 << 10,
};

typedef enum Stage { CONNECTING, HANDSHAKE, SENDING, READING, DRAINING, OVER } Stage;

struct Check {
    Source source;
    Task task; /* frees it */
    CheckSpec spec;
    int fd;
    TlsStream *tls; /* NULL: plain */
    Stage stage;
    size_t sent, received;
    char line[LINE_MAX_KEPT]; /* the beginning of the line that is being read */
    size_t line_n;            /* its bytes so far, those not kept too */
    bool skipping;            /* inside the head of a 1xx answer */
};

ProbeFailure check_failure_of(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return PROBE_REFUSED;
    case ETIMEDOUT:
        return PROBE_TIMED_OUT;
    default:
        return PROBE_BROKEN;
    }
}

static void finish(Check *check)
{
    check->stage = OVER;
    check->spec.finished(check->spec.probed);
}

/* A result with nothing behind it. */
static void decide(Check *check, ProbeFailure failure, int detail)
{
    check->spec.decided(check->spec.probed, failure, detail);
    finish(check);
}

static void decide_errno(Check *check, int error)
{
    ProbeFailure failure = check_failure_of(error);
    decide(check, failure, failure == PROBE_BROKEN ? error : 0);
}

static bool uses_tls(const Check *check)
{
    return check->spec.protocol == PROBE_SSL || check->spec.protocol == PROBE_HTTPS;
}

static bool uses_http(const Check *check)
{
    return check->spec.protocol == PROBE_HTTP || check->spec.protocol == PROBE_HTTPS;
}

/* The steps: true when the check can go on to the next at once. */

static void connected(Check *check)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(check->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        decide_errno(check, error);
        return;
    }
    if (uses_tls(check)) {
        check->tls = tls_connect(check->spec.tls, check->fd, NULL);
        check->stage = HANDSHAKE;
        if (!check->tls)
            decide(check, PROBE_TLS_FAILED, 0);
    } else if (uses_http(check)) {
        check->stage = SENDING;
    } else {
        decide(check, PROBE_OK, 0);
    }
}

static bool step_connect(Check *check, uint32_t events)
{
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
        return false;
    connected(check);
    return true;
}

static bool step_handshake(Check *check)
{
    int r = tls_handshake(check->tls);
    if (r == -EAGAIN)
        return false;
    if (r < 0) {
        decide(check, PROBE_TLS_FAILED, 0);
    } else if (uses_http(check)) {
        check->stage = SENDING;
    } else {
        tls_shutdown(check->tls);
        decide(check, PROBE_OK, 0);
    }
    return true;
}

/* Bytes or -errno. */
static ssize_t check_write(Check *check, const char *bytes, size_t n)
{
    if (check->tls)
        return tls_write(check->tls, bytes, n);
    ssize_t sent = send(check->fd, bytes, n, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

static ssize_t check_read(Check *check, char *bytes, size_t n)
{
    if (check->tls)
        return tls_read(check->tls, bytes, n);
    ssize_t got = recv(check->fd, bytes, n, 0);
    return got < 0 ? -errno : got;
}

static bool step_send(Check *check)
{
    size_t left = strlen(check->spec.request) - check->sent;
    ssize_t n = check_write(check, check->spec.request + check->sent, left);
    if (n == -EAGAIN)
        return false;
    if (n < 0) {
        decide_errno(check, (int)-n);
        return true;
    }
    check->sent += (size_t)n;
    if ((size_t)n == left)
        check->stage = READING;
    return true;
}

/* "HTTP/1.1 200 OK" → 200; 0: it is no status line. */
static int status_of(const char *line, size_t n)
{
    static const char version[] = "HTTP/1.";
    const size_t at = sizeof version + 1; /* of the first digit: after the version's own and ' ' */
    if (n < at + 3 || memcmp(line, version, sizeof version - 1) != 0 ||
        !g_ascii_isdigit(line[at - 2]) || line[at - 1] != ' ')
        return 0;
    if (n > at + 3 && line[at + 3] != ' ')
        return 0;
    int status = 0;
    for (size_t i = at; i < at + 3; i++) {
        if (!g_ascii_isdigit(line[i]))
            return 0;
        status = status * 10 + (line[i] - '0');
    }
    return status >= 100 ? status : 0;
}

/* A line of the answer is whole. */
static void end_line(Check *check)
{
    size_t n = MIN(check->line_n, sizeof check->line);
    if (n == check->line_n && n > 0 && check->line[n - 1] == '\r')
        n--;
    if (check->skipping) {
        check->skipping = n > 0;
        return;
    }
    int status = status_of(check->line, n);
    if (status == 0) {
        decide(check, PROBE_NO_HTTP, 0);
    } else if (status < 200 && status != 101) {
        check->skipping = true; /* the real answer follows */
    } else {
        check->stage = DRAINING;
        check->spec.decided(check->spec.probed, status == 200 ? PROBE_OK : PROBE_WRONG_STATUS,
                            status == 200 ? 0 : status);
    }
}

static void take_answer(Check *check, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n && check->stage == READING; i++) {
        if (bytes[i] == '\n') {
            end_line(check);
            check->line_n = 0;
            continue;
        }
        if (check->line_n < sizeof check->line)
            check->line[check->line_n] = bytes[i];
        check->line_n++;
    }
}

static bool step_read(Check *check)
{
    char bytes[READ_SIZE];
    ssize_t n = check_read(check, bytes, sizeof bytes);
    if (n == -EAGAIN)
        return false;
    if (check->stage == READING && n > 0)
        take_answer(check, bytes, (size_t)n);
    check->received += n > 0 ? (size_t)n : 0;
    if (check->stage == OVER || (n > 0 && check->received < ANSWER_MAX))
        return true;
    if (check->stage == DRAINING)
        finish(check);
    else if (n < 0)
        decide_errno(check, (int)-n);
    else
        decide(check, PROBE_NO_HTTP, 0);
    return true;
}

static bool step(Check *check, uint32_t events)
{
    switch (check->stage) {
    case CONNECTING:
        return step_connect(check, events);
    case HANDSHAKE:
        return step_handshake(check);
    case SENDING:
        return step_send(check);
    case READING:
    case DRAINING:
        return step_read(check);
    case OVER:
        break;
    }
    return false;
}

static void check_ready(Loop *loop, Source *source, uint32_t events)
{
    Check *check = container_of(source, Check, source);
    while (step(check, events))
        ;
}

static void free_task(Loop *loop, Task *task)
{
    g_free(container_of(task, Check, task));
}

int check_start(Loop *loop, const CheckSpec *spec, Check **ret_check)
{
    int fd = socket_connect(spec->address, spec->port);
    if (fd < 0)
        return fd;
    Check *check = g_new0(Check, 1);
    *check = (Check){.source.ready = check_ready, .task.run = free_task, .spec = *spec, .fd = fd};
    int r = loop_watch(loop, fd, &check->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    if (r < 0) {
        close(fd);
        g_free(check);
        return r;
    }
    *ret_check = check;
    return 0;
}

void check_end(Loop *loop, Check *check)
{
    check->stage = OVER;
    g_clear_pointer(&check->tls, tls_free);
    close(check->fd);
    loop_post(loop, &check->task);
}
