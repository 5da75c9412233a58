/* Heads. Invariant: a head that is good has exactly one reading. Each line ends with CR LF (of an
 * answer LF will do; it is passed on with CR LF), no byte below 0x20 but HTAB in values, no white
 * space before a colon or at a line's begin, at most one length, and that or chunked coding. */
#include "lb/http_parse.h"

#include <string.h>
#include <strings.h>

enum {
    TOKEN = 1 << 0,  /* of names and methods */
    VALUE = 1 << 1,  /* of a field's value */
    TARGET = 1 << 2, /* of a request's target */
    AUTHORITY = 1 << 3,
};

static const uint8_t CLASS[256] = {
    ['\t'] = VALUE,
    [' '] = VALUE,
    ['!'] = TOKEN | VALUE | TARGET | AUTHORITY,
    ['"'] = VALUE | TARGET,
    ['#'] = TOKEN | VALUE,
    ['$' ... '\''] = TOKEN | VALUE | TARGET | AUTHORITY,
    ['('] = VALUE | TARGET | AUTHORITY,
    [')'] = VALUE | TARGET | AUTHORITY,
    ['*'] = TOKEN | VALUE | TARGET | AUTHORITY,
    ['+'] = TOKEN | VALUE | TARGET | AUTHORITY,
    [','] = VALUE | TARGET,
    ['-'] = TOKEN | VALUE | TARGET | AUTHORITY,
    ['.'] = TOKEN | VALUE | TARGET | AUTHORITY,
    ['/'] = VALUE | TARGET,
    ['0' ... '9'] = TOKEN | VALUE | TARGET | AUTHORITY,
    [':'] = VALUE | TARGET | AUTHORITY,
    [';'] = VALUE | TARGET | AUTHORITY,
    ['<'] = VALUE | TARGET,
    ['='] = VALUE | TARGET | AUTHORITY,
    ['>'] = VALUE | TARGET,
    ['?'] = VALUE | TARGET,
    ['@'] = VALUE | TARGET,
    ['A' ... 'Z'] = TOKEN | VALUE | TARGET | AUTHORITY,
    ['['] = VALUE | TARGET | AUTHORITY,
    ['\\'] = VALUE | TARGET,
    [']'] = VALUE | TARGET | AUTHORITY,
    ['^'] = TOKEN | VALUE | TARGET,
    ['_'] = TOKEN | VALUE | TARGET | AUTHORITY,
    ['`'] = TOKEN | VALUE | TARGET,
    ['a' ... 'z'] = TOKEN | VALUE | TARGET | AUTHORITY,
    ['{'] = VALUE | TARGET,
    ['|'] = TOKEN | VALUE | TARGET,
    ['}'] = VALUE | TARGET,
    ['~'] = TOKEN | VALUE | TARGET | AUTHORITY,
    [0x80 ... 0xff] = VALUE,
};

/* How many of the n bytes, from the first on, are of a class. */
static uint32_t span_of(const char *bytes, uint32_t n, uint8_t class)
{
    uint32_t i = 0;
    while (i < n && CLASS[(uint8_t)bytes[i]] & class)
        i++;
    return i;
}

bool http_span_is(HttpSpan span, const char *text)
{
    return strlen(text) == span.n && strncasecmp(span.text, text, span.n) == 0;
}

/* Of a line whose end has not come: no control character may be in it. */
static bool may_go_on(const char *bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)bytes[i];
        bool last_cr = byte == '\r' && i + 1 == n;
        if (!(CLASS[byte] & VALUE) && !last_cr)
            return false;
    }
    return true;
}

