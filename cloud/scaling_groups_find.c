/* Scaling groups: found by names and tags, with what belongs to them. */
#include "cloud/scaling_parts.h"

#include "base/fault.h"
#include <string.h>

static bool has_tag(const List *tags, const FindFilter *filter)
{
    LIST_EACH (const ScalingTag *, tag, tags) {
        if (g_str_has_prefix(filter->name, "tag:")
                ? strcmp(tag->key, filter->name + 4) == 0 && list_has(&filter->values, tag->value)
                : list_has(&filter->values,
                           strcmp(filter->name, "tag-key") == 0 ? tag->key : tag->value))
            return true;
    }
    return false;
}

static bool check_group_filters(const List *filters, GError **error)
{
    LIST_EACH (const FindFilter *, filter, filters)
        if (strcmp(filter->name, "tag-key") != 0 && strcmp(filter->name, "tag-value") != 0 &&
            !g_str_has_prefix(filter->name, "tag:"))
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "Filter type %.100s is not correct. "
                             "Allowed Filter types are: tag-key, tag-value, tag:<key>",
                             filter->name);
    return true;
}

static bool matches(const List *tags, const List *filters)
{
    LIST_EACH (const FindFilter *, filter, filters)
        if (!has_tag(tags, filter))
            return false;
    return true;
}

static bool view_group(Context *context, Txn *txn, const ScalingGroup *group,
                       ScalingGroupView **ret_view, GError **error)
{
    ScalingGroupView *view = arena_new_struct(context->arena, ScalingGroupView);
    view->group = group;
    *ret_view = view;
    return scaling_members(txn, context->arena, group, &view->instances, error) &&
           record_query(txn, context->arena, QUERY_SCALING_BALANCERS_OF_GROUP, &view->balancers,
                        error, group->account_id, group->name) &&
           record_query(txn, context->arena, QUERY_SCALING_TAGS_OF_GROUP, &view->tags, error,
                        group->account_id, group->name);
}

bool scaling_groups_find(Context *context, const List *names, const List *filters, List *ret_views,
                         GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List all = {0}, views = {0};
    if (!check_group_filters(filters, error) ||
        !txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !record_query(txn, context->arena, QUERY_SCALING_GROUPS_OF_ACCOUNT, &all, error,
                      context->caller.account_id))
        return false;
    LIST_EACH (const ScalingGroup *, group, &all) {
        ScalingGroupView *view;
        if (names->n > 0 && !list_has(names, group->name))
            continue;
        if (!view_group(context, txn, group, &view, error))
            return false;
        if (matches(&view->tags, filters))
            list_add(&views, context->arena, view);
    }
    *ret_views = views;
    return txn_commit(&txn, error);
}

bool scaling_count(Context *context, int64_t *ret_groups, int64_t *ret_configurations,
                   GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           record_count(txn, COUNT_SCALING_GROUPS_OF_ACCOUNT, ret_groups, error,
                        context->caller.account_id) &&
           record_count(txn, COUNT_LAUNCH_CONFIGURATIONS_OF_ACCOUNT, ret_configurations, error,
                        context->caller.account_id) &&
           txn_commit(&txn, error);
}
