/* Bodies as they pass by: where they end, and that chunks are what they should be. Knows no socket.
 */
#pragma once

#include "lb/http_parse.h"

typedef struct HttpBody {
    uint8_t framing; /* HttpFraming */
    uint8_t state;   /* of chunked coding */
    uint8_t digits;  /* of the size read so far */
    bool strip;      /* pass on what is in the chunks, and not the chunks */
    bool done;
    uint32_t around; /* bytes of this size line, or of the trailers */
    uint64_t left;   /* of the length, or of this chunk */
} HttpBody;

void http_body_init(HttpBody *body, HttpFraming framing, uint64_t length, bool strip);

/* Takes from n bytes those that are the body's: *ret_used of them. What is to be passed on are the
 * first *ret_out bytes at data, to where they are moved if need be. False: malformed. */
bool http_body_take(HttpBody *body, char *data, size_t n, size_t *ret_used, size_t *ret_out);

/* How many bytes come next that need not be looked at; 0: none. */
uint64_t http_body_run(const HttpBody *body);
/* That many of them went by. */
void http_body_skip(HttpBody *body, uint64_t n);
/* The stream ended. True: and so did the body. */
bool http_body_end(HttpBody *body);
