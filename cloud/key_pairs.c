/* Key pairs.
 *
 * Invariant: names are unique in an account; what is kept is the public half alone. */
#include "cloud/key_pairs.h"

#include "base/digest.h"
#include "base/id.h"
#include "cloud/key_files.h"
#include <string.h>

static bool find_named(Context *context, Txn *txn, const char *name, KeyPair **ret_key,
                       GError **error)
{
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_KEY_PAIR_BY_NAME, &found, error,
                          context->caller.account_id, name))
        return false;
    *ret_key = found;
    return true;
}

/* The name becomes the comment of the key's line in a guest's authorized_keys. */
static bool check_name(const char *name, GError **error)
{
    size_t length = strlen(name);
    bool ok =
        length > 0 && length <= KEY_NAME_MAX_LENGTH && name[0] != ' ' && name[length - 1] != ' ';
    for (const char *c = name; *c; c++)
        ok = ok && g_ascii_isprint(*c);
    if (!ok)
        return fault_set(
            error, FAULT_INVALID_PARAMETER_VALUE,
            "Value (%.255s) for parameter KeyName is invalid. It must be 1 to %d ASCII "
            "characters without leading or trailing spaces.",
            name, KEY_NAME_MAX_LENGTH);
    return true;
}

static bool check_free(Context *context, Txn *txn, const char *name, GError **error)
{
    KeyPair *taken;
    int64_t count;
    if (!find_named(context, txn, name, &taken, error) ||
        !record_count(txn, COUNT_KEY_PAIRS_OF_ACCOUNT, &count, error, context->caller.account_id))
        return false;
    if (taken)
        return fault_set(error, FAULT_INVALID_KEY_PAIR_DUPLICATE, "The keypair already exists");
    if (count >= KEY_PAIRS_PER_ACCOUNT)
        return fault_set(error, FAULT_KEY_PAIR_LIMIT_EXCEEDED,
                         "The maximum number of key pairs has been reached: %d",
                         KEY_PAIRS_PER_ACCOUNT);
    return true;
}

static bool record(Context *context, const char *name, const PublicKey *public, const List *tags,
                   KeyPair **ret_key, GError **error)
{
    KeyPair *key = arena_new_struct(context->arena, KeyPair);
    *key = (KeyPair){
        .id = id_new(context->arena, "key"),
        .account_id = context->caller.account_id,
        .name = name,
        .type = public->type,
        .fingerprint = public->fingerprint,
        .public_key = public->line,
        .created = cloud_now(context->cloud),
    };
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !check_free(context, txn, name, error) || !key_pair_insert(txn, key, error) ||
        !tags_put(context, txn, key->id, "key-pair", tags, error) || !txn_commit(&txn, error))
        return false;
    *ret_key = key;
    return true;
}

/* A taken name is told before a key is made for nothing. */
static bool check_early(Context *context, const char *name, const List *tags, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return check_name(name, error) && tags_check(tags, error) &&
           txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           check_free(context, txn, name, error);
}

static bool check_one_of(const char *value, const char *one, const char *other,
                         const char *parameter, GError **error)
{
    if (strcmp(value, one) == 0 || strcmp(value, other) == 0)
        return true;
    return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "Value (%.100s) for parameter %s is invalid. Valid values: %s, %s", value,
                     parameter, one, other);
}

bool key_pair_create(Context *context, const char *name, const char *type, const char *format,
                     const List *tags, KeyPair **ret_key, const char **ret_material, GError **error)
{
    PublicKey public;
    const char *material;
    type = type ? type : "rsa";
    format = format ? format : "pem";
    if (!check_one_of(type, "rsa", "ed25519", "KeyType", error) ||
        !check_one_of(format, "pem", "ppk", "KeyFormat", error) ||
        !check_early(context, name, tags, error) ||
        !key_make(context->arena, type, format, name, &public, &material, error) ||
        !record(context, name, &public, tags, ret_key, error))
        return false;
    *ret_material = material;
    return true;
}

bool key_pair_import(Context *context, const char *name, const char *material, const List *tags,
                     KeyPair **ret_key, GError **error)
{
    PublicKey public;
    g_autofree uint8_t *text = NULL;
    size_t size;
    if (!check_early(context, name, tags, error))
        return false;
    if (!base64_decode(material, strlen(material), &text, &size))
        return fault_set(error, FAULT_INVALID_KEY_FORMAT,
                         "Key is not in valid OpenSSH public key format");
    return key_read(context->arena, (const char *)text, size, &public, error) &&
           record(context, name, &public, tags, ret_key, error);
}

bool key_pair_remove(Context *context, const char *name, const char *id, const char **ret_id,
                     GError **error)
{
    g_autoptr(Txn) txn = NULL;
    KeyPair *key;
    if ((!name || name[0] == '\0') && (!id || id[0] == '\0'))
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter KeyName or KeyPairId");
    if (!txn_begin(cloud_store(context->cloud), &txn, error))
        return false;
    bool by_id = id && id[0] != '\0';
    if (by_id ? !key_pair_get(txn, context->arena, id, &key, error)
              : !find_named(context, txn, name, &key, error))
        return false;
    if (!key || strcmp(key->account_id, context->caller.account_id) != 0) {
        *ret_id = NULL;
        return true;
    }
    if (!key_pair_delete(txn, key->id, error) ||
        !record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, key->id) ||
        !txn_commit(&txn, error))
        return false;
    *ret_id = key->id;
    return true;
}

/* The ids of key pairs given by name or by id. */
static bool resolve(Context *context, Txn *txn, const List *ids, const List *names, List *found,
                    GError **error)
{
    LIST_EACH (const char *, name, names) {
        KeyPair *key;
        if (!find_named(context, txn, name, &key, error))
            return false;
        if (!key)
            return fault_set(error, FAULT_INVALID_KEY_PAIR_NOT_FOUND,
                             "The key pair '%.255s' does not exist", name);
        list_add(found, context->arena, key->id);
    }
    LIST_EACH (const char *, id, ids)
        list_add(found, context->arena, id);
    return true;
}

bool key_pairs_find(Context *context, const Page *page, const List *names, List *ret_views,
                    GError **error)
{
    static const List none;
    static const MissingIds missing = {
        .not_found = FAULT_INVALID_KEY_PAIR_NOT_FOUND,
        .noun = "key pair ID",
    };
    g_autoptr(Txn) txn = NULL;
    g_autoptr(GHashTable) tags = NULL;
    List ids = {0}, found = {0}, found_ids = {0};
    Page by_id = *page;
    by_id.ids = &ids;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !resolve(context, txn, page->ids ? page->ids : &none, names ? names : &none, &ids, error) ||
        !cloud_find(context, txn, &key_pair_finder, &by_id, &missing, &found, NULL, error))
        return false;
    LIST_EACH (const KeyPair *, key, &found)
        list_add(&found_ids, context->arena, key->id);
    if (!tags_of(context, txn, &found_ids, &tags, error))
        return false;
    LIST_EACH (KeyPair *, key, &found) {
        KeyPairView *view = arena_new_struct(context->arena, KeyPairView);
        *view = (KeyPairView){.key = key, .tags = g_hash_table_lookup(tags, key->id)};
        list_add(ret_views, context->arena, view);
    }
    return true;
}
