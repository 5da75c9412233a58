/* Policies of load balancers: how TLS is negotiated, what sticks to what, which instances are
 * believed.
 *
 * Invariants: a policy that something refers to stays; a listener's and an instance port's policies
 * exist and fit the protocols there. */
#include "cloud/balancer_parts.h"

#include "cloud/balancer_policy_types.h"
#include <string.h>

#define POLICY_NAME_MAX 128

/* ---- finding ---- */

static const BalancerPolicyView *find_in(const BalancerView *view, const char *name)
{
    LIST_EACH (const BalancerPolicyView *, policy, &view->policies) {
        if (strcmp(policy->policy->name, name) == 0)
            return policy;
    }
    return NULL;
}

bool policy_is_of(const BalancerView *view, const char *policy, const char *type)
{
    const BalancerPolicyView *found = find_in(view, policy);
    return found && strcmp(found->policy->type, type) == 0;
}

static bool no_such_policy(const char *policy, const char *balancer, GError **error)
{
    if (!balancer)
        return fault_set(error, FAULT_POLICY_NOT_FOUND, "There is no policy with name %.200s",
                         policy);
    return fault_set(error, FAULT_POLICY_NOT_FOUND,
                     "There is no policy with name %.200s for load balancer %s", policy, balancer);
}

static bool load_view(Context *context, Txn *txn, const char *name, BalancerView **ret_view,
                      GError **error)
{
    Balancer *balancer;
    return balancer_named(context, txn, name, &balancer, error) &&
           balancer_view(context, txn, balancer, ret_view, error);
}

/* Those named, or all, of what there is. */
static bool choose(Context *context, const List *all, const List *names, const char *balancer,
                   List *ret_views, GError **error)
{
    LIST_EACH (const char *, name, names) {
        const BalancerPolicyView *found = NULL;
        LIST_EACH (const BalancerPolicyView *, policy, all) {
            if (strcmp(policy->policy->name, name) == 0)
                found = policy;
        }
        if (!found)
            return no_such_policy(name, balancer, error);
        list_add(ret_views, context->arena, policy_shown(context->arena, found));
    }
    for (size_t i = 0; names->n == 0 && i < all->n; i++)
        list_add(ret_views, context->arena, policy_shown(context->arena, list_at(all, i)));
    return true;
}

bool balancer_find_policies(Context *context, const char *name, const List *policies,
                            List *ret_views, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    BalancerView *view;
    List samples = {0};
    if (!name || !*name) {
        policy_samples(context->arena, &samples);
        return choose(context, &samples, policies, NULL, ret_views, error);
    }
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           load_view(context, txn, name, &view, error) &&
           choose(context, &view->policies, policies, name, ret_views, error);
}

/* ---- making ---- */

static bool check_policy_name(const char *name, GError **error)
{
    size_t length = strlen(name);
    bool ok = length > 0 && length <= POLICY_NAME_MAX;
    for (const char *c = name; *c; c++)
        ok = ok && (g_ascii_isalnum(*c) || *c == '-');
    return ok || fault_set(error, FAULT_VALIDATION_ERROR,
                           "PolicyName '%.200s' must consist of at most %d alphanumeric "
                           "characters and dashes (-)",
                           name, POLICY_NAME_MAX);
}

/* The key policies that a back-end policy names have to be there. */
static bool check_keys(const BalancerView *view, const char *type, const List *attributes,
                       GError **error)
{
    if (strcmp(type, POLICY_BACKEND_AUTHENTICATION) != 0)
        return true;
    LIST_EACH (const BalancerPolicyAttribute *, attribute, attributes) {
        if (!find_in(view, attribute->value))
            return no_such_policy(attribute->value, view->balancer->name, error);
        if (!policy_is_of(view, attribute->value, POLICY_PUBLIC_KEY))
            return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                             "The policy %s is not of type " POLICY_PUBLIC_KEY, attribute->value);
    }
    return true;
}

