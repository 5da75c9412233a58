/* Instances with what belongs to each.
 *
 * Invariant: the number of statements does not grow with the number of instances. */
#include "cloud/views.h"

#include <string.h>

typedef struct Joins {
    GHashTable *views;  /* instance id → InstanceView */
    GHashTable *owners; /* id of the primary interface → InstanceView */
    GHashTable *groups; /* group id → SecurityGroup */
    List instance_ids, eni_ids, group_ids;
} Joins;

static void joins_clear(Joins *joins)
{
    g_hash_table_unref(joins->views);
    g_hash_table_unref(joins->owners);
    g_hash_table_unref(joins->groups);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Joins, joins_clear)

static bool join_enis(Context *context, Txn *txn, Joins *joins, GError **error)
{
    List enis = {0};
    if (!record_list_in(txn, context->arena, eni_record_type(), "instance_id", &joins->instance_ids,
                        &enis, error))
        return false;
    LIST_EACH (Eni *, eni, &enis) {
        InstanceView *view = g_hash_table_lookup(joins->views, eni->instance_id);
        list_add(&view->enis, context->arena, eni);
        if (eni->device_index == 0) {
            g_hash_table_insert(joins->owners, (void *)eni->id, view);
            list_add(&joins->eni_ids, context->arena, eni->id);
        }
    }
    return true;
}

static bool join_groups(Context *context, Txn *txn, Joins *joins, GError **error)
{
    List members = {0}, groups = {0};
    if (!record_list_in(txn, context->arena, eni_group_record_type(), "eni_id", &joins->eni_ids,
                        &members, error))
        return false;
    LIST_EACH (const EniGroup *, member, &members)
        if (g_hash_table_insert(joins->groups, (void *)member->group_id, NULL))
            list_add(&joins->group_ids, context->arena, member->group_id);
    if (!record_list_in(txn, context->arena, security_group_record_type(), "id", &joins->group_ids,
                        &groups, error))
        return false;
    LIST_EACH (SecurityGroup *, group, &groups)
        g_hash_table_insert(joins->groups, (void *)group->id, group);
    LIST_EACH (const EniGroup *, known, &members) {
        InstanceView *view = g_hash_table_lookup(joins->owners, known->eni_id);
        SecurityGroup *group = g_hash_table_lookup(joins->groups, known->group_id);
        if (group)
            list_add(&view->groups, context->arena, group);
    }
    return true;
}

static bool join_volumes(Context *context, Txn *txn, Joins *joins, GError **error)
{
    List volumes = {0};
    if (!record_list_in(txn, context->arena, volume_record_type(), "instance_id",
                        &joins->instance_ids, &volumes, error))
        return false;
    LIST_EACH (Volume *, volume, &volumes) {
        InstanceView *view = g_hash_table_lookup(joins->views, volume->instance_id);
        list_add(&view->volumes, context->arena, volume);
    }
    return true;
}

bool instance_views(Context *context, Txn *txn, const List *instances, List *views, GError **error)
{
    g_auto(Joins) joins = {
        .views = g_hash_table_new(g_str_hash, g_str_equal),
        .owners = g_hash_table_new(g_str_hash, g_str_equal),
        .groups = g_hash_table_new(g_str_hash, g_str_equal),
    };
    LIST_EACH (Instance *, instance, instances) {
        InstanceView *view = arena_new_struct(context->arena, InstanceView);
        view->instance = instance;
        g_hash_table_insert(joins.views, (void *)instance->id, view);
        list_add(&joins.instance_ids, context->arena, instance->id);
        list_add(views, context->arena, view);
    }
    if (instances->n == 0)
        return true;

    g_autoptr(GHashTable) tags = NULL;
    if (!join_enis(context, txn, &joins, error) || !join_groups(context, txn, &joins, error) ||
        !join_volumes(context, txn, &joins, error) ||
        !tags_of(context, txn, &joins.instance_ids, &tags, error))
        return false;
    LIST_EACH (InstanceView *, view, views)
        view->tags = g_hash_table_lookup(tags, view->instance->id);
    return true;
}
