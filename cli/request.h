/* One request over HTTP, signed or not: everything of the command line that talks to a daemon. */
#pragma once

#include "base/arena.h"

/* Texts may be NULL where it says so. */
typedef struct Request {
    const char *url;
    const char *post;          /* the body; NULL: GET */
    const char *content_type;  /* of the body */
    const char *access_key_id; /* NULL: not signed */
    const char *secret_access_key;
    const char *scope;          /* curl's words for it: "aws:amz:REGION:SERVICE" */
    const char *security_token; /* of temporary credentials; NULL: none */
    const char *authority;      /* certificate file that vouches for https; NULL: the system's */
    long connect_timeout_ms, answer_timeout_ms; /* 0: the usual */
    bool trace;                                 /* the conversation goes to standard error */
} Request;

typedef struct Answer {
    long status;
    char *headers, *body; /* for g_free; both end with a zero byte */
} Answer;

void answer_clear(Answer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

/* Sends it, signed with AWS's Signature Version 4 and past every proxy. An answer of any status is
 * success. Errors are troubles; of code ECONNREFUSED when nobody listens there. */
bool request_send(Arena *arena, const Request *request, Answer *ret_answer, GError **error);

/* Whether somebody listens at the URL; sends nothing. Errors as request_send. */
bool request_probe(const char *url, GError **error);
