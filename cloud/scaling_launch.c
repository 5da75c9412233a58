/* Launching an instance of a scaling group.
 *
 * Invariant: instance, membership, tag and activity are written in one transaction, so that a
 * daemon that dies in between neither loses nor doubles one. */
#include "cloud/scaling_parts.h"

#include "base/fault.h"
#include "cloud/fast_clock.h"
#include "cloud/instances.h"
#include "cloud/launch_configurations.h"
#include "cloud/scaling_decide.h"
#include "cloud/scaling_templates.h"
#include <inttypes.h>
#include <string.h>

/* How many members each zone has, as the list says zones. */
static unsigned *count_zones(Context *context, const List *zones, const List *members)
{
    unsigned *counts = arena_alloc(context->arena, (zones->n + 1) * sizeof(unsigned));
    for (size_t i = 0; i < zones->n; i++)
        LIST_EACH (const ScalingInstance *, member, members)
            counts[i] += scaling_counts(member) && strcmp(member->zone, list_at(zones, i)) == 0;
    return counts;
}

bool scaling_zones_differ(Context *context, const ScalingGroup *group, const List *members)
{
    List zones = lines_split(context->arena, group->zones);
    unsigned *counts = count_zones(context, &zones, members), most = 0;
    bool may_go = false; /* one of the fullest zone, lest one were launched again and again */
    if (!zones_differ(counts, zones.n))
        return false;
    for (size_t i = 0; i < zones.n; i++)
        most = MAX(most, counts[i]);
    for (size_t i = 0; i < zones.n; i++)
        LIST_EACH (const ScalingInstance *, member, members)
            may_go = may_go || (counts[i] == most && !member->protected &&
                                strcmp(member->zone, list_at(&zones, i)) == 0);
    return may_go;
}

/* A zone, and a subnet in it if the group names subnets. */
static bool choose_place(Context *context, Txn *txn, const ScalingGroup *group, const List *members,
                         RunSpec *spec, GError **error)
{
    List zones = lines_split(context->arena, group->zones);
    if (zones.n == 0)
        return fault_set(error, FAULT_VALIDATION_ERROR, "The group has no Availability Zone");
    spec->zone = list_at(&zones, zone_choose(count_zones(context, &zones, members), zones.n));
    g_auto(GStrv) subnets = g_strsplit(group->subnets ? group->subnets : "", ",", -1);
    for (char **id = subnets; *id && !spec->subnet_id; id++) {
        Subnet *subnet;
        if (!subnet_get(txn, context->arena, g_strstrip(*id), &subnet, error))
            return false;
        if (subnet && strcmp(subnet->zone, spec->zone) == 0)
            spec->subnet_id = subnet->id;
    }
    return true;
}

/* A group's tag goes before a template's of that key. */
static void add_tag(Context *context, const ScalingTag *tag, List *pairs)
{
    LIST_EACH (TagPair *, pair, pairs) {
        if (strcmp(pair->key, tag->key) == 0) {
            pair->value = tag->value;
            return;
        }
    }
    TagPair *pair = arena_new_struct(context->arena, TagPair);
    *pair = (TagPair){.key = tag->key, .value = tag->value};
    list_add(pairs, context->arena, pair);
}

static bool add_tags(Context *context, Txn *txn, const ScalingGroup *group, RunSpec *spec,
                     GError **error)
{
    List tags = {0};
    if (!record_query(txn, context->arena, QUERY_SCALING_TAGS_OF_GROUP, &tags, error,
                      group->account_id, group->name))
        return false;
    LIST_EACH (const ScalingTag *, tag, &tags) {
        if (tag->propagate)
            add_tag(context, tag, &spec->instance_tags);
    }
    return true;
}

