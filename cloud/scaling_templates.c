/* Scaling groups and launch templates.
 *
 * Invariant: a group names a template by its id and what it was called, and a version by what was
 * said; $Latest and $Default become a number at each launch. */
#include "cloud/scaling_templates.h"

#include "base/fault.h"
#include "cloud/launch_template_data.h"
#include "cloud/launch_templates_parts.h"
#include "cloud/scaling_decide.h"
#include <string.h>

#define OVERRIDES "LaunchTemplate.Overrides."
#define OVERRIDE_TYPE ".InstanceType"

/* The client's mistake in the words of Auto Scaling. */
static bool explain(GError **error, GError *why)
{
    g_autoptr(GError) own = why;
    if (own->domain != FAULT_DOMAIN) {
        g_propagate_error(error, g_steal_pointer(&own));
        return false;
    }
    return fault_set(error, FAULT_VALIDATION_ERROR,
                     "You must use a valid fully-formed launch template. %s", own->message);
}

static bool check_types(Context *context, Txn *txn, const ScalingGroup *group, GError **error)
{
    List types = scaling_template_types(context->arena, group);
    LIST_EACH (const char *, name, &types) {
        InstanceType *type;
        if (!instance_type_get(txn, context->arena, name, &type, error))
            return false;
        if (!type)
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "You must use a valid fully-formed launch template. Invalid value "
                             "'%.100s' for InstanceType.",
                             name);
    }
    return true;
}

bool scaling_template_set(Context *context, Txn *txn, const ScalingGroupSpec *spec,
                          ScalingGroup *group, GError **error)
{
    LaunchVersionView view;
    RunSpec unused = {.associate_public_address = -1};
    GError *why = NULL;
    const LaunchTemplateRef ref = {.id = spec->template_id, .name = spec->template_name};
    const char *version = spec->template_version;
    if (!launch_template_resolve(context, txn, &ref, version, &view, &why))
        return explain(error, why);
    group->launch_configuration = NULL;
    group->launch_template_id = view.template->id;
    group->launch_template_name = view.template->name;
    group->launch_template_version = version && *version ? version : "$Default";
    group->mixed_policy = spec->mixed_policy;
    return scaling_template_use(context, txn, group, &unused, error) &&
           check_types(context, txn, group, error);
}

void scaling_template_unset(ScalingGroup *group)
{
    group->launch_template_id = group->launch_template_name = NULL;
    group->launch_template_version = group->mixed_policy = NULL;
}

bool scaling_template_use(Context *context, Txn *txn, const ScalingGroup *group, RunSpec *spec,
                          GError **error)
{
    GError *why = NULL;
    bool unused;
    const LaunchTemplateRef ref = {.id = group->launch_template_id};
    if (!launch_template_use(context, txn, &ref, group->launch_template_version, spec, &unused,
                             &why))
        return explain(error, why);
    if (!spec->image_id)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "You must use a valid fully-formed launch template. The request must "
                         "contain the parameter ImageId");
    /* The group says where. */
    spec->zone = spec->subnet_id = NULL;
    return true;
}

List scaling_template_types(Arena *arena, const ScalingGroup *group)
{
    List types = {0}, members = launch_data_members(arena, group->mixed_policy);
    LIST_EACH (const DataMember *, member, &members)
        if (g_str_has_prefix(member->name, OVERRIDES) &&
            g_str_has_suffix(member->name, OVERRIDE_TYPE))
            list_add(&types, arena, member->value);
    return types;
}

bool scaling_template_matches(Context *context, Txn *txn, const ScalingGroup *group,
                              const ScalingInstance *member, bool *ret_matches, GError **error)
{
    LaunchVersionView view;
    GError *why = NULL;
    const LaunchTemplateRef ref = {.id = group->launch_template_id};
    List types = scaling_template_types(context->arena, group);
    if (!launch_template_resolve(context, txn, &ref, group->launch_template_version, &view, &why))
        return explain(error, why);
    *ret_matches = g_strcmp0(member->launch_template_id, group->launch_template_id) == 0 &&
                   g_ascii_strtoll(member->launch_template_version, NULL, 10) == view.number &&
                   (types.n == 0 || list_has(&types, member->type));
    return true;
}

/* When the version that the member was launched by was made; 0: it is gone. */
static bool find_made(Context *context, Txn *txn, const ScalingInstance *member, int64_t *ret_made,
                      GError **error)
{
    void *version;
    int64_t number = g_ascii_strtoll(member->launch_template_version, NULL, 10);
    if (!record_query_one(txn, context->arena, QUERY_LAUNCH_TEMPLATE_VERSION, &version, error,
                          member->launch_template_id, launch_version_key(context->arena, number)))
        return false;
    *ret_made = version ? ((const LaunchTemplateVersion *)version)->created : 0;
    return true;
}

bool scaling_template_judge(Context *context, Txn *txn, const ScalingGroup *group,
                            const ScalingInstance *member, struct Candidate *candidate,
                            GError **error)
{
    g_autoptr(GError) why = NULL;
    candidate->by_template = true;
    if (!find_made(context, txn, member, &candidate->configuration_made, error))
        return false;
    if (!group->launch_template_id ||
        scaling_template_matches(context, txn, group, member, &candidate->is_current, &why) ||
        why->domain == FAULT_DOMAIN) /* the group's template is gone: then it is no instance's */
        return true;
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}
