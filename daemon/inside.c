/* The daemon's listeners inside the guests' networks. Invariant: each VPC has a metadata server of
 * its own, since the same address means another instance in another VPC. */
#include "daemon/inside.h"

#include "api/imds/route.h"
#include "base/file.h"

#define METADATA_ADDRESS "169.254.169.254"
#define METADATA_PORT 80
#define METADATA_CONNECTIONS 1024
/* Programs in guests speak to s3.amazonaws.com without a port. */
#define HTTP_PORT 80
#define HTTPS_PORT 443
#define INSIDE_CONNECTIONS 2048

typedef struct VpcListeners {
    Imds *imds;
    ImdsRoute route;
    const Route *routes[2];
    Server *server;
} VpcListeners;

struct Inside {
    InsideConfig config;
    GPtrArray *vpcs; /* of VpcListeners */
};

static bool serve(Server *server, const char *address, unsigned port, unsigned connections,
                  GError **error)
{
    autofd fd = -1;
    return server_listen(address, port, &fd, error) &&
           server_add_listener(server, fd_steal(&fd), 1, connections, error);
}

static bool open_vpc(void *data, const char *vpc_id, const char *router, GError **error)
{
    Inside *inside = data;
    VpcListeners *vpc = g_new0(VpcListeners, 1);
    g_ptr_array_add(inside->vpcs, vpc);
    const InsideConfig *config = &inside->config;
    vpc->imds = imds_new(config->cloud, config->identity, vpc_id);
    imds_set_authority(vpc->imds, authority_certificate(config->authority));
    imds_route_init(&vpc->route, vpc->imds);
    vpc->routes[0] = &vpc->route.route;
    vpc->server = server_new(&(ServerConfig){.routes = vpc->routes, .workers = 1});
    Server *shared = endpoint_server(config->endpoint);
    return serve(vpc->server, METADATA_ADDRESS, METADATA_PORT, METADATA_CONNECTIONS, error) &&
           serve(shared, router, config->port, INSIDE_CONNECTIONS, error) &&
           (config->port == HTTP_PORT ||
            serve(shared, router, HTTP_PORT, INSIDE_CONNECTIONS, error)) &&
           (config->port == HTTPS_PORT || https_listen(config->https, router, HTTPS_PORT, error));
}

bool inside_open(const InsideConfig *config, Inside **ret_inside, GError **error)
{
    Inside *inside = g_new0(Inside, 1);
    *inside = (Inside){
        .config = *config,
        .vpcs = g_ptr_array_new(),
    };
    if (!cloud_follow_networks(config->cloud, open_vpc, inside, error)) {
        inside_close(inside);
        return false;
    }
    *ret_inside = inside;
    return true;
}

void inside_close(Inside *inside)
{
    if (!inside)
        return;
    cloud_forget_networks(inside->config.cloud);
    for (unsigned i = 0; i < inside->vpcs->len; i++) {
        VpcListeners *vpc = inside->vpcs->pdata[i];
        server_free(vpc->server);
        imds_free(vpc->imds);
        g_free(vpc);
    }
    g_ptr_array_unref(inside->vpcs);
    g_free(inside);
}
