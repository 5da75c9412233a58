/* Key pairs. */
#include "cloud/key_pairs.h"
#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/tag_items.h"

static const char *const taggable[] = {"key-pair", NULL};

bool ec2_create_key_pair(Call *call, const CreateKeyPairRequest *request, CreateKeyPairReply *reply,
                         GError **error)
{
    List tags;
    KeyPair *key;
    if (!ec2_tag_specification(call, &request->tag_specifications, "key-pair", taggable, &tags,
                               error) ||
        !key_pair_create(&call->context, request->key_name, request->key_type, request->key_format,
                         &tags, &key, &reply->key_material, error))
        return false;
    reply->key_name = key->name;
    reply->key_fingerprint = key->fingerprint;
    reply->key_pair_id = key->id;
    reply->tags = ec2_pair_items(call, &tags);
    return true;
}

bool ec2_import_key_pair(Call *call, const ImportKeyPairRequest *request, ImportKeyPairReply *reply,
                         GError **error)
{
    List tags;
    KeyPair *key;
    if (!ec2_tag_specification(call, &request->tag_specifications, "key-pair", taggable, &tags,
                               error) ||
        !key_pair_import(&call->context, request->key_name, request->public_key_material, &tags,
                         &key, error))
        return false;
    reply->key_name = key->name;
    reply->key_fingerprint = key->fingerprint;
    reply->key_pair_id = key->id;
    reply->tags = ec2_pair_items(call, &tags);
    return true;
}

bool ec2_delete_key_pair(Call *call, const DeleteKeyPairRequest *request, DeleteKeyPairReply *reply,
                         GError **error)
{
    reply->done = true;
    return key_pair_remove(&call->context, request->key_name, request->key_pair_id,
                           &reply->key_pair_id, error);
}

bool ec2_describe_key_pairs(Call *call, const DescribeKeyPairsRequest *request,
                            DescribeKeyPairsReply *reply, GError **error)
{
    Page page;
    List views = {0};
    ec2_filter(call, &request->selection, &request->key_pair_ids, &page);
    if (!key_pairs_find(&call->context, &page, &request->key_names, &views, error))
        return false;
    LIST_EACH (const KeyPairView *, view, &views) {
        KeyPairItem *item = EC2_NEW(call, KeyPairItem);
        item->key_pair_id = view->key->id;
        item->key_fingerprint = view->key->fingerprint;
        item->key_name = view->key->name;
        item->key_type = view->key->type;
        item->create_time = view->key->created;
        if (request->include_public_key == 1)
            item->public_key =
                arena_printf(call->context.arena, "%s %s", view->key->public_key, view->key->name);
        item->tags = ec2_tag_items(call, view->tags);
        list_add(&reply->keys, call->context.arena, item);
    }
    return true;
}
