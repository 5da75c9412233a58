/* Load balancers: made, found, changed, deleted.
 *
 * Invariants: names are unique in an account whatever their case; a balancer has at least one
 * place, one group and an address of its own for as long as it lives; all that belongs to it goes
 * with it. */
#include "cloud/balancers.h"

#include "base/id.h"
#include "cloud/addresses.h"
#include "cloud/balancer_parts.h"
#include "cloud/catalog.h"
#include <inttypes.h>
#include <string.h>

#define BALANCER_NAME_MAX 32
#define SCHEME_PUBLIC "internet-facing"
#define SCHEME_INTERNAL "internal"

/* ---- finding ---- */

bool balancer_named(Context *context, Txn *txn, const char *name, Balancer **ret_balancer,
                    GError **error)
{
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_BALANCER_NAMED, &found, error,
                          context->caller.account_id, name))
        return false;
    Balancer *balancer = found;
    if (!balancer || strcmp(balancer->name, name) != 0)
        return fault_set(error, FAULT_LOAD_BALANCER_NOT_FOUND,
                         "There is no ACTIVE Load Balancer named '%.100s'", name);
    *ret_balancer = balancer;
    return true;
}

static const char *dns_name_of(Cloud *cloud, Arena *arena, const Balancer *balancer)
{
    bool internal = strcmp(balancer->scheme, SCHEME_INTERNAL) == 0;
    return arena_printf(arena, "%s%s-%s." HOME_REGION ".elb.%s", internal ? "internal-" : "",
                        balancer->name, balancer->number, cloud_dns_suffix(cloud));
}

/* What belongs to a balancer: in each of these records balancer_id is the first member. */
static const struct {
    const RecordType *(*type)(void);
    size_t list; /* in the view */
} parts[] = {
    {balancer_listener_record_type, offsetof(BalancerView, listeners)},
    {balancer_server_record_type, offsetof(BalancerView, servers)},
    {balancer_place_record_type, offsetof(BalancerView, places)},
    {balancer_instance_record_type, offsetof(BalancerView, instances)},
};

static bool load_records(Txn *txn, Arena *arena, const RecordType *type, const List *ids,
                         List *ret_records, GError **error)
{
    *ret_records = (List){0};
    return ids->n == 0 || record_list_in(txn, arena, type, "balancer_id", ids, ret_records, error);
}

static bool load_parts(Txn *txn, Arena *arena, GHashTable *views, const List *ids, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        List records;
        if (!load_records(txn, arena, parts[i].type(), ids, &records, error))
            return false;
        LIST_EACH (void *, record, &records) {
            char *view = g_hash_table_lookup(views, *(const char *const *)record);
            list_add((List *)(view + parts[i].list), arena, record);
        }
    }
    return true;
}

static bool load_groups(Txn *txn, Arena *arena, GHashTable *views, const List *ids, GError **error)
{
    List members, group_ids = {0}, groups = {0};
    if (!load_records(txn, arena, balancer_group_record_type(), ids, &members, error))
        return false;
    LIST_EACH (const BalancerGroup *, member, &members) {
        if (!list_has(&group_ids, member->group_id))
            list_add(&group_ids, arena, member->group_id);
    }
    if (group_ids.n > 0 &&
        !record_list_in(txn, arena, security_group_record_type(), "id", &group_ids, &groups, error))
        return false;
    LIST_EACH (const BalancerGroup *, member, &members) {
        BalancerView *view = g_hash_table_lookup(views, member->balancer_id);
        LIST_EACH (SecurityGroup *, group, &groups) {
            if (strcmp(group->id, member->group_id) == 0)
                list_add(&view->groups, arena, group);
        }
    }
    return true;
}

static BalancerPolicyView *policy_of(const BalancerView *view, const char *name)
{
    LIST_EACH (BalancerPolicyView *, policy, &view->policies) {
        if (strcmp(policy->policy->name, name) == 0)
            return policy;
    }
    return NULL;
}

