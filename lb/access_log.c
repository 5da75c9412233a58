/* Lines as classic ELB writes them ("Access log entries" in its documentation). */
#include "lb/access_log.h"

#include <time.h>

enum { LINES_MAX = 4 << 20 };

void access_log_init(AccessLog *log)
{
    *log = (AccessLog){0};
    pthread_mutex_init(&log->lock, NULL);
}

void access_log_release(AccessLog *log)
{
    if (log->lines)
        g_string_free(log->lines, TRUE);
    pthread_mutex_destroy(&log->lock);
}

static void add_time(GString *out, int64_t us)
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    g_string_append_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
                           tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                           (int)(us % 1000000));
}

static void add_address(GString *out, uint32_t address, uint16_t port)
{
    g_string_append_printf(out, " %u.%u.%u.%u:%u", address >> 24, address >> 16 & 255,
                           address >> 8 & 255, address & 255, port);
}

static void add_duration(GString *out, int64_t us)
{
    if (us < 0)
        g_string_append(out, " -1");
    else
        g_string_append_printf(out, " %d.%06d", (int)(us / 1000000), (int)(us % 1000000));
}

static void add_code(GString *out, const AccessLine *line, unsigned code)
{
    if (line->http)
        g_string_append_printf(out, " %u", code);
    else
        g_string_append(out, " -");
}

/* What a client sent, made harmless: no quote ends the field early and no byte ends the line. */
static void add_quoted(GString *out, const char *text, int n)
{
    g_string_append(out, " \"");
    for (int i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\' || byte < 0x20 || byte >= 0x7f)
            g_string_append_printf(out, "\\x%02x", byte);
        else
            g_string_append_c(out, (char)byte);
    }
    g_string_append_c(out, '"');
}

static void append(GString *out, const AccessLine *line)
{
    add_time(out, line->began_us);
    g_string_append_printf(out, " %s", line->name);
    add_address(out, line->client_address, line->client_port);
    if (line->target_port)
        add_address(out, line->target_address, line->target_port);
    else
        g_string_append(out, " -");
    add_duration(out, line->request_us);
    add_duration(out, line->target_us);
    add_duration(out, line->response_us);
    add_code(out, line, line->code);
    add_code(out, line, line->target_code);
    g_string_append_printf(out, " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, line->received,
                           line->sent);
    if (line->request)
        add_quoted(out, line->request, line->request_n);
    else
        g_string_append(out, " \"- - - \"");
    if (line->agent)
        add_quoted(out, line->agent, line->agent_n);
    else
        g_string_append(out, " \"-\"");
    g_string_append_printf(out, " %s %s\n", line->cipher ? line->cipher : "-",
                           line->protocol ? line->protocol : "-");
}

void access_log_add(AccessLog *log, const AccessLine *line)
{
    pthread_mutex_lock(&log->lock);
    if (!log->lines)
        log->lines = g_string_new(NULL);
    if (log->lines->len < LINES_MAX)
        append(log->lines, line);
    else
        log->lost++;
    pthread_mutex_unlock(&log->lock);
}

void access_log_take(AccessLog *log, GString *all, uint64_t *lost)
{
    pthread_mutex_lock(&log->lock);
    GString *lines = log->lines;
    log->lines = NULL;
    *lost += log->lost;
    log->lost = 0;
    pthread_mutex_unlock(&log->lock);
    if (!lines)
        return;
    g_string_append_len(all, lines->str, (gssize)lines->len);
    g_string_free(lines, TRUE);
}
