/* Images as callers see them.
 *
 * Invariant: an image that is private to another account does not exist for this one. */
#include "cloud/images.h"

#include "base/id.h"
#include <string.h>

const MissingIds image_missing = {
    .not_found = FAULT_INVALID_AMI_ID_NOT_FOUND,
    .noun = "image id",
    .brackets = true,
};

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

static bool may_launch(Context *context, Txn *txn, const Image *image, bool *ret_allowed,
                       GError **error)
{
    int64_t permissions = 0;
    bool own = image->is_public || strcmp(image->account_id, context->caller.account_id) == 0;
    if (!own && !record_count(txn, COUNT_PERMISSIONS_OF_IMAGE_FOR, &permissions, error, image->id,
                              context->caller.account_id))
        return false;
    *ret_allowed = own || permissions > 0;
    return true;
}

bool image_resolve(Context *context, Txn *txn, const char *id, const char *kind, Image **ret_image,
                   GError **error)
{
    Image *image;
    if (!check_form(id, prefix_of(kind), error) ||
        !image_get(txn, context->arena, id, &image, error))
        return false;
    bool allowed = image && strcmp(image->kind, kind) == 0;
    if (allowed && !may_launch(context, txn, image, &allowed, error))
        return false;
    if (!allowed)
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

static void add_account_filter(Context *context, List *filters, const char *name,
                               const List *accounts)
{
    List ids = accounts_named(context, accounts);
    add_filter(context, filters, name, &ids);
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
        add_account_filter(context, filters, "owner-id", query->owners);
    if (query->executable_by && query->executable_by->n > 0)
        add_account_filter(context, filters, "executable-by", query->executable_by);
    return filters;
}

bool images_find(Context *context, const ImageQuery *query, List *ret_views, const char **ret_token,
                 GError **error)
{
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
        !cloud_find(context, txn, &image_finder, &page, &image_missing, &found, ret_token, error))
        return false;
    LIST_EACH (const Image *, image, &found)
        list_add(&ids, context->arena, image->id);
    if (!tags_of(context, txn, &ids, &tags, error))
        return false;
    LIST_EACH (Image *, image, &found) {
        ImageView *view = arena_new_struct(context->arena, ImageView);
        *view = (ImageView){.image = image, .tags = g_hash_table_lookup(tags, image->id)};
        if (!record_query(txn, context->arena, QUERY_MAPPINGS_OF_IMAGE, &view->mappings, error,
                          image->id))
            return false;
        list_add(ret_views, context->arena, view);
    }
    return true;
}

bool image_view(Context *context, const char *id, ImageView **ret_view, GError **error)
{
    List ids = {0}, views = {0};
    const char *token;
    list_add(&ids, context->arena, id);
    ImageQuery query = {.page.ids = &ids};
    if (!images_find(context, &query, &views, &token, error))
        return false;
    *ret_view = list_at(&views, 0);
    return true;
}

/* What became of the snapshots that an image waits for. */
static bool look_at_snapshots(Txn *txn, Arena *arena, const Image *image, bool *ret_pending,
                              const char **ret_failed, GError **error)
{
    List mappings = {0};
    *ret_pending = false;
    *ret_failed = NULL;
    if (!record_query(txn, arena, QUERY_MAPPINGS_OF_IMAGE, &mappings, error, image->id))
        return false;
    LIST_EACH (const ImageMapping *, mapping, &mappings) {
        Snapshot *snapshot = NULL;
        if (!mapping->snapshot_id)
            continue;
        if (!snapshot_get(txn, arena, mapping->snapshot_id, &snapshot, error))
            return false;
        if (!snapshot || snapshot->state == SNAPSHOT_ERROR)
            *ret_failed = mapping->snapshot_id;
        else if (snapshot->state == SNAPSHOT_PENDING)
            *ret_pending = true;
    }
    return true;
}

static bool settle(Txn *txn, Arena *arena, Image *image, GError **error)
{
    bool pending;
    const char *failed;
    if (!image->source_instance_id)
        return true; /* it waits for something else */
    if (!look_at_snapshots(txn, arena, image, &pending, &failed, error))
        return false;
    if (!failed && pending)
        return true;
    if (failed)
        image->state_reason =
            arena_printf(arena, "Client.InternalError: The snapshot %s could not be taken", failed);
    state_move(&image_machine, image->id, &image->state, failed ? IMAGE_FAILED : IMAGE_AVAILABLE);
    return image_put(txn, image, error);
}

bool images_settle(Cloud *cloud, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    List waiting = {0};
    if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
        !record_query(txn, arena, QUERY_IMAGES_PENDING, &waiting, error) ||
        !txn_commit(&txn, error))
        return false;
    if (waiting.n == 0)
        return true;
    waiting = (List){0};
    if (!txn_begin(cloud_store(cloud), &txn, error) ||
        !record_query(txn, arena, QUERY_IMAGES_PENDING, &waiting, error))
        return false;
    LIST_EACH (Image *, image, &waiting)
        if (!settle(txn, arena, image, error))
            return false;
    return txn_commit(&txn, error);
}
