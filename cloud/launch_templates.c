/* Launch templates: made, given versions, removed.
 *
 * Invariant: a template has its default version at all times, and a number is never used again. */
#include "cloud/launch_templates.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/client_tokens.h"
#include "cloud/launch_template_data.h"
#include "cloud/launch_templates_parts.h"
#include "cloud/tags.h"
#include <inttypes.h>
#include <string.h>

#define CREATE "CreateLaunchTemplate"
#define CREATE_VERSION "CreateLaunchTemplateVersion"

static bool check_name(const char *name, GError **error)
{
    size_t size = strlen(name);
    bool good = size >= LAUNCH_TEMPLATE_NAME_MIN && size <= LAUNCH_TEMPLATE_NAME_MAX;
    for (const char *c = name; *c && good; c++)
        good = g_ascii_isalnum(*c) || strchr("-()./_", *c);
    return good || fault_set(error, FAULT_INVALID_LAUNCH_TEMPLATE_NAME_MALFORMED,
                             "A launch template name must be between %d and %d characters, and may "
                             "contain letters, numbers, and the following characters: - ( ) . / _.",
                             LAUNCH_TEMPLATE_NAME_MIN, LAUNCH_TEMPLATE_NAME_MAX);
}

static bool check_data(Context *context, const char *data, GError **error)
{
    const char *unused;
    return instance_check_user_data(context, launch_data_value(context->arena, data, "UserData"),
                                    &unused, error);
}

static bool check_free(Context *context, Txn *txn, const char *name, GError **error)
{
    void *taken;
    int64_t count;
    if (!record_query_one(txn, context->arena, QUERY_LAUNCH_TEMPLATE_BY_NAME, &taken, error,
                          context->caller.account_id, name) ||
        !record_count(txn, COUNT_LAUNCH_TEMPLATES_OF_ACCOUNT, &count, error,
                      context->caller.account_id))
        return false;
    if (taken)
        return fault_set(error, FAULT_INVALID_LAUNCH_TEMPLATE_NAME_EXISTS,
                         "Launch template name already in use.");
    return count < LAUNCH_TEMPLATES_PER_ACCOUNT ||
           fault_set(error, FAULT_LAUNCH_TEMPLATE_LIMIT_EXCEEDED,
                     "The maximum number of launch templates has been reached: %d",
                     LAUNCH_TEMPLATES_PER_ACCOUNT);
}

static bool record_version(Context *context, Txn *txn, const LaunchTemplate *template,
                           int64_t number, const LaunchTemplateSpec *spec, GError **error)
{
    const LaunchTemplateVersion version = {
        .template_id = template->id,
        .version = launch_version_key(context->arena, number),
        .description = spec->description,
        .created = cloud_now(context->cloud),
        .created_by = context->caller.arn,
        .data = spec->data,
    };
    return launch_template_version_insert(txn, &version, error);
}

static bool view_of(Context *context, Txn *txn, LaunchTemplate *template,
                    LaunchTemplateView *ret_view, GError **error)
{
    List *tags = arena_new_struct(context->arena, List);
    *ret_view = (LaunchTemplateView){template, tags};
    return record_query(txn, context->arena, QUERY_TAGS_OF, tags, error, template->id);
}

static bool record_template(Context *context, Txn *txn, const char *name,
                            const LaunchTemplateSpec *spec, LaunchTemplate **ret_template,
                            GError **error)
{
    LaunchTemplate *template = arena_new_struct(context->arena, LaunchTemplate);
    *template = (LaunchTemplate){
        .id = id_new(context->arena, "lt"),
        .account_id = context->caller.account_id,
        .name = name,
        .created = cloud_now(context->cloud),
        .created_by = context->caller.arn,
        .default_version = 1,
        .latest_version = 1,
        .last_number = 1,
    };
    *ret_template = template;
    return check_free(context, txn, name, error) && launch_template_insert(txn, template, error) &&
           record_version(context, txn, template, 1, spec, error) &&
           tags_put(context, txn, template->id, "launch-template", &spec->tags, error) &&
           client_token_keep(context, txn, CREATE, spec->client_token, spec->digest, template->id,
                             error);
}

bool launch_template_create(Context *context, const char *name, const LaunchTemplateSpec *spec,
                            LaunchTemplateView *ret_view, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    LaunchTemplate *template;
    const char *repeated;
    if (!check_name(name, error) || !tags_check(&spec->tags, error) ||
        !check_data(context, spec->data, error) ||
        !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !client_token_find(context, txn, CREATE, spec->client_token, spec->digest, &repeated,
                           error))
        return false;
    const LaunchTemplateRef ref = {.id = repeated};
    return (repeated ? launch_template_find_one(context, txn, &ref, &template, error)
                     : record_template(context, txn, name, spec, &template, error)) &&
           view_of(context, txn, template, ret_view, error) && txn_commit(&txn, error);
}

/* ---- versions ---- */

static bool check_room(Context *context, Txn *txn, const LaunchTemplate *template, GError **error)
{
    int64_t count;
    if (!record_count(txn, COUNT_VERSIONS_OF_LAUNCH_TEMPLATE, &count, error, template->id))
        return false;
    return count < LAUNCH_TEMPLATE_VERSIONS ||
           fault_set(error, FAULT_VERSION_LIMIT_EXCEEDED,
                     "The maximum number of versions of a launch template has been reached: %d",
                     LAUNCH_TEMPLATE_VERSIONS);
}

