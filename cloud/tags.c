/* Tags of EC2's resources.
 *
 * Invariant: a tag's account is its resource's owner, and only the owner writes it. */
#include "cloud/tags.h"

#include <string.h>

/* What can be tagged, told by the prefix of its id. */
typedef struct Kind {
    const char *prefix;
    const char *resource_type;
    const RecordType *(*type)(void);
    Fault not_found;
    const char *noun;
} Kind;

static const Kind kinds[] = {
    {"i-", "instance", instance_record_type, FAULT_INVALID_INSTANCE_ID_NOT_FOUND, "instance ID"},
    {"ami-", "image", image_record_type, FAULT_INVALID_AMI_ID_NOT_FOUND, "image ID"},
    {"aki-", "image", image_record_type, FAULT_INVALID_AMI_ID_NOT_FOUND, "image ID"},
    {"ari-", "image", image_record_type, FAULT_INVALID_AMI_ID_NOT_FOUND, "image ID"},
    {"key-", "key-pair", key_pair_record_type, FAULT_INVALID_KEY_PAIR_NOT_FOUND, "keyPair ID"},
    {"sg-", "security-group", security_group_record_type, FAULT_INVALID_GROUP_NOT_FOUND,
     "security group"},
    {"sgr-", "security-group-rule", group_rule_record_type,
     FAULT_INVALID_SECURITY_GROUP_RULE_ID_NOT_FOUND, "security group rule ID"},
    {"vpc-", "vpc", vpc_record_type, FAULT_INVALID_VPC_ID_NOT_FOUND, "vpc ID"},
    {"subnet-", "subnet", subnet_record_type, FAULT_INVALID_SUBNET_ID_NOT_FOUND, "subnet ID"},
    {"vol-", "volume", volume_record_type, FAULT_INVALID_VOLUME_NOT_FOUND, "volume"},
    {"snap-", "snapshot", snapshot_record_type, FAULT_INVALID_SNAPSHOT_NOT_FOUND, "snapshot"},
    {"lt-", "launch-template", launch_template_record_type,
     FAULT_INVALID_LAUNCH_TEMPLATE_ID_NOT_FOUND, "launch template ID"},
    {"eni-", "network-interface", eni_record_type, FAULT_INVALID_NETWORK_INTERFACE_ID_NOT_FOUND,
     "networkInterface ID"},
};

static bool is_reserved(const char *key)
{
    return g_ascii_strncasecmp(key, "aws:", 4) == 0;
}

static bool check_pair(const TagPair *pair, GError **error)
{
    if (!pair->key || pair->key[0] == '\0')
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE, "Tag key cannot be empty");
    if (g_utf8_strlen(pair->key, -1) > TAG_KEY_MAX)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Tag key exceeds the maximum length of %d characters", TAG_KEY_MAX);
    if (pair->value && g_utf8_strlen(pair->value, -1) > TAG_VALUE_MAX)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Tag value exceeds the maximum length of %d characters", TAG_VALUE_MAX);
    if (is_reserved(pair->key))
        return fault_set(error, FAULT_RESERVED_TAG,
                         "Tag keys starting with 'aws:' are reserved for internal use");
    return true;
}

bool tags_check(const List *pairs, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    LIST_EACH (const TagPair *, pair, pairs) {
        if (!check_pair(pair, error))
            return false;
        if (!g_hash_table_add(seen, (char *)pair->key))
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "Duplicate tag key '%s' specified.", pair->key);
    }
    if (pairs->n > TAGS_PER_RESOURCE)
        return fault_set(error, FAULT_TAG_LIMIT_EXCEEDED,
                         "You have reached the maximum number of tags on this resource: %d",
                         TAGS_PER_RESOURCE);
    return true;
}

static bool check_limit(Context *context, Txn *txn, const char *resource_id, GError **error)
{
    int64_t count;
    if (!record_count(txn, COUNT_TAGS_OF, &count, error, resource_id))
        return false;
    if (count > TAGS_PER_RESOURCE)
        return fault_set(error, FAULT_TAG_LIMIT_EXCEEDED,
                         "You have reached the maximum number of tags on this resource: %d",
                         TAGS_PER_RESOURCE);
    return true;
}

bool tags_put(Context *context, Txn *txn, const char *resource_id, const char *resource_type,
              const List *pairs, GError **error)
{
    if (!pairs || pairs->n == 0)
        return true;
    if (!tags_check(pairs, error))
        return false;
    LIST_EACH (const TagPair *, pair, pairs) {
        const Tag tag = {
            .resource_id = resource_id,
            .key = pair->key,
            .value = pair->value ? pair->value : "",
            .account_id = context->caller.account_id,
            .resource_type = resource_type,
        };
        if (!tag_put(txn, &tag, error))
            return false;
    }
    return check_limit(context, txn, resource_id, error);
}

