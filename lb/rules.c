/* Rules of one listener. */
#include "lb/rules.h"

#include "base/fault.h"
#include <string.h>

enum { SURGE_QUEUE = 1024 };

static bool same_zone(const Target *a, const Target *b)
{
    return g_strcmp0(a->zone, b->zone) == 0;
}

/* Fills open and zones: the zones in the order of their first target. */
static void sort_by_zone(Rules *rules)
{
    rules->open = g_new(Target *, rules->targets_n);
    rules->zones = g_new(unsigned, rules->targets_n + 1);
    g_autofree bool *placed = g_new0(bool, rules->targets_n);
    for (unsigned i = 0; i < rules->targets_n; i++) {
        const RuleTarget *first = &rules->targets[i];
        if (placed[i] || first->out_of_service || first->draining)
            continue;
        rules->zones[rules->zones_n++] = rules->open_n;
        for (unsigned k = i; k < rules->targets_n; k++) {
            const RuleTarget *other = &rules->targets[k];
            if (placed[k] || other->out_of_service || other->draining ||
                !same_zone(first->target, other->target))
                continue;
            placed[k] = true;
            rules->open[rules->open_n++] = other->target;
        }
    }
    rules->zones[rules->zones_n] = rules->open_n;
}

static bool add_targets(Rules *rules, Balancer *balancer, const LbListener *listener,
                        GError **error)
{
    rules->targets = g_new0(RuleTarget, listener->targets.n);
    LIST_EACH (const LbTarget *, wanted, &listener->targets) {
        Target *target = balancer_target(balancer, wanted, listener->target_protocol,
                                         listener->target_tls, error);
        if (!target)
            return false;
        rules->targets[rules->targets_n++] = (RuleTarget){
            .target = target,
            .out_of_service = wanted->out_of_service,
            .draining = wanted->draining,
        };
    }
    sort_by_zone(rules);
    rules_name_targets(rules);
    return true;
}

static bool is_tls_listener(const LbListener *listener)
{
    return listener->protocol == LB_SSL || listener->protocol == LB_HTTPS;
}

static bool add_tls(Rules *rules, const LbListener *listener, const Rules *before, GError **error)
{
    if (!is_tls_listener(listener))
        return true;
    if (!listener->tls) {
        return trouble_set(error, "the listener has no certificate");
    }
    if (before && before->tls && tls_server_matches(before->tls, listener->tls)) {
        rules->tls = tls_context_ref(before->tls);
        return true;
    }
    return tls_server_new(listener->tls, &rules->tls, error);
}

Rules *rules_new(Balancer *balancer, const LbListener *listener, const Rules *before,
                 GError **error)
{
    Rules *rules = g_new0(Rules, 1);
    rules->idle_seconds = listener->idle_seconds;
    rules->idle_ms =
        listener->idle_seconds ? listener->idle_seconds * 1000 : balancer->crew->idle_ms;
    rules->drain_ms = listener->drain_seconds * 1000;
    rules->zonal = listener->zonal;
    rules->proxy_protocol = listener->proxy_protocol;
    rules->stickiness = listener->stickiness;
    rules->sticky_seconds = listener->sticky_seconds;
    rules->sticky_cookie = g_strdup(listener->sticky_cookie);
    rules->target_connections = listener->target_connections;
    rules->surge_queue = listener->surge_queue ? listener->surge_queue : SURGE_QUEUE;
    rules->log_name = g_strdup(listener->log_name);
    rules->allowed = g_new(LbCidr, listener->allowed.n);
    LIST_EACH (const LbCidr *, cidr, &listener->allowed)
        rules->allowed[rules->allowed_n++] = *cidr;
    if (add_tls(rules, listener, before, error) && add_targets(rules, balancer, listener, error))
        return rules;
    rules_free(rules);
    return NULL;
}

void rules_free(Rules *rules)
{
    if (!rules)
        return;
    tls_context_unref(rules->tls);
    g_free(rules->allowed);
    g_free(rules->targets);
    g_free(rules->open);
    g_free(rules->zones);
    g_free(rules->sticky_cookie);
    g_free(rules->log_name);
    g_free(rules);
}

static bool same_target(const RuleTarget *own, const LbTarget *wanted, const LbListener *listener)
{
    static const TlsClientOptions defaults;
    const Target *target = own->target;
    return target->address == wanted->address && target->port == wanted->port &&
           own->out_of_service == wanted->out_of_service && own->draining == wanted->draining &&
           target->protocol == listener->target_protocol && !g_strcmp0(target->id, wanted->id) &&
           !g_strcmp0(target->zone, wanted->zone) &&
           (!target->tls ||
            tls_client_matches(target->tls,
                               listener->target_tls ? listener->target_tls : &defaults));
}

static bool same_settings(const Rules *rules, const LbListener *listener)
{
    return rules->idle_seconds == listener->idle_seconds &&
           rules->drain_ms == listener->drain_seconds * 1000 && rules->zonal == listener->zonal &&
           rules->proxy_protocol == listener->proxy_protocol &&
           rules->stickiness == listener->stickiness &&
           rules->sticky_seconds == listener->sticky_seconds &&
           rules->target_connections == listener->target_connections &&
           rules->surge_queue == (listener->surge_queue ? listener->surge_queue : SURGE_QUEUE) &&
           !g_strcmp0(rules->sticky_cookie, listener->sticky_cookie) &&
           !g_strcmp0(rules->log_name, listener->log_name) &&
           (!rules->tls || (listener->tls && tls_server_matches(rules->tls, listener->tls)));
}

bool rules_match(const Rules *rules, const LbListener *listener)
{
    if (rules->targets_n != listener->targets.n || rules->allowed_n != listener->allowed.n ||
        !same_settings(rules, listener))
        return false;
    unsigned i = 0;
    LIST_EACH (const LbTarget *, target, &listener->targets) {
        if (!same_target(&rules->targets[i++], target, listener))
            return false;
    }
    i = 0;
    LIST_EACH (const LbCidr *, cidr, &listener->allowed) {
        const LbCidr *own = &rules->allowed[i++];
        if (own->network != cidr->network || own->mask != cidr->mask)
            return false;
    }
    return true;
}

void rules_name_targets(const Rules *rules)
{
    for (unsigned i = 0; i < rules->targets_n; i++) {
        rules->targets[i].target->named = true;
        if (!rules->targets[i].draining)
            rules->targets[i].target->stays = true;
    }
}

bool rules_allow(const Rules *rules, uint32_t client)
{
    for (unsigned i = 0; i < rules->allowed_n; i++) {
        const LbCidr *cidr = &rules->allowed[i];
        if ((client & cidr->mask) == (cidr->network & cidr->mask))
            return true;
    }
    return false;
}

bool rules_have_target(const Rules *rules, const Target *target)
{
    for (unsigned i = 0; i < rules->targets_n; i++) {
        if (rules->targets[i].target == target)
            return !rules->targets[i].draining;
    }
    return false;
}