static bool load_policies(Txn *txn, Arena *arena, GHashTable *views, const List *ids,
                          GError **error)
{
    List policies, attributes;
    if (!load_records(txn, arena, balancer_policy_record_type(), ids, &policies, error) ||
        !load_records(txn, arena, balancer_policy_attribute_record_type(), ids, &attributes, error))
        return false;
    LIST_EACH (const BalancerPolicy *, policy, &policies) {
        BalancerView *view = g_hash_table_lookup(views, policy->balancer_id);
        BalancerPolicyView *made = arena_new_struct(arena, BalancerPolicyView);
        made->policy = policy;
        list_add(&view->policies, arena, made);
    }
    LIST_EACH (const BalancerPolicyAttribute *, attribute, &attributes) {
        const BalancerView *view = g_hash_table_lookup(views, attribute->balancer_id);
        BalancerPolicyView *policy = policy_of(view, attribute->policy);
        if (policy)
            list_add(&policy->attributes, arena, attribute);
    }
    return true;
}

bool balancer_views(Cloud *cloud, Txn *txn, Arena *arena, const List *balancers, List *ret_views,
                    GError **error)
{
    g_autoptr(GHashTable) views = g_hash_table_new(g_str_hash, g_str_equal);
    List ids = {0}, made = {0};
    LIST_EACH (const Balancer *, balancer, balancers) {
        BalancerView *view = arena_new_struct(arena, BalancerView);
        view->balancer = balancer;
        view->dns_name = dns_name_of(cloud, arena, balancer);
        g_hash_table_insert(views, (char *)balancer->id, view);
        list_add(&ids, arena, balancer->id);
        list_add(&made, arena, view);
    }
    if (!load_parts(txn, arena, views, &ids, error) ||
        !load_groups(txn, arena, views, &ids, error) ||
        !load_policies(txn, arena, views, &ids, error))
        return false;
    *ret_views = made;
    return true;
}

bool balancer_view(Context *context, Txn *txn, const Balancer *balancer, BalancerView **ret_view,
                   GError **error)
{
    List one = {0}, views = {0};
    list_add(&one, context->arena, balancer);
    if (!balancer_views(context->cloud, txn, context->arena, &one, &views, error))
        return false;
    *ret_view = list_at(&views, 0);
    return true;
}

bool balancer_find_one(Context *context, const char *name, BalancerView **ret_view, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           balancer_named(context, txn, name, &balancer, error) &&
           balancer_view(context, txn, balancer, ret_view, error);
}

static const char *name_of(Arena *arena, const void *balancer)
{
    return ((const Balancer *)balancer)->name;
}

static bool find_named(Context *context, Txn *txn, const List *names, List *list, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    LIST_EACH (const char *, name, names) {
        Balancer *balancer;
        if (!g_hash_table_add(seen, (char *)name))
            continue;
        if (!balancer_named(context, txn, name, &balancer, error))
            return false;
        list_add(list, context->arena, balancer);
    }
    return true;
}

bool balancers_find(Context *context, const Page *page, List *ret_views, const char **ret_marker,
                    GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List all = {0}, some = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error))
        return false;
    bool ok = page->ids && page->ids->n > 0
                  ? find_named(context, txn, page->ids, &all, error)
                  : record_query(txn, context->arena, QUERY_BALANCERS_OF_ACCOUNT, &all, error,
                                 context->caller.account_id);
    if (!ok)
        return false;
    g_autoptr(GError) refused = NULL;
    if (!cloud_page_of(context, "balancers", page, &all, name_of, &some, ret_marker, &refused))
        return fault_set(error, FAULT_VALIDATION_ERROR, "Invalid marker: %.100s", page->token);
    return balancer_views(context->cloud, txn, context->arena, &some, ret_views, error);
}

/* ---- making ---- */

static bool check_balancer_name(const char *name, GError **error)
{
    size_t length = strlen(name);
    for (const char *c = name; *c; c++) {
        if (!g_ascii_isalnum(*c) && *c != '-')
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "LoadBalancer name cannot contain characters that are not letters, "
                             "or digits or the dash.");
    }
    if (length > BALANCER_NAME_MAX)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "LoadBalancer name cannot be longer than %d characters",
                         BALANCER_NAME_MAX);
    if (length == 0 || name[0] == '-' || name[length - 1] == '-')
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "LoadBalancerName '%s' cannot begin or end with a hyphen or be empty",
                         name);
    if (g_str_has_prefix(name, "internal-"))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "LoadBalancerName '%s' cannot begin with 'internal-'", name);
    return true;
}

