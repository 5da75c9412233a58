/* One HTTP request as it came, and the reply to it. Plain data: whoever decodes, verifies or
 * dispatches works on these and never sees a socket, so that all of it can be tested and fuzzed. */
#pragma once

#include "api/buffer.h"
#include "base/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>
#include <sys/types.h>

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
    bool secure; /* it came by TLS */
} HttpRequest;

/* "http" or "https": how its client addresses the server. */
static inline const char *http_scheme(const HttpRequest *request)
{
    return request->secure ? "https" : "http";
}

/* The first header of that name, in any case; NULL without. Pure. */
const char *http_header(const HttpRequest *request, const char *name);

/* A body that is made while it is sent, in the event thread. */
typedef struct BodySource {
    /* The next bytes, at most `most`, at least one; -1: they cannot be had, and the connection is
     * cut. Called until as many bytes came as the reply promised. */
    ssize_t (*read)(void *data, char *buffer, size_t most);
    void (*free)(void *data);
    void *data;
} BodySource;

typedef enum BodyKind {
    BODY_BUFFER, /* body, or shared if that is set */
    BODY_FILE,   /* size bytes of fd from offset on, sent by the kernel */
    BODY_SOURCE, /* size bytes of source */
    BODY_LENGTH, /* none: only its size is told, as to HEAD */
} BodyKind;

/* A body that several replies have in common, all but the request id in it. */
typedef struct SharedBody {
    GBytes *bytes;         /* a reference; NULL: none */
    size_t id_at, id_size; /* where another reply's request id stands: each shows its own instead;
                            * size 0: nowhere */
} SharedBody;

typedef struct HttpReply {
    unsigned status; /* 0: there is no reply yet */
    const char *content_type;
    const char *request_id; /* of the x-amzn-RequestId header; NULL: none */
    const char *allow;      /* of the Allow header; NULL: none */
    List headers;           /* of Header *: more of them, in the exchange's arena */
    unsigned hop_limit;     /* IP time to live of this connection from now on; 0: as it is */
    Buffer body;            /* owned */
    SharedBody shared;      /* instead of body; its request id is as long as request_id */
    BodyKind kind;
    int fd;            /* BODY_FILE: owned */
    uint64_t offset;   /* BODY_FILE */
    uint64_t size;     /* all but BODY_BUFFER */
    BodySource source; /* BODY_SOURCE: owned */
} HttpReply;

/* Adds one more header; both texts must live as long as the arena. */
void http_reply_header(HttpReply *reply, Arena *arena, const char *name, const char *value);

/* Frees the body, of whatever kind. */
void http_reply_clear(HttpReply *reply);