static bool insert_policy(Context *context, Txn *txn, const char *balancer_id, const char *name,
                          const char *type, const List *attributes, GError **error)
{
    const BalancerPolicy policy = {.balancer_id = balancer_id, .name = name, .type = type};
    if (!balancer_policy_insert(txn, &policy, error))
        return false;
    for (size_t i = 0; i < attributes->n; i++) {
        BalancerPolicyAttribute attribute = *(const BalancerPolicyAttribute *)attributes->items[i];
        attribute.balancer_id = balancer_id;
        attribute.policy = name;
        attribute.position = arena_printf(context->arena, "%05zu", i);
        if (!balancer_policy_attribute_insert(txn, &attribute, error))
            return false;
    }
    return true;
}

bool balancer_add_policy(Context *context, const char *name, const char *policy, const char *type,
                         const List *attributes, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    BalancerView *view;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !load_view(context, txn, name, &view, error) || !check_policy_name(policy, error) ||
        !policy_check(type, attributes, error) || !check_keys(view, type, attributes, error))
        return false;
    if (find_in(view, policy))
        return fault_set(error, FAULT_DUPLICATE_POLICY_NAME,
                         "A policy with name %s already exists for load balancer %s", policy, name);
    if (view->policies.n >= POLICIES_PER_BALANCER)
        return fault_set(error, FAULT_TOO_MANY_POLICIES,
                         "Load balancer %s has the maximum of %d policies", name,
                         POLICIES_PER_BALANCER);
    return insert_policy(context, txn, view->balancer->id, policy, type, attributes, error) &&
           balancer_commit(context, &txn, error);
}

bool balancer_default_tls_policy(Context *context, Txn *txn, const char *balancer_id,
                                 const char **ret_name, GError **error)
{
    const char *name = tls_policy_default()->name;
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_BALANCER_POLICY, &found, error, balancer_id,
                          name))
        return false;
    *ret_name = name;
    BalancerPolicyAttribute reference = {.name = POLICY_REFERENCE, .value = name};
    List attributes = {0};
    list_add(&attributes, context->arena, &reference);
    return found || insert_policy(context, txn, balancer_id, name, POLICY_SSL_NEGOTIATION,
                                  &attributes, error);
}

/* ---- removing ---- */

static bool names_policy(const char *policies, const char *name)
{
    g_auto(GStrv) names = g_strsplit(policies, " ", -1);
    return g_strv_contains((const char *const *)names, name);
}

/* What refers to the policy; NULL: nothing. */
static const char *user_of(Arena *arena, const BalancerView *view, const char *policy)
{
    LIST_EACH (const BalancerListener *, listener, &view->listeners) {
        if (names_policy(listener->policies, policy))
            return arena_printf(arena, "the listener on port %d", atoi(listener->port));
    }
    LIST_EACH (const BalancerServer *, server, &view->servers) {
        if (names_policy(server->policies, policy))
            return arena_printf(arena, "the instance port %d", atoi(server->port));
    }
    LIST_EACH (const BalancerPolicyView *, other, &view->policies) {
        if (strcmp(other->policy->type, POLICY_BACKEND_AUTHENTICATION) != 0)
            continue;
        LIST_EACH (const BalancerPolicyAttribute *, attribute, &other->attributes) {
            if (strcmp(attribute->value, policy) == 0)
                return arena_printf(arena, "the policy %s", other->policy->name);
        }
    }
    return NULL;
}

bool balancer_remove_policy(Context *context, const char *name, const char *policy, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    BalancerView *view;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !load_view(context, txn, name, &view, error))
        return false;
    const char *user = user_of(context->arena, view, policy);
    if (user)
        return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                         "You cannot delete the policy '%s': it is enabled for %s", policy, user);
    const char *id = view->balancer->id;
    return record_change(txn, CHANGE_DELETE_BALANCER_POLICY, NULL, error, id, policy) &&
           record_change(txn, CHANGE_DELETE_BALANCER_POLICY_ATTRIBUTES, NULL, error, id, policy) &&
           balancer_commit(context, &txn, error);
}

