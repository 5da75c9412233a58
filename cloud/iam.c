/* IAM users, their keys and inline policies.
 *
 * Invariant: a key, a policy or a certificate of a user has its user; so a user with any of them
 * cannot be deleted. */
#include "cloud/iam.h"
#include "base/fault.h"
#include "base/id.h"
#include "cloud/accounts.h"
#include "cloud/iam_parts.h"
#include "cloud/known_policies.h"
#include "cloud/signing_certificates.h"
#include <string.h>

/* ---- names ---- */

bool iam_check_name(const char *name, const char *member, size_t most, GError **error)
{
    size_t length = strlen(name);
    bool ok = length > 0;
    for (const char *c = name; *c; c++)
        ok = ok && (g_ascii_isalnum(*c) || strchr("_+=,.@-", *c));
    if (!ok)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The specified value for %s is invalid. It must contain only alphanumeric "
                         "characters and/or the following: +=,.@_-",
                         member);
    if (length > most)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "1 validation error detected: Value '%.200s' at '%s' failed to satisfy "
                         "constraint: Member must have length less than or equal to %zu",
                         name, member, most);
    return true;
}

bool iam_check_path(const char *path, const char *member, GError **error)
{
    size_t length = strlen(path);
    bool ok = length > 0 && length <= 512 && path[0] == '/' && path[length - 1] == '/';
    for (const char *c = path; *c; c++)
        ok = ok && g_ascii_isgraph(*c);
    return ok || fault_set(error, FAULT_VALIDATION_ERROR,
                           "The specified value for %s is invalid. It must begin and end with / "
                           "and contain only alphanumeric characters and/or / characters.",
                           member);
}

/* ---- users ---- */

const char *user_arn(Arena *arena, const char *account_id, const char *path, const char *name)
{
    return arena_printf(arena, "arn:aws:iam::%s:user%s%s", account_id, path, name);
}

bool user_find_arn(Txn *txn, Arena *arena, const char *account_id, const char *name,
                   const char **ret_arn, GError **error)
{
    void *found;
    if (!record_query_one(txn, arena, QUERY_USER, &found, error, account_id, name))
        return false;
    const User *user = found;
    *ret_arn = user_arn(arena, account_id, user ? user->path : "/", name);
    return true;
}

/* Fault NoSuchEntity. */
static bool find_user(const Context *context, Txn *txn, const char *name, User **ret_user,
                      GError **error)
{
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_USER, &found, error,
                          context->caller.account_id, name))
        return false;
    if (!found)
        return fault_set(error, FAULT_NO_SUCH_ENTITY, "The user with name %.200s cannot be found.",
                         name);
    *ret_user = found;
    return true;
}

bool iam_find_user_or_caller(const Context *context, Txn *txn, const char *name, User **ret_user,
                             GError **error)
{
    name = name ? name : caller_user_name(&context->caller);
    if (name)
        return find_user(context, txn, name, ret_user, error);
    *ret_user = NULL;
    return true;
}

static bool check_user_is_new(const Context *context, Txn *txn, const char *name, GError **error)
{
    const char *account_id = context->caller.account_id;
    int64_t same, users;
    if (!record_count(txn, COUNT_USERS_NAMED, &same, error, account_id, name) ||
        !record_count(txn, COUNT_USERS_OF_ACCOUNT, &users, error, account_id))
        return false;
    if (same)
        return fault_set(error, FAULT_ENTITY_ALREADY_EXISTS, "User with name %s already exists.",
                         name);
    return users < USERS_PER_ACCOUNT ||
           fault_set(error, FAULT_LIMIT_EXCEEDED, "Cannot exceed quota for UsersPerAccount: %d",
                     USERS_PER_ACCOUNT);
}

