/* Security groups: made, found, named, deleted.
 *
 * Invariants: names are unique in a VPC; every VPC has a group named "default", which cannot be
 * deleted; a group that an interface or another group's rule uses cannot be deleted. */
#include "cloud/security_groups.h"

#include "base/id.h"
#include "cloud/catalog.h"
#include "cloud/security_group_spec.h"
#include <string.h>

#define NAME_MAX_LENGTH 255
#define NAME_PUNCTUATION " ._-:/()#,@[]+=&;{}!$*"

static bool add_rule(Context *context, Txn *txn, const SecurityGroup *group, bool egress,
                     const char *cidr, const char *source_group_id, GError **error)
{
    const GroupRule rule = {
        .id = id_new(context->arena, "sgr"),
        .account_id = group->account_id,
        .group_id = group->id,
        .egress = egress,
        .protocol = -1,
        .from_port = -1,
        .to_port = -1,
        .cidr = cidr,
        .source_group_id = source_group_id,
        .created = group->created,
    };
    return group_rule_insert(txn, &rule, error);
}

bool security_group_create_default(Context *context, Txn *txn, const char *account_id,
                                   const char *vpc_id, GError **error)
{
    const SecurityGroup group = {
        .id = id_new(context->arena, "sg"),
        .account_id = account_id,
        .vpc_id = vpc_id,
        .name = "default",
        .description = "default VPC security group",
        .created = cloud_now(context->cloud),
    };
    return security_group_insert(txn, &group, error) &&
           add_rule(context, txn, &group, false, NULL, group.id, error) &&
           add_rule(context, txn, &group, true, "0.0.0.0/0", NULL, error);
}

static bool find_named(Context *context, Txn *txn, const char *vpc_id, const char *name,
                       SecurityGroup **ret_group, GError **error)
{
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_GROUP_BY_NAME, &found, error, vpc_id, name))
        return false;
    *ret_group = found;
    return true;
}

static bool get_default_vpc(Context *context, Txn *txn, Vpc **ret_vpc, GError **error)
{
    Vpc *vpc = NULL;
    if (!vpc_find_default(txn, context->arena, context->caller.account_id, &vpc, error))
        return false;
    if (!vpc)
        return fault_set(error, FAULT_VPC_ID_NOT_SPECIFIED, "No default VPC for this user");
    *ret_vpc = vpc;
    return true;
}

static bool get_by_id(Context *context, Txn *txn, const char *id, SecurityGroup **ret_group,
                      GError **error)
{
    SecurityGroup *group;
    if (!id_is_valid(id, "sg"))
        return fault_set(error, FAULT_INVALID_GROUP_ID_MALFORMED, "Invalid id: \"%.100s\"", id);
    if (!security_group_get(txn, context->arena, id, &group, error))
        return false;
    if (!group || strcmp(group->account_id, context->caller.account_id) != 0)
        return fault_set(error, FAULT_INVALID_GROUP_NOT_FOUND,
                         "The security group '%.255s' does not exist", id);
    *ret_group = group;
    return true;
}

/* By name in a VPC; by id if it looks like one, which no name may. */
static bool get_in_vpc(Context *context, Txn *txn, const char *vpc_id, const char *text,
                       SecurityGroup **ret_group, GError **error)
{
    if (g_str_has_prefix(text, "sg-"))
        return get_by_id(context, txn, text, ret_group, error);
    SecurityGroup *group;
    if (!find_named(context, txn, vpc_id, text, &group, error))
        return false;
    if (!group)
        return fault_set(error, FAULT_INVALID_GROUP_NOT_FOUND,
                         "The security group '%.255s' does not exist in VPC '%s'", text, vpc_id);
    *ret_group = group;
    return true;
}

static bool get_in_default_vpc(Context *context, Txn *txn, const char *text,
                               SecurityGroup **ret_group, GError **error)
{
    if (g_str_has_prefix(text, "sg-"))
        return get_by_id(context, txn, text, ret_group, error);
    Vpc *vpc = NULL;
    SecurityGroup *group;
    if (!get_default_vpc(context, txn, &vpc, error) ||
        !find_named(context, txn, vpc->id, text, &group, error))
        return false;
    if (!group)
        return fault_set(error, FAULT_INVALID_GROUP_NOT_FOUND,
                         "The security group '%.255s' does not exist in default VPC '%s'", text,
                         vpc->id);
    *ret_group = group;
    return true;
}