/* ---- setting ---- */

/* Checks that all are there, and joins them as they are kept. */
static bool join(Context *context, const BalancerView *view, const List *policies,
                 const char **ret_text, GError **error)
{
    const char *text = "";
    LIST_EACH (const char *, policy, policies) {
        if (!find_in(view, policy))
            return no_such_policy(policy, view->balancer->name, error);
        if (!names_policy(text, policy))
            text = arena_printf(context->arena, "%s%s%s", text, *text ? " " : "", policy);
    }
    *ret_text = text;
    return true;
}

static bool is_sticky(const char *type)
{
    return strcmp(type, POLICY_APP_COOKIE) == 0 || strcmp(type, POLICY_LB_COOKIE) == 0;
}

static bool check_for_listener(const BalancerView *view, const BalancerListener *listener,
                               const List *policies, GError **error)
{
    unsigned sticky = 0, negotiation = 0;
    LIST_EACH (const char *, name, policies) {
        const char *type = find_in(view, name)->policy->type;
        bool of_tls = strcmp(type, POLICY_SSL_NEGOTIATION) == 0;
        bool fits = (is_sticky(type) && listener_is_http(listener->protocol)) ||
                    (of_tls && listener_is_secure(listener->protocol));
        if (!fits)
            return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                             "The policy %s of type %s cannot be set on the %s listener on port "
                             "%d",
                             name, type, listener->protocol, atoi(listener->port));
        sticky += is_sticky(type);
        negotiation += of_tls;
    }
    return (sticky <= 1 && negotiation <= 1) ||
           fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                     "A listener can have one stickiness policy and one negotiation policy");
}

bool balancer_set_listener_policies(Context *context, const char *name, int64_t port,
                                    const List *policies, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    BalancerView *view;
    void *found;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !load_view(context, txn, name, &view, error) ||
        !record_query_one(txn, context->arena, QUERY_BALANCER_LISTENER, &found, error,
                          view->balancer->id, balancer_port_key(context->arena, port)))
        return false;
    BalancerListener *listener = found;
    if (!listener)
        return fault_set(error, FAULT_LISTENER_NOT_FOUND,
                         "There is no listener for port %d on load balancer %s", (int)port, name);
    return join(context, view, policies, &listener->policies, error) &&
           check_for_listener(view, listener, policies, error) &&
           balancer_listener_put(txn, listener, error) && balancer_commit(context, &txn, error);
}

/* Listeners that send to the port have to speak what the policies are about. */
static bool check_for_server(const BalancerView *view, int64_t port, const List *policies,
                             GError **error)
{
    LIST_EACH (const char *, name, policies) {
        const char *type = find_in(view, name)->policy->type;
        bool of_keys = strcmp(type, POLICY_BACKEND_AUTHENTICATION) == 0;
        bool fits = of_keys || strcmp(type, POLICY_PROXY_PROTOCOL) == 0;
        LIST_EACH (const BalancerListener *, listener, &view->listeners) {
            if (listener->instance_port == port)
                fits = fits && (of_keys ? listener_is_secure(listener->instance_protocol)
                                        : !listener_is_http(listener->instance_protocol));
        }
        if (!fits)
            return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                             "The policy %s of type %s cannot be set on the instance port %d", name,
                             type, (int)port);
    }
    return true;
}

bool balancer_set_server_policies(Context *context, const char *name, int64_t port,
                                  const List *policies, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    BalancerView *view;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !load_view(context, txn, name, &view, error))
        return false;
    BalancerServer server = {
        .balancer_id = view->balancer->id,
        .port = balancer_port_key(context->arena, port),
    };
    if (!join(context, view, policies, &server.policies, error) ||
        !check_for_server(view, port, policies, error))
        return false;
    bool ok = policies->n > 0 ? balancer_server_put(txn, &server, error)
                              : record_change(txn, CHANGE_DELETE_BALANCER_SERVER, NULL, error,
                                              server.balancer_id, server.port);
    return ok && balancer_commit(context, &txn, error);
}
