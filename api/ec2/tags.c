/* Tags. */
#include "cloud/tags.h"
#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/tag_items.h"

#define TAGS_PAGE_MIN 5
#define TAGS_PAGE_MAX 1000

bool ec2_create_tags(Call *call, const CreateTagsRequest *request, ReturnReply *reply,
                     GError **error)
{
    List pairs = ec2_tag_pairs(call, &request->tags);
    reply->done = true;
    return tags_create(&call->context, &request->resource_ids, &pairs, error);
}

bool ec2_delete_tags(Call *call, const DeleteTagsRequest *request, ReturnReply *reply,
                     GError **error)
{
    /* Here a tag without value means: whatever its value is. */
    List pairs = {0};
    LIST_EACH (const TagItem *, item, &request->tags) {
        TagPair *pair = arena_new_struct(call->context.arena, TagPair);
        *pair = (TagPair){.key = item->key ? item->key : "", .value = item->value};
        list_add(&pairs, call->context.arena, pair);
    }
    reply->done = true;
    return tags_delete(&call->context, &request->resource_ids, &pairs, error);
}

bool ec2_describe_tags(Call *call, const DescribeTagsRequest *request, DescribeTagsReply *reply,
                       GError **error)
{
    Page page;
    List tags = {0};
    if (!ec2_page_of(call, &request->selection, NULL, TAGS_PAGE_MIN, TAGS_PAGE_MAX, &page, error) ||
        !tags_find(&call->context, &page, &tags, &reply->next_token, error))
        return false;
    LIST_EACH (const Tag *, tag, &tags) {
        TagDescription *item = EC2_NEW(call, TagDescription);
        item->resource_id = tag->resource_id;
        item->resource_type = tag->resource_type;
        item->key = tag->key;
        item->value = tag->value;
        list_add(&reply->tags, call->context.arena, item);
    }
    return true;
}