const char *scaling_launch_cause(Context *context, const ScalingGroup *group, int64_t size)
{
    const char *now = scaling_time_text(context->arena, cloud_now(context->cloud));
    if (group->rebalances)
        return arena_printf(context->arena,
                            "At %s an instance was launched to balance instances in zones with "
                            "other zones resulting in more than desired number of instances in the "
                            "group.",
                            now);
    if (!group->cause)
        return arena_printf(context->arena,
                            "At %s an instance was launched in response to an unhealthy instance "
                            "needing to be replaced.",
                            now);
    return arena_printf(context->arena,
                        "%s%sAt %s an instance was started in response to a difference between "
                        "desired and actual capacity, increasing the capacity from %" PRId64
                        " to %" PRId64 ".",
                        group->cause, *group->cause ? "  " : "", now, size, size + 1);
}

bool scaling_was_launched(const ScalingInstance *member)
{
    return member->launch_configuration || member->launch_template_id;
}

static bool record_member(Context *context, Txn *txn, const ScalingGroup *group,
                          const RunSpec *spec, const Instance *instance, int64_t size,
                          ScalingInstance **ret_member, GError **error)
{
    ScalingActivity *activity;
    if (!scaling_activity_begin(context, txn, group, instance->id, "Launching a new EC2 instance",
                                scaling_launch_cause(context, group, size), &activity, error))
        return false;
    activity->status = "PreInService";
    activity->progress = 30;
    activity->details =
        arena_printf(context->arena, "{\"Subnet ID\":\"%s\",\"Availability Zone\":\"%s\"}",
                     instance->subnet_id, instance->zone);
    int64_t now = fast_now(context->cloud);
    ScalingInstance *member = arena_new_struct(context->arena, ScalingInstance);
    *member = (ScalingInstance){
        .instance_id = instance->id,
        .account_id = group->account_id,
        .group_name = group->name,
        .launch_configuration = group->launch_configuration,
        .launch_template_id = spec->launch_template_id,
        .launch_template_name = spec->launch_template_name,
        .launch_template_version = spec->launch_template_version,
        .type = instance->type,
        .zone = instance->zone,
        .state = LIFECYCLE_PENDING,
        .protected = group->protect_new,
        .activity_id = activity->id,
        .joined = now,
        .state_since = now,
    };
    *ret_member = member;
    return scaling_activity_put(txn, activity, error) &&
           scaling_instance_insert(txn, member, error) &&
           scaling_member_tag(context, txn, instance->id, group->name, error);
}

/* What one instance of the group is launched with, but for where. */
static bool make_spec(Context *context, Txn *txn, const ScalingGroup *group, RunSpec *spec,
                      GError **error)
{
    LaunchConfiguration *configuration;
    if (group->launch_template_id) {
        *spec = (RunSpec){
            .type = INSTANCE_TYPE_DEFAULT,
            .min_count = 1,
            .max_count = 1,
            .associate_public_address = -1,
        };
        return scaling_template_use(context, txn, group, spec, error);
    }
    if (!launch_configuration_find_one(context, txn, group->launch_configuration, &configuration,
                                       error))
        return false;
    *spec = launch_configuration_run_spec(context, configuration);
    return true;
}

/* Of the types in the order of preference the first that there is room for; no room is told before
 * anything is written. */
static bool record_first(Context *context, Txn *txn, const List *types, RunSpec *spec,
                         List *instances, GError **error)
{
    for (size_t i = 0;; i++) {
        g_autoptr(GError) why = NULL;
        if (i < types->n)
            spec->type = list_at(types, i);
        if (instances_record(context, txn, spec, instances, &why))
            return true;
        if (i + 1 < types->n && fault_is(why, FAULT_INSUFFICIENT_INSTANCE_CAPACITY))
            continue;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
}

bool scaling_launch(Context *context, Txn *txn, const ScalingGroup *group, const List *members,
                    List *instances, ScalingInstance **ret_member, GError **error)
{
    RunSpec spec;
    List types = scaling_template_types(context->arena, group);
    return make_spec(context, txn, group, &spec, error) &&
           choose_place(context, txn, group, members, &spec, error) &&
           add_tags(context, txn, group, &spec, error) &&
           record_first(context, txn, &types, &spec, instances, error) &&
           record_member(context, txn, group, &spec, list_at(instances, 0), scaling_size(members),
                         ret_member, error);
}
