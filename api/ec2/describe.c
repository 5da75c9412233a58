/* Filters and pages of Describe requests. */
#include "api/ec2/describe.h"

/* FindFilter * of Filter *. */
static const List *filters_of(Call *call, const List *filters)
{
    Arena *arena = call->context.arena;
    List *found = arena_new_struct(arena, List);
    LIST_EACH (const Filter *, filter, filters) {
        FindFilter *copy = arena_new_struct(arena, FindFilter);
        *copy = (FindFilter){.name = filter->name, .values = filter->values};
        list_add(found, arena, copy);
    }
    return found;
}

void ec2_filter(Call *call, const Filters *filters, const List *ids, Page *ret_page)
{
    *ret_page = (Page){.ids = ids, .filters = filters_of(call, &filters->filters)};
}

bool ec2_page(Call *call, const Selection *selection, const List *ids, int64_t min, int64_t max,
              Page *ret_page, GError **error)
{
    if (selection->max_results != ABSENT && ids->n > 0)
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                         "The parameter maxResults cannot be used with a list of ids");
    return ec2_page_of(call, selection, ids, min, max, ret_page, error);
}

bool ec2_page_of(Call *call, const Selection *selection, const List *ids, int64_t min, int64_t max,
                 Page *ret_page, GError **error)
{
    int64_t limit = 0;
    if (selection->max_results != ABSENT) {
        limit = selection->max_results;
        if (limit < min)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "Value ( %" G_GINT64_FORMAT " ) for parameter maxResults is invalid. "
                             "Expecting a value greater than %" G_GINT64_FORMAT ".",
                             limit, min);
        if (limit > max)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "Value ( %" G_GINT64_FORMAT " ) for parameter maxResults is invalid. "
                             "Expecting a value less than %" G_GINT64_FORMAT ".",
                             limit, max);
    }
    *ret_page = (Page){
        .ids = ids,
        .filters = filters_of(call, &selection->filters),
        .limit = limit,
        .token = selection->next_token,
    };
    return true;
}
