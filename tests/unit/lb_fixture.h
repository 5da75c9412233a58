/* What the tests of lb/ share: a running Lb, snapshots in a line, and sockets that never block for
 * ever (every wait has a deadline and fails the test). */
#pragma once

#include "lb/lb.h"
#include "tests/unit/unit.h"

#define LOOPBACK 0x7f000001u

typedef struct Fixture {
    Lb *lb;
    Arena *arena;
    LbConfig config; /* the next snapshot; fixture_apply hands it in */
    List failures;   /* of the last apply */
} Fixture;

void fixture_open(Fixture *fixture, const LbOptions *options);
void fixture_close(Fixture *fixture);

/* Adds a listener on 127.0.0.1 at a free port, open to 127.0.0.1/32, with one target (0: none).
 * The caller may change what it returns before fixture_apply. */
LbListener *fixture_listener(Fixture *fixture, uint16_t target_port);
void fixture_target(Fixture *fixture, LbListener *listener, uint16_t port);
void fixture_allow(Fixture *fixture, LbListener *listener, uint32_t network, uint32_t mask);
/* Applies config and expects this many failures. Config stays, to be changed and applied again. */
void fixture_apply(Fixture *fixture, size_t failures);
/* Waits until that field of the statistics has that value. */
#define fixture_wait_stat(fixture, field, value)                                                   \
    fixture_wait_stat_at((fixture), offsetof(LbStats, field), sizeof(((LbStats *)0)->field),       \
                         (value))
void fixture_wait_stat_at(Fixture *fixture, size_t offset, size_t size, uint64_t value);

/* A server socket on 127.0.0.1 at a free port. */
int server_open(uint16_t *ret_port);
int server_accept(int server);
/* A port on 127.0.0.1 where nobody listens. */
uint16_t free_port(void);
/* A client of 127.0.0.1:port with that source address. */
int client_open_from(uint32_t source, uint16_t port);
int client_open(uint16_t port);

/* Waits at most 10 s for the events (poll.h's). */
void wait_for(int fd, short events);
void send_text(int fd, const char *text);
void expect_text(int fd, const char *text);
void expect_end(int fd);   /* the stream's end */
void expect_reset(int fd); /* at once or instead of the next byte */
/* A round trip between a client and the server end of its connection. */
void expect_connected(int client, int served);
