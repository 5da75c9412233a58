/* drive_balancer THREADS: the data plane by itself, for tests and benchmarks (tests/lib/relay.py).
 *
 * Reads requests from standard input, a JSON object a line, until it ends:
 *   {"do": "apply", "listeners": [...]}  members as in lb/lb.h; times in seconds, addresses
 * 127.0.0.1
 *   {"do": "probe", "targets": [...]}    as in lb/probe.h; times in milliseconds
 *   {"do": "stats"}                      counters, and the bytes that malloc has given out
 * Answers each with a line {"ok": true, ...} or {"error": "..."}. Lines with "event" come between
 * them: a target's health changed. A connect that was refused hurries its probe. */
#include "lb/probe.h"

#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOPBACK = 0x7f000001 };

typedef struct Driver {
    Lb *lb;
    Probes *probes;
} Driver;

static const char *text(const json_t *from, const char *key)
{
    return json_string_value(json_object_get(from, key));
}

static unsigned number(const json_t *from, const char *key)
{
    return (unsigned)json_integer_value(json_object_get(from, key));
}

static bool is_set(const json_t *from, const char *key)
{
    return json_is_true(json_object_get(from, key));
}

/* Which of the names it is; the first, when nothing is said. */
static unsigned choice(const json_t *from, const char *key, const char *const *names, unsigned n)
{
    const char *given = text(from, key);
    if (!given)
        return 0;
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(given, names[i]) == 0)
            return i;
    }
    g_error("no such %s: %s", key, given);
}

static LbProtocol protocol_of(const json_t *from, const char *key)
{
    static const char *const names[] = {
        [LB_TCP] = "TCP", [LB_SSL] = "SSL", [LB_HTTP] = "HTTP", [LB_HTTPS] = "HTTPS"};
    return (LbProtocol)choice(from, key, names, G_N_ELEMENTS(names));
}

static LbTarget *target_of(Arena *arena, const json_t *from)
{
    LbTarget *target = arena_new_struct(arena, LbTarget);
    *target = (LbTarget){
        .address = LOOPBACK,
        .port = (uint16_t)number(from, "port"),
        .out_of_service = is_set(from, "out_of_service"),
        .draining = is_set(from, "draining"),
        .id = text(from, "id"),
    };
    return target;
}

static const TlsServerOptions *tls_of(Arena *arena, const json_t *from)
{
    TlsServerOptions *options = arena_new_struct(arena, TlsServerOptions);
    TlsIdentity *identity = arena_new_struct(arena, TlsIdentity);
    *options = (TlsServerOptions){0};
    *identity = (TlsIdentity){.certificate = text(from, "certificate"), .key = text(from, "key")};
    list_add(&options->identities, arena, identity);
    return identity->certificate ? options : NULL;
}

static LbListener *listener_of(Arena *arena, const json_t *from)
{
    static const LbCidr all;
    LbListener *listener = arena_new_struct(arena, LbListener);
    *listener = (LbListener){
        .address = LOOPBACK,
        .port = (uint16_t)number(from, "port"),
        .protocol = protocol_of(from, "protocol"),
        .target_protocol = protocol_of(from, "target_protocol"),
        .tls = tls_of(arena, from),
        .idle_seconds = number(from, "idle_seconds"),
        .drain_seconds = number(from, "drain_seconds"),
        .balancer = text(from, "balancer"),
    };
    list_add(&listener->allowed, arena, &all);
    size_t i;
    json_t *target;
    json_array_foreach(json_object_get(from, "targets"), i, target)
        list_add(&listener->targets, arena, target_of(arena, target));
    return listener;
}

static json_t *do_apply(Driver *driver, const json_t *request)
{
    g_autoptr(Arena) arena = arena_new();
    LbConfig config = {0};
    List failures;
    size_t i;
    json_t *listener;
    json_array_foreach(json_object_get(request, "listeners"), i, listener)
        list_add(&config.listeners, arena, listener_of(arena, listener));
    lb_apply(driver->lb, &config, arena, &failures);
    if (!failures.n)
        return json_pack("{s:b}", "ok", true);
    const LbFailure *first = list_at(&failures, 0);
    return json_pack("{s:s}", "error", first->text ? first->text : strerror(first->error));
}

