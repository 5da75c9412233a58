/* Tags of load balancers.
 *
 * Invariant: a call changes all the balancers that it names or none. */
#include "cloud/balancer_parts.h"

#include <string.h>

#define KEY_MAX 128
#define VALUE_MAX 256

static bool check_pairs(const List *pairs, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    LIST_EACH (const TagPair *, pair, pairs) {
        if (!*pair->key || g_utf8_strlen(pair->key, -1) > KEY_MAX)
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "A tag's key must have 1 to %d characters", KEY_MAX);
        if (pair->value && g_utf8_strlen(pair->value, -1) > VALUE_MAX)
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "A tag's value must have at most %d characters", VALUE_MAX);
        if (g_ascii_strncasecmp(pair->key, "aws:", 4) == 0)
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "aws: prefixed tag key names are not allowed for external use.");
        if (!g_hash_table_add(seen, (char *)pair->key))
            return fault_set(error, FAULT_DUPLICATE_TAG_KEYS,
                             "A tag key was specified more than once: %.100s", pair->key);
    }
    return true;
}

bool balancer_tags_put(Context *context, Txn *txn, const char *balancer_id, const List *pairs,
                       GError **error)
{
    int64_t count;
    if (!check_pairs(pairs, error))
        return false;
    LIST_EACH (const TagPair *, pair, pairs) {
        const BalancerTag tag = {
            .balancer_id = balancer_id,
            .key = pair->key,
            .value = pair->value ? pair->value : "",
        };
        if (!balancer_tag_put(txn, &tag, error))
            return false;
    }
    if (!record_count(txn, COUNT_TAGS_OF_BALANCER, &count, error, balancer_id))
        return false;
    return count <= TAGS_PER_BALANCER ||
           fault_set(error, FAULT_TOO_MANY_TAGS,
                     "The quota for the number of tags that can be assigned to a load balancer has "
                     "been reached: %d",
                     TAGS_PER_BALANCER);
}

bool balancer_add_tags(Context *context, const List *names, const List *pairs, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud_store(context->cloud), &txn, error))
        return false;
    LIST_EACH (const char *, name, names) {
        Balancer *balancer;
        if (!balancer_named(context, txn, name, &balancer, error) ||
            !balancer_tags_put(context, txn, balancer->id, pairs, error))
            return false;
    }
    return txn_commit(&txn, error);
}

bool balancer_remove_tags(Context *context, const List *names, const List *keys, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud_store(context->cloud), &txn, error))
        return false;
    LIST_EACH (const char *, name, names) {
        Balancer *balancer;
        if (!balancer_named(context, txn, name, &balancer, error))
            return false;
        LIST_EACH (const char *, key, keys) {
            if (!record_change(txn, CHANGE_DELETE_BALANCER_TAG, NULL, error, balancer->id, key))
                return false;
        }
    }
    return txn_commit(&txn, error);
}

bool balancer_find_tags(Context *context, const List *names, List *ret_tags, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error))
        return false;
    LIST_EACH (const char *, name, names) {
        Balancer *balancer;
        List one = {0};
        BalancerTags *tags = arena_new_struct(context->arena, BalancerTags);
        if (!balancer_named(context, txn, name, &balancer, error))
            return false;
        tags->name = balancer->name;
        list_add(&one, context->arena, balancer->id);
        if (!record_list_in(txn, context->arena, balancer_tag_record_type(), "balancer_id", &one,
                            &tags->tags, error))
            return false;
        list_add(ret_tags, context->arena, tags);
    }
    return true;
}
