/* Access keys. Invariant: a secret is told once, when its key is made. */
#include "api/iam/handlers.h"
#include "api/iam/iam_page.h"
#include "cloud/iam.h"
#include <string.h>

static const char *status_of(const AccessKey *key)
{
    return key->active ? "Active" : "Inactive";
}

bool iam_api_create_access_key(Call *call, const CreateAccessKeyRequest *request,
                               CreateAccessKeyReply *reply, GError **error)
{
    AccessKey *key;
    if (!iam_create_access_key(&call->context, request->user_name, &key, error))
        return false;
    AccessKeyItem *item = shape_new(call->context.arena, AccessKeyItem_shape());
    item->user_name = key->user_name;
    item->access_key_id = key->id;
    item->status = status_of(key);
    item->secret_access_key = key->secret;
    item->create_date = key->created;
    reply->access_key = item;
    return true;
}

static const char *key_of_key(Arena *arena, const void *item)
{
    return ((const AccessKey *)item)->id;
}

bool iam_api_list_access_keys(Call *call, const ListAccessKeysRequest *request,
                              ListAccessKeysReply *reply, GError **error)
{
    List all = {0}, page = {0};
    if (!iam_list_access_keys(&call->context, request->user_name, &all, error) ||
        !iam_page(call, &request->page, "keys", &all, key_of_key, &page, &reply->end, error))
        return false;
    LIST_EACH (const AccessKey *, key, &page) {
        AccessKeyMetadataItem *item = shape_new(call->context.arena, AccessKeyMetadataItem_shape());
        item->user_name = key->user_name;
        item->access_key_id = key->id;
        item->status = status_of(key);
        item->create_date = key->created;
        list_add(&reply->keys, call->context.arena, item);
    }
    return true;
}

bool iam_api_update_access_key(Call *call, const UpdateAccessKeyRequest *request,
                               UpdateAccessKeyReply *reply, GError **error)
{
    return iam_update_access_key(&call->context, request->user_name, request->access_key_id,
                                 strcmp(request->status, "Active") == 0, error);
}

bool iam_api_delete_access_key(Call *call, const DeleteAccessKeyRequest *request,
                               DeleteAccessKeyReply *reply, GError **error)
{
    return iam_delete_access_key(&call->context, request->user_name, request->access_key_id, error);
}