HttpVerdict http_scan(HttpScan *scan, const char *bytes, uint32_t n, bool is_answer,
                      uint32_t *ret_size)
{
    *ret_size = 0;
    while (scan->at < n) {
        const char *end = memchr(bytes + scan->at, '\n', n - scan->at);
        uint32_t stop = end ? (uint32_t)(end - bytes) : n;
        if (stop - scan->line > HTTP_LINE_MAX)
            return scan->line ? HTTP_HEAD_TOO_BIG : HTTP_LINE_TOO_LONG;
        if (stop >= HTTP_HEAD_MAX)
            return HTTP_HEAD_TOO_BIG;
        if (!end) {
            /* From the last byte seen before on: it may have been a CR. */
            uint32_t from = scan->at > scan->line ? scan->at - 1 : scan->line;
            scan->at = n;
            return may_go_on(bytes + from, n - from) ? HTTP_GOOD : HTTP_BAD;
        }
        bool has_cr = stop > scan->line && end[-1] == '\r';
        if (!has_cr && !is_answer)
            return HTTP_BAD;
        bool empty = stop - scan->line == (has_cr ? 1 : 0);
        if (empty && !scan->line)
            return HTTP_BAD;
        scan->line = scan->at = stop + 1;
        if (empty) {
            *ret_size = stop + 1;
            return HTTP_GOOD;
        }
    }
    return HTTP_GOOD;
}

typedef struct Known {
    const char *name;
    uint8_t n;
    HttpName is;
} Known;

#define KNOWN(text, id)                                                                            \
    {                                                                                              \
        text, sizeof(text) - 1, id                                                                 \
    }
static const Known KNOWN_NAMES[] = {
    KNOWN("TE", HTTP_TE),
    KNOWN("Host", HTTP_HOST),
    KNOWN("Cookie", HTTP_COOKIE),
    KNOWN("Expect", HTTP_EXPECT),
    KNOWN("Upgrade", HTTP_UPGRADE),
    KNOWN("Connection", HTTP_CONNECTION),
    KNOWN("Keep-Alive", HTTP_KEEP_ALIVE),
    KNOWN("Set-Cookie", HTTP_SET_COOKIE),
    KNOWN("User-Agent", HTTP_USER_AGENT),
    KNOWN("Content-Length", HTTP_CONTENT_LENGTH),
    KNOWN("HTTP2-Settings", HTTP_SETTINGS),
    KNOWN("X-Forwarded-For", HTTP_X_FORWARDED_FOR),
    KNOWN("X-Forwarded-Port", HTTP_X_FORWARDED_PORT),
    KNOWN("Proxy-Connection", HTTP_PROXY_CONNECTION),
    KNOWN("X-Forwarded-Proto", HTTP_X_FORWARDED_PROTO),
    KNOWN("Transfer-Encoding", HTTP_TRANSFER_ENCODING),
};

static HttpName name_of(const char *name, uint32_t n)
{
    for (size_t i = 0; i < sizeof KNOWN_NAMES / sizeof *KNOWN_NAMES; i++) {
        const Known *known = &KNOWN_NAMES[i];
        if (known->n >= n) {
            if (known->n > n)
                return HTTP_OTHER;
            if (strncasecmp(name, known->name, n) == 0)
                return known->is;
        }
    }
    return HTTP_OTHER;
}