bool tags_of(Context *context, Txn *txn, const List *resource_ids, GHashTable **ret_tags,
             GError **error)
{
    List tags = {0};
    if (resource_ids->n > 0 && !record_list_in(txn, context->arena, tag_record_type(),
                                               "resource_id", resource_ids, &tags, error))
        return false;
    g_autoptr(GHashTable) table = g_hash_table_new(g_str_hash, g_str_equal);
    LIST_EACH (Tag *, tag, &tags) {
        List *own = g_hash_table_lookup(table, tag->resource_id);
        if (!own) {
            own = arena_new_struct(context->arena, List);
            g_hash_table_insert(table, (char *)tag->resource_id, own);
        }
        list_add(own, context->arena, tag);
    }
    *ret_tags = g_steal_pointer(&table);
    return true;
}

bool tags_copy(Context *context, Txn *txn, const char *from_id, const char *to_id,
               const char *to_type, GError **error)
{
    List tags = {0}, pairs = {0};
    if (!record_query(txn, context->arena, QUERY_TAGS_OF, &tags, error, from_id))
        return false;
    LIST_EACH (const Tag *, tag, &tags) {
        TagPair *pair = arena_new_struct(context->arena, TagPair);
        *pair = (TagPair){.key = tag->key, .value = tag->value};
        list_add(&pairs, context->arena, pair);
    }
    return tags_put(context, txn, to_id, to_type, &pairs, error);
}

static const Kind *kind_of(const char *id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_prefix(id, kinds[i].prefix))
            return &kinds[i];
    }
    return NULL;
}

static const char *owner_of(const RecordType *type, const void *record)
{
    for (size_t i = 0; i < type->n_columns; i++) {
        if (strcmp(type->columns[i].name, "account_id") == 0)
            return *(const char *const *)((const char *)record + type->columns[i].offset);
    }
    g_assert_not_reached();
}

/* The kind of a resource that the caller owns. */
static bool resolve(Context *context, Txn *txn, const char *id, const Kind **ret_kind,
                    GError **error)
{
    const Kind *kind = kind_of(id);
    if (!kind)
        return fault_set(error, FAULT_INVALID_ID, "The ID '%.100s' is not valid", id);
    void *record;
    if (!record_get(txn, context->arena, kind->type(), id, &record, error))
        return false;
    if (!record || g_strcmp0(owner_of(kind->type(), record), context->caller.account_id) != 0)
        return fault_set(error, kind->not_found, "The %s '%.100s' does not exist", kind->noun, id);
    *ret_kind = kind;
    return true;
}

bool tags_create(Context *context, const List *resource_ids, const List *pairs, GError **error)
{
    if (!tags_check(pairs, error))
        return false;
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud_store(context->cloud), &txn, error))
        return false;
    LIST_EACH (const char *, id, resource_ids) {
        const Kind *kind;
        if (!resolve(context, txn, id, &kind, error) ||
            !tags_put(context, txn, id, kind->resource_type, pairs, error))
            return false;
    }
    return txn_commit(&txn, error);
}

static bool delete_of_one(Txn *txn, const char *id, const List *pairs, GError **error)
{
    if (pairs->n == 0)
        return record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, id);
    LIST_EACH (const TagPair *, pair, pairs) {
        bool ok = pair->value ? record_change(txn, CHANGE_DELETE_TAG_WITH_VALUE, NULL, error, id,
                                              pair->key, pair->value)
                              : record_change(txn, CHANGE_DELETE_TAG, NULL, error, id, pair->key);
        if (!ok)
            return false;
    }
    return true;
}

bool tags_delete(Context *context, const List *resource_ids, const List *pairs, GError **error)
{
    LIST_EACH (const TagPair *, pair, pairs) {
        if (!check_pair(pair, error))
            return false;
    }
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud_store(context->cloud), &txn, error))
        return false;
    LIST_EACH (const char *, id, resource_ids) {
        const Kind *kind;
        if (!resolve(context, txn, id, &kind, error) || !delete_of_one(txn, id, pairs, error))
            return false;
    }
    return txn_commit(&txn, error);
}

bool tags_find(Context *context, const Page *page, List *list, const char **ret_token,
               GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           cloud_find(context, txn, &tag_finder, page, NULL, list, ret_token, error);
}
