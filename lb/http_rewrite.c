/* Invariant: every line written is one that was parsed, or ours; so what leaves is as strict as
 * what may come in. Lines that stay are copied in runs. */
#include "lb/http_rewrite.h"

#include <stdio.h>
#include <string.h>

typedef struct Out {
    char *at;
    const char *run; /* lines that stay and are not written yet; NULL: none */
    const char *run_end;
} Out;

static void put(Out *out, const char *text, size_t n)
{
    memcpy(out->at, text, n);
    out->at += n;
}

static void put_text(Out *out, const char *text)
{
    put(out, text, strlen(text));
}

static void put_span(Out *out, HttpSpan span)
{
    if (span.n)
        put(out, span.text, span.n);
}

static void end_run(Out *out)
{
    if (out->run)
        put(out, out->run, (size_t)(out->run_end - out->run));
    out->run = NULL;
}

static void keep_line(Out *out, const HttpHead *head, const HttpField *field)
{
    if (head->loose) { /* the line's end is to be CR LF */
        put(out, field->line, field->name_n);
        put_text(out, ": ");
        put_span(out, field->value);
        put_text(out, "\r\n");
        return;
    }
    if (out->run && out->run_end == field->line) {
        out->run_end += field->line_n;
        return;
    }
    end_run(out);
    out->run = field->line;
    out->run_end = field->line + field->line_n;
}

/* Fields that are never passed on as they came. */
static bool ends_here(const HttpHead *head, const HttpField *field)
{
    switch (field->is) {
    case HTTP_CONNECTION:
    case HTTP_KEEP_ALIVE:
    case HTTP_PROXY_CONNECTION:
    case HTTP_SETTINGS:
    case HTTP_TE:
    case HTTP_UPGRADE:
        return true;
    case HTTP_X_FORWARDED_FOR:
    case HTTP_X_FORWARDED_PORT:
    case HTTP_X_FORWARDED_PROTO:
        return !head->is_answer;
    default:
        return http_connection_names(head, field);
    }
}

static void put_all(Out *out, const HttpHead *head, HttpName name)
{
    for (uint32_t i = 0; i < head->fields_n; i++) {
        if (head->fields[i].is == name)
            keep_line(out, head, &head->fields[i]);
    }
    end_run(out);
}

static void put_address(Out *out, uint32_t address)
{
    out->at += sprintf(out->at, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
                       address >> 8 & 255, address & 255);
}

static void put_forwarded(Out *out, const HttpHead *head, const HttpOrigin *origin)
{
    put_text(out, "X-Forwarded-For: ");
    for (uint32_t i = 0; i < head->fields_n; i++) {
        const HttpField *field = &head->fields[i];
        if (field->is == HTTP_X_FORWARDED_FOR && field->value.n) {
            put_span(out, field->value);
            put_text(out, ", ");
        }
    }
    put_address(out, origin->client);
    put_text(out, origin->tls ? "\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: "
                              : "\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: ");
    out->at += sprintf(out->at, "%u\r\n", origin->port);
}

static void put_path(Out *out, const HttpHead *head)
{
    if (head->path.n == 0)
        put_text(out, head->is_options ? "*" : "/");
    else if (head->path.text[0] == '?')
        put_text(out, "/");
    put_span(out, head->path);
}

/* HTTP/1.1 requires it, 1.0 did not. */
static void put_host(Out *out, const HttpOrigin *origin)
{
    put_text(out, "Host: ");
    put_address(out, origin->address);
    if (origin->port != (origin->tls ? 443 : 80))
        out->at += sprintf(out->at, ":%u", origin->port);
    put_text(out, "\r\n");
}

uint32_t http_rewrite_request(const HttpHead *head, const HttpOrigin *origin, bool upgrade,
                              char *out_bytes)
{
    Out out = {.at = out_bytes};
    put_span(&out, head->method);
    put_text(&out, " ");
    put_path(&out, head);
    put_text(&out, " HTTP/1.1\r\n");
    if (!head->host.text)
        put_host(&out, origin);
    for (uint32_t i = 0; i < head->fields_n; i++) {
        if (!ends_here(head, &head->fields[i]))
            keep_line(&out, head, &head->fields[i]);
    }
    end_run(&out);
    put_forwarded(&out, head, origin);
    if (upgrade) {
        put_all(&out, head, HTTP_UPGRADE);
        put_text(&out, "Connection: Upgrade\r\n");
    }
    put_text(&out, "\r\n");
    return (uint32_t)(out.at - out_bytes);
}

uint32_t http_rewrite_answer(const HttpHead *head, const HttpAnswerChange *change, char *out_bytes)
{
    Out out = {.at = out_bytes};
    out.at += sprintf(out.at, "HTTP/1.1 %03u ", head->status);
    put_span(&out, head->reason);
    put_text(&out, "\r\n");
    for (uint32_t i = 0; i < head->fields_n; i++) {
        const HttpField *field = &head->fields[i];
        if (!ends_here(head, field) && !(change->strip && field->is == HTTP_TRANSFER_ENCODING))
            keep_line(&out, head, field);
    }
    end_run(&out);
    if (change->line_n)
        put(&out, change->line, change->line_n);
    if (change->upgrade) {
        put_all(&out, head, HTTP_UPGRADE);
        put_text(&out, "Connection: Upgrade\r\n");
    } else if (change->close) {
        put_text(&out, "Connection: close\r\n");
    } else if (change->keep_alive) {
        put_text(&out, "Connection: keep-alive\r\n");
    }
    put_text(&out, "\r\n");
    return (uint32_t)(out.at - out_bytes);
}