bool iam_create_user(const Context *context, const char *name, const char *path, User **ret_user,
                     GError **error)
{
    path = path ? path : "/";
    if (!iam_check_name(name, "userName", USER_NAME_MAX_LENGTH, error) ||
        !iam_check_path(path, "path", error))
        return false;
    User *user = arena_new_struct(context->arena, User);
    *user = (User){
        .account_id = context->caller.account_id,
        .name = name,
        .id = arena_printf(context->arena, "AIDA%s", id_new_base32(context->arena, 17)),
        .path = path,
        .created = cloud_now(context->cloud),
    };
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !check_user_is_new(context, txn, name, error) || !user_insert(txn, user, error) ||
        !txn_commit(&txn, error))
        return false;
    *ret_user = user;
    return true;
}

static bool describe_root(const Context *context, Txn *txn, User **ret_user, GError **error)
{
    Account *account;
    if (!account_get(txn, context->arena, context->caller.account_id, &account, error))
        return false;
    User *root = arena_new_struct(context->arena, User);
    *root = (User){
        .account_id = context->caller.account_id,
        .id = context->caller.account_id,
        .path = "/",
        .created = account ? account->created : 0,
    };
    *ret_user = root;
    return true;
}

bool iam_get_user(const Context *context, const char *name, User **ret_user, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    User *user;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !iam_find_user_or_caller(context, txn, name, &user, error) ||
        (!user && !describe_root(context, txn, &user, error)))
        return false;
    *ret_user = user;
    return true;
}

bool iam_list_users(const Context *context, const char *path_prefix, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List users = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !record_query(txn, context->arena, QUERY_USERS_OF_ACCOUNT, &users, error,
                      context->caller.account_id))
        return false;
    LIST_EACH (User *, user, &users)
        if (!path_prefix || g_str_has_prefix(user->path, path_prefix))
            list_add(list, context->arena, user);
    return true;
}

static bool keys_of(const Context *context, Txn *txn, const User *user, List *list, GError **error)
{
    const char *account_id = context->caller.account_id;
    if (user)
        return record_query(txn, context->arena, QUERY_KEYS_OF_USER, list, error, account_id,
                            user->name);
    List keys = {0};
    if (!record_query(txn, context->arena, QUERY_ACCESS_KEYS_OF_ACCOUNT, &keys, error, account_id))
        return false;
    LIST_EACH (AccessKey *, key, &keys)
        if (!key->user_name)
            list_add(list, context->arena, key);
    return true;
}

static bool policies_of(const Context *context, Txn *txn, const char *user_name, List *list,
                        GError **error)
{
    return record_query(txn, context->arena, QUERY_POLICIES_OF_USER, list, error,
                        context->caller.account_id, user_name);
}

bool iam_delete_user(const Context *context, const char *name, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    User *user;
    List keys = {0}, policies = {0}, certificates = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_user(context, txn, name, &user, error) ||
        !keys_of(context, txn, user, &keys, error) ||
        !policies_of(context, txn, name, &policies, error) ||
        !signing_certificates_of(txn, context->arena, user->account_id, user->name, &certificates,
                                 error))
        return false;
    if (keys.n || policies.n || certificates.n)
        return fault_set(error, FAULT_DELETE_CONFLICT, "Cannot delete entity, must %s first.",
                         keys.n       ? "delete access keys"
                         : policies.n ? "delete policies"
                                      : "delete signing certificates");
    return record_change(txn, CHANGE_DELETE_USER, NULL, error, context->caller.account_id, name) &&
           txn_commit(&txn, error);
}

/* ---- access keys ---- */

bool iam_create_access_key(const Context *context, const char *name, AccessKey **ret_key,
                           GError **error)
{
    g_autoptr(Txn) txn = NULL;
    User *user;
    List keys = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !iam_find_user_or_caller(context, txn, name, &user, error) ||
        !keys_of(context, txn, user, &keys, error))
        return false;
    if (keys.n >= ACCESS_KEYS_PER_USER)
        return fault_set(error, FAULT_LIMIT_EXCEEDED,
                         "Cannot exceed quota for AccessKeysPerUser: %d", ACCESS_KEYS_PER_USER);
    AccessKey *key =
        access_key_new(context->arena, context->caller.account_id, user, cloud_now(context->cloud));
    if (!access_key_insert(txn, key, error) || !txn_commit(&txn, error))
        return false;
    *ret_key = key;
    return true;
}

