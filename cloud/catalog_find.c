/* What the cloud is made of, for Describe requests.
 *
 * Invariant: only reads. */
#include "cloud/catalog.h"

#include "base/cidr.h"
#include "cloud/addresses.h"
#include "cloud/security_groups.h"
#include <string.h>

static bool check_regions(Context *context, Txn *txn, const List *names, GError **error)
{
    LIST_EACH (const char *, name, names) {
        Region *region;
        if (!region_get(txn, context->arena, name, &region, error))
            return false;
        if (!region)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "Invalid region provided: [%.100s]", name);
    }
    return true;
}

bool regions_find(Context *context, const Page *page, bool all, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List found = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        (page->ids && !check_regions(context, txn, page->ids, error)) ||
        !cloud_find(context, txn, &region_finder, page, NULL, &found, NULL, error))
        return false;
    bool named = page->ids && page->ids->n > 0;
    LIST_EACH (Region *, region, &found) {
        if (all || named || strcmp(region->opt_in_status, "not-opted-in") != 0)
            list_add(list, context->arena, region);
    }
    return true;
}

static const Zone *zone_named(const List *zones, const char *text, bool by_id)
{
    LIST_EACH (const Zone *, zone, zones) {
        if (strcmp(by_id ? zone->id : zone->name, text) == 0)
            return zone;
    }
    return NULL;
}

/* Adds the names of zones given by name or by id. */
static bool add_zone_names(Context *context, const List *every, const List *wanted, bool by_id,
                           List *names, GError **error)
{
    LIST_EACH (const char *, text, wanted) {
        const Zone *zone = zone_named(every, text, by_id);
        if (!zone)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "Invalid availability zone%s: [%.100s]", by_id ? "-id" : "", text);
        list_add(names, context->arena, zone->name);
    }
    return true;
}

bool zones_find(Context *context, const Page *page, const List *zone_ids, List *list,
                GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List every = {0}, names = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !record_query(txn, context->arena, QUERY_ZONES, &every, error) ||
        (page->ids && !add_zone_names(context, &every, page->ids, false, &names, error)) ||
        (zone_ids && !add_zone_names(context, &every, zone_ids, true, &names, error)))
        return false;
    Page by_name = *page;
    by_name.ids = &names;
    return cloud_find(context, txn, &zone_finder, &by_name, NULL, list, NULL, error);
}

bool vpcs_find(Context *context, const Page *page, List *ret_views, const char **ret_token,
               GError **error)
{
    static const MissingIds missing = {
        .not_found = FAULT_INVALID_VPC_ID_NOT_FOUND,
        .noun = "vpc ID",
    };
    g_autoptr(Txn) txn = NULL;
    g_autoptr(GHashTable) tags = NULL;
    List found = {0}, ids = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !cloud_find(context, txn, &vpc_finder, page, &missing, &found, ret_token, error))
        return false;
    LIST_EACH (const Vpc *, vpc, &found)
        list_add(&ids, context->arena, vpc->id);
    if (!tags_of(context, txn, &ids, &tags, error))
        return false;
    LIST_EACH (Vpc *, vpc, &found) {
        VpcView *view = arena_new_struct(context->arena, VpcView);
        *view = (VpcView){.vpc = vpc, .tags = g_hash_table_lookup(tags, vpc->id)};
        list_add(ret_views, context->arena, view);
    }
    return true;
}

static bool count_available(Txn *txn, const Subnet *subnet, int64_t *ret_count, GError **error)
{
    uint32_t network, mask;
    if (!cidr_parse(subnet->cidr, &network, &mask))
        return trouble_set(error, "subnet %s has no CIDR block but '%s'", subnet->id, subnet->cidr);
    int64_t used;
    if (!record_count(txn, COUNT_ENIS_OF_SUBNET, &used, error, subnet->id))
        return false;
    *ret_count = (int64_t)~mask + 1 - SUBNET_RESERVED - used;
    return true;
}

bool subnets_find(Context *context, const Page *page, List *ret_views, const char **ret_token,
                  GError **error)
{
    static const MissingIds missing = {
        .not_found = FAULT_INVALID_SUBNET_ID_NOT_FOUND,
        .noun = "subnet ID",
    };
    g_autoptr(Txn) txn = NULL;
    g_autoptr(GHashTable) tags = NULL;
    List found = {0}, ids = {0}, zones = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !cloud_find(context, txn, &subnet_finder, page, &missing, &found, ret_token, error) ||
        !record_query(txn, context->arena, QUERY_ZONES, &zones, error))
        return false;
    LIST_EACH (const Subnet *, subnet, &found)
        list_add(&ids, context->arena, subnet->id);
    if (!tags_of(context, txn, &ids, &tags, error))
        return false;
    LIST_EACH (Subnet *, subnet, &found) {
        SubnetView *view = arena_new_struct(context->arena, SubnetView);
        const Zone *zone = zone_named(&zones, subnet->zone, false);
        view->subnet = subnet;
        view->zone_id = zone ? zone->id : NULL;
        view->tags = g_hash_table_lookup(tags, subnet->id);
        if (!count_available(txn, subnet, &view->available_addresses, error))
            return false;
        list_add(ret_views, context->arena, view);
    }
    return true;
}

/* AWS names unknown types in a sentence of its own. */
static bool check_types(Context *context, Txn *txn, const List *names, GError **error)
{
    g_autoptr(GString) unknown = g_string_new(NULL);
    LIST_EACH (const char *, name, names) {
        InstanceType *type;
        if (!instance_type_get(txn, context->arena, name, &type, error))
            return false;
        if (!type)
            g_string_append_printf(unknown, "%s%.100s", unknown->len > 0 ? ", " : "", name);
    }
    if (unknown->len > 0)
        return fault_set(error, FAULT_INVALID_INSTANCE_TYPE,
                         "The following supplied instance types do not exist: [%s]", unknown->str);
    return true;
}

bool instance_types_find(Context *context, const Page *page, List *list, const char **ret_token,
                         GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           (!page->ids || check_types(context, txn, page->ids, error)) &&
           cloud_find(context, txn, &instance_type_finder, page, NULL, list, ret_token, error);
}

bool account_attributes(Context *context, const List *names, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Vpc *vpc;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !vpc_find_default(txn, context->arena, context->caller.account_id, &vpc, error))
        return false;
    const struct {
        const char *name, *value;
    } rows[] = {
        {"supported-platforms", "VPC"},
        {"vpc-max-security-groups-per-interface", G_STRINGIFY(GROUPS_PER_ENI)},
        {"max-elastic-ips", G_STRINGIFY(ELASTIC_IPS_PER_ACCOUNT)},
        {"max-instances", G_STRINGIFY(INSTANCES_PER_ACCOUNT)},
        {"vpc-max-elastic-ips", G_STRINGIFY(ELASTIC_IPS_PER_ACCOUNT)},
        {"default-vpc", vpc ? vpc->id : "none"},
    };
    List known = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        list_add(&known, context->arena, rows[i].name);
    bool all = !names || names->n == 0;
    if (!all) {
        LIST_EACH (const char *, name, names) {
            if (!list_has(&known, name))
                return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                                 "Value (%.100s) for parameter attributeName is invalid", name);
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (!all && !list_has(names, rows[i].name))
            continue;
        AccountAttribute *attribute = arena_new_struct(context->arena, AccountAttribute);
        attribute->name = rows[i].name;
        list_add(&attribute->values, context->arena, rows[i].value);
        list_add(list, context->arena, attribute);
    }
    return true;
}
