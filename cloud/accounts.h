/* Accounts and the access keys that sign for them. */
#pragma once

#include "cloud/cloud.h"

#define ACCOUNTS_MAX 1000 /* each has a network of its own */
#define ACCOUNT_NAME_MAX_LENGTH 50

/* The key with that id, or NULL; inactive ones are not found. Only reads. */
bool account_find_key(Cloud *cloud, Arena *arena, const char *access_key_id, AccessKey **ret_key,
                      GError **error);

/* Who signs with that key. Reads the store for a user's path, though not for root. The calling
 * thread has no transaction. */
bool account_caller(Cloud *cloud, Arena *arena, const AccessKey *key, Caller *ret_caller,
                    GError **error);

/* Makes the first account with its key unless there is one, inside a transaction of the caller;
 * returns its root's oldest active key. */
bool account_seed(Txn *txn, Arena *arena, int64_t now, AccessKey **ret_key, GError **error);

/* The oldest account: the one that `cumulet env` speaks for and that owns public images. */
bool account_first(Txn *txn, Arena *arena, Account **ret_account, GError **error);

/* A key that is not in the store yet. user NULL: the account's root. */
AccessKey *access_key_new(Arena *arena, const char *account_id, const User *user, int64_t now);

/* Account *, the oldest first. Making one: account_create (cloud/iam.h). */
bool accounts_list(Cloud *cloud, Arena *arena, List *list, GError **error);
