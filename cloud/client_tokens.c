/* See the header. */
#include "cloud/client_tokens.h"

#include "base/fault.h"
#include <string.h>

bool client_token_find(Context *context, Txn *txn, const char *action, const char *token,
                       const char *digest, const char **ret_id, GError **error)
{
    void *found;
    *ret_id = NULL;
    if (!token || !*token)
        return true;
    if (!record_query_one(txn, context->arena, QUERY_CLIENT_TOKEN, &found, error,
                          context->caller.account_id, action, token))
        return false;
    const ClientToken *known = found;
    if (!known)
        return true;
    if (strcmp(known->request_digest, digest) != 0)
        return fault_set(error, FAULT_IDEMPOTENT_PARAMETER_MISMATCH,
                         "Arguments on this idempotent request are inconsistent with arguments "
                         "used in previous request(s).");
    *ret_id = known->result_id;
    return true;
}

bool client_token_keep(Context *context, Txn *txn, const char *action, const char *token,
                       const char *digest, const char *id, GError **error)
{
    if (!token || !*token)
        return true;
    ClientToken kept = {
        .account_id = context->caller.account_id,
        .action = action,
        .token = token,
        .request_digest = digest,
        .result_id = id,
        .created = cloud_now(context->cloud),
    };
    return client_token_insert(txn, &kept, error);
}
