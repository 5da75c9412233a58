/* Wires dispatcher, routes and server. Invariant: the server, which calls the routes, goes first
 * when everything is freed. */
#include "api/endpoint.h"

#include "api/authorize.h"
#include "api/query_route.h"
#include "api/s3/lifecycle.h"
#include "api/s3/route.h"
#include "cloud/accounts.h"
#include "cloud/certificate_login.h"

struct Endpoint {
    Dispatcher *dispatcher;
    AdminRoute admin;
    Verifier *verifier; /* of S3 */
    S3Route s3;
    Lifecycle *lifecycle;
    QueryRoute query;
    const Route *routes[4];
    Server *server;
};

/* Where neither scope nor host says which is meant, the first of those that have action and
 * version: 2011-01-01 is one of EC2 and of Auto Scaling, and both have DescribeTags. */
static const Service *const services[] = {
    &service_cloudwatch, &service_ec2, &service_elb, &service_autoscaling,
    &service_iam,        &service_sts, NULL};

static bool find_key(void *data, Arena *arena, const char *access_key_id,
                     const Credential **ret_credential, GError **error)
{
    AccessKey *key;
    if (!account_find_key(data, arena, access_key_id, &key, error))
        return false;
    *ret_credential = NULL;
    if (!key)
        return true;
    Credential *credential = arena_new_struct(arena, Credential);
    credential->secret = key->secret;
    if (!account_caller(data, arena, key, &credential->caller, error))
        return false;
    *ret_credential = credential;
    return true;
}

static bool find_certificate(void *data, Arena *arena, const char *digest, Caller *ret_caller,
                             GError **error)
{
    return certificate_caller(data, arena, digest, ret_caller, error);
}

Endpoint *endpoint_new(const EndpointConfig *config)
{
    Endpoint *endpoint = g_new0(Endpoint, 1);
    const DispatchConfig dispatch = {
        .services = services,
        .cloud = config->cloud,
        .clock = config->clock,
        .region = config->region,
        .keys = {find_key, config->cloud},
        .certificates = {find_certificate, config->cloud},
        .version = cloud_version,
        .authorize = endpoint_authorize,
    };
    endpoint->dispatcher = dispatcher_new(&dispatch);
    admin_route_init(&endpoint->admin, endpoint->dispatcher, &config->admin);
    query_route_init(&endpoint->query, endpoint->dispatcher);
    endpoint->routes[0] = &endpoint->admin.route;
    endpoint->verifier = verifier_new(&dispatch.keys, config->clock);
    s3_route_init(&endpoint->s3, &(S3Config){.cloud = config->cloud,
                                             .blobs = config->blobs,
                                             .verifier = endpoint->verifier,
                                             .clock = config->clock,
                                             .region = config->region});
    endpoint->lifecycle = lifecycle_new(&(LifecycleConfig){
        .store = cloud_store(config->cloud),
        .blobs = config->blobs,
        .object_clock = config->clock,
        .clock = cloud_clock(config->cloud),
        .read = s3_lifecycle_read,
    });
    endpoint->routes[1] = &endpoint->s3.route;
    endpoint->routes[2] = &endpoint->query.route;
    const ServerConfig server = {.routes = endpoint->routes, .idle_seconds = config->idle_seconds};
    endpoint->server = server_new(&server);
    return endpoint;
}

Server *endpoint_server(Endpoint *endpoint)
{
    return endpoint->server;
}

void endpoint_free(Endpoint *endpoint)
{
    if (!endpoint)
        return;
    server_free(endpoint->server);
    lifecycle_free(endpoint->lifecycle);
    s3_route_clear(&endpoint->s3);
    dispatcher_free(endpoint->dispatcher);
    verifier_free(endpoint->verifier);
    g_free(endpoint);
}
