/* Asks a user's policies. Invariant: root's requests do not touch the store here. */
#include "api/authorize.h"

#include "cloud/iam.h"
#include <string.h>

static const char *resource_of(Arena *arena, const Attempt *attempt)
{
    if (attempt->service != &service_iam || strcmp(attempt->action, "ListUsers") == 0)
        return "*";
    const char *user = params_get(attempt->params, "UserName");
    return arena_printf(arena, "arn:aws:iam::%s:user/%s", attempt->caller->account_id,
                        user ? user : caller_user_name(attempt->caller));
}

bool endpoint_authorize(Cloud *cloud, Arena *arena, const Attempt *attempt, bool *ret_may,
                        GError **error)
{
    const Caller *caller = attempt->caller;
    *ret_may = true;
    if (!caller_user_name(caller) || attempt->service == &service_sts)
        return true;
    PolicyRequest request = {
        .action = arena_printf(arena, "%s:%s", attempt->service->name, attempt->action),
        .resource = resource_of(arena, attempt),
        .account_id = caller->account_id,
        .arn = caller->arn,
        .user_id = caller->user_id,
        .now = cloud_now(cloud),
    };
    policy_add_caller_facts(arena, &request);
    policy_add_fact(arena, &request, "aws:SourceIp", attempt->http->source_ip);
    policy_add_fact(arena, &request, "aws:SecureTransport", "false");
    policy_add_fact(arena, &request, "aws:UserAgent", http_header(attempt->http, "user-agent"));
    PolicyDecision decision;
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
        !iam_evaluate(cloud, txn, arena, caller, &request, &decision, error))
        return false;
    *ret_may = decision == POLICY_ALLOW;
    return true;
}
