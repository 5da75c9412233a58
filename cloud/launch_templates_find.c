/* Launch templates: found by ids, names, versions and filters.
 *
 * Invariant: a version is found by its number alone; $Latest and $Default are resolved at each
 * look. */
#include "cloud/launch_templates.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/launch_template_data.h"
#include "cloud/launch_templates_parts.h"
#include "cloud/tags.h"
#include <inttypes.h>
#include <string.h>

#define NUMBER_DIGITS 10

const char *launch_version_key(Arena *arena, int64_t number)
{
    return arena_printf(arena, "%0*" PRId64, NUMBER_DIGITS, number);
}

static bool check_ref(const LaunchTemplateRef *ref, GError **error)
{
    bool by_id = ref->id && *ref->id, by_name = ref->name && *ref->name;
    if (!by_id && !by_name)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "Either a launch template ID or a launch template name must be specified "
                         "in the request");
    if (by_id && by_name)
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                         "A launch template ID and a launch template name must not both be "
                         "specified in the request");
    return !by_id || id_is_valid(ref->id, "lt") ||
           fault_set(error, FAULT_INVALID_LAUNCH_TEMPLATE_ID_MALFORMED,
                     "The specified launch template ID, %.100s, is malformed: its form is "
                     "lt-xxxxxxxxxxxxxxxxx.",
                     ref->id);
}

static bool find_named(Context *context, Txn *txn, const char *name, LaunchTemplate **ret_template,
                       GError **error)
{
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_LAUNCH_TEMPLATE_BY_NAME, &found, error,
                          context->caller.account_id, name))
        return false;
    *ret_template = found;
    return found || fault_set(error, FAULT_INVALID_LAUNCH_TEMPLATE_NAME_NOT_FOUND,
                              "The specified launch template, with template name %.128s, does not "
                              "exist.",
                              name);
}

bool launch_template_find_one(Context *context, Txn *txn, const LaunchTemplateRef *ref,
                              LaunchTemplate **ret_template, GError **error)
{
    LaunchTemplate *template;
    if (!check_ref(ref, error))
        return false;
    if (!ref->id || !*ref->id)
        return find_named(context, txn, ref->name, ret_template, error);
    if (!launch_template_get(txn, context->arena, ref->id, &template, error))
        return false;
    if (!template || strcmp(template->account_id, context->caller.account_id) != 0)
        return fault_set(error, FAULT_INVALID_LAUNCH_TEMPLATE_ID_NOT_FOUND,
                         "The specified launch template, with template ID %s, does not exist.",
                         ref->id);
    *ret_template = template;
    return true;
}

bool launch_version_number(const char *text, int64_t *ret_number, GError **error)
{
    size_t size = strlen(text);
    if (size == 0 || size > NUMBER_DIGITS || strspn(text, "0123456789") != size)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Invalid launch template version: either '$Default', '$Latest', or a "
                         "numeric version are allowed.");
    *ret_number = g_ascii_strtoll(text, NULL, 10);
    return true;
}

static bool number_of(const LaunchTemplate *template, const char *version, int64_t *ret_number,
                      GError **error)
{
    if (!version || !*version || strcmp(version, "$Default") == 0)
        *ret_number = template->default_version;
    else if (strcmp(version, "$Latest") == 0)
        *ret_number = template->latest_version;
    else
        return launch_version_number(version, ret_number, error);
    return true;
}

bool launch_version_find(Context *context, Txn *txn, const LaunchTemplate *template,
                         const char *version, LaunchVersionView *ret_view, GError **error)
{
    int64_t number;
    void *found;
    if (!number_of(template, version, &number, error) ||
        !record_query_one(txn, context->arena, QUERY_LAUNCH_TEMPLATE_VERSION, &found, error,
                          template->id, launch_version_key(context->arena, number)))
        return false;
    if (!found)
        return fault_set(error, FAULT_INVALID_LAUNCH_TEMPLATE_VERSION_NOT_FOUND,
                         "Could not find the specified version %" PRId64
                         " for the launch template with ID %s.",
                         number, template->id);
    *ret_view = (LaunchVersionView){.template = template, .version = found, .number = number};
    return true;
}

bool launch_template_resolve(Context *context, Txn *txn, const LaunchTemplateRef *ref,
                             const char *version, LaunchVersionView *ret_view, GError **error)
{
    LaunchTemplate *template;
    return launch_template_find_one(context, txn, ref, &template, error) &&
           launch_version_find(context, txn, template, version, ret_view, error);
}

