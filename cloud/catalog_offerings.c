/* Which instance types are offered where.
 *
 * Invariant: every type is offered everywhere in the home region; nothing is kept of that, so
 * offerings are made from the types and zones that there are, and paged by hand. */
#include "cloud/catalog.h"

#include <string.h>

typedef struct OfferingQuery {
    Page types;     /* the filters on types */
    List locations; /* FindFilter *: those on locations */
    const char *location_type;
} OfferingQuery;

static bool split_filters(Context *context, const Page *page, OfferingQuery *query, GError **error)
{
    List *filters = arena_new_struct(context->arena, List);
    if (page->filters) {
        LIST_EACH (FindFilter *, filter, page->filters) {
            if (strcmp(filter->name, "instance-type") == 0)
                list_add(filters, context->arena, filter);
            else if (strcmp(filter->name, "location") == 0)
                list_add(&query->locations, context->arena, filter);
            else
                return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                                 "The filter '%.100s' is invalid", filter->name);
        }
    }
    query->types.filters = filters;
    return true;
}

static bool location_matches(const OfferingQuery *query, const char *location)
{
    LIST_EACH (const FindFilter *, filter, &query->locations) {
        bool any = false;
        LIST_EACH (const char *, value, &filter->values)
            any = any || g_pattern_match_simple(value, location);
        if (!any)
            return false;
    }
    return true;
}

/* Where: the region, or its zones by name or by id. */
static bool list_locations(Context *context, Txn *txn, const OfferingQuery *query, List *locations,
                           GError **error)
{
    List zones = {0};
    const char *kind = query->location_type;
    if (strcmp(kind, "region") == 0) {
        if (location_matches(query, HOME_REGION))
            list_add(locations, context->arena, HOME_REGION);
        return true;
    }
    bool by_id = strcmp(kind, "availability-zone-id") == 0;
    if (!by_id && strcmp(kind, "availability-zone") != 0)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Value (%.100s) for parameter locationType is invalid. Expected: region, "
                         "availability-zone or availability-zone-id",
                         kind);
    if (!record_query(txn, context->arena, QUERY_ZONES, &zones, error))
        return false;
    LIST_EACH (const Zone *, zone, &zones) {
        const char *location = by_id ? zone->id : zone->name;
        if (location_matches(query, location))
            list_add(locations, context->arena, location);
    }
    return true;
}

static const char *offering_key(Arena *arena, const void *item)
{
    const TypeOffering *offering = item;
    return arena_printf(arena, "%s %s", offering->type, offering->location);
}

bool type_offerings_find(Context *context, const Page *page, const char *location_type, List *list,
                         const char **ret_token, GError **error)
{
    OfferingQuery query = {.location_type = location_type ? location_type : "region"};
    g_autoptr(Txn) txn = NULL;
    List types = {0}, locations = {0}, all = {0};
    if (!split_filters(context, page, &query, error) ||
        !txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !list_locations(context, txn, &query, &locations, error) ||
        !cloud_find(context, txn, &instance_type_finder, &query.types, NULL, &types, NULL, error))
        return false;
    LIST_EACH (const InstanceType *, type, &types) {
        LIST_EACH (const char *, location, &locations) {
            TypeOffering *offering = arena_new_struct(context->arena, TypeOffering);
            *offering = (TypeOffering){type->name, query.location_type, location};
            list_add(&all, context->arena, offering);
        }
    }
    return cloud_page_of(context, "offerings", page, &all, offering_key, list, ret_token, error);
}
