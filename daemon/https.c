/* HTTPS. Invariant: the certificate that is shown names every address that is listened on, and has
 * more than half of its life before it; a thread renews it. */
#include "daemon/https.h"

#include "lb/tls_gate.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <string.h>
#include <unistd.h>

#define GATE_THREADS 2
#define GATE_CONNECTIONS 2048
#define RENEW_AFTER ((int64_t)AUTHORITY_SERVER_DAYS / 2 * 86400 * G_TIME_SPAN_SECOND)
#define HOST_NAME_MAX_BYTES 256

/* Where S3's names are told apart by host, and where programs in guests find the endpoint. */
static const char *const own_names[] = {
    "localhost",        "s3.localhost",       "*.s3.localhost",
    "cumulet.internal", "*.cumulet.internal", "*.s3.cumulet.internal",
};

struct Https {
    const Authority *authority;
    Server *server;
    const char *bind;
    TlsGate *gate;
    GThread *renewer;
    GMutex lock; /* guards what follows */
    GCond end;
    bool ending;
    GPtrArray *addresses; /* of char *: that are listened on */
};

/* ---- the certificate ---- */

/* Every address of this computer is listened on: all of them, and its name. */
static void add_all_addresses(Arena *arena, List *names)
{
    struct ifaddrs *all;
    char host[HOST_NAME_MAX_BYTES] = "";
    if (gethostname(host, sizeof(host) - 1) == 0 && *host)
        list_add(names, arena, arena_strdup(arena, host));
    if (getifaddrs(&all) < 0)
        return;
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        char text[INET_ADDRSTRLEN];
        if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET)
            continue;
        inet_ntop(AF_INET, &((struct sockaddr_in *)one->ifa_addr)->sin_addr, text, sizeof(text));
        if (!list_has(names, text))
            list_add(names, arena, arena_strdup(arena, text));
    }
    freeifaddrs(all);
}

/* Lock held. */
static List names_of(const Https *https, Arena *arena)
{
    List names = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(own_names); i++)
        list_add(&names, arena, own_names[i]);
    list_add(&names, arena, "127.0.0.1");
    if (strcmp(https->bind, "0.0.0.0") == 0)
        add_all_addresses(arena, &names);
    for (unsigned i = 0; i < https->addresses->len; i++) {
        const char *address = https->addresses->pdata[i];
        if (strcmp(address, "0.0.0.0") != 0 && !list_has(&names, address))
            list_add(&names, arena, address);
    }
    authority_add_endpoint_names(arena, &names);
    return names;
}

/* Lock held. */
static bool make_context(const Https *https, TlsContext **ret_context, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List names = names_of(https, arena);
    TlsServerOptions options = {.policy = tls_policy_modern()};
    X509Pair pair;
    if (!authority_issue(https->authority, arena, &names, AUTHORITY_SERVER_DAYS, &pair, error))
        return false;
    TlsIdentity identity = {.certificate = pair.certificate_pem, .key = pair.private_key_pem};
    list_add(&options.identities, arena, &identity);
    return tls_server_new(&options, ret_context, error);
}

static bool renew(Https *https, GError **error) /* lock held */
{
    g_autoptr(TlsContext) context = NULL;
    if (!make_context(https, &context, error))
        return false;
    tls_gate_set_context(https->gate, context);
    return true;
}

static void *renew_in_time(void *data)
{
    Https *https = data;
    g_mutex_lock(&https->lock);
    int64_t due = g_get_monotonic_time() + RENEW_AFTER;
    while (!https->ending) {
        if (g_cond_wait_until(&https->end, &https->lock, due))
            continue;
        g_autoptr(GError) error = NULL;
        if (!renew(https, &error))
            g_warning("the endpoint's certificate is not renewed: %s", error->message);
        due = g_get_monotonic_time() + RENEW_AFTER;
    }
    g_mutex_unlock(&https->lock);
    return NULL;
}

/* ---- life ---- */

static int take(void *data, int fd, uint32_t client)
{
    Https *https = data;
    return server_take(https->server, fd, client);
}

static bool open_gate(Https *https, GError **error)
{
    g_autoptr(TlsContext) context = NULL;
    TlsGateOptions options = {
        .threads = GATE_THREADS, .take = take, .data = https, .max_connections = GATE_CONNECTIONS};
    if (!make_context(https, &context, error))
        return false;
    int r = tls_gate_open(&options, context, &https->gate);
    return r == 0 || trouble_set_errno(error, -r, "cannot start the HTTPS endpoint");
}

bool https_open(const HttpsConfig *config, Https **ret_https, GError **error)
{
    Https *https = g_new0(Https, 1);
    https->authority = config->authority;
    https->server = config->server;
    https->bind = config->bind;
    https->addresses = g_ptr_array_new_with_free_func(g_free);
    g_mutex_init(&https->lock);
    g_cond_init(&https->end);
    if (!server_add_secure(https->server, GATE_CONNECTIONS, error) || !open_gate(https, error)) {
        https_close(https);
        return false;
    }
    https->renewer = g_thread_new("certificates", renew_in_time, https);
    *ret_https = https;
    return true;
}

bool https_listen(Https *https, const char *address, unsigned port, GError **error)
{
    int fd;
    if (!server_listen(address, port, &fd, error))
        return false;
    g_mutex_lock(&https->lock);
    g_ptr_array_add(https->addresses, g_strdup(address));
    bool renewed = renew(https, error);
    g_mutex_unlock(&https->lock);
    if (!renewed) {
        close(fd);
        return false;
    }
    int r = tls_gate_listen(https->gate, fd);
    return r == 0 || trouble_set_errno(error, -r, "cannot listen on port %u of %s", port, address);
}

void https_close(Https *https)
{
    if (!https)
        return;
    g_mutex_lock(&https->lock);
    https->ending = true;
    g_cond_signal(&https->end);
    g_mutex_unlock(&https->lock);
    if (https->renewer)
        g_thread_join(https->renewer);
    tls_gate_close(https->gate);
    g_ptr_array_unref(https->addresses);
    g_mutex_clear(&https->lock);
    g_cond_clear(&https->end);
    g_free(https);
}