/* The next token of a list, or false. */
static bool list_next(HttpSpan *rest, HttpSpan *ret_token)
{
    const char *at = rest->text, *end = at + rest->n;
    while (at < end && (*at == ',' || *at == ' ' || *at == '\t'))
        at++;
    if (at == end)
        return false;
    const char *comma = memchr(at, ',', (size_t)(end - at));
    const char *stop = comma ? comma : end;
    rest->text = stop;
    rest->n = (uint32_t)(end - stop);
    while (stop > at && (stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    *ret_token = (HttpSpan){at, (uint32_t)(stop - at)};
    return true;
}

bool http_list_has(HttpSpan value, const char *token)
{
    HttpSpan one;
    while (list_next(&value, &one)) {
        if (http_span_is(one, token))
            return true;
    }
    return false;
}

/* What Connection may not take away from a message, whoever asks: its framing, its addressee, and
 * what back ends trust this proxy to say. */
static bool is_protected(const HttpField *field)
{
    switch (field->is) {
    case HTTP_HOST:
    case HTTP_CONTENT_LENGTH:
    case HTTP_TRANSFER_ENCODING:
    case HTTP_COOKIE:
    case HTTP_SET_COOKIE:
    case HTTP_X_FORWARDED_FOR:
    case HTTP_X_FORWARDED_PORT:
    case HTTP_X_FORWARDED_PROTO:
        return true;
    default:
        return false;
    }
}

bool http_connection_names(const HttpHead *head, const HttpField *field)
{
    if (!head->names_fields || is_protected(field))
        return false;
    for (uint32_t i = 0; i < head->fields_n; i++) {
        HttpSpan rest = head->fields[i].value, token;
        if (head->fields[i].is != HTTP_CONNECTION)
            continue;
        while (list_next(&rest, &token)) {
            if (token.n == field->name_n && strncasecmp(token.text, field->line, token.n) == 0)
                return true;
        }
    }
    return false;
}

/* What a pass over the fields gathers. */
typedef struct Gathered {
    unsigned hosts, lengths, codings;
    HttpSpan upgrade;
    bool chunked, close, keep_alive, wants_upgrade;
} Gathered;

/* 1*DIGIT that fits. */
static bool parse_length(HttpSpan value, uint64_t *ret_length)
{
    uint64_t length = 0;
    if (value.n == 0 || value.n > 18)
        return false;
    for (uint32_t i = 0; i < value.n; i++) {
        if (value.text[i] < '0' || value.text[i] > '9')
            return false;
        length = length * 10 + (uint64_t)(value.text[i] - '0');
    }
    *ret_length = length;
    return true;
}

static void note_connection(HttpHead *head, Gathered *gathered, HttpSpan value)
{
    HttpSpan token;
    while (list_next(&value, &token)) {
        if (http_span_is(token, "close"))
            gathered->close = true;
        else if (http_span_is(token, "keep-alive"))
            gathered->keep_alive = true;
        else if (http_span_is(token, "upgrade"))
            gathered->wants_upgrade = true;
        else if (!http_span_is(token, "te") && !http_span_is(token, "http2-settings"))
            head->names_fields = true;
    }
}

static bool note_field(HttpHead *head, Gathered *gathered, const HttpField *field)
{
    HttpSpan value = field->value;
    switch (field->is) {
    case HTTP_CONNECTION:
        note_connection(head, gathered, value);
        return true;
    case HTTP_CONTENT_LENGTH:
        gathered->lengths++;
        return parse_length(value, &head->length);
    case HTTP_TRANSFER_ENCODING:
        gathered->codings++;
        gathered->chunked = http_span_is(value, "chunked");
        return true;
    case HTTP_HOST:
        gathered->hosts++;
        head->host = value;
        return span_of(value.text, value.n, AUTHORITY) == value.n;
    case HTTP_EXPECT:
        head->expects = http_span_is(value, "100-continue");
        return true;
    case HTTP_UPGRADE:
        gathered->upgrade = value;
        return true;
    case HTTP_USER_AGENT:
        head->agent = value;
        return true;
    default:
        return true;
    }
}

static HttpSpan trim(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return (HttpSpan){from, (uint32_t)(to - from)};
}

/* Where a line's text ends, its end being at newline. */
static const char *text_end(HttpHead *head, const char *line, const char *newline)
{
    if (newline > line && newline[-1] == '\r')
        return newline - 1;
    head->loose = true;
    return newline;
}

static HttpVerdict parse_fields(HttpHead *head, const char *at, Gathered *gathered)
{
    const char *end = head->bytes + head->size;
    for (;;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline)
            return HTTP_BAD;
        const char *stop = text_end(head, at, newline);
        if (stop == at)
            return newline + 1 == end ? HTTP_GOOD : HTTP_BAD;
        if (head->fields_n == HTTP_FIELDS_MAX)
            return HTTP_HEAD_TOO_BIG;
        uint32_t name_n = span_of(at, (uint32_t)(stop - at), TOKEN);
        if (!name_n || at[name_n] != ':')
            return HTTP_BAD; /* also a line that goes on the one before it */
        const char *value = at + name_n + 1;
        uint32_t value_n = (uint32_t)(stop - value);
        if (span_of(value, value_n, VALUE) != value_n)
            return HTTP_BAD;
        HttpField *field = &head->fields[head->fields_n++];
        *field = (HttpField){.is = name_of(at, name_n),
                             .line = at,
                             .line_n = (uint32_t)(newline + 1 - at),
                             .name_n = name_n,
                             .value = trim(value, stop)};
        if (field->is != HTTP_OTHER && !note_field(head, gathered, field))
            return HTTP_BAD;
        at = newline + 1;
    }
}

/* At most one way to tell where the body ends. */
static bool frame(HttpHead *head, const Gathered *gathered)
{
    if (gathered->lengths + gathered->codings > 1)
        return false;
    if (gathered->codings) {
        head->framing = HTTP_CHUNKED;
        return gathered->chunked && head->minor == 1;
    }
    if (gathered->lengths)
        head->framing = head->length || head->is_answer ? HTTP_LENGTH : HTTP_NO_BODY;
    else
        head->framing = head->is_answer ? HTTP_UNTIL_CLOSE : HTTP_NO_BODY;
    return true;
}

static void conclude(HttpHead *head, const Gathered *gathered)
{
    head->keep_alive = !gathered->close && (head->minor == 1 || gathered->keep_alive);
    head->upgrade = gathered->wants_upgrade && gathered->upgrade.text && head->minor == 1;
    head->upgrade_h2c = head->upgrade && http_list_has(gathered->upgrade, "h2c");
}

static bool parse_version(const char *at, const char *end, uint8_t *ret_minor)
{
    if (end - at != 8 || memcmp(at, "HTTP/1.", 7) != 0 || (at[7] != '0' && at[7] != '1'))
        return false;
    *ret_minor = (uint8_t)(at[7] - '0');
    return true;
}

/* "http://authority/path": the authority has to be the Host's, and what is passed on is in origin
 * form, so that both ends see the same place. */
static bool split_absolute(HttpHead *head, HttpSpan *ret_authority)
{
    HttpSpan target = head->target;
    uint32_t scheme = target.n > 7 && strncasecmp(target.text, "http://", 7) == 0    ? 7
                      : target.n > 8 && strncasecmp(target.text, "https://", 8) == 0 ? 8
                                                                                     : 0;
    if (!scheme)
        return false;
    const char *authority = target.text + scheme;
    uint32_t rest = target.n - scheme, n = span_of(authority, rest, AUTHORITY);
    if (!n || (n < rest && authority[n] != '/' && authority[n] != '?'))
        return false;
    *ret_authority = (HttpSpan){authority, n};
    head->path = (HttpSpan){authority + n, rest - n};
    return true;
}

static bool parse_target(HttpHead *head, HttpSpan *ret_authority)
{
    HttpSpan target = head->target;
    head->path = target;
    *ret_authority = (HttpSpan){0};
    if (target.text[0] == '/')
        return true;
    if (target.n == 1 && target.text[0] == '*')
        return head->is_options;
    return split_absolute(head, ret_authority);
}

static void classify_method(HttpHead *head)
{
    static const char *const safe[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    HttpSpan method = head->method;
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++) {
        if (method.n == strlen(safe[i]) && memcmp(method.text, safe[i], method.n) == 0)
            head->is_safe = true;
    }
    head->is_head = method.n == 4 && memcmp(method.text, "HEAD", 4) == 0;
    head->is_connect = method.n == 7 && memcmp(method.text, "CONNECT", 7) == 0;
    head->is_options = method.n == 7 && memcmp(method.text, "OPTIONS", 7) == 0;
}

static HttpVerdict parse_request_line(HttpHead *head, HttpSpan *ret_authority,
                                      const char **ret_next)
{
    const char *newline = memchr(head->bytes, '\n', head->size);
    const char *end = newline - 1; /* http_scan saw the CR */
    head->line = (HttpSpan){head->bytes, (uint32_t)(end - head->bytes)};
    uint32_t method_n = span_of(head->bytes, head->line.n, TOKEN);
    if (!method_n || head->bytes[method_n] != ' ')
        return HTTP_BAD;
    if (method_n > HTTP_METHOD_MAX)
        return HTTP_METHOD_TOO_LONG;
    head->method = (HttpSpan){head->bytes, method_n};
    classify_method(head);
    const char *target = head->bytes + method_n + 1;
    uint32_t target_n = span_of(target, (uint32_t)(end - target), TARGET);
    if (!target_n || target[target_n] != ' ')
        return HTTP_BAD;
    head->target = (HttpSpan){target, target_n};
    if (!parse_version(target + target_n + 1, end, &head->minor))
        return HTTP_BAD;
    *ret_next = newline + 1;
    return head->is_connect || parse_target(head, ret_authority) ? HTTP_GOOD : HTTP_BAD;
}

static bool same_text(HttpSpan a, HttpSpan b)
{
    return a.n == b.n && strncasecmp(a.text, b.text, a.n) == 0;
}

HttpVerdict http_parse_request(const char *bytes, uint32_t size, HttpHead *head)
{
    Gathered gathered = {0};
    HttpSpan authority = {0};
    const char *fields;
    memset(head, 0, offsetof(HttpHead, fields));
    head->bytes = bytes;
    head->size = size;
    HttpVerdict verdict = parse_request_line(head, &authority, &fields);
    if (verdict == HTTP_GOOD)
        verdict = parse_fields(head, fields, &gathered);
    if (verdict != HTTP_GOOD)
        return verdict;
    if (gathered.hosts > 1 || (gathered.hosts == 0 && head->minor == 1) || head->is_connect ||
        head->loose || !frame(head, &gathered))
        return HTTP_BAD;
    if (authority.text && head->host.text && !same_text(authority, head->host))
        return HTTP_BAD;
    if (authority.text && !head->host.text)
        return HTTP_BAD; /* HTTP/1.0: nothing could be passed on as its host */
    conclude(head, &gathered);
    return HTTP_GOOD;
}

static bool parse_status_line(HttpHead *head, const char **ret_next)
{
    const char *newline = memchr(head->bytes, '\n', head->size);
    const char *end = text_end(head, head->bytes, newline), *at = head->bytes + 9;
    if (end - head->bytes < 12 || !parse_version(head->bytes, head->bytes + 8, &head->minor) ||
        at[-1] != ' ')
        return false;
    for (int i = 0; i < 3; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        head->status = (uint16_t)(head->status * 10 + (at[i] - '0'));
    }
    if (at + 3 < end && at[3] != ' ')
        return false;
    head->reason = at + 4 < end ? (HttpSpan){at + 4, (uint32_t)(end - at - 4)} : (HttpSpan){0};
    *ret_next = newline + 1;
    return head->status >= 100 &&
           span_of(head->reason.text, head->reason.n, VALUE) == head->reason.n;
}

HttpVerdict http_parse_answer(const char *bytes, uint32_t size, HttpHead *head)
{
    Gathered gathered = {0};
    const char *fields;
    memset(head, 0, offsetof(HttpHead, fields));
    head->bytes = bytes;
    head->size = size;
    head->is_answer = true;
    if (!parse_status_line(head, &fields) || parse_fields(head, fields, &gathered) != HTTP_GOOD ||
        !frame(head, &gathered))
        return HTTP_BAD;
    if (head->status < 200 || head->status == 204 || head->status == 304)
        head->framing = HTTP_NO_BODY;
    conclude(head, &gathered);
    return HTTP_GOOD;
}