bool launch_template_use(Context *context, Txn *txn, const LaunchTemplateRef *ref,
                         const char *version, RunSpec *spec, bool *ret_has_interface,
                         GError **error)
{
    LaunchVersionView view;
    if (!launch_template_resolve(context, txn, ref, version, &view, error) ||
        !launch_data_use(context, view.version->data, spec, ret_has_interface, error))
        return false;
    spec->launch_template_id = view.template->id;
    spec->launch_template_name = view.template->name;
    spec->launch_template_version = arena_printf(context->arena, "%" PRId64, view.number);
    return true;
}

/* ---- templates ---- */

static bool ids_of(Context *context, Txn *txn, const List *ids, const List *names, List *found,
                   GError **error)
{
    LIST_EACH (const char *, name, names) {
        LaunchTemplate *template;
        if (!find_named(context, txn, name, &template, error))
            return false;
        list_add(found, context->arena, template->id);
    }
    LIST_EACH (const char *, id, ids) {
        LaunchTemplate *template;
        const LaunchTemplateRef ref = {.id = id};
        if (!launch_template_find_one(context, txn, &ref, &template, error))
            return false;
        list_add(found, context->arena, id);
    }
    return true;
}

bool launch_templates_find(Context *context, const Page *page, const List *names, List *ret_views,
                           const char **ret_token, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    g_autoptr(GHashTable) tags = NULL;
    List ids = {0}, found = {0}, found_ids = {0};
    Page by_id = *page;
    by_id.ids = &ids;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !ids_of(context, txn, page->ids, names, &ids, error) ||
        !cloud_find(context, txn, &launch_template_finder, &by_id, NULL, &found, ret_token, error))
        return false;
    LIST_EACH (const LaunchTemplate *, template, &found)
        list_add(&found_ids, context->arena, template->id);
    if (!tags_of(context, txn, &found_ids, &tags, error))
        return false;
    LIST_EACH (LaunchTemplate *, template, &found) {
        LaunchTemplateView *view = arena_new_struct(context->arena, LaunchTemplateView);
        *view = (LaunchTemplateView){template, g_hash_table_lookup(tags, template->id)};
        list_add(ret_views, context->arena, view);
    }
    return true;
}

/* ---- versions ---- */

/* Filters and the members of the data that they look at; NULL: something else, or nothing. */
static const struct {
    const char *filter, *member;
} version_filters[] = {
    {"create-time", NULL},
    {"ebs-optimized", "EbsOptimized"},
    {"host-resource-group-arn", NULL},
    {"http-endpoint", "MetadataOptions.HttpEndpoint"},
    {"http-protocol-ipv4", NULL},
    {"http-tokens", "MetadataOptions.HttpTokens"},
    {"iam-instance-profile", NULL},
    {"image-id", "ImageId"},
    {"instance-type", "InstanceType"},
    {"is-default-version", NULL},
    {"kernel-id", "KernelId"},
    {"license-configuration-arn", NULL},
    {"network-card-index", NULL},
    {"ram-disk-id", "RamDiskId"},
};

static const char *profile_of(Arena *arena, const char *data)
{
    const char *arn = launch_data_value(arena, data, "IamInstanceProfile.Arn");
    return arn ? arn : launch_data_value(arena, data, "IamInstanceProfile.Name");
}

/* What a filter looks at; NULL: there is no such thing. */
static const char *filtered(Arena *arena, const LaunchVersionView *view, const char *filter)
{
    const char *data = view->version->data;
    if (strcmp(filter, "create-time") == 0) {
        char text[CLOCK_TEXT_SIZE];
        clock_format(view->version->created, text);
        return arena_strdup(arena, text);
    }
    if (strcmp(filter, "is-default-version") == 0)
        return view->number == view->template->default_version ? "true" : "false";
    if (strcmp(filter, "iam-instance-profile") == 0)
        return profile_of(arena, data);
    for (size_t i = 0; i < G_N_ELEMENTS(version_filters); i++)
        if (version_filters[i].member && strcmp(version_filters[i].filter, filter) == 0)
            return launch_data_value(arena, data, version_filters[i].member);
    return NULL;
}

static bool check_filters(const List *filters, GError **error)
{
    if (!filters)
        return true;
    LIST_EACH (const FindFilter *, filter, filters) {
        bool known = false;
        for (size_t i = 0; i < G_N_ELEMENTS(version_filters); i++)
            known = known || strcmp(version_filters[i].filter, filter->name) == 0;
        if (!known)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE, "The filter '%.100s' is invalid",
                             filter->name);
    }
    return true;
}

