/* Client tokens: a request repeated with its token returns what it made the first time. */
#pragma once

#include "cloud/cloud.h"

/* The id of what a request of that action with this token made earlier; NULL: none, or no token.
 * digest: of the request; two with one token must have one. Fault: IdempotentParameterMismatch. */
bool client_token_find(Context *context, Txn *txn, const char *action, const char *token,
                       const char *digest, const char **ret_id, GError **error);
/* Notes it, in the transaction that makes the thing; no token: nothing. Kept for a day. */
bool client_token_keep(Context *context, Txn *txn, const char *action, const char *token,
                       const char *digest, const char *id, GError **error);
