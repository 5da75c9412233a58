/* Pages of records, and what is said of ids that are not there.
 *
 * Invariant: a page's token is opaque and says of which kind of record it is, so that one of
 * another action, or of another maker, is refused. */
#include "cloud/find.h"

#include "base/digest.h"
#include "base/id.h"
#include "cloud/images.h"
#include <string.h>

#define TOKEN_MARK "cumulet-page-1"

/* "MARK\nKIND\nKEY" in base64; kind is the record's table. */
static const char *token_make(Arena *arena, const char *kind, const char *key)
{
    g_autofree char *plain = g_strdup_printf(TOKEN_MARK "\n%s\n%s", kind, key);
    g_autofree char *token = g_base64_encode((const uint8_t *)plain, strlen(plain));
    return arena_strdup(arena, token);
}

/* The key that a page's token names; NULL when there is no token. */
static bool token_read(Arena *arena, const char *kind, const char *token, const char **ret_key,
                       GError **error)
{
    g_autofree uint8_t *plain = NULL;
    size_t size = 0;
    g_autofree char *start = g_strdup_printf(TOKEN_MARK "\n%s\n", kind);
    if (!token || token[0] == '\0') {
        *ret_key = NULL;
        return true;
    }
    if (!base64_decode(token, strlen(token), &plain, &size) || memchr(plain, '\0', size) ||
        !g_str_has_prefix((const char *)plain, start))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "The token '%.100s' is invalid or was not returned by this action", token);
    *ret_key = arena_strdup(arena, (const char *)plain + strlen(start));
    return true;
}

static bool check_form(const List *ids, const MissingIds *missing, GError **error)
{
    if (!missing->prefix)
        return true;
    LIST_EACH (const char *, id, ids) {
        if (id_is_valid(id, missing->prefix))
            continue;
        bool prefixed = g_str_has_prefix(id, missing->prefix) && id[strlen(missing->prefix)] == '-';
        if (prefixed)
            return fault_set(error, missing->malformed, "Invalid id: \"%.100s\"", id);
        return fault_set(error, missing->malformed, "Invalid id: \"%.100s\" (expecting \"%s-...\")",
                         id, missing->prefix);
    }
    return true;
}

/* The fault that names each id which is not among those found; NULL when all are. */
static bool check_present(const List *ids, const List *found, const MissingIds *missing,
                          GError **error)
{
    g_autoptr(GHashTable) present = g_hash_table_new(g_str_hash, g_str_equal);
    LIST_EACH (char *, id, found)
        g_hash_table_add(present, id);

    g_autoptr(GString) absent = g_string_new(NULL);
    unsigned n_absent = 0;
    LIST_EACH (const char *, id, ids) {
        if (!g_hash_table_add(present, (char *)id))
            continue;
        g_string_append_printf(absent, "%s%s", n_absent++ ? ", " : "", id);
    }
    if (n_absent == 0)
        return true;
    return fault_set(error, missing->not_found, "The %s%s '%s%s%s' %s not exist", missing->noun,
                     n_absent > 1 ? "s" : "", missing->brackets ? "[" : "", absent->str,
                     missing->brackets ? "]" : "", n_absent > 1 ? "do" : "does");
}

/* AWS tells of missing ids whether or not the filters would have let them through. */
static bool check_ids(Context *context, Txn *txn, const Finder *finder, const List *ids,
                      const MissingIds *missing, GError **error)
{
    List found = {0};
    FindQuery query = {.account_id = context->caller.account_id, .ids = ids};
    return find_ids(txn, context->arena, finder, &query, &found, NULL, error) &&
           check_present(ids, &found, missing, error);
}

typedef bool (*FindFn)(Txn *txn, Arena *arena, const Finder *finder, const FindQuery *query,
                       List *list, bool *ret_more, GError **error);

/* What look finds is added to *list; *ret_more tells whether there is another page. */
static bool find_page(Context *context, Txn *txn, const Finder *finder, const Page *page,
                      const MissingIds *missing, FindFn look, List *list, bool *ret_more,
                      GError **error)
{
    Arena *arena = context->arena;
    FindQuery query = {
        .account_id = context->caller.account_id,
        .ids = page->ids,
        .filters = page->filters,
        .limit = page->limit,
    };
    List found = {0};
    if (!token_read(arena, finder->type()->table, page->token, &query.after, error))
        return false;
    bool check = missing && page->ids && page->ids->n > 0;
    if ((check && !check_form(page->ids, missing, error)) ||
        !look(txn, arena, finder, &query, &found, ret_more, error))
        return false;
    if (check && found.n < page->ids->n &&
        !check_ids(context, txn, finder, page->ids, missing, error))
        return false;
    LIST_EACH (void *, item, &found)
        list_add(list, arena, item);
    return true;
}

bool cloud_find(Context *context, Txn *txn, const Finder *finder, const Page *page,
                const MissingIds *missing, List *list, const char **ret_token, GError **error)
{
    Arena *arena = context->arena;
    bool more = false;
    if (!find_page(context, txn, finder, page, missing, find, list, &more, error))
        return false;
    if (ret_token)
        *ret_token = more ? token_make(arena, finder->type()->table,
                                       find_key(arena, finder, list->items[list->n - 1]))
                          : NULL;
    return true;
}

bool cloud_find_ids(Context *context, Txn *txn, const Finder *finder, const Page *page,
                    const MissingIds *missing, List *list, const char **ret_token, GError **error)
{
    bool more = false;
    if (!find_page(context, txn, finder, page, missing, find_ids, list, &more, error))
        return false;
    *ret_token =
        more ? token_make(context->arena, finder->type()->table, list->items[list->n - 1]) : NULL;
    return true;
}

bool cloud_page_of(Context *context, const char *kind, const Page *page, const List *all,
                   const char *(*key)(Arena *arena, const void *item), List *list,
                   const char **ret_token, GError **error)
{
    const char *after;
    if (!token_read(context->arena, kind, page->token, &after, error))
        return false;
    size_t i = 0;
    while (after && i < all->n && strcmp(key(context->arena, all->items[i]), after) != 0)
        i++;
    if (after && i < all->n)
        i++;
    int64_t left = page->limit > 0 ? page->limit : INT64_MAX;
    const void *last = NULL;
    for (; i < all->n && left > 0; i++, left--) {
        last = all->items[i];
        list_add(list, context->arena, last);
    }
    *ret_token = i < all->n ? token_make(context->arena, kind, key(context->arena, last)) : NULL;
    return true;
}

List accounts_named(Context *context, const List *names)
{
    List ids = {0};
    LIST_EACH (const char *, name, names) {
        if (strcmp(name, "self") == 0)
            name = context->caller.account_id;
        else if (strcmp(name, IMAGES_AMAZON_ALIAS) == 0)
            name = IMAGES_AMAZON_ACCOUNT;
        list_add(&ids, context->arena, name);
    }
    return ids;
}
