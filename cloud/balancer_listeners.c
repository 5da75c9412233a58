/* Listeners of load balancers.
 *
 * Invariants: a balancer has at most one listener a port; both sides of a listener speak protocols
 * of the same layer; listeners to one instance port agree on whether it speaks TLS; one that
 * clients speak TLS to has a certificate and a negotiation policy. */
#include "cloud/balancer_parts.h"

#include "cloud/server_certificates.h"
#include <inttypes.h>
#include <string.h>

static const char *const protocols[] = {"HTTP", "HTTPS", "SSL", "TCP"};

bool listener_is_secure(const char *protocol)
{
    return strcmp(protocol, "SSL") == 0 || strcmp(protocol, "HTTPS") == 0;
}

bool listener_is_http(const char *protocol)
{
    return g_str_has_prefix(protocol, "HTTP");
}

const char *balancer_port_key(Arena *arena, int64_t port)
{
    return arena_printf(arena, "%05" PRId64, port);
}

/* ---- one listener ---- */

static bool protocol_of(const char *text, const char **ret_protocol, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        if (g_ascii_strcasecmp(text, protocols[i]) == 0) {
            *ret_protocol = protocols[i];
            return true;
        }
    }
    return fault_set(error, FAULT_UNSUPPORTED_PROTOCOL,
                     "Protocol '%.50s' is not supported: it is HTTP, HTTPS, TCP or SSL", text);
}

/* A listener that does not say otherwise ends TLS. */
static bool instance_protocol_of(const ListenerSpec *spec, const char *protocol,
                                 const char **ret_protocol, GError **error)
{
    const char *instance = listener_is_http(protocol) ? "HTTP" : "TCP";
    if (spec->instance_protocol && *spec->instance_protocol &&
        !protocol_of(spec->instance_protocol, &instance, error))
        return false;
    if (listener_is_http(protocol) != listener_is_http(instance))
        return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                         "The listener's Protocol %s and InstanceProtocol %s must be at the same "
                         "Internet Protocol layer: HTTP and HTTPS, or TCP and SSL",
                         protocol, instance);
    *ret_protocol = instance;
    return true;
}

/* Fault CertificateNotFound. */
static bool check_certificate(Context *context, Txn *txn, const char *arn, GError **error)
{
    ServerCertificate *certificate;
    if (!server_certificate_by_arn(txn, context->arena, arn, &certificate, error))
        return false;
    return (certificate && strcmp(certificate->account_id, context->caller.account_id) == 0) ||
           fault_set(error, FAULT_CERTIFICATE_NOT_FOUND,
                     "Server Certificate not found for the key: %.2048s", arn);
}

bool balancer_listener_make(Context *context, Txn *txn, const ListenerSpec *spec,
                            BalancerListener *ret_listener, GError **error)
{
    BalancerListener made = {
        .port = balancer_port_key(context->arena, spec->port),
        .instance_port = spec->instance_port,
        .policies = "",
    };
    if (!protocol_of(spec->protocol, &made.protocol, error) ||
        !instance_protocol_of(spec, made.protocol, &made.instance_protocol, error))
        return false;
    if (listener_is_secure(made.protocol)) {
        if (!spec->certificate || !*spec->certificate)
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "Secure Listeners need to specify a SSLCertificateId");
        if (!check_certificate(context, txn, spec->certificate, error))
            return false;
        made.certificate = spec->certificate;
    }
    *ret_listener = made;
    return true;
}

/* ---- adding ---- */

static bool same(const BalancerListener *a, const BalancerListener *b)
{
    return strcmp(a->protocol, b->protocol) == 0 &&
           strcmp(a->instance_protocol, b->instance_protocol) == 0 &&
           a->instance_port == b->instance_port && g_strcmp0(a->certificate, b->certificate) == 0;
}

