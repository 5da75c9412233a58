/* Inline policies of users. */
#include "api/iam/handlers.h"
#include "api/iam/iam_page.h"
#include "cloud/iam.h"

bool iam_api_put_user_policy(Call *call, const PutUserPolicyRequest *request,
                             PutUserPolicyReply *reply, GError **error)
{
    return iam_put_user_policy(&call->context, request->user_name, request->policy_name,
                               request->policy_document, error);
}

bool iam_api_get_user_policy(Call *call, const GetUserPolicyRequest *request,
                             GetUserPolicyReply *reply, GError **error)
{
    UserPolicy *policy;
    if (!iam_get_user_policy(&call->context, request->user_name, request->policy_name, &policy,
                             error))
        return false;
    /* "… is returned URL-encoded compliant with RFC 3986" (GetUserPolicy, IAM API Reference). */
    g_autofree char *encoded = g_uri_escape_string(policy->document, NULL, FALSE);
    reply->user_name = policy->user_name;
    reply->policy_name = policy->name;
    reply->policy_document = arena_strdup(call->context.arena, encoded);
    return true;
}

static const char *policy_key(Arena *arena, const void *item)
{
    return ((const UserPolicy *)item)->name;
}

bool iam_api_list_user_policies(Call *call, const ListUserPoliciesRequest *request,
                                ListUserPoliciesReply *reply, GError **error)
{
    List all = {0}, page = {0};
    if (!iam_list_user_policies(&call->context, request->user_name, &all, error) ||
        !iam_page(call, &request->page, "policies", &all, policy_key, &page, &reply->end, error))
        return false;
    LIST_EACH (const UserPolicy *, policy, &page)
        list_add(&reply->policy_names, call->context.arena, policy->name);
    return true;
}

bool iam_api_delete_user_policy(Call *call, const DeleteUserPolicyRequest *request,
                                DeleteUserPolicyReply *reply, GError **error)
{
    return iam_delete_user_policy(&call->context, request->user_name, request->policy_name, error);
}