bool security_group_resolve_in(Context *context, Txn *txn, const char *vpc_id, const GroupRef *ref,
                               SecurityGroup **ret_group, GError **error)
{
    const char *text = ref->id && ref->id[0] ? ref->id : ref->name;
    return get_in_vpc(context, txn, vpc_id, text, ret_group, error);
}

bool security_group_resolve(Context *context, Txn *txn, const GroupRef *ref,
                            SecurityGroup **ret_group, GError **error)
{
    const char *text = ref->id && ref->id[0] ? ref->id : ref->name;
    if (!text || text[0] == '\0')
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter groupName or groupId");
    return get_in_default_vpc(context, txn, text, ret_group, error);
}

static bool add_resolved(Context *context, Txn *txn, const char *vpc_id, const List *texts,
                         List *list, GError **error)
{
    LIST_EACH (const char *, text, texts) {
        SecurityGroup *group;
        if (!get_in_vpc(context, txn, vpc_id, text, &group, error))
            return false;
        if (strcmp(group->vpc_id, vpc_id) != 0)
            return fault_set(error, FAULT_INVALID_PARAMETER,
                             "Security group %s and VPC %s belong to different networks.",
                             group->id, vpc_id);
        bool known = false;
        LIST_EACH (const SecurityGroup *, other, list)
            known = known || strcmp(other->id, group->id) == 0;
        if (!known)
            list_add(list, context->arena, group);
    }
    return true;
}

bool security_groups_resolve(Context *context, Txn *txn, const char *vpc_id, const List *ids,
                             const List *names, List *list, GError **error)
{
    List found = {0};
    if ((ids && !add_resolved(context, txn, vpc_id, ids, &found, error)) ||
        (names && !add_resolved(context, txn, vpc_id, names, &found, error)))
        return false;
    if (found.n == 0) {
        SecurityGroup *group;
        if (!get_in_vpc(context, txn, vpc_id, "default", &group, error))
            return false;
        list_add(&found, context->arena, group);
    }
    if (found.n > GROUPS_PER_ENI)
        return fault_set(error, FAULT_SECURITY_GROUPS_PER_INSTANCE_LIMIT_EXCEEDED,
                         "The maximum number of security groups per interface has been reached.");
    LIST_EACH (SecurityGroup *, group, &found)
        list_add(list, context->arena, group);
    return true;
}

static bool has_only_allowed(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr(NAME_PUNCTUATION, *c))
            return false;
    }
    return true;
}

static bool check_name(const char *name, GError **error)
{
    if (name[0] == '\0')
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Value () for parameter groupName is invalid. The name cannot be empty");
    if (strcmp(name, "default") == 0)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Cannot use reserved security group name: default");
    if (g_str_has_prefix(name, "sg-"))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Invalid value '%.255s' for groupName. Group names may not be in the "
                         "format sg-*",
                         name);
    if (strlen(name) > NAME_MAX_LENGTH || !has_only_allowed(name))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Value (%.255s) for parameter groupName is invalid. Valid names are "
                         "strings less than 256 characters from the following set: "
                         "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
                         name);
    return true;
}

static bool check_description(const char *description, GError **error)
{
    if (description[0] == '\0')
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter GroupDescription");
    if (strlen(description) > NAME_MAX_LENGTH || !has_only_allowed(description))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Invalid security group description. Valid descriptions are strings less "
                         "than 256 characters from the following set: "
                         "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*");
    return true;
}