/* Against what the balancer has: *ret_known when it is there already. */
static bool compare(const Balancer *balancer, const BalancerListener *made, const List *listeners,
                    bool *ret_known, GError **error)
{
    *ret_known = false;
    LIST_EACH (const BalancerListener *, other, listeners) {
        if (strcmp(other->port, made->port) == 0) {
            if (!same(other, made))
                return fault_set(error, FAULT_DUPLICATE_LISTENER,
                                 "A listener already exists for %s with LoadBalancerPort %d, but "
                                 "with a different InstancePort, Protocol, or SSLCertificateId",
                                 balancer->name, atoi(made->port));
            *ret_known = true;
        } else if (other->instance_port == made->instance_port &&
                   listener_is_secure(other->instance_protocol) !=
                       listener_is_secure(made->instance_protocol)) {
            return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                             "The InstancePort %" PRId64 " has another listener whose "
                             "InstanceProtocol is %s, so it cannot be %s",
                             made->instance_port, other->instance_protocol,
                             made->instance_protocol);
        }
    }
    return true;
}

static bool insert_listener(Context *context, Txn *txn, const Balancer *balancer,
                            BalancerListener *listener, GError **error)
{
    listener->balancer_id = balancer->id;
    if (listener_is_secure(listener->protocol) &&
        !balancer_default_tls_policy(context, txn, balancer->id, &listener->policies, error))
        return false;
    return balancer_listener_insert(txn, listener, error);
}

bool balancer_listeners_add(Context *context, Txn *txn, const Balancer *balancer, const List *specs,
                            GError **error)
{
    BalancerView *view;
    if (!balancer_view(context, txn, balancer, &view, error))
        return false;
    LIST_EACH (const ListenerSpec *, spec, specs) {
        BalancerListener *made = arena_new_struct(context->arena, BalancerListener);
        bool known;
        if (!balancer_listener_make(context, txn, spec, made, error) ||
            !compare(balancer, made, &view->listeners, &known, error))
            return false;
        if (known)
            continue;
        if (view->listeners.n >= LISTENERS_PER_BALANCER)
            return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                             "A load balancer may have at most %d listeners",
                             LISTENERS_PER_BALANCER);
        if (!insert_listener(context, txn, balancer, made, error))
            return false;
        list_add(&view->listeners, context->arena, made);
    }
    return true;
}

bool balancer_add_listeners(Context *context, const char *name, const List *specs, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    return txn_begin(cloud_store(context->cloud), &txn, error) &&
           balancer_named(context, txn, name, &balancer, error) &&
           balancer_listeners_add(context, txn, balancer, specs, error) &&
           balancer_commit(context, &txn, error);
}

/* ---- removing, changing ---- */

bool balancer_remove_listeners(Context *context, const char *name, const List *ports,
                               GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !balancer_named(context, txn, name, &balancer, error))
        return false;
    LIST_EACH (const char *, text, ports) {
        char *end;
        uint64_t port = g_ascii_strtoull(text, &end, 10);
        if (*end || !g_ascii_isdigit(*text) || port < 1 || port > 65535)
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "LoadBalancerPort '%.50s' must be a number of 1 to 65535", text);
        if (!record_change(txn, CHANGE_DELETE_BALANCER_LISTENER, NULL, error, balancer->id,
                           balancer_port_key(context->arena, (int64_t)port)))
            return false;
    }
    return balancer_commit(context, &txn, error);
}

bool balancer_set_certificate(Context *context, const char *name, int64_t port,
                              const char *certificate, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    void *found;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !balancer_named(context, txn, name, &balancer, error) ||
        !record_query_one(txn, context->arena, QUERY_BALANCER_LISTENER, &found, error, balancer->id,
                          balancer_port_key(context->arena, port)))
        return false;
    BalancerListener *listener = found;
    if (!listener)
        return fault_set(error, FAULT_LISTENER_NOT_FOUND,
                         "There is no listener for port %" PRId64 " on load balancer %s", port,
                         name);
    if (!listener_is_secure(listener->protocol))
        return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                         "The listener on port %" PRId64 " is %s, not HTTPS or SSL", port,
                         listener->protocol);
    if (!check_certificate(context, txn, certificate, error))
        return false;
    listener->certificate = certificate;
    return balancer_listener_put(txn, listener, error) && balancer_commit(context, &txn, error);
}
