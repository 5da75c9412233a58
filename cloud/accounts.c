/* Accounts and their keys. Invariant: a store that was opened once has at least one account whose
 * root has an active key. */
#include "cloud/accounts.h"

#include "base/digest.h"
#include "base/fault.h"
#include "base/id.h"
#include "cloud/catalog.h"
#include "cloud/iam.h"
#include "store/known_records.h"
#include <inttypes.h>
#include <string.h>

bool account_find_key(Cloud *cloud, Arena *arena, const char *access_key_id, AccessKey **ret_key,
                      GError **error)
{
    void *found;
    if (!known_record_get(cloud_known_records(cloud), arena, access_key_record_type(),
                          access_key_id, &found, error))
        return false;
    AccessKey *key = found;
    *ret_key = key && key->active ? key : NULL;
    return true;
}

static bool find_arn(Cloud *cloud, Arena *arena, const AccessKey *key, const char **ret_arn,
                     GError **error)
{
    if (!key->user_name) {
        *ret_arn = arena_printf(arena, "arn:aws:iam::%s:root", key->account_id);
        return true;
    }
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(cloud), &txn, error) &&
           user_find_arn(txn, arena, key->account_id, key->user_name, ret_arn, error);
}

bool account_caller(Cloud *cloud, Arena *arena, const AccessKey *key, Caller *ret_caller,
                    GError **error)
{
    const char *arn;
    if (!find_arn(cloud, arena, key, &arn, error))
        return false;
    *ret_caller = (Caller){
        .account_id = key->account_id,
        .arn = arn,
        .user_id = key->user_id ? key->user_id : key->account_id,
        .access_key_id = key->id,
    };
    return true;
}

bool account_first(Txn *txn, Arena *arena, Account **ret_account, GError **error)
{
    void *found;
    if (!record_query_one(txn, arena, QUERY_ACCOUNTS, &found, error))
        return false;
    *ret_account = found;
    return true;
}

/* 40 characters of [A-Za-z0-9+/], as AWS's secrets are. */
static char *new_secret(Arena *arena)
{
    uint8_t bytes[30];
    random_bytes(bytes, sizeof(bytes));
    g_autofree char *text = g_base64_encode(bytes, sizeof(bytes));
    return arena_strdup(arena, text);
}

static char *new_account_id(Arena *arena)
{
    uint64_t random;
    random_bytes(&random, sizeof(random));
    return arena_printf(arena, "%012" PRIu64, UINT64_C(100000000000) + random % 899999999999u);
}

static char *new_canonical_id(Arena *arena)
{
    uint8_t bytes[32];
    char *text = arena_alloc(arena, 2 * sizeof(bytes) + 1);
    random_bytes(bytes, sizeof(bytes));
    hex_encode(bytes, sizeof(bytes), text);
    return text;
}

AccessKey *access_key_new(Arena *arena, const char *account_id, const User *user, int64_t now)
{
    AccessKey *key = arena_new_struct(arena, AccessKey);
    *key = (AccessKey){
        .id = arena_printf(arena, "AKIA%s", id_new_base32(arena, 16)),
        .account_id = account_id,
        .secret = new_secret(arena),
        .user_name = user ? user->name : NULL,
        .user_id = user ? user->id : NULL,
        .active = true,
        .created = now,
    };
    return key;
}

static Account *account_new(Arena *arena, const char *name, int64_t now)
{
    Account *account = arena_new_struct(arena, Account);
    *account = (Account){
        .id = new_account_id(arena),
        .name = name,
        .created = now,
        .canonical_id = new_canonical_id(arena),
    };
    return account;
}

/* The oldest active one; NULL without. */
static bool find_root_key(Txn *txn, Arena *arena, const char *account_id, AccessKey **ret_key,
                          GError **error)
{
    List keys = {0};
    if (!record_query(txn, arena, QUERY_ACCESS_KEYS_OF_ACCOUNT, &keys, error, account_id))
        return false;
    *ret_key = NULL;
    LIST_EACH (AccessKey *, key, &keys) {
        if (!*ret_key && key->active && !key->user_name)
            *ret_key = key;
    }
    return true;
}

bool account_seed(Txn *txn, Arena *arena, int64_t now, AccessKey **ret_key, GError **error)
{
    Account *account;
    if (!account_first(txn, arena, &account, error))
        return false;
    if (!account) {
        account = account_new(arena, "default", now);
        if (!account_insert(txn, account, error))
            return false;
    }
    AccessKey *key;
    if (!find_root_key(txn, arena, account->id, &key, error))
        return false;
    if (!key) {
        key = access_key_new(arena, account->id, NULL, now);
        if (!access_key_insert(txn, key, error))
            return false;
    }
    *ret_key = key;
    return true;
}

/* ---- more of them ---- */

static bool check_name(const char *name, GError **error)
{
    size_t length = strlen(name);
    bool ok = length > 0 && length <= ACCOUNT_NAME_MAX_LENGTH;
    for (const char *c = name; *c; c++)
        ok = ok && (g_ascii_isalnum(*c) || strchr("-_.@", *c));
    return ok || fault_set(error, FAULT_VALIDATION_ERROR,
                           "An account's name is 1 to %d letters, digits and any of -_.@",
                           ACCOUNT_NAME_MAX_LENGTH);
}

static bool check_account_is_new(Txn *txn, Arena *arena, const char *name, GError **error)
{
    void *taken;
    List accounts = {0};
    if (!record_query_one(txn, arena, QUERY_ACCOUNT_BY_NAME, &taken, error, name) ||
        !record_query(txn, arena, QUERY_ACCOUNTS, &accounts, error))
        return false;
    if (taken)
        return fault_set(error, FAULT_ENTITY_ALREADY_EXISTS,
                         "There is an account of the name %.100s already", name);
    return accounts.n < ACCOUNTS_MAX ||
           fault_set(error, FAULT_LIMIT_EXCEEDED, "A cloud has at most %d accounts", ACCOUNTS_MAX);
}

static bool record_account(Cloud *cloud, Arena *arena, const Account *account, const AccessKey *key,
                           Vpc **ret_vpc, GError **error)
{
    Context context = {.cloud = cloud, .arena = arena, .region = HOME_REGION};
    g_autoptr(Txn) txn = NULL;
    return txn_begin(cloud_store(cloud), &txn, error) &&
           check_account_is_new(txn, arena, account->name, error) &&
           account_insert(txn, account, error) && access_key_insert(txn, key, error) &&
           catalog_seed_account(&context, txn, account->id, error) &&
           vpc_find_default(txn, arena, account->id, ret_vpc, error) && txn_commit(&txn, error);
}

bool account_create(Cloud *cloud, Arena *arena, const char *name, Account **ret_account,
                    AccessKey **ret_key, GError **error)
{
    if (!check_name(name, error))
        return false;
    Account *account = account_new(arena, name, cloud_now(cloud));
    AccessKey *key = access_key_new(arena, account->id, NULL, account->created);
    Vpc *vpc;
    if (!record_account(cloud, arena, account, key, &vpc, error) ||
        !cloud_add_network(cloud, vpc, error))
        return false;
    *ret_account = account;
    *ret_key = key;
    return true;
}

bool accounts_list(Cloud *cloud, Arena *arena, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(cloud), &txn, error) &&
           record_query(txn, arena, QUERY_ACCOUNTS, list, error);
}
