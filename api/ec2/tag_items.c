/* Tags in EC2's requests and replies. */
#include "api/ec2/tag_items.h"

#include "base/fault.h"
#include <string.h>

static void add_item(Call *call, List *items, const char *key, const char *value)
{
    TagItem *item = EC2_NEW(call, TagItem);
    item->key = key;
    item->value = value;
    list_add(items, call->context.arena, item);
}

List ec2_tag_items(Call *call, const List *tags)
{
    List items = {0};
    if (tags) {
        LIST_EACH (const Tag *, tag, tags)
            add_item(call, &items, tag->key, tag->value);
    }
    return items;
}

List ec2_pair_items(Call *call, const List *pairs)
{
    List items = {0};
    LIST_EACH (const TagPair *, pair, pairs)
        add_item(call, &items, pair->key, pair->value);
    return items;
}

List ec2_tag_pairs(Call *call, const List *items)
{
    List pairs = {0};
    LIST_EACH (const TagItem *, item, items) {
        TagPair *pair = arena_new_struct(call->context.arena, TagPair);
        *pair =
            (TagPair){.key = item->key ? item->key : "", .value = item->value ? item->value : ""};
        list_add(&pairs, call->context.arena, pair);
    }
    return pairs;
}

bool ec2_tag_specification(Call *call, const List *specifications, const char *type,
                           const char *const *allowed, List *ret_pairs, GError **error)
{
    List pairs = {0};
    LIST_EACH (const TagSpecification *, specification, specifications) {
        const char *named = specification->resource_type;
        if (!named || !g_strv_contains(allowed, named))
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "'%s' is not a valid taggable resource type for this operation.",
                             named ? named : "null");
        if (strcmp(named, type) != 0)
            continue;
        List some = ec2_tag_pairs(call, &specification->tags);
        LIST_EACH (TagPair *, pair, &some)
            list_add(&pairs, call->context.arena, pair);
    }
    *ret_pairs = pairs;
    return true;
}