static bool add_version(Context *context, Txn *txn, LaunchTemplate *template, const char *source,
                        const LaunchTemplateSpec *request, GError **error)
{
    LaunchTemplateSpec spec = *request;
    LaunchVersionView from;
    if (!check_room(context, txn, template, error))
        return false;
    if (source) {
        if (!launch_version_find(context, txn, template, source, &from, error))
            return false;
        spec.data = launch_data_merge(context->arena, from.version->data, spec.data);
    }
    template->last_number++;
    template->latest_version = template->last_number;
    return launch_template_put(txn, template, error) &&
           record_version(context, txn, template, template->last_number, &spec, error) &&
           client_token_keep(context, txn, CREATE_VERSION, spec.client_token, spec.digest,
                             arena_printf(context->arena, "%" PRId64, template->last_number),
                             error);
}

bool launch_template_add_version(Context *context, const LaunchTemplateRef *ref, const char *source,
                                 const LaunchTemplateSpec *spec, LaunchVersionView *ret_view,
                                 GError **error)
{
    g_autoptr(Txn) txn = NULL;
    LaunchTemplate *template;
    const char *repeated;
    return check_data(context, spec->data, error) &&
           txn_begin(cloud_store(context->cloud), &txn, error) &&
           launch_template_find_one(context, txn, ref, &template, error) &&
           client_token_find(context, txn, CREATE_VERSION, spec->client_token, spec->digest,
                             &repeated, error) &&
           (repeated || add_version(context, txn, template, source, spec, error)) &&
           launch_version_find(context, txn, template, repeated ? repeated : "$Latest", ret_view,
                               error) &&
           txn_commit(&txn, error);
}

bool launch_template_set_default(Context *context, const LaunchTemplateRef *ref,
                                 const char *version, LaunchTemplateView *ret_view, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    LaunchTemplate *template;
    LaunchVersionView found;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !launch_template_find_one(context, txn, ref, &template, error) ||
        !launch_version_find(context, txn, template, version, &found, error))
        return false;
    template->default_version = found.number;
    return launch_template_put(txn, template, error) &&
           view_of(context, txn, template, ret_view, error) && txn_commit(&txn, error);
}

/* ---- removal ---- */

bool launch_template_remove(Context *context, const LaunchTemplateRef *ref,
                            LaunchTemplateView *ret_view, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    LaunchTemplate *template;
    return txn_begin(cloud_store(context->cloud), &txn, error) &&
           launch_template_find_one(context, txn, ref, &template, error) &&
           view_of(context, txn, template, ret_view, error) &&
           record_change(txn, CHANGE_DELETE_VERSIONS_OF_LAUNCH_TEMPLATE, NULL, error,
                         template->id) &&
           record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, template->id) &&
           launch_template_delete(txn, template->id, error) && txn_commit(&txn, error);
}

/* Why it stays, in *removal, or it is gone. */
static bool remove_version(Context *context, Txn *txn, const LaunchTemplate *template,
                           LaunchVersionRemoval *removal, GError **error)
{
    int64_t changed;
    if (removal->number == template->default_version) {
        removal->code = "unexpectedError";
        removal->message = arena_printf(
            context->arena,
            "Version %" PRId64 " is the default version of launch template %s and cannot be "
            "deleted. Make another version the default first, or delete the template.",
            removal->number, template->id);
        return true;
    }
    if (!record_change(txn, CHANGE_DELETE_LAUNCH_TEMPLATE_VERSION, &changed, error, template->id,
                       launch_version_key(context->arena, removal->number)))
        return false;
    if (changed == 0) {
        removal->code = "launchTemplateVersionDoesNotExist";
        removal->message = arena_printf(context->arena,
                                        "Could not find the specified version %" PRId64
                                        " for the launch template with ID %s.",
                                        removal->number, template->id);
    }
    return true;
}

static bool put_latest(Context *context, Txn *txn, LaunchTemplate *template, GError **error)
{
    List left = {0};
    if (!record_query(txn, context->arena, QUERY_VERSIONS_OF_LAUNCH_TEMPLATE, &left, error,
                      template->id))
        return false;
    const LaunchTemplateVersion *latest = list_at(&left, 0);
    template->latest_version = g_ascii_strtoll(latest->version, NULL, 10);
    return launch_template_put(txn, template, error);
}

bool launch_template_remove_versions(Context *context, const LaunchTemplateRef *ref,
                                     const List *versions, const LaunchTemplate **ret_template,
                                     List *ret_removals, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    LaunchTemplate *template;
    List removals = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !launch_template_find_one(context, txn, ref, &template, error))
        return false;
    LIST_EACH (const char *, version, versions) {
        LaunchVersionRemoval *removal = arena_new_struct(context->arena, LaunchVersionRemoval);
        if (!launch_version_number(version, &removal->number, error) ||
            !remove_version(context, txn, template, removal, error))
            return false;
        list_add(&removals, context->arena, removal);
    }
    if (!put_latest(context, txn, template, error) || !txn_commit(&txn, error))
        return false;
    *ret_template = template;
    *ret_removals = removals;
    return true;
}
