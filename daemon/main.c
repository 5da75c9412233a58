/* cumuletd: puts the parts together.
 *
 * Invariants: privileges are settled before any thread exists; the main thread stays outside of
 * the guests' networks; what was opened is closed in the opposite order. */
#include "api/endpoint.h"
#include "api/imds/identity.h"
#include "backends/privileges.h"
#include "base/faultpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "cloud/catalog.h"
#include "cloud/certificates.h"
#include "daemon/admin.h"
#include "daemon/config.h"
#include "daemon/dns.h"
#include "daemon/fsck.h"
#include "daemon/https.h"
#include "daemon/inside.h"
#include "daemon/state.h"
#include "scaler/alarm_loop.h"
#include "scaler/sampler.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define LOOPBACK "127.0.0.1"

typedef struct Daemon {
    Config *config;
    bool fake;
    const char *privileges;
    int lock;
    int listener;
    char *endpoint_url, *https_url; /* https_url: NULL: none */
    Store *store;
    Clock *clock;
    Clock *wall; /* clients date signatures by it, whatever the clock's speed */
    Blobs *blobs;
    Cloud *cloud;
    Sampler *sampler;
    AlarmLoop *alarms;
    AccessKey *key; /* in arena */
    Arena *arena;
    Identity *identity;
    Authority *authority;
    Admin admin;
    Endpoint *endpoint;
    Https *https;
    DnsServer *dns;
    Inside *inside;
} Daemon;

/* Relays and guests need descriptors; the default soft limit is small. */
static void raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static sigset_t block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return set;
}

/* The fake back end needs no network, so nothing to be allowed. */
static bool settle_privileges(Daemon *daemon, GError **error)
{
    if (daemon->fake) {
        daemon->privileges = "none needed";
        return true;
    }
    g_autofree char *run_dir = g_build_filename(daemon->config->state_dir, "run", NULL);
    PrivilegesConfig config = {
        .state_dir = daemon->config->state_dir,
        .run_dir = run_dir,
        .service_user = daemon->config->service_user,
    };
    PrivilegesKind kind;
    if (!privileges_set_up(&config, &kind, error))
        return false;
    daemon->privileges = kind == PRIVILEGES_SERVICE_USER
                             ? "started as root, runs as the service user"
                             : "an ordinary user, in a user namespace";
    return true;
}

static bool open_store(Daemon *daemon, GError **error)
{
    daemon->clock = clock_new(daemon->config->clock_speed);
    daemon->wall = clock_new(1);
    g_autofree char *objects = g_build_filename(daemon->config->state_dir, "objects", NULL);
    return store_open(daemon->config->state_dir, &daemon->store, error) &&
           blobs_open(objects, daemon->store, &daemon->blobs, error);
}

static bool open_cloud(Daemon *daemon, GError **error)
{
    const Config *config = daemon->config;
    CloudConfig cloud = {
        .store = daemon->store,
        .blobs = daemon->blobs,
        .clock = daemon->clock,
        .state_dir = config->state_dir,
        .hypervisor = daemon->fake ? &hypervisor_fake : &hypervisor_libvirt,
        .network = daemon->fake ? &network_fake : &network_netns,
        .force_tcg = config->force_tcg,
        .libvirt_uri = config->libvirt_uri,
        .addresses = config->addresses,
        .endpoint_port = (unsigned)config->port,
        .no_outside = config->no_outside,
        .dns_suffix = config->dns_suffix,
        .memory_limit_mib = (uint64_t)config->memory_mib,
        .instance_limit = (unsigned)config->instance_limit,
    };
    g_autoptr(Txn) txn = NULL;
    return cloud_open(&cloud, &daemon->cloud, error) && txn_begin(daemon->store, &txn, error) &&
           account_seed(txn, daemon->arena, cloud_now(daemon->cloud), &daemon->key, error) &&
           txn_commit(&txn, error);
}

static bool open_https(Daemon *daemon, GError **error)
{
    const Config *config = daemon->config;
    HttpsConfig https = {.server = endpoint_server(daemon->endpoint), .bind = config->bind};
    if (!authority_open(config->state_dir, &daemon->authority, error))
        return false;
    https.authority = daemon->authority;
    if (!https_open(&https, &daemon->https, error))
        return false;
    if (!config->https_port)
        return true;
    g_autoptr(GError) why = NULL;
    if (!https_listen(daemon->https, config->bind, (unsigned)config->https_port, &why)) {
        if (config->https_port_named)
            return trouble_set(error, "--https-port: %s", why->message);
        g_warning("no HTTPS: %s", why->message);
        return true;
    }
    daemon->https_url = g_strdup_printf("https://%s:%d", config->bind, config->https_port);
    return true;
}

/* On the loopback only: what is not ours is nobody's business elsewhere. */
static bool open_dns(Daemon *daemon, GError **error)
{
    const Config *config = daemon->config;
    g_autoptr(GError) why = NULL;
    DnsServerConfig dns = {
        .cloud = daemon->cloud,
        .address = g_str_has_prefix(config->bind, "127.") ? config->bind : LOOPBACK,
        .port = (unsigned)config->dns_port,
        .endpoint = strcmp(config->bind, "0.0.0.0") == 0 ? LOOPBACK : config->bind,
    };
    if (!config->dns_port)
        return true;
    if (!dns_server_open(&dns, &daemon->dns, &why)) {
        if (config->dns_port_named)
            return trouble_set(error, "--dns-port: %s", why->message);
        g_warning("no DNS server: %s", why->message);
        return true;
    }
    daemon->admin.dns_address = dns.address;
    daemon->admin.dns_port = config->dns_port;
    return true;
}

