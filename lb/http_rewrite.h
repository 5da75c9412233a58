/* Heads as they are passed on: what belongs to one connection is left out, what the other end is to
 * know is added. Know no socket. */
#pragma once

#include "lb/http_parse.h"

/* Bytes that a rewritten head may have more than it had. */
enum { HTTP_ADDED_MAX = 1024, HTTP_REQUEST_ADDED_MAX = 256 };

typedef struct HttpOrigin {
    uint32_t client, address; /* host byte order; address: the listener's */
    uint16_t port;            /* the listener's */
    bool tls;
} HttpOrigin;

/* Both write to out, which has room for that many more than head->size, and return the size. */

/* X-Forwarded-For is continued, -Proto and -Port are ours, the form is the origin form, the version
 * 1.1. upgrade: the wish for it is passed on. */
uint32_t http_rewrite_request(const HttpHead *head, const HttpOrigin *origin, bool upgrade,
                              char *out);

typedef struct HttpAnswerChange {
    bool strip;       /* chunks are taken off */
    bool upgrade;     /* the connection changes its protocol */
    bool close;       /* it ends behind this answer */
    bool keep_alive;  /* it does not, and the client has to be told */
    const char *line; /* whole lines to add */
    uint32_t line_n;
} HttpAnswerChange;

uint32_t http_rewrite_answer(const HttpHead *head, const HttpAnswerChange *change, char *out);
