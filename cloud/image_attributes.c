/* What an owner changes of an image: who may launch it, how it is described, until when. */
#include "cloud/images.h"

#include "base/fault.h"
#include "cloud/layers.h"
#include <string.h>

#define EVERYBODY "all"

bool image_find_one(Context *context, Txn *txn, const char *id, bool own, Image **ret_image,
                    GError **error)
{
    List ids = {0}, found = {0};
    const char *token;
    list_add(&ids, context->arena, id);
    Page page = {.ids = &ids};
    if (!cloud_find(context, txn, &image_finder, &page, &image_missing, &found, &token, error))
        return false;
    Image *image = list_at(&found, 0);
    if (image->state == IMAGE_DEREGISTERED)
        return fault_set(error, FAULT_INVALID_AMI_ID_UNAVAILABLE,
                         "The image ID '%s' is no longer available", id);
    if (own && strcmp(image->account_id, context->caller.account_id) != 0)
        return fault_set(error, FAULT_AUTH_FAILURE, "Not authorized for image:%s", id);
    *ret_image = image;
    return true;
}

typedef bool (*ImageEdit)(Context *context, Txn *txn, Image *image, const void *data,
                          GError **error);

static bool edit_image(Context *context, const char *id, ImageEdit edit, const void *data,
                       GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Image *image;
    return txn_begin(cloud_store(context->cloud), &txn, error) &&
           image_find_one(context, txn, id, true, &image, error) &&
           edit(context, txn, image, data, error) && image_put(txn, image, error) &&
           txn_commit(&txn, error);
}

static bool edit_description(Context *context, Txn *txn, Image *image, const void *data,
                             GError **error)
{
    image->description = data;
    return true;
}

bool image_set_description(Context *context, const char *id, const char *text, GError **error)
{
    return edit_image(context, id, edit_description, text, error);
}

static bool edit_deprecation(Context *context, Txn *txn, Image *image, const void *data,
                             GError **error)
{
    image->deprecated = *(const int64_t *)data;
    return true;
}

bool image_set_deprecation(Context *context, const char *id, int64_t time, GError **error)
{
    if (time && time < cloud_now(context->cloud))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "The deprecation date must be in the future");
    return edit_image(context, id, edit_deprecation, &time, error);
}

/* ---- who may launch it ---- */

bool image_permissions(Context *context, const char *id, List *ret_accounts, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Image *image;
    List permissions = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !image_find_one(context, txn, id, true, &image, error) ||
        !record_query(txn, context->arena, QUERY_IMAGE_PERMISSIONS, &permissions, error, id))
        return false;
    if (image->is_public)
        list_add(ret_accounts, context->arena, EVERYBODY);
    LIST_EACH (const ImagePermission *, permission, &permissions)
        list_add(ret_accounts, context->arena, (void *)permission->account_id);
    return true;
}

typedef struct PermissionEdit {
    const List *add, *remove;
    bool reset;
} PermissionEdit;

static bool allow(Txn *txn, Image *image, const char *account_id, GError **error)
{
    if (strcmp(account_id, EVERYBODY) == 0) {
        image->is_public = true;
        return true;
    }
    ImagePermission permission = {.image_id = image->id, .account_id = account_id};
    if (strlen(account_id) != 12 || strspn(account_id, "0123456789") != 12)
        return fault_set(error, FAULT_INVALID_AMI_ATTRIBUTE_ITEM_VALUE,
                         "Invalid attribute item value \"%.100s\" for userId item type.",
                         account_id);
    return image_permission_put(txn, &permission, error);
}

static bool disallow(Txn *txn, Image *image, const char *account_id, GError **error)
{
    if (strcmp(account_id, EVERYBODY) == 0) {
        image->is_public = false;
        return true;
    }
    return record_change(txn, CHANGE_DELETE_IMAGE_PERMISSION, NULL, error, image->id, account_id);
}

static bool edit_permissions(Context *context, Txn *txn, Image *image, const void *data,
                             GError **error)
{
    const PermissionEdit *edit = data;
    if (edit->reset) {
        image->is_public = false;
        if (!record_change(txn, CHANGE_DELETE_PERMISSIONS_OF_IMAGE, NULL, error, image->id))
            return false;
    }
    LIST_EACH (const char *, added, edit->add)
        if (!allow(txn, image, added, error))
            return false;
    LIST_EACH (const char *, removed, edit->remove)
        if (!disallow(txn, image, removed, error))
            return false;
    return true;
}

bool image_change_permissions(Context *context, const char *id, const List *add, const List *remove,
                              bool reset, GError **error)
{
    PermissionEdit edit = {.add = add, .remove = remove, .reset = reset};
    return edit_image(context, id, edit_permissions, &edit, error);
}

/* ---- deregistered ---- */

typedef struct Deregistration {
    bool with_snapshots;
    List *files; /* to be removed */
} Deregistration;

static bool delete_snapshot(Context *context, Txn *txn, const char *id, List *files, GError **error)
{
    Snapshot *snapshot;
    int64_t images;
    if (!snapshot_get(txn, context->arena, id, &snapshot, error) ||
        !record_count(txn, COUNT_IMAGES_OF_SNAPSHOT, &images, error, id))
        return false;
    if (!snapshot || images > 0 || strcmp(snapshot->account_id, context->caller.account_id) != 0)
        return true;
    return record_change(txn, CHANGE_DELETE_PERMISSIONS_OF_SNAPSHOT, NULL, error, id) &&
           record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, id) &&
           snapshot_delete(txn, id, error) &&
           layer_drop(txn, context->arena, snapshot->path, files, error);
}

static bool edit_deregistered(Context *context, Txn *txn, Image *image, const void *data,
                              GError **error)
{
    const Deregistration *how = data;
    List mappings = {0};
    if (!record_query(txn, context->arena, QUERY_MAPPINGS_OF_IMAGE, &mappings, error, image->id))
        return false;
    state_move(&image_machine, image->id, &image->state, IMAGE_DEREGISTERED);
    image->work = NULL; /* who is at it looks at the state */
    /* The record stays for the instances that were made of it; what is asked below counts it. */
    if (!image_put(txn, image, error) ||
        !record_change(txn, CHANGE_DELETE_PERMISSIONS_OF_IMAGE, NULL, error, image->id) ||
        !record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, image->id) ||
        !layer_drop(txn, context->arena, image->path, how->files, error))
        return false;
    LIST_EACH (const ImageMapping *, mapping, &mappings)
        if (how->with_snapshots && mapping->snapshot_id &&
            !delete_snapshot(context, txn, mapping->snapshot_id, how->files, error))
            return false;
    return true;
}

bool image_deregister(Context *context, const char *id, bool with_snapshots, GError **error)
{
    List files = {0};
    Deregistration how = {.with_snapshots = with_snapshots, .files = &files};
    if (!edit_image(context, id, edit_deregistered, &how, error))
        return false;
    layers_remove(context->cloud, &files);
    return true;
}
