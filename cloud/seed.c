/* What a fresh cloud has. Invariant: everything is written only where it is missing, in one
 * transaction, so it may be said at every start. */
#include "cloud/seed.h"

#include "cloud/accounts.h"
#include "cloud/catalog.h"
#include "cloud/security_groups.h"

/* A reset takes the default groups away with all others. */
static bool ensure_default_group(Context *context, Txn *txn, const char *account_id, GError **error)
{
    Vpc *vpc;
    void *group;
    if (!vpc_find_default(txn, context->arena, account_id, &vpc, error) ||
        !record_query_one(txn, context->arena, QUERY_GROUP_BY_NAME, &group, error, vpc->id,
                          "default"))
        return false;
    return group || security_group_create_default(context, txn, account_id, vpc->id, error);
}

static bool seed_accounts(Context *context, Txn *txn, GError **error)
{
    List accounts = {0};
    if (!record_query(txn, context->arena, QUERY_ACCOUNTS, &accounts, error))
        return false;
    LIST_EACH (const Account *, account, &accounts)
        if (!catalog_seed_account(context, txn, account->id, error) ||
            !ensure_default_group(context, txn, account->id, error))
            return false;
    return true;
}

bool cloud_seed(Cloud *cloud, Txn *txn, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    Context context = {.cloud = cloud, .arena = arena, .region = HOME_REGION};
    AccessKey *key;
    List images = {0};
    return catalog_seed(&context, txn, error) &&
           account_seed(txn, arena, cloud_now(cloud), &key, error) &&
           seed_accounts(&context, txn, error) &&
           images_register_built(&context, txn, &images, error);
}
