/* One HTTP request as it came, and the reply to it. Plain data: whoever decodes, verifies or
 * dispatches works on these and never sees a socket, so that all of it can be tested and fuzzed. */
#pragma once

#include "api/buffer.h"
#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

typedef struct Header {
    const char *name; /* as sent */
    const char *value;
} Header;

/* The header's name is this one, in any case. */
static inline bool http_header_is(const Header *header, const char *name)
{
    /* Most are told apart by their first letter. */
    return ((*header->name ^ *name) & 0xdf) == 0 && strcasecmp(header->name, name) == 0;
}

typedef struct HttpRequest {
    const char *method;
    const char *path;  /* as sent, still encoded: "/" */
    const char *query; /* as sent, behind the '?'; "" without */
    const Header *headers;
    size_t n_headers;
    const char *body; /* NULL when empty, or when the route takes it piece by piece */
    size_t body_size;
    const char *source_ip;
} HttpRequest;

/* The first header of that name, in any case; NULL without. Pure. */
const char *http_header(const HttpRequest *request, const char *name);

/* A body that several replies have in common, all but the request id in it. */
typedef struct SharedBody {
    GBytes *bytes;         /* a reference; NULL: none */
    size_t id_at, id_size; /* where another reply's request id stands: each shows its own instead */
} SharedBody;

typedef struct HttpReply {
    unsigned status; /* 0: there is no reply yet */
    const char *content_type;
    const char *request_id; /* of the x-amzn-RequestId header; NULL: none */
    const char *allow;      /* of the Allow header; NULL: none */
    Header extra;           /* one more header; name NULL: none */
    unsigned hop_limit;     /* IP time to live of this connection from now on; 0: as it is */
    Buffer body;            /* owned */
    SharedBody shared;      /* instead of body; its request id is as long as request_id */
} HttpReply;

/* Frees the body. */
void http_reply_clear(HttpReply *reply);