static bool check_spec(const BalancerSpec *spec, GError **error)
{
    if (!check_balancer_name(spec->name, error))
        return false;
    if (spec->scheme && strcmp(spec->scheme, SCHEME_PUBLIC) != 0 &&
        strcmp(spec->scheme, SCHEME_INTERNAL) != 0)
        return fault_set(error, FAULT_INVALID_SCHEME,
                         "Invalid scheme '%.100s': it is internet-facing or internal",
                         spec->scheme);
    if (spec->listeners.n == 0)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Listeners cannot be empty: at least one listener must be specified");
    if (spec->zones.n > 0 && spec->subnets.n > 0)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Only one of SubnetIds or AvailabilityZones may be specified");
    if (spec->zones.n == 0 && spec->subnets.n == 0)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Either AvailabilityZones or SubnetIds must be specified");
    return true;
}

/* Of places and groups: the same set of strings at one place of each record. */
static bool same_members(const List *a, const List *b, size_t offset)
{
    if (a->n != b->n)
        return false;
    List texts = {0};
    g_autoptr(Arena) arena = arena_new();
    LIST_EACH (const char *, record, a)
        list_add(&texts, arena, *(const char *const *)(record + offset));
    LIST_EACH (const char *, record, b) {
        if (!list_has(&texts, *(const char *const *)(record + offset)))
            return false;
    }
    return true;
}

static bool same_listeners(Context *context, Txn *txn, const BalancerView *view, const List *specs,
                           bool *ret_same, GError **error)
{
    *ret_same = view->listeners.n == specs->n;
    for (size_t i = 0; *ret_same && i < specs->n; i++) {
        BalancerListener wanted;
        if (!balancer_listener_make(context, txn, list_at(specs, i), &wanted, error))
            return false;
        bool found = false;
        LIST_EACH (const BalancerListener *, has, &view->listeners)
            found = found || (strcmp(has->port, wanted.port) == 0 &&
                              strcmp(has->protocol, wanted.protocol) == 0 &&
                              strcmp(has->instance_protocol, wanted.instance_protocol) == 0 &&
                              has->instance_port == wanted.instance_port &&
                              g_strcmp0(has->certificate, wanted.certificate) == 0);
        *ret_same = found;
    }
    return true;
}

/* One of that name is there: fine when it is what is asked for. */
static bool answer_again(Context *context, Txn *txn, const BalancerSpec *spec,
                         const Balancer *balancer, const List *places, const List *groups,
                         const char **ret_dns_name, GError **error)
{
    BalancerView *view;
    bool same;
    if (!balancer_view(context, txn, balancer, &view, error) ||
        !same_listeners(context, txn, view, &spec->listeners, &same, error))
        return false;
    same = same && strcmp(balancer->name, spec->name) == 0 &&
           strcmp(balancer->scheme, spec->scheme ? spec->scheme : SCHEME_PUBLIC) == 0 &&
           same_members(&view->places, places, offsetof(BalancerPlace, subnet_id)) &&
           same_members(&view->groups, groups, offsetof(SecurityGroup, id));
    if (!same)
        return fault_set(error, FAULT_DUPLICATE_LOAD_BALANCER_NAME,
                         "Load Balancer named %s already exists and it is configured with "
                         "different parameters.",
                         spec->name);
    *ret_dns_name = view->dns_name;
    return true;
}

static bool insert_places(Context *context, Txn *txn, const char *balancer_id, const List *places,
                          GError **error)
{
    LIST_EACH (BalancerPlace *, place, places) {
        place->balancer_id = balancer_id;
        if (!balancer_place_insert(txn, place, error))
            return false;
    }
    return true;
}

/* Of a new name: ten digits. */
static const char *new_number(Arena *arena)
{
    const char *hex = strchr(id_new(arena, "lb"), '-') + 1;
    g_autofree char *some = g_strndup(hex, 15);
    return arena_printf(arena, "%010" PRIu64,
                        (uint64_t)g_ascii_strtoull(some, NULL, 16) % UINT64_C(10000000000));
}

