/* See the header. */
#include "api/autoscaling/page.h"

#include "base/fault.h"
#include "cloud/metrics.h"
#include <string.h>

bool as_page(Call *call, const AsPage *page, int64_t size, const char *kind, const List *all,
             const char *(*key)(Arena *arena, const void *item), List *list, AsPageEnd *end,
             GError **error)
{
    g_autoptr(GError) why = NULL;
    const Page wanted = {
        .limit = page->max_records == ABSENT ? size : page->max_records,
        .token = page->next_token,
    };
    if (cloud_page_of(&call->context, kind, &wanted, all, key, list, &end->next_token, &why))
        return true;
    if (fault_is(why, FAULT_INVALID_PARAMETER_VALUE))
        return fault_set(error, FAULT_INVALID_NEXT_TOKEN, "The token '%.100s' is invalid",
                         page->next_token);
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}

int64_t as_number(int64_t value)
{
    return value == ABSENT ? NOT_SAID : value;
}

int as_truth(int value)
{
    return value == ABSENT_BOOL ? NOT_SAID : value;
}

int64_t as_shown(int64_t value)
{
    return value == NOT_SAID ? ABSENT : value;
}

List as_filters(Call *call, const List *filters)
{
    List all = {0};
    LIST_EACH (const AsFilter *, filter, filters) {
        FindFilter *one = arena_new_struct(call->context.arena, FindFilter);
        *one = (FindFilter){.name = filter->name ? filter->name : "", .values = filter->values};
        list_add(&all, call->context.arena, one);
    }
    return all;
}

List as_tags(Call *call, const List *tags)
{
    List all = {0};
    LIST_EACH (const AsTag *, tag, tags) {
        ScalingTagSpec *one = arena_new_struct(call->context.arena, ScalingTagSpec);
        *one = (ScalingTagSpec){
            .group = tag->resource_id,
            .key = tag->key,
            .value = tag->value,
            .propagate = tag->propagate == 1,
        };
        list_add(&all, call->context.arena, one);
    }
    return all;
}

AsTagItem *as_tag_item(Call *call, const ScalingTag *tag)
{
    AsTagItem *item = shape_new(call->context.arena, AsTagItem_shape());
    item->resource_id = tag->group_name;
    item->resource_type = "auto-scaling-group";
    item->key = tag->key;
    item->value = tag->value;
    item->propagate = tag->propagate;
    return item;
}

/* In 2009 a description named no instance. */
static const char *without_instance(Arena *arena, const char *description)
{
    const char *colon = strchr(description, ':');
    return colon ? arena_strndup(arena, description, (size_t)(colon - description)) : description;
}

AsActivity *as_activity(Call *call, const ScalingActivity *activity)
{
    AsActivity *item = shape_new(call->context.arena, AsActivity_shape());
    item->id = activity->id;
    item->group = activity->group_name;
    item->description = activity->description;
    item->old_description = without_instance(call->context.arena, activity->description);
    item->cause = activity->cause;
    item->started = activity->started;
    item->ended = activity->ended;
    item->status = activity->status;
    item->status_message = activity->status_message;
    item->progress = activity->progress;
    item->details = activity->details;
    item->group_state = activity->group_deleted ? "Deleted" : NULL;
    return item;
}

const char *as_health(const ScalingInstance *member)
{
    return member->unhealthy ? "Unhealthy" : "Healthy";
}

List as_dimensions(Call *call, const List *dimensions)
{
    List all = {0};
    LIST_EACH (const AsDimension *, dimension, dimensions) {
        MetricDimension *one = arena_new_struct(call->context.arena, MetricDimension);
        *one = (MetricDimension){dimension->name, dimension->value};
        list_add(&all, call->context.arena, one);
    }
    return all;
}

List as_dimension_items(Call *call, const List *dimensions)
{
    List all = {0};
    LIST_EACH (const MetricDimension *, dimension, dimensions) {
        AsDimension *item = shape_new(call->context.arena, AsDimension_shape());
        item->name = dimension->name;
        item->value = dimension->value;
        list_add(&all, call->context.arena, item);
    }
    return all;
}