static bool open_endpoint(Daemon *daemon, GError **error)
{
    const Config *config = daemon->config;
    g_autofree char *secrets = g_build_filename(config->state_dir, "secrets", NULL);
    daemon->admin = (Admin){
        .cloud = daemon->cloud,
        .blobs = daemon->blobs,
        .logins = certificate_logins_new(daemon->cloud, daemon->wall),
        .account_id = daemon->key->account_id,
        .endpoint = daemon->endpoint_url,
        .region = HOME_REGION,
        .privileges = daemon->privileges,
        .fake = daemon->fake,
        .started = g_get_monotonic_time(),
    };
    daemon->endpoint = endpoint_new(&(EndpointConfig){
        .cloud = daemon->cloud,
        .blobs = daemon->blobs,
        .clock = daemon->wall,
        .region = HOME_REGION,
        .admin = admin_hooks(&daemon->admin, config->allow_reset),
        .idle_seconds = (unsigned)config->idle_seconds,
    });
    certificates_start(daemon->cloud);
    daemon->sampler = sampler_start(daemon->cloud);
    daemon->alarms = alarm_loop_start(daemon->cloud);
    faultpoint("serve");
    return identity_open(secrets, &daemon->identity, error) && open_https(daemon, error) &&
           open_dns(daemon, error) &&
           inside_open(&(InsideConfig){.cloud = daemon->cloud,
                                       .endpoint = daemon->endpoint,
                                       .port = (unsigned)config->port,
                                       .https = daemon->https,
                                       .identity = daemon->identity,
                                       .authority = daemon->authority},
                       &daemon->inside, error) &&
           state_write_credentials(config->state_dir, daemon->endpoint_url, daemon->https_url,
                                   HOME_REGION, daemon->key, error) &&
           server_add_listener(endpoint_server(daemon->endpoint), fd_steal(&daemon->listener), 0, 0,
                               error) &&
           state_write_ready(config->state_dir, daemon->endpoint_url, error);
}

static bool open_all(Daemon *daemon, GError **error)
{
    const Config *config = daemon->config;
    daemon->endpoint_url = g_strdup_printf("http://%s:%d", config->bind, config->port);
    /* The port is tried before anything is changed. */
    return state_prepare(config->state_dir, error) && settle_privileges(daemon, error) &&
           state_lock(config->state_dir, &daemon->lock, error) &&
           server_listen(config->bind, (unsigned)config->port, &daemon->listener, error) &&
           open_store(daemon, error) && open_cloud(daemon, error) && open_endpoint(daemon, error);
}

static void close_all(Daemon *daemon, bool keep_guests)
{
    if (daemon->lock >= 0) /* else the file is another daemon's */
        state_remove_ready(daemon->config->state_dir);
    if (daemon->cloud)
        cloud_ending(daemon->cloud, keep_guests);
    inside_close(daemon->inside);
    if (daemon->endpoint)
        server_stop(endpoint_server(daemon->endpoint));
    https_close(daemon->https);
    dns_server_close(daemon->dns);
    endpoint_free(daemon->endpoint);
    certificate_logins_free(daemon->admin.logins);
    alarm_loop_stop(daemon->alarms);
    sampler_stop(daemon->sampler);
    cloud_close(daemon->cloud, keep_guests);
    identity_close(daemon->identity);
    authority_close(daemon->authority);
    blobs_close(daemon->blobs);
    store_close(daemon->store);
    clock_free(daemon->clock);
    clock_free(daemon->wall);
    arena_free(daemon->arena);
    autofd_clear(&daemon->listener);
    autofd_clear(&daemon->lock);
    g_free(daemon->endpoint_url);
    g_free(daemon->https_url);
    config_free(daemon->config);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Daemon daemon = {.lock = -1, .listener = -1, .arena = arena_new()};
    if (!config_read(argc, argv, &daemon.config, &error)) {
        g_printerr("cumuletd: %s\n", error->message);
        return 2;
    }
    daemon.fake = strcmp(daemon.config->backend, "fake") == 0;
    log_init(daemon.config->log_level);
    if (daemon.config->fsck) {
        int status = fsck_run(daemon.config->state_dir, daemon.config->repair);
        close_all(&daemon, true);
        return status;
    }
    raise_limits();
    sigset_t signals = block_signals();
    if (!open_all(&daemon, &error)) {
        g_printerr("cumuletd: %s\n", error->message);
        close_all(&daemon, true);
        return 1;
    }
    g_message("serving %s (state %s)", daemon.endpoint_url, daemon.config->state_dir);

    int received;
    sigwait(&signals, &received);
    g_message("%s: %s", strsignal(received),
              received == SIGUSR1 ? "ending, guests go on" : "shutting the guests down");
    close_all(&daemon, received == SIGUSR1);
    return 0;
}
