/* Rules: authorized, revoked, found.
 *
 * Invariant: a request's rules are added or removed in one transaction, all or none; no two rules
 * of a group let the same in or out. */
#include "cloud/security_groups.h"

#include "base/id.h"
#include "cloud/security_group_spec.h"
#include <string.h>

/* The rules of a group in one direction, in the order in which they were made. */
static bool load_rules(Context *context, Txn *txn, const SecurityGroup *group, bool egress,
                       List *list, GError **error)
{
    List all = {0};
    if (!record_query(txn, context->arena, QUERY_RULES_OF_GROUP, &all, error, group->id))
        return false;
    LIST_EACH (GroupRule *, rule, &all) {
        if (rule->egress == egress)
            list_add(list, context->arena, rule);
    }
    return true;
}

static GroupRule *find_equal(const List *rules, const GroupRule *wanted)
{
    LIST_EACH (GroupRule *, rule, rules) {
        if (rule_equals(rule, wanted))
            return rule;
    }
    return NULL;
}

/* Rules of all specs (RuleSpec *), none of them twice. */
static bool read_specs(Context *context, Txn *txn, const SecurityGroup *group, bool egress,
                       const List *specs, List *rules, GError **error)
{
    LIST_EACH (const RuleSpec *, spec, specs) {
        GroupRule *rule = arena_new_struct(context->arena, GroupRule);
        if (!rule_from_spec(context, txn, group, egress, spec, rule, error))
            return false;
        if (find_equal(rules, rule))
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "The same permission must not appear multiple times");
        list_add(rules, context->arena, rule);
    }
    return true;
}

static bool limit_exceeded(GError **error)
{
    return fault_set(error, FAULT_RULES_PER_GROUP_LIMIT_EXCEEDED,
                     "The maximum number of rules per security group has been reached.");
}

static bool insert_rule(Context *context, Txn *txn, GroupRule *rule, int64_t created,
                        const List *tags, GError **error)
{
    rule->id = id_new(context->arena, "sgr");
    rule->created = created;
    return group_rule_insert(txn, rule, error) &&
           tags_put(context, txn, rule->id, "security-group-rule", tags, error);
}

bool security_group_authorize(Context *context, const GroupRef *ref, bool egress, const List *specs,
                              const List *tags, List *ret_rules, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    SecurityGroup *group;
    List present = {0}, wanted = {0};
    if (specs->n == 0)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter ipPermissions");
    if (specs->n > RULES_PER_GROUP)
        return limit_exceeded(error);
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !security_group_resolve(context, txn, ref, &group, error) ||
        !load_rules(context, txn, group, egress, &present, error) ||
        !read_specs(context, txn, group, egress, specs, &wanted, error))
        return false;

    LIST_EACH (const GroupRule *, rule, &wanted) {
        if (find_equal(&present, rule))
            return fault_set(error, FAULT_INVALID_PERMISSION_DUPLICATE,
                             "the specified rule \"%s\" already exists",
                             rule_text(context->arena, rule));
    }
    if (present.n + wanted.n > RULES_PER_GROUP)
        return limit_exceeded(error);
    /* A microsecond apart each, so that they are listed in the order asked for, and behind the
     * group's own first rule even when that was made at the same moment. */
    int64_t created = cloud_now(context->cloud) + 1;
    LIST_EACH (GroupRule *, rule, &wanted) {
        if (!insert_rule(context, txn, rule, created++, tags, error))
            return false;
    }
    if (!txn_commit(&txn, error))
        return false;
    cloud_wake_network(context->cloud);
    *ret_rules = wanted;
    return true;
}

static bool add_by_id(Context *context, const List *present, const char *id, List *rules,
                      GError **error)
{
    if (!id_is_valid(id, "sgr"))
        return fault_set(error, FAULT_INVALID_SECURITY_GROUP_RULE_ID_MALFORMED,
                         "Invalid id: \"%.100s\" (expecting \"sgr-...\")", id);
    LIST_EACH (GroupRule *, rule, present) {
        if (strcmp(rule->id, id) == 0) {
            list_add(rules, context->arena, rule);
            return true;
        }
    }
    return fault_set(error, FAULT_INVALID_SECURITY_GROUP_RULE_ID_NOT_FOUND,
                     "The security group rule ID '%s' does not exist", id);
}

/* Which of the rules present a request means. */
static bool choose(Context *context, Txn *txn, const SecurityGroup *group, bool egress,
                   const List *specs, const List *rule_ids, List *rules, GError **error)
{
    List present = {0}, named = {0};
    if (!load_rules(context, txn, group, egress, &present, error) ||
        !read_specs(context, txn, group, egress, specs, &named, error))
        return false;
    LIST_EACH (const GroupRule *, name, &named) {
        GroupRule *rule = find_equal(&present, name);
        if (!rule)
            return fault_set(error, FAULT_INVALID_PERMISSION_NOT_FOUND,
                             "The specified rule does not exist in this security group.");
        list_add(rules, context->arena, rule);
    }
    LIST_EACH (const char *, id, rule_ids) {
        if (!add_by_id(context, &present, id, rules, error))
            return false;
    }
    return true;
}

bool security_group_revoke(Context *context, const GroupRef *ref, bool egress, const List *specs,
                           const List *rule_ids, List *ret_rules, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    SecurityGroup *group;
    List chosen = {0};
    if (specs->n == 0 && rule_ids->n == 0)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.");
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !security_group_resolve(context, txn, ref, &group, error) ||
        !choose(context, txn, group, egress, specs, rule_ids, &chosen, error))
        return false;
    LIST_EACH (const GroupRule *, rule, &chosen) {
        if (!group_rule_delete(txn, rule->id, error) ||
            !record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, rule->id))
            return false;
    }
    if (!txn_commit(&txn, error))
        return false;
    cloud_wake_network(context->cloud);
    *ret_rules = chosen;
    return true;
}

bool security_group_rules_find(Context *context, const Page *page, List *ret_views,
                               const char **ret_token, GError **error)
{
    static const MissingIds missing = {
        .not_found = FAULT_INVALID_SECURITY_GROUP_RULE_ID_NOT_FOUND,
        .malformed = FAULT_INVALID_SECURITY_GROUP_RULE_ID_MALFORMED,
        .prefix = "sgr",
        .noun = "security group rule ID",
    };
    g_autoptr(Txn) txn = NULL;
    g_autoptr(GHashTable) tags = NULL;
    List found = {0}, ids = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !cloud_find(context, txn, &group_rule_finder, page, &missing, &found, ret_token, error))
        return false;
    LIST_EACH (const GroupRule *, rule, &found)
        list_add(&ids, context->arena, rule->id);
    if (!tags_of(context, txn, &ids, &tags, error))
        return false;
    LIST_EACH (GroupRule *, rule, &found) {
        RuleView *view = arena_new_struct(context->arena, RuleView);
        *view = (RuleView){.rule = rule, .tags = g_hash_table_lookup(tags, rule->id)};
        list_add(ret_views, context->arena, view);
    }
    return true;
}
