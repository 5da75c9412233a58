/* Accounts and their keys. Invariant: a store that was opened once has at least one account with
 * an active key. */
#include "cloud/accounts.h"

#include "base/digest.h"
#include "base/id.h"
#include <inttypes.h>
#include <string.h>

bool account_find_key(Cloud *cloud, Arena *arena, const char *access_key_id, AccessKey **ret_key,
                      GError **error)
{
    g_autoptr(Txn) txn = NULL;
    AccessKey *key;
    if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
        !access_key_get(txn, arena, access_key_id, &key, error))
        return false;
    *ret_key = key && key->active ? key : NULL;
    return true;
}

void account_caller(Arena *arena, const AccessKey *key, Caller *ret_caller)
{
    *ret_caller = (Caller){
        .account_id = key->account_id,
        .arn = key->user_name
                   ? arena_printf(arena, "arn:aws:iam::%s:user/%s", key->account_id, key->user_name)
                   : arena_printf(arena, "arn:aws:iam::%s:root", key->account_id),
        .user_id = key->user_id ? key->user_id : key->account_id,
        .access_key_id = key->id,
    };
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

bool account_seed(Txn *txn, Arena *arena, int64_t now, AccessKey **ret_key, GError **error)
{
    Account *account;
    if (!account_first(txn, arena, &account, error))
        return false;
    if (!account) {
        account = arena_new_struct(arena, Account);
        *account = (Account){.id = new_account_id(arena), .name = "default", .created = now};
        if (!account_insert(txn, account, error))
            return false;
    }

    void *found;
    if (!record_query_one(txn, arena, QUERY_ACCESS_KEYS_OF_ACCOUNT, &found, error, account->id))
        return false;
    AccessKey *key = found;
    if (!key) {
        key = arena_new_struct(arena, AccessKey);
        *key = (AccessKey){
            .id = arena_printf(arena, "AKIA%s", id_new_base32(arena, 16)),
            .account_id = account->id,
            .secret = new_secret(arena),
            .active = true,
            .created = now,
        };
        if (!access_key_insert(txn, key, error))
            return false;
    }
    *ret_key = key;
    return true;
}