bool iam_list_access_keys(const Context *context, const char *name, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    User *user;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           iam_find_user_or_caller(context, txn, name, &user, error) &&
           keys_of(context, txn, user, list, error);
}

/* The key to be changed, found among all of its owner's. */
static bool find_key(const Context *context, Txn *txn, const char *name, const char *key_id,
                     List *keys, AccessKey **ret_key, GError **error)
{
    User *user;
    if (!iam_find_user_or_caller(context, txn, name, &user, error) ||
        !keys_of(context, txn, user, keys, error))
        return false;
    AccessKey *found = NULL;
    LIST_EACH (AccessKey *, key, keys) {
        if (strcmp(key->id, key_id) == 0)
            found = key;
    }
    if (!found)
        return fault_set(error, FAULT_NO_SUCH_ENTITY,
                         "The Access Key with id %.128s cannot be found.", key_id);
    *ret_key = found;
    return true;
}

static bool check_not_last(const AccessKey *key, const List *keys, GError **error)
{
    unsigned others = 0;
    LIST_EACH (const AccessKey *, other, keys)
        others += other != key && other->active;
    return others || key->user_name ||
           fault_set(error, FAULT_DELETE_CONFLICT,
                     "This is the last active key of the account: nobody could get in again.");
}

bool iam_update_access_key(const Context *context, const char *name, const char *key_id,
                           bool active, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    AccessKey *key;
    List keys = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_key(context, txn, name, key_id, &keys, &key, error) ||
        (!active && !check_not_last(key, &keys, error)))
        return false;
    key->active = active;
    return access_key_put(txn, key, error) && txn_commit(&txn, error);
}

bool iam_delete_access_key(const Context *context, const char *name, const char *key_id,
                           GError **error)
{
    g_autoptr(Txn) txn = NULL;
    AccessKey *key;
    List keys = {0};
    return txn_begin(cloud_store(context->cloud), &txn, error) &&
           find_key(context, txn, name, key_id, &keys, &key, error) &&
           check_not_last(key, &keys, error) && access_key_delete(txn, key->id, error) &&
           txn_commit(&txn, error);
}

/* ---- policies ---- */

static size_t size_without_white_space(const char *text)
{
    size_t size = 0;
    for (; *text; text++)
        size += !g_ascii_isspace(*text);
    return size;
}

static bool check_room(const Context *context, Txn *txn, const char *user, const char *name,
                       const char *document, GError **error)
{
    List policies = {0};
    if (!policies_of(context, txn, user, &policies, error))
        return false;
    size_t size = size_without_white_space(document);
    LIST_EACH (const UserPolicy *, policy, &policies) {
        if (strcmp(policy->name, name) != 0)
            size += size_without_white_space(policy->document);
    }
    return size <= USER_POLICIES_MAX_SIZE ||
           fault_set(error, FAULT_LIMIT_EXCEEDED,
                     "Maximum policy size of %d bytes exceeded for user %s", USER_POLICIES_MAX_SIZE,
                     user);
}

bool iam_put_user_policy(const Context *context, const char *user, const char *name,
                         const char *document, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    User *found;
    Policy *read;
    const UserPolicy policy = {
        .account_id = context->caller.account_id,
        .user_name = user,
        .name = name,
        .document = document,
    };
    return iam_check_name(name, "policyName", POLICY_NAME_MAX_LENGTH, error) &&
           policy_read(context->arena, document, POLICY_OF_IDENTITY, &read, error) &&
           txn_begin(cloud_store(context->cloud), &txn, error) &&
           find_user(context, txn, user, &found, error) &&
           check_room(context, txn, user, name, document, error) &&
           user_policy_put(txn, &policy, error) && txn_commit(&txn, error);
}

