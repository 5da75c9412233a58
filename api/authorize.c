/* Asks a user's policies. Invariant: root's requests do not touch the store here. */
#include "api/authorize.h"

#include "api/ec2/resources.h"
#include "api/elb/resources.h"
#include "api/request_facts.h"
#include "cloud/iam.h"
#include "cloud/server_certificates.h"
#include <string.h>

/* Of the user whom an action of IAM is about. */
static bool find_user_arn(const Context *context, Txn *txn, const Attempt *attempt,
                          const char **ret_arn, GError **error)
{
    const char *account_id = context->caller.account_id;
    const char *name = params_get(attempt->params, "UserName");
    if (!name)
        name = caller_user_name(&context->caller);
    if (strcmp(attempt->action, "CreateUser") != 0)
        return user_find_arn(txn, context->arena, account_id, name, ret_arn, error);
    const char *path = params_get(attempt->params, "Path");
    *ret_arn = user_arn(context->arena, account_id, path ? path : "/", name);
    return true;
}

static bool find_iam_resource(const Context *context, Txn *txn, const Attempt *attempt,
                              const char **ret_arn, GError **error)
{
    const char *certificate = params_get(attempt->params, "ServerCertificateName");
    if (certificate)
        return server_certificate_find_arn(txn, context->arena, context->caller.account_id,
                                           params_get(attempt->params, "Path"), certificate,
                                           ret_arn, error);
    return strcmp(attempt->action, "ListUsers") == 0 ||
           strcmp(attempt->action, "ListServerCertificates") == 0 ||
           find_user_arn(context, txn, attempt, ret_arn, error);
}

static bool find_resources(Context *context, Txn *txn, const Attempt *attempt, List *resources,
                           GError **error)
{
    const char *arn = "*";
    if (attempt->service == &service_ec2)
        return ec2_resources(context, txn, attempt->action, attempt->params, resources, error);
    if (attempt->service == &service_elb) {
        elb_resources(context, attempt->action, attempt->params, resources);
        return true;
    }
    if (attempt->service == &service_iam && !find_iam_resource(context, txn, attempt, &arn, error))
        return false;
    list_add(resources, context->arena, arn);
    return true;
}

bool endpoint_authorize(Cloud *cloud, Arena *arena, const Attempt *attempt, bool *ret_may,
                        GError **error)
{
    const Caller *caller = attempt->caller;
    *ret_may = true;
    if (!caller_user_name(caller) || attempt->service == &service_sts)
        return true;
    Context context = {cloud, arena, *caller, attempt->region, attempt->request_id};
    PolicyRequest request = {
        .action = arena_printf(arena, "%s:%s", service_prefix(attempt->service), attempt->action),
        .now = cloud_now(cloud),
    };
    request_facts_add(arena, caller, attempt->http, attempt->region, &request);
    PolicyDecision decision;
    List resources = {0};
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
        !find_resources(&context, txn, attempt, &resources, error) ||
        !iam_evaluate_all(cloud, txn, arena, caller, &request, &resources, &decision, error))
        return false;
    *ret_may = decision == POLICY_ALLOW;
    return true;
}