static bool matches(Arena *arena, const LaunchVersionView *view, const List *filters)
{
    if (!filters)
        return true;
    LIST_EACH (const FindFilter *, filter, filters) {
        const char *value = filtered(arena, view, filter->name);
        bool any = false;
        LIST_EACH (const char *, pattern, &filter->values)
            any = any || (value && g_pattern_match_simple(pattern, value));
        if (!any)
            return false;
    }
    return true;
}

/* Numbers of versions, both included. */
typedef struct Range {
    int64_t first, last;
} Range;

static bool range_of(const LaunchVersionQuery *query, Range *ret_range, GError **error)
{
    *ret_range = (Range){.first = 0, .last = INT64_MAX};
    if ((query->first || query->last) && query->versions.n > 0)
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                         "Versions and a range of versions must not both be specified in the "
                         "request");
    return (!query->first || launch_version_number(query->first, &ret_range->first, error)) &&
           (!query->last || launch_version_number(query->last, &ret_range->last, error));
}

static void add_view(Context *context, const LaunchVersionQuery *query,
                     const LaunchVersionView *view, List *views)
{
    /* $Latest may be $Default. Versions of a template stand together. */
    for (size_t i = views->n; i > 0; i--) {
        const LaunchVersionView *other = list_at(views, i - 1);
        if (other->template != view->template)
            break;
        if (other->number == view->number)
            return;
    }
    if (matches(context->arena, view, query->page.filters))
        list_add(views, context->arena, arena_memdup(context->arena, view, sizeof(*view)));
}

static bool add_named(Context *context, Txn *txn, const LaunchVersionQuery *query,
                      const LaunchTemplate *template, List *views, GError **error)
{
    LIST_EACH (const char *, version, &query->versions) {
        LaunchVersionView view;
        if (!launch_version_find(context, txn, template, version, &view, error))
            return false;
        add_view(context, query, &view, views);
    }
    return true;
}

static bool add_range(Context *context, Txn *txn, const LaunchVersionQuery *query, Range range,
                      const LaunchTemplate *template, List *views, GError **error)
{
    List all = {0};
    if (!record_query(txn, context->arena, QUERY_VERSIONS_OF_LAUNCH_TEMPLATE, &all, error,
                      template->id))
        return false;
    LIST_EACH (const LaunchTemplateVersion *, version, &all) {
        const LaunchVersionView view = {
            .template = template,
            .version = version,
            .number = g_ascii_strtoll(version->version, NULL, 10),
        };
        if (view.number >= range.first && view.number <= range.last &&
            matches(context->arena, &view, query->page.filters))
            list_add(views, context->arena, arena_memdup(context->arena, &view, sizeof(view)));
    }
    return true;
}

static bool add_of_all(Context *context, Txn *txn, const LaunchVersionQuery *query, List *views,
                       GError **error)
{
    List templates = {0};
    const Page all = {0};
    LIST_EACH (const char *, version, &query->versions)
        if (strcmp(version, "$Latest") != 0 && strcmp(version, "$Default") != 0)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "Without a launch template, only the versions $Latest and $Default "
                             "can be described");
    if (query->versions.n == 0 || query->first || query->last)
        return check_ref(&query->ref, error);
    if (!cloud_find(context, txn, &launch_template_finder, &all, NULL, &templates, NULL, error))
        return false;
    LIST_EACH (const LaunchTemplate *, template, &templates)
        if (!add_named(context, txn, query, template, views, error))
            return false;
    return true;
}

static const char *version_key(Arena *arena, const void *item)
{
    const LaunchVersionView *view = item;
    return arena_printf(arena, "%s/%" PRId64, view->template->id, view->number);
}

bool launch_versions_find(Context *context, const LaunchVersionQuery *query, List *ret_views,
                          const char **ret_token, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    LaunchTemplate *template;
    List views = {0};
    Range range;
    if (!check_filters(query->page.filters, error) || !range_of(query, &range, error) ||
        !txn_begin_read(cloud_store(context->cloud), &txn, error))
        return false;
    bool of_all = (!query->ref.id || !*query->ref.id) && (!query->ref.name || !*query->ref.name);
    if (of_all) {
        if (!add_of_all(context, txn, query, &views, error))
            return false;
    } else if (!launch_template_find_one(context, txn, &query->ref, &template, error) ||
               !(query->versions.n > 0
                     ? add_named(context, txn, query, template, &views, error)
                     : add_range(context, txn, query, range, template, &views, error))) {
        return false;
    }
    return cloud_page_of(context, "launch_template_version", &query->page, &views, version_key,
                         ret_views, ret_token, error);
}
