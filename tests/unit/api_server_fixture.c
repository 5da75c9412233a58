/* See api_server_fixture.h. */
#include "tests/unit/api_server_fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>

static const Service *const services[] = {&service_fake, &service_mirror, NULL};

static StreamRoute *stream_of(const Exchange *exchange)
{
    return (StreamRoute *)ROUTE_OWNER(StreamRoute, exchange->route);
}

static bool stream_match(const Route *route, const HttpRequest *request)
{
    return strcmp(request->path, "/stream") == 0;
}

static void stream_chunk(Exchange *exchange, const char *data, size_t size)
{
    atomic_fetch_add(&stream_of(exchange)->bytes, size);
    if (size == 4 && memcmp(data, "stop", 4) == 0)
        exchange->reply.status = 400;
}

static RouteNext stream_finish(Exchange *exchange)
{
    exchange->reply.status = 200;
    return ROUTE_REPLY;
}

static void stream_refuse(Exchange *exchange, const GError *why)
{
    exchange->reply.status = 503;
}

static void stream_end(Exchange *exchange)
{
    atomic_fetch_add(&stream_of(exchange)->ended, 1);
}

static bool status_json(void *data, Arena *arena, const char **ret_json, GError **error)
{
    *ret_json = "{\"backend\": \"fake\"}";
    return true;
}

static bool reset(void *data, GError **error)
{
    Site *site = data;
    atomic_fetch_add(&site->resets, 1);
    return true;
}

unsigned site_listen(Site *site)
{
    g_autoptr(GError) error = NULL;
    int fd = -1;
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    server_listen("127.0.0.1", 0, &fd, &error);
    assert_no_error(error);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    server_add_listener(site->server, fd, 0, 0, &error);
    assert_no_error(error);
    return ntohs(address.sin_port);
}

Site *site_open(SiteOptions options)
{
    Site *site = g_new0(Site, 1);
    site->clock = clock_new(1.0);
    const DispatchConfig dispatch = {
        .services = services, .clock = site->clock, .region = "us-east-1", .keys = fake_keys};
    site->dispatcher = dispatcher_new(&dispatch);
    const AdminHooks hooks = {status_json, reset, site, options.allow_reset};
    admin_route_init(&site->admin, site->dispatcher, &hooks);
    query_route_init(&site->query, site->dispatcher);
    site->stream.route = (Route){.name = "stream",
                                 .match = stream_match,
                                 .chunk = stream_chunk,
                                 .finish = stream_finish,
                                 .refuse = stream_refuse,
                                 .end = stream_end};
    site->routes[0] = &site->admin.route;
    site->routes[1] = &site->stream.route;
    site->routes[2] = &site->query.route;
    const ServerConfig config = {
        .routes = site->routes, .workers = options.workers, .max_queued = options.max_queued};
    site->server = server_new(&config);
    site->port = site_listen(site);
    return site;
}

void site_close(Site *site)
{
    server_free(site->server);
    dispatcher_free(site->dispatcher);
    clock_free(site->clock);
    g_free(site);
}

char *site_sign(const char *method, const char *path, const char *body)
{
    g_autoptr(Arena) arena = arena_new();
    return g_strdup(
        fake_sign_v4(arena, method, "127.0.0.1", path, "fake", body, g_get_real_time()));
}