bool iam_get_user_policy(const Context *context, const char *user, const char *name,
                         UserPolicy **ret_policy, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    User *found;
    void *policy;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !find_user(context, txn, user, &found, error) ||
        !record_query_one(txn, context->arena, QUERY_USER_POLICY, &policy, error,
                          context->caller.account_id, user, name))
        return false;
    if (!policy)
        return fault_set(error, FAULT_NO_SUCH_ENTITY,
                         "The user policy with name %.200s cannot be found.", name);
    *ret_policy = policy;
    return true;
}

bool iam_list_user_policies(const Context *context, const char *user, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    User *found;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           find_user(context, txn, user, &found, error) &&
           policies_of(context, txn, user, list, error);
}

bool iam_delete_user_policy(const Context *context, const char *user, const char *name,
                            GError **error)
{
    g_autoptr(Txn) txn = NULL;
    User *found;
    int64_t changed;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_user(context, txn, user, &found, error) ||
        !record_change(txn, CHANGE_DELETE_USER_POLICY, &changed, error, context->caller.account_id,
                       user, name))
        return false;
    if (!changed)
        return fault_set(error, FAULT_NO_SUCH_ENTITY,
                         "The user policy with name %.200s cannot be found.", name);
    return txn_commit(&txn, error);
}

/* ---- what they allow ---- */

static void unref_known(void *known)
{
    known_policy_unref(known);
}

/* KnownPolicy *, each with a reference. */
static bool known_policies_of(Cloud *cloud, Txn *txn, Arena *arena, const Caller *caller,
                              GPtrArray **ret_policies, GError **error)
{
    g_autoptr(GPtrArray) policies = g_ptr_array_new_with_free_func(unref_known);
    List records = {0};
    if (!record_query(txn, arena, QUERY_POLICIES_OF_USER, &records, error, caller->account_id,
                      caller_user_name(caller)))
        return false;
    LIST_EACH (const UserPolicy *, record, &records) {
        KnownPolicy *known;
        if (!known_policies_read(cloud_known_policies(cloud), record->document, POLICY_OF_IDENTITY,
                                 &known, error))
            return false;
        g_ptr_array_add(policies, known);
    }
    *ret_policies = g_steal_pointer(&policies);
    return true;
}

static PolicyDecision decide_on(const GPtrArray *policies, const PolicyRequest *request)
{
    PolicyDecision decision = POLICY_SILENT;
    for (guint i = 0; i < policies->len; i++)
        decision = MAX(decision, policy_evaluate(known_policy(policies->pdata[i]), request));
    return decision;
}

bool iam_evaluate_all(Cloud *cloud, Txn *txn, Arena *arena, const Caller *caller,
                      const PolicyRequest *request, const List *resources,
                      PolicyDecision *ret_decision, GError **error)
{
    g_autoptr(GPtrArray) policies = NULL;
    PolicyDecision all = POLICY_ALLOW;
    if (caller_user_name(caller) && !known_policies_of(cloud, txn, arena, caller, &policies, error))
        return false;
    LIST_EACH (const char *, resource, resources) {
        PolicyRequest one = *request;
        one.resource = resource;
        PolicyDecision decision = policies ? decide_on(policies, &one) : POLICY_ALLOW;
        if (all != POLICY_DENY && decision != POLICY_ALLOW)
            all = decision;
    }
    *ret_decision = all;
    return true;
}

bool iam_evaluate(Cloud *cloud, Txn *txn, Arena *arena, const Caller *caller,
                  const PolicyRequest *request, PolicyDecision *ret_decision, GError **error)
{
    List resources = {0};
    list_add(&resources, arena, request->resource);
    return iam_evaluate_all(cloud, txn, arena, caller, request, &resources, ret_decision, error);
}
