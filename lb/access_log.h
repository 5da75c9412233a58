/* Access log lines of one balancer in one worker, until somebody takes them. */
#pragma once

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct AccessLog {
    pthread_mutex_t lock; /* held for as long as a line takes to append, or a pointer to swap */
    GString *lines;       /* NULL: none */
    uint64_t lost;
} AccessLog;

/* One request, or one TCP connection. */
typedef struct AccessLine {
    const char *name;
    int64_t began_us; /* the wall clock */
    uint32_t client_address, target_address;
    uint16_t client_port, target_port;          /* target_port 0: no target */
    int64_t request_us, target_us, response_us; /* negative: not known */
    unsigned code, target_code;                 /* 0: TCP has none */
    bool http;
    uint64_t received, sent;
    const char *request; /* "GET http://host:80/ HTTP/1.1" in three parts; NULL: none */
    int request_n;
    const char *agent;
    int agent_n;
    const char *cipher, *protocol; /* NULL: no TLS */
} AccessLine;

void access_log_init(AccessLog *log);
void access_log_release(AccessLog *log);
void access_log_add(AccessLog *log, const AccessLine *line);
/* Appends its lines to all and forgets them. */
void access_log_take(AccessLog *log, GString *all, uint64_t *lost);
