/* A small HTTP client for tests of the server: one connection, blocking, with a deadline. */
#pragma once

#include "tests/unit/unit.h"

typedef struct Client {
    int fd;
    GString *read; /* bytes that came and were not looked at yet */
} Client;

typedef struct Answer {
    unsigned status; /* 0: the server closed the connection instead */
    char *head;
    char *body;
} Answer;

Client client_connect(unsigned port);
void client_close(Client *client);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Client, client_close)

void client_send(Client *client, const char *data, size_t size);
/* text as fake_sign_v4 makes it: line feeds, no length; sent with both. */
void client_send_request(Client *client, const char *text);
Answer client_receive(Client *client);
void answer_clear(Answer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)
