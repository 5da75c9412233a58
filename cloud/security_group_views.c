/* Pages of security groups with their rules and tags.
 *
 * Invariant: one statement a kind of record, however many groups the page has. */
#include "cloud/security_groups.h"

#include <stdlib.h>
#include <string.h>

static int by_age(const void *a, const void *b)
{
    const GroupRule *one = *(GroupRule *const *)a, *other = *(GroupRule *const *)b;
    if (one->created != other->created)
        return one->created < other->created ? -1 : 1;
    return strcmp(one->id, other->id);
}

/* Gives each view, found by its group's id, its rules. */
static bool add_rules(Context *context, Txn *txn, const List *ids, GHashTable *views,
                      GError **error)
{
    List rules = {0};
    if (!record_list_in(txn, context->arena, group_rule_record_type(), "group_id", ids, &rules,
                        error))
        return false;
    if (rules.n > 1)
        qsort(rules.items, rules.n, sizeof(void *), by_age);
    LIST_EACH (GroupRule *, rule, &rules) {
        GroupView *view = g_hash_table_lookup(views, rule->group_id);
        list_add(rule->egress ? &view->egress : &view->ingress, context->arena, rule);
    }
    return true;
}

static bool make_views(Context *context, Txn *txn, const List *groups, List *ret_views,
                       GError **error)
{
    g_autoptr(GHashTable) views = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) tags = NULL;
    List ids = {0};
    if (groups->n == 0)
        return true;
    LIST_EACH (SecurityGroup *, group, groups) {
        GroupView *view = arena_new_struct(context->arena, GroupView);
        view->group = group;
        g_hash_table_insert(views, (char *)group->id, view);
        list_add(&ids, context->arena, group->id);
        list_add(ret_views, context->arena, view);
    }
    if (!add_rules(context, txn, &ids, views, error) || !tags_of(context, txn, &ids, &tags, error))
        return false;
    LIST_EACH (GroupView *, view, ret_views)
        view->tags = g_hash_table_lookup(tags, view->group->id);
    return true;
}

bool security_groups_find(Context *context, const Page *page, const List *names, List *ret_views,
                          const char **ret_token, GError **error)
{
    static const MissingIds missing = {
        .not_found = FAULT_INVALID_GROUP_NOT_FOUND,
        .malformed = FAULT_INVALID_GROUP_ID_MALFORMED,
        .prefix = "sg",
        .noun = "security group",
    };
    g_autoptr(Txn) txn = NULL;
    List ids = {0}, found = {0};
    Page by_id = *page;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error))
        return false;
    if (names && names->n > 0) {
        LIST_EACH (const char *, name, names) {
            SecurityGroup *group;
            GroupRef ref = {.name = name};
            if (!security_group_resolve(context, txn, &ref, &group, error))
                return false;
            list_add(&ids, context->arena, group->id);
        }
        if (page->ids) {
            LIST_EACH (const char *, id, page->ids)
                list_add(&ids, context->arena, id);
        }
        by_id.ids = &ids;
    }
    return cloud_find(context, txn, &security_group_finder, &by_id, &missing, &found, ret_token,
                      error) &&
           make_views(context, txn, &found, ret_views, error);
}
