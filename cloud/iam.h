/* IAM users, their access keys and inline policies; accounts. Verbs of one transaction each.
 * Faults: NoSuchEntity, EntityAlreadyExists, DeleteConflict, LimitExceeded, ValidationError,
 * MalformedPolicyDocument. Who may do it is the caller's to check. */
#pragma once

#include "cloud/cloud.h"
#include "cloud/policy.h"

/* "IAM and AWS STS quotas" (IAM User Guide). */
#define USERS_PER_ACCOUNT 5000
#define ACCESS_KEYS_PER_USER 2
#define USER_NAME_MAX_LENGTH 64
#define POLICY_NAME_MAX_LENGTH 128
#define USER_POLICIES_MAX_SIZE 2048 /* of all documents of a user, white space not counted */

bool iam_create_user(const Context *context, const char *name, const char *path, User **ret_user,
                     GError **error);
/* name NULL: the caller himself; of root, a User whose name is NULL and whose id is the account's.
 */
bool iam_get_user(const Context *context, const char *name, User **ret_user, GError **error);
bool iam_list_users(const Context *context, const char *path_prefix, List *list, GError **error);
bool iam_delete_user(const Context *context, const char *name, GError **error);

/* name NULL: the caller's own. DeleteConflict: it is the last active key of the account's root,
 * without which nobody could get in again. */
bool iam_create_access_key(const Context *context, const char *name, AccessKey **ret_key,
                           GError **error);
bool iam_list_access_keys(const Context *context, const char *name, List *list, GError **error);
bool iam_update_access_key(const Context *context, const char *name, const char *key_id,
                           bool active, GError **error);
bool iam_delete_access_key(const Context *context, const char *name, const char *key_id,
                           GError **error);

bool iam_put_user_policy(const Context *context, const char *user, const char *name,
                         const char *document, GError **error);
bool iam_get_user_policy(const Context *context, const char *user, const char *name,
                         UserPolicy **ret_policy, GError **error);
bool iam_list_user_policies(const Context *context, const char *user, List *list, GError **error);
bool iam_delete_user_policy(const Context *context, const char *user, const char *name,
                            GError **error);

/* A new account with its root key, default VPC (whose network is opened) and groups, as the first
 * one has. Faults EntityAlreadyExists (the name is taken), ValidationError, LimitExceeded. */
bool account_create(Cloud *cloud, Arena *arena, const char *name, Account **ret_account,
                    AccessKey **ret_key, GError **error);

/* arn:aws:iam::123456789012:user/staff/alice; path: "/", "/staff/". */
const char *user_arn(Arena *arena, const char *account_id, const char *path, const char *name);
/* The same of a user in the store; of one who is not there, as if his path was "/". */
bool user_find_arn(Txn *txn, Arena *arena, const char *account_id, const char *name,
                   const char **ret_arn, GError **error);

/* What the caller's own policies say (a PolicyDecision): an account's root may everything; a user
 * what his inline policies allow. Reads the store, though not for root. */
bool iam_evaluate(Cloud *cloud, Txn *txn, Arena *arena, const Caller *caller,
                  const PolicyRequest *request, PolicyDecision *ret_decision, GError **error);
/* The same of a request that is on several resources (const char *; at least one), whatever
 * request->resource is: each has to be allowed, and a deny of one is one of all. */
bool iam_evaluate_all(Cloud *cloud, Txn *txn, Arena *arena, const Caller *caller,
                      const PolicyRequest *request, const List *resources,
                      PolicyDecision *ret_decision, GError **error);
