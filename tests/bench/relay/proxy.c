/* The relay alone, for the benchmark: proxy THREADS LISTEN_PORT TARGET_PORT [http], on 127.0.0.1,
 * until standard input ends. */
#include "lb/lb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOPBACK = 0x7f000001 };

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: %s THREADS LISTEN_PORT TARGET_PORT [http]\n", argv[0]);
        return 2;
    }
    Lb *lb;
    int r = lb_open(&(LbOptions){.threads = (unsigned)atoi(argv[1])}, &lb);
    if (r < 0) {
        fprintf(stderr, "lb_open: %s\n", strerror(-r));
        return 1;
    }
    g_autoptr(Arena) arena = arena_new();
    LbCidr all = {0};
    LbTarget target = {.address = LOOPBACK, .port = (uint16_t)atoi(argv[3])};
    LbListener listener = {.address = LOOPBACK, .port = (uint16_t)atoi(argv[2])};
    LbConfig config = {0};
    if (argc == 5)
        listener.protocol = listener.target_protocol = LB_HTTP;
    list_add(&listener.allowed, arena, &all);
    list_add(&listener.targets, arena, &target);
    list_add(&config.listeners, arena, &listener);
    List failures;
    lb_apply(lb, &config, arena, &failures);
    if (failures.n) {
        const LbFailure *failure = list_at(&failures, 0);
        fprintf(stderr, "listen: %s\n", strerror(failure->error));
        return 1;
    }
    char byte;
    while (read(0, &byte, 1) > 0)
        ;
    lb_close(lb);
    return 0;
}
