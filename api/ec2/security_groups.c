/* Security groups and their rules. */
#include "cloud/security_groups.h"
#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/permissions.h"
#include "api/ec2/tag_items.h"

#define PAGE_MIN 5
#define PAGE_MAX 1000

static const char *const taggable_group[] = {"security-group", NULL};
static const char *const taggable_rule[] = {"security-group-rule", NULL};

bool ec2_create_security_group(Call *call, const CreateSecurityGroupRequest *request,
                               CreateSecurityGroupReply *reply, GError **error)
{
    List tags;
    if (!ec2_tag_specification(call, &request->tag_specifications, "security-group", taggable_group,
                               &tags, error) ||
        !security_group_create(&call->context, request->group_name, request->group_description,
                               request->vpc_id, &tags, &reply->group_id, error))
        return false;
    reply->done = true;
    reply->tags = ec2_pair_items(call, &tags);
    return true;
}

bool ec2_delete_security_group(Call *call, const DeleteSecurityGroupRequest *request,
                               DeleteSecurityGroupReply *reply, GError **error)
{
    GroupRef ref = {.id = request->group_id, .name = request->group_name};
    reply->done = true;
    return security_group_remove(&call->context, &ref, &reply->group_id, error);
}

static bool authorize_rules(Call *call, const GroupRef *ref, bool egress,
                            const Permissions *permissions, const List *tag_specifications,
                            AuthorizeSecurityGroupReply *reply, GError **error)
{
    List specs = ec2_rule_specs(call, permissions), tags, rules = {0};
    if (!ec2_tag_specification(call, tag_specifications, "security-group-rule", taggable_rule,
                               &tags, error) ||
        !security_group_authorize(&call->context, ref, egress, &specs, &tags, &rules, error))
        return false;
    reply->done = true;
    LIST_EACH (const GroupRule *, rule, &rules) {
        SecurityGroupRuleItem *item = ec2_rule_item(call, rule);
        item->tags = ec2_pair_items(call, &tags);
        list_add(&reply->rules, call->context.arena, item);
    }
    return true;
}

bool ec2_authorize_security_group_ingress(Call *call,
                                          const AuthorizeSecurityGroupIngressRequest *request,
                                          AuthorizeSecurityGroupReply *reply, GError **error)
{
    GroupRef ref = {.id = request->group_id, .name = request->group_name};
    return authorize_rules(call, &ref, false, &request->permissions, &request->tag_specifications,
                           reply, error);
}

bool ec2_authorize_security_group_egress(Call *call,
                                         const AuthorizeSecurityGroupEgressRequest *request,
                                         AuthorizeSecurityGroupReply *reply, GError **error)
{
    GroupRef ref = {.id = request->group_id};
    return authorize_rules(call, &ref, true, &request->permissions, &request->tag_specifications,
                           reply, error);
}

static bool revoke_rules(Call *call, const GroupRef *ref, bool egress,
                         const Permissions *permissions, const List *rule_ids,
                         RevokeSecurityGroupReply *reply, GError **error)
{
    List specs = ec2_rule_specs(call, permissions), rules = {0};
    if (!security_group_revoke(&call->context, ref, egress, &specs, rule_ids, &rules, error))
        return false;
    reply->done = true;
    LIST_EACH (const GroupRule *, rule, &rules)
        list_add(&reply->revoked_rules, call->context.arena, ec2_revoked_rule(call, rule));
    return true;
}

bool ec2_revoke_security_group_ingress(Call *call, const RevokeSecurityGroupIngressRequest *request,
                                       RevokeSecurityGroupReply *reply, GError **error)
{
    GroupRef ref = {.id = request->group_id, .name = request->group_name};
    return revoke_rules(call, &ref, false, &request->permissions, &request->rule_ids, reply, error);
}

bool ec2_revoke_security_group_egress(Call *call, const RevokeSecurityGroupEgressRequest *request,
                                      RevokeSecurityGroupReply *reply, GError **error)
{
    GroupRef ref = {.id = request->group_id};
    return revoke_rules(call, &ref, true, &request->permissions, &request->rule_ids, reply, error);
}

bool ec2_describe_security_groups(Call *call, const DescribeSecurityGroupsRequest *request,
                                  DescribeSecurityGroupsReply *reply, GError **error)
{
    Page page;
    List views = {0};
    if (!ec2_page_of(call, &request->selection, &request->group_ids, PAGE_MIN, PAGE_MAX, &page,
                     error) ||
        !security_groups_find(&call->context, &page, &request->group_names, &views,
                              &reply->next_token, error))
        return false;
    LIST_EACH (const GroupView *, view, &views) {
        SecurityGroupItem *item = EC2_NEW(call, SecurityGroupItem);
        item->owner_id = view->group->account_id;
        item->group_id = view->group->id;
        item->group_name = view->group->name;
        item->group_description = view->group->description;
        item->vpc_id = view->group->vpc_id;
        item->ip_permissions = ec2_permission_items(call, &view->ingress);
        item->ip_permissions_egress = ec2_permission_items(call, &view->egress);
        item->tags = ec2_tag_items(call, view->tags);
        list_add(&reply->groups, call->context.arena, item);
    }
    return true;
}

bool ec2_describe_security_group_rules(Call *call, const DescribeSecurityGroupRulesRequest *request,
                                       DescribeSecurityGroupRulesReply *reply, GError **error)
{
    Page page;
    List views = {0};
    if (!ec2_page_of(call, &request->selection, &request->rule_ids, PAGE_MIN, PAGE_MAX, &page,
                     error) ||
        !security_group_rules_find(&call->context, &page, &views, &reply->next_token, error))
        return false;
    LIST_EACH (const RuleView *, view, &views) {
        SecurityGroupRuleItem *item = ec2_rule_item(call, view->rule);
        item->tags = ec2_tag_items(call, view->tags);
        list_add(&reply->rules, call->context.arena, item);
    }
    return true;
}
