/* What the tests of lb/'s HTTP share: an Lb with one HTTP listener, and heads and bodies read from
 * a socket. Back ends are scripted by hand: a test accepts, reads and answers as it likes. */
#pragma once

#include "tests/unit/lb_fixture.h"

typedef struct Web {
    Fixture fixture;
    LbListener *listener;
    int server; /* of the first target */
    uint16_t server_port;
} Web;

/* With those settings (NULL: 2 threads), one target and nothing else. */
void web_open(Web *web, const LbOptions *options);
void web_close(Web *web);
int web_client(const Web *web);

/* A head up to and with its empty line; fails the test at the stream's end. Valid until the next
 * call. */
const char *read_head(int fd);
/* Expects a head that has each of these texts (NULL at the end), the first at its beginning. */
void expect_head(int fd, ...) G_GNUC_NULL_TERMINATED;
/* And one that has not. */
void expect_head_without(int fd, const char *begin, const char *text);
/* n bytes, into memory that the test frees with g_free. */
char *read_bytes(int fd, size_t n);
/* A bodiless request through the client, answered by a back end at served with that body. */
void exchange_text(int client, int served, const char *body);
/* What a back end says: 200 with that body. */
void answer(int served, const char *body);
/* And the client's side of it. */
void expect_answer(int client, const char *body);
/* Nothing comes for a moment. */
void expect_silence(int fd);