static bool insert_balancer(Context *context, Txn *txn, const BalancerSpec *spec,
                            const char *vpc_id, Balancer *balancer, GError **error)
{
    const ListenerSpec *first = list_at(&spec->listeners, 0);
    *balancer = (Balancer){
        .id = id_new(context->arena, "lb"),
        .account_id = context->caller.account_id,
        .name = spec->name,
        .vpc_id = vpc_id,
        .scheme = spec->scheme ? spec->scheme : SCHEME_PUBLIC,
        .number = new_number(context->arena),
        .created = cloud_now(context->cloud),
        .health_target = arena_printf(context->arena, "TCP:%" PRId64, first->instance_port),
        .health_interval = 30,
        .health_timeout = 5,
        .unhealthy_threshold = 2,
        .healthy_threshold = 10,
        .draining_timeout = 300,
        .idle_timeout = 60,
        .log_interval = 60,
        .desync_mode = "defensive",
    };
    return address_take_public(context, txn, &balancer->address, error) &&
           balancer_insert(txn, balancer, error);
}

static bool check_limit(Context *context, Txn *txn, GError **error)
{
    int64_t count;
    if (!record_count(txn, COUNT_BALANCERS_OF_ACCOUNT, &count, error, context->caller.account_id))
        return false;
    return count < BALANCERS_PER_ACCOUNT ||
           fault_set(error, FAULT_TOO_MANY_LOAD_BALANCERS,
                     "Exceeded quota of account %s: %d load balancers", context->caller.account_id,
                     BALANCERS_PER_ACCOUNT);
}

bool balancer_commit(Context *context, Txn **txn, GError **error)
{
    if (!txn_commit(txn, error))
        return false;
    cloud_wake_network(context->cloud);
    return true;
}

bool balancer_create(Context *context, const BalancerSpec *spec, const char **ret_dns_name,
                     GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List places = {0}, groups = {0};
    const char *vpc_id;
    void *taken;
    Balancer balancer;
    if (!check_spec(spec, error) || !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !record_query_one(txn, context->arena, QUERY_BALANCER_NAMED, &taken, error,
                          context->caller.account_id, spec->name) ||
        !balancer_places_resolve(context, txn, &spec->zones, &spec->subnets, &places, &vpc_id,
                                 error) ||
        !balancer_groups_resolve(context, txn, vpc_id, &spec->groups, &groups, error))
        return false;
    if (taken)
        return answer_again(context, txn, spec, taken, &places, &groups, ret_dns_name, error);
    if (!check_limit(context, txn, error) ||
        !insert_balancer(context, txn, spec, vpc_id, &balancer, error) ||
        !insert_places(context, txn, balancer.id, &places, error) ||
        !balancer_groups_put(context, txn, balancer.id, &groups, error) ||
        !balancer_listeners_add(context, txn, &balancer, &spec->listeners, error) ||
        !balancer_tags_put(context, txn, balancer.id, &spec->tags, error) ||
        !balancer_commit(context, &txn, error))
        return false;
    *ret_dns_name = dns_name_of(context->cloud, context->arena, &balancer);
    return true;
}

/* ---- deleting ---- */

static const Change removals[] = {
    CHANGE_DELETE_LISTENERS_OF_BALANCER,  CHANGE_DELETE_SERVERS_OF_BALANCER,
    CHANGE_DELETE_PLACES_OF_BALANCER,     CHANGE_DELETE_GROUPS_OF_BALANCER,
    CHANGE_DELETE_INSTANCES_OF_BALANCER,  CHANGE_DELETE_POLICIES_OF_BALANCER,
    CHANGE_DELETE_ATTRIBUTES_OF_BALANCER, CHANGE_DELETE_TAGS_OF_BALANCER,
};

bool balancer_remove(Context *context, const char *name, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    void *found;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !record_query_one(txn, context->arena, QUERY_BALANCER_NAMED, &found, error,
                          context->caller.account_id, name))
        return false;
    const Balancer *balancer = found;
    if (!balancer || strcmp(balancer->name, name) != 0)
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(removals); i++) {
        if (!record_change(txn, removals[i], NULL, error, balancer->id))
            return false;
    }
    return balancer_delete(txn, balancer->id, error) && balancer_commit(context, &txn, error);
}
