/* Images as callers see them.
 *
 * Invariant: an image that is private to another account does not exist for this one. */
#include "cloud/images.h"

#include "base/id.h"
#include <string.h>

/* The prefix of ids of a kind of image. */
static const char *prefix_of(const char *kind)
{
    if (strcmp(kind, "kernel") == 0)
        return "aki";
    return strcmp(kind, "ramdisk") == 0 ? "ari" : "ami";
}

static bool check_form(const char *id, const char *prefix, GError **error)
{
    if (id_is_valid(id, prefix))
        return true;
    return fault_set(error, FAULT_INVALID_AMI_ID_MALFORMED,
                     "Invalid id: \"%.100s\" (expecting \"%s-...\")", id, prefix);
}

bool image_resolve(Context *context, Txn *txn, const char *id, const char *kind, Image **ret_image,
                   GError **error)
{
    Image *image;
    if (!check_form(id, prefix_of(kind), error) ||
        !image_get(txn, context->arena, id, &image, error))
        return false;
    if (!image || strcmp(image->kind, kind) != 0 ||
        (!image->is_public && strcmp(image->account_id, context->caller.account_id) != 0))
        return fault_set(error, FAULT_INVALID_AMI_ID_NOT_FOUND,
                         "The image id '[%s]' does not exist", id);
    if (image->state != IMAGE_AVAILABLE)
        return fault_set(error, FAULT_INVALID_AMI_ID_UNAVAILABLE,
                         "The image ID '%s' is not available: it is %s", id,
                         state_name(&image_machine, image->state));
    *ret_image = image;
    return true;
}

static void add_filter(Context *context, List *filters, const char *name, const List *values)
{
    FindFilter *filter = arena_new_struct(context->arena, FindFilter);
    *filter = (FindFilter){.name = name, .values = *values};
    list_add(filters, context->arena, filter);
}

/* Owners as account ids: what is no alias stands for itself. */
static void add_owner_filter(Context *context, const List *owners, List *filters)
{
    List ids = {0};
    LIST_EACH (const char *, owner, owners) {
        if (strcmp(owner, "self") == 0)
            owner = context->caller.account_id;
        else if (strcmp(owner, IMAGES_AMAZON_ALIAS) == 0)
            owner = IMAGES_AMAZON_ACCOUNT;
        list_add(&ids, context->arena, owner);
    }
    add_filter(context, filters, "owner-id", &ids);
}

/* What a Describe of images asks for, as filters. */
static const List *filters_of(Context *context, const ImageQuery *query)
{
    List *filters = arena_new_struct(context->arena, List);
    if (query->page.filters) {
        LIST_EACH (FindFilter *, filter, query->page.filters)
            list_add(filters, context->arena, filter);
    }
    List states = {0};
    for (int state = IMAGE_PENDING; state < IMAGE_DEREGISTERED; state++)
        list_add(&states, context->arena, state_name(&image_machine, state));
    add_filter(context, filters, "state", &states);

    if (query->owners && query->owners->n > 0)
        add_owner_filter(context, query->owners, filters);
    if (query->executable_by && query->executable_by->n > 0) {
        /* Launch permissions for single accounts do not exist yet: only "all" lets any through. */
        List values = {0};
        if (list_has(query->executable_by, "all"))
            list_add(&values, context->arena, "true");
        add_filter(context, filters, "is-public", &values);
    }
    return filters;
}

bool images_find(Context *context, const ImageQuery *query, List *ret_views, const char **ret_token,
                 GError **error)
{
    static const MissingIds missing = {
        .not_found = FAULT_INVALID_AMI_ID_NOT_FOUND,
        .noun = "image id",
        .brackets = true,
    };
    if (query->page.ids) {
        LIST_EACH (const char *, id, query->page.ids) {
            if (!id_is_valid(id, "aki") && !id_is_valid(id, "ari") && !check_form(id, "ami", error))
                return false;
        }
    }
    Page page = query->page;
    page.filters = filters_of(context, query);

    g_autoptr(Txn) txn = NULL;
    g_autoptr(GHashTable) tags = NULL;
    List found = {0}, ids = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !cloud_find(context, txn, &image_finder, &page, &missing, &found, ret_token, error))
        return false;
    LIST_EACH (const Image *, image, &found)
        list_add(&ids, context->arena, image->id);
    if (!tags_of(context, txn, &ids, &tags, error))
        return false;
    LIST_EACH (Image *, image, &found) {
        ImageView *view = arena_new_struct(context->arena, ImageView);
        *view = (ImageView){.image = image, .tags = g_hash_table_lookup(tags, image->id)};
        list_add(ret_views, context->arena, view);
    }
    return true;
}