static ProbeTarget *probe_of(Arena *arena, const json_t *from)
{
    static const char *const names[] = {
        [PROBE_TCP] = "TCP", [PROBE_SSL] = "SSL", [PROBE_HTTP] = "HTTP", [PROBE_HTTPS] = "HTTPS"};
    ProbeTarget *target = arena_new_struct(arena, ProbeTarget);
    *target = (ProbeTarget){
        .balancer = text(from, "balancer"),
        .id = text(from, "id"),
        .address = LOOPBACK,
        .port = (uint16_t)number(from, "port"),
        .protocol = (ProbeProtocol)choice(from, "protocol", names, G_N_ELEMENTS(names)),
        .path = text(from, "path"),
        .interval_ms = number(from, "interval_ms"),
        .timeout_ms = number(from, "timeout_ms"),
        .healthy = number(from, "healthy"),
        .unhealthy = number(from, "unhealthy"),
    };
    return target;
}

static json_t *do_probe(Driver *driver, const json_t *request)
{
    g_autoptr(Arena) arena = arena_new();
    List targets = {0};
    size_t i;
    json_t *target;
    json_array_foreach(json_object_get(request, "targets"), i, target)
        list_add(&targets, arena, probe_of(arena, target));
    probes_apply(driver->probes, &targets);
    return json_pack("{s:b}", "ok", true);
}

static json_t *do_stats(Driver *driver, const json_t *request)
{
    LbStats stats;
    lb_stats(driver->lb, &stats);
    const struct mallinfo2 heap = mallinfo2();
    size_t memory = heap.uordblks + heap.hblkhd;
    return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "ok", true, "connections",
                     (json_int_t)stats.connections, "accepted", (json_int_t)stats.accepted,
                     "refused", (json_int_t)stats.refused, "failed", (json_int_t)stats.failed,
                     "bytes_in", (json_int_t)stats.bytes_in, "bytes_out",
                     (json_int_t)stats.bytes_out, "memory", (json_int_t)memory);
}

static const struct {
    const char *verb;
    json_t *(*act)(Driver *driver, const json_t *request);
} deeds[] = {{"apply", do_apply}, {"probe", do_probe}, {"stats", do_stats}};

static json_t *answer_to(Driver *driver, const json_t *request)
{
    const char *verb = text(request, "do");
    for (size_t i = 0; verb && i < G_N_ELEMENTS(deeds); i++) {
        if (strcmp(verb, deeds[i].verb) == 0)
            return deeds[i].act(driver, request);
    }
    g_error("no such request");
}

/* Takes line. */
static void print_line(json_t *line)
{
    char *words = json_dumps(line, 0);
    flockfile(stdout);
    puts(words);
    fflush(stdout);
    funlockfile(stdout);
    free(words);
    json_decref(line);
}

static void health_changed(void *data, const ProbeEvent *event)
{
    print_line(
        json_pack("{s:s, s:b}", "event", event->id, "in_service", event->now == PROBE_IN_SERVICE));
}

static void refused(void *data, const char *balancer, const char *target)
{
    const Driver *driver = data;
    probes_hint(driver->probes, balancer, target);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: drive_balancer THREADS\n");
        return 2;
    }
    Driver driver = {0};
    const ProbesOptions probing = {.changed = health_changed, .data = &driver};
    int status = lb_open(&(LbOptions){.threads = (unsigned)atoi(argv[1])}, &driver.lb);
    if (status == 0)
        status = probes_open(driver.lb, &probing, &driver.probes);
    if (status < 0) {
        fprintf(stderr, "drive_balancer: %s\n", strerror(-status));
        return 1;
    }
    lb_watch_refusals(driver.lb, refused, &driver);
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        json_t *request = json_loads(line, 0, NULL);
        print_line(answer_to(&driver, request));
        json_decref(request);
    }
    free(line);
    lb_watch_refusals(driver.lb, NULL, NULL);
    probes_close(driver.probes);
    lb_close(driver.lb);
    return 0;
}
