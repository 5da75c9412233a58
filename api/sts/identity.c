/* Who somebody is. Invariant: answers from the call alone, without the store. */
#include "api/sts/handlers.h"

bool sts_get_caller_identity(Call *call, const GetCallerIdentityRequest *request,
                             GetCallerIdentityReply *reply, GError **error)
{
    const Caller *caller = &call->context.caller;
    reply->arn = caller->arn;
    reply->user_id = caller->user_id;
    reply->account = caller->account_id;
    return true;
}
