/* HTTP/1.x heads (RFC 9110, RFC 9112), strictly: what two readers might understand differently is
 * refused, for that is how a request is smuggled past one of them. Knows no socket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_HEAD_MAX = 64 << 10, /* bytes; ELB's limit for all headers */
    HTTP_LINE_MAX = 16 << 10, /* of a request line, or one header; ELB's limits */
    HTTP_METHOD_MAX = 127,    /* ELB's limit; a longer one is a 405 */
    HTTP_FIELDS_MAX = 256,
};

typedef struct HttpSpan {
    const char *text; /* in the parsed bytes; NULL: absent */
    uint32_t n;
} HttpSpan;

/* The fields that mean something to a proxy. */
typedef enum HttpName {
    HTTP_OTHER,
    HTTP_CONNECTION,
    HTTP_CONTENT_LENGTH,
    HTTP_COOKIE,
    HTTP_EXPECT,
    HTTP_HOST,
    HTTP_KEEP_ALIVE,
    HTTP_PROXY_CONNECTION,
    HTTP_SETTINGS, /* HTTP2-Settings */
    HTTP_SET_COOKIE,
    HTTP_TE,
    HTTP_TRANSFER_ENCODING,
    HTTP_UPGRADE,
    HTTP_USER_AGENT,
    HTTP_X_FORWARDED_FOR,
    HTTP_X_FORWARDED_PORT,
    HTTP_X_FORWARDED_PROTO,
} HttpName;

typedef struct HttpField {
    HttpName is;
    uint32_t line_n; /* bytes of the line, its end included */
    uint32_t name_n;
    HttpSpan value;   /* without white space around it */
    const char *line; /* begins with the name */
} HttpField;

typedef enum HttpFraming {
    HTTP_NO_BODY,
    HTTP_LENGTH,
    HTTP_CHUNKED,
    HTTP_UNTIL_CLOSE, /* answers only */
} HttpFraming;

typedef struct HttpHead {
    const char *bytes;
    uint32_t size; /* up to and with the empty line */
    bool is_answer;
    bool loose;    /* an answer with lines that end without CR */
    uint8_t minor; /* of HTTP/1.x */
    /* Requests. */
    HttpSpan line;           /* without its end */
    HttpSpan method, target; /* target as it came */
    HttpSpan path;           /* of target, in origin form; empty when absolute without a path */
    bool is_connect, is_head, is_options,
        is_safe; /* safe: may be sent twice, as far as HTTP goes */
    /* Answers. */
    uint16_t status;
    HttpSpan reason;
    /* Both. */
    HttpFraming framing; /* of answers: as if the request was a GET without upgrade */
    uint64_t length;     /* of HTTP_LENGTH */
    bool keep_alive;     /* the connection may be used again, as far as the sender says */
    bool upgrade;        /* Connection: upgrade, and an Upgrade field */
    bool upgrade_h2c;    /* likewise to HTTP/2 */
    bool names_fields;   /* Connection names fields that end here */
    bool expects;        /* Expect: 100-continue */
    HttpSpan host, agent;
    uint32_t fields_n;
    HttpField fields[HTTP_FIELDS_MAX];
} HttpHead;

/* What is wrong: the status that a proxy answers a request with. */
typedef enum HttpVerdict {
    HTTP_GOOD = 0,
    HTTP_BAD = 400,
    HTTP_METHOD_TOO_LONG = 405,
    HTTP_LINE_TOO_LONG = 414,
    HTTP_HEAD_TOO_BIG = 431,
} HttpVerdict;

/* Where the search for a head's end got to. {0} begins. */
typedef struct HttpScan {
    uint32_t line; /* where the current line begins */
    uint32_t at;   /* up to where there is no line's end */
} HttpScan;

/* Looks for the end of a head that begins at bytes; n may grow from call to call. Bytes are judged
 * as they come, as far as their line's end can be: a binary or unending head is refused early.
 * *ret_size: of the head; 0: the end has not come yet. */
HttpVerdict http_scan(HttpScan *scan, const char *bytes, uint32_t n, bool is_answer,
                      uint32_t *ret_size);

/* Parses a whole head, as http_scan found it. *head points into bytes. */
HttpVerdict http_parse_request(const char *bytes, uint32_t size, HttpHead *head);
/* HTTP_BAD: it is not to be passed on. */
HttpVerdict http_parse_answer(const char *bytes, uint32_t size, HttpHead *head);

/* Whether a field's value, a list of tokens, has that token (case does not matter). */
bool http_list_has(HttpSpan value, const char *token);
/* Whether the text is that, whatever its case. */
bool http_span_is(HttpSpan span, const char *text);
/* Whether the Connection fields of head name that field, other than those that every proxy knows.
 */
bool http_connection_names(const HttpHead *head, const HttpField *field);