/* The VPC for a new group. */
static bool choose_vpc(Context *context, Txn *txn, const char *vpc_id, Vpc **ret_vpc,
                       GError **error)
{
    if (!vpc_id || vpc_id[0] == '\0')
        return get_default_vpc(context, txn, ret_vpc, error);
    Vpc *vpc = NULL;
    if (!vpc_get(txn, context->arena, vpc_id, &vpc, error))
        return false;
    if (!vpc || strcmp(vpc->account_id, context->caller.account_id) != 0)
        return fault_set(error, FAULT_INVALID_VPC_ID_NOT_FOUND,
                         "The vpc ID '%.100s' does not exist", vpc_id);
    *ret_vpc = vpc;
    return true;
}

static bool check_free(Context *context, Txn *txn, const char *vpc_id, const char *name,
                       GError **error)
{
    SecurityGroup *taken;
    int64_t count;
    if (!find_named(context, txn, vpc_id, name, &taken, error) ||
        !record_count(txn, COUNT_GROUPS_OF_ACCOUNT, &count, error, context->caller.account_id))
        return false;
    if (taken)
        return fault_set(error, FAULT_INVALID_GROUP_DUPLICATE,
                         "The security group '%s' already exists for VPC '%s'", name, vpc_id);
    if (count >= GROUPS_PER_ACCOUNT)
        return fault_set(error, FAULT_SECURITY_GROUP_LIMIT_EXCEEDED,
                         "The maximum number of security groups for this account has been "
                         "reached: %d",
                         GROUPS_PER_ACCOUNT);
    return true;
}

bool security_group_create(Context *context, const char *name, const char *description,
                           const char *vpc_id, const List *tags, const char **ret_id,
                           GError **error)
{
    if (!check_name(name, error) || !check_description(description, error))
        return false;
    g_autoptr(Txn) txn = NULL;
    Vpc *vpc = NULL;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !choose_vpc(context, txn, vpc_id, &vpc, error) ||
        !check_free(context, txn, vpc->id, name, error))
        return false;
    const SecurityGroup group = {
        .id = id_new(context->arena, "sg"),
        .account_id = context->caller.account_id,
        .vpc_id = vpc->id,
        .name = name,
        .description = description,
        .created = cloud_now(context->cloud),
    };
    if (!security_group_insert(txn, &group, error) ||
        !add_rule(context, txn, &group, true, "0.0.0.0/0", NULL, error) ||
        !tags_put(context, txn, group.id, "security-group", tags, error) ||
        !txn_commit(&txn, error))
        return false;
    cloud_wake_network(context->cloud);
    *ret_id = group.id;
    return true;
}

static bool check_unused(Context *context, Txn *txn, const SecurityGroup *group, GError **error)
{
    int64_t enis;
    List rules = {0};
    if (!record_count(txn, COUNT_ENIS_IN_GROUP, &enis, error, group->id) ||
        !record_query(txn, context->arena, QUERY_RULES_FROM_GROUP, &rules, error, group->id))
        return false;
    bool used = enis > 0;
    LIST_EACH (const GroupRule *, rule, &rules)
        used = used || strcmp(rule->group_id, group->id) != 0;
    if (used)
        return fault_set(error, FAULT_DEPENDENCY_VIOLATION, "resource %s has a dependent object",
                         group->id);
    return true;
}

bool security_group_remove(Context *context, const GroupRef *ref, const char **ret_id,
                           GError **error)
{
    g_autoptr(Txn) txn = NULL;
    SecurityGroup *group;
    List rules = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !security_group_resolve(context, txn, ref, &group, error))
        return false;
    if (strcmp(group->name, "default") == 0)
        return fault_set(error, FAULT_CANNOT_DELETE,
                         "the specified group: \"%s\" name: \"%s\" cannot be deleted by a user",
                         group->id, group->name);
    if (!check_unused(context, txn, group, error) ||
        !record_query(txn, context->arena, QUERY_RULES_OF_GROUP, &rules, error, group->id))
        return false;
    LIST_EACH (const GroupRule *, rule, &rules) {
        if (!record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, rule->id))
            return false;
    }
    if (!record_change(txn, CHANGE_DELETE_RULES_OF_GROUP, NULL, error, group->id) ||
        !record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, group->id) ||
        !security_group_delete(txn, group->id, error) || !txn_commit(&txn, error))
        return false;
    cloud_wake_network(context->cloud);
    *ret_id = group->id;
    return true;
}
