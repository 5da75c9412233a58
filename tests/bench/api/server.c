/* The real server and dispatcher over a service that needs no store. Serves until its standard
 * input ends.
 *
 *     bench_api_server PORT */
#include "tests/bench/api/fake.h"

#include "api/query_route.h"
#include "api/server.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    static const Service *const services[] = {&bench_service, NULL};
    g_autoptr(GError) error = NULL;
    g_autoptr(Clock) clock = clock_new(1.0);
    const DispatchConfig dispatch = {
        .services = services, .clock = clock, .region = "us-east-1", .keys = bench_keys};
    g_autoptr(Dispatcher) dispatcher = dispatcher_new(&dispatch);
    QueryRoute query;
    query_route_init(&query, dispatcher);
    const Route *const routes[] = {&query.route, NULL};
    const ServerConfig config = {.routes = routes};
    Server *server = server_new(&config);
    int fd;
    if (!server_listen("127.0.0.1", (unsigned)atoi(argc > 1 ? argv[1] : "0"), &fd, &error) ||
        !server_add_listener(server, fd, 0, 0, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    while (getchar() != EOF)
        ;
    server_free(server);
    return 0;
}
