/* Scaling groups: made, changed, described, removed.
 *
 * Invariant: min_size <= desired <= max_size, whatever is asked for. */
#include "cloud/scaling_parts.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/fast_clock.h"
#include "cloud/launch_configurations.h"
#include "cloud/scaling_templates.h"
#include <inttypes.h>
#include <string.h>

#define CAUSE_MOST 700 /* of 1,023 bytes that an activity's may have */

const char *const scaling_process_names[] = {"AddToLoadBalancer", "AlarmNotification",
                                             "AZRebalance",       "HealthCheck",
                                             "InstanceRefresh",   "Launch",
                                             "ReplaceUnhealthy",  "ScheduledActions",
                                             "Terminate",         NULL};

bool scaling_check_name(const char *member, const char *name, GError **error)
{
    bool good = *name && strlen(name) <= SCALING_NAME_MOST;
    for (const char *c = name; *c && good; c++)
        good = *c >= ' ' && *c <= '~' && *c != ':';
    return good || fault_set(error, FAULT_VALIDATION_ERROR,
                             "1 validation error detected: Value '%.200s' at '%s' failed to "
                             "satisfy constraint: Member must have up to %d printable characters "
                             "of ASCII, and no colon",
                             name, member, SCALING_NAME_MOST);
}

const char *scaling_group_arn(Context *context, const ScalingGroup *group)
{
    return arena_printf(context->arena,
                        "arn:aws:autoscaling:%s:%s:autoScalingGroup:%s:autoScalingGroupName/%s",
                        context->region, group->account_id, group->id, group->name);
}

bool scaling_group_find_one(Context *context, Txn *txn, const char *name, ScalingGroup **ret_group,
                            GError **error)
{
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_SCALING_GROUP, &found, error,
                          context->caller.account_id, name))
        return false;
    *ret_group = found;
    return found ||
           fault_set(error, FAULT_VALIDATION_ERROR,
                     "AutoScalingGroup name not found - AutoScalingGroup %.255s not found", name);
}

const char *scaling_time_text(Arena *arena, int64_t time)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(time, text);
    return arena_printf(arena, "%.19sZ", text);
}

static void set_desired(Context *context, ScalingGroup *group, int64_t desired, const char *why,
                        const char *verb)
{
    int64_t before = group->desired;
    group->failures = group->launch_after = 0;
    if (desired == before)
        return;
    const char *sentence = arena_printf(
        context->arena, "At %s %s %s the desired capacity from %" PRId64 " to %" PRId64 ".",
        scaling_time_text(context->arena, cloud_now(context->cloud)), why, verb, before, desired);
    bool goes_on = group->cause && *group->cause && strlen(group->cause) < CAUSE_MOST / 2;
    group->cause =
        goes_on ? arena_printf(context->arena, "%s  %s", group->cause, sentence) : sentence;
    group->desired = desired;
}

void scaling_change_desired(Context *context, ScalingGroup *group, int64_t desired, const char *why)
{
    set_desired(context, group, desired, why, "changing");
}

void scaling_adjust_desired(Context *context, ScalingGroup *group, int64_t desired, const char *why)
{
    set_desired(context, group, desired, why, "adjusting");
}

/* ---- checks ---- */

static bool check_zones(Context *context, Txn *txn, const List *zones, GError **error)
{
    List known = {0}, names = {0};
    if (!record_query(txn, context->arena, QUERY_ZONES, &known, error))
        return false;
    LIST_EACH (const Zone *, zone, &known)
        list_add(&names, context->arena, zone->name);
    LIST_EACH (const char *, wanted, zones)
        if (!list_has(&names, wanted))
            return fault_set(error, FAULT_VALIDATION_ERROR, "Invalid availability zone: [%.100s]",
                             wanted);
    return true;
}

/* *ret_zones: those of the subnets, each once. */
static bool check_subnets(Context *context, Txn *txn, const char *text, List *ret_zones,
                          GError **error)
{
    g_auto(GStrv) ids = g_strsplit(text, ",", -1);
    List zones = {0};
    for (char **id = ids; *id; id++) {
        Subnet *subnet;
        g_strstrip(*id);
        if (!subnet_get(txn, context->arena, *id, &subnet, error))
            return false;
        if (!subnet || strcmp(subnet->account_id, context->caller.account_id) != 0)
            return fault_set(error, FAULT_VALIDATION_ERROR, "The subnet ID '%.100s' does not exist",
                             *id);
        if (!list_has(&zones, subnet->zone))
            list_add(&zones, context->arena, subnet->zone);
    }
    *ret_zones = zones;
    return true;
}

static bool use_places(Context *context, Txn *txn, const ScalingGroupSpec *spec,
                       ScalingGroup *group, GError **error)
{
    List zones = {0};
    if (spec->zones_said) {
        if (!check_zones(context, txn, &spec->zones, error))
            return false;
        LIST_EACH (const char *, zone, &spec->zones)
            if (!list_has(&zones, zone))
                list_add(&zones, context->arena, zone);
        group->zones = lines_join(context->arena, &zones);
        group->subnets = NULL;
    }
    if (spec->subnets && *spec->subnets) {
        List theirs = {0};
        if (!check_subnets(context, txn, spec->subnets, &theirs, error))
            return false;
        LIST_EACH (const char *, zone, &zones)
            if (!list_has(&theirs, zone))
                return fault_set(error, FAULT_VALIDATION_ERROR,
                                 "The availability zones of the specified subnets and the Auto "
                                 "Scaling group do not match");
        group->subnets = spec->subnets;
        group->zones = lines_join(context->arena, &theirs);
    }
    return group->zones || fault_set(error, FAULT_VALIDATION_ERROR,
                                     "At least one Availability Zone or VPC Subnet is required.");
}

static bool check_allowed(const List *values, const char *const *allowed, const char *what,
                          GError **error)
{
    LIST_EACH (const char *, value, values)
        if (!g_strv_contains(allowed, value))
            return fault_set(error, FAULT_VALIDATION_ERROR, "Invalid %s: [%.100s]", what, value);
    return true;
}

static bool use_health(const ScalingGroupSpec *spec, ScalingGroup *group, GError **error)
{
    if (spec->health_check_type) {
        if (strcmp(spec->health_check_type, "EC2") != 0 &&
            strcmp(spec->health_check_type, "ELB") != 0)
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "Invalid HealthCheckType: %.32s. Valid values are EC2 and ELB.",
                             spec->health_check_type);
        group->health_check_type = spec->health_check_type;
    }
    if (spec->health_grace != NOT_SAID)
        group->health_grace = spec->health_grace;
    return true;
}

static void use_text(const char *said, const char **member)
{
    if (said)
        *member = *said ? said : NULL;
}

static void use_number(int64_t said, int64_t *member)
{
    if (said != NOT_SAID)
        *member = said;
}

/* How many ways of launching a request names. */
static int count_ways(const ScalingGroupSpec *spec)
{
    return (spec->launch_configuration != NULL) + (spec->instance_id != NULL) + spec->template_said;
}

static bool refuse_ways(GError **error)
{
    return fault_set(error, FAULT_VALIDATION_ERROR,
                     "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, "
                     "InstanceId or MixedInstancesPolicy parameter.");
}

/* The way of launching that is said takes the place of the one before. */
static bool use_way(Context *context, Txn *txn, const ScalingGroupSpec *spec, ScalingGroup *group,
                    GError **error)
{
    LaunchConfiguration *configuration;
    if (spec->template_said)
        return scaling_template_set(context, txn, spec, group, error);
    if (!spec->launch_configuration)
        return true;
    if (!launch_configuration_find_one(context, txn, spec->launch_configuration, &configuration,
                                       error))
        return false;
    scaling_template_unset(group);
    group->launch_configuration = spec->launch_configuration;
    return true;
}

/* What both a new group and a changed one are told, but for sizes. */
static bool use_spec(Context *context, Txn *txn, const ScalingGroupSpec *spec, ScalingGroup *group,
                     GError **error)
{
    if (!use_way(context, txn, spec, group, error) ||
        !use_places(context, txn, spec, group, error) || !use_health(spec, group, error) ||
        !check_allowed(&spec->termination_policies, scaling_termination_names, "termination policy",
                       error))
        return false;
    if (spec->termination_policies.n > 0)
        group->termination_policies = lines_join(context->arena, &spec->termination_policies);
    use_number(spec->cooldown, &group->cooldown);
    use_number(spec->max_lifetime, &group->max_lifetime);
    use_number(spec->warmup, &group->warmup);
    use_number(spec->capacity_rebalance, &group->capacity_rebalance);
    if (spec->protect_new != NOT_SAID)
        group->protect_new = spec->protect_new == 1;
    use_text(spec->placement_group, &group->placement_group);
    use_text(spec->role_arn, &group->role_arn);
    use_text(spec->context, &group->context);
    use_text(spec->desired_type, &group->desired_type);
    if (group->max_lifetime != 0 && group->max_lifetime < CLOCK_DAY / CLOCK_SECOND)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The MaxInstanceLifetime must be 0, or at least 86400 seconds.");
    return true;
}

static bool check_bounds(const ScalingGroup *group, GError **error)
{
    return group->min_size <= group->max_size ||
           fault_set(error, FAULT_VALIDATION_ERROR,
                     "Max bound, %" PRId64 ", must be greater than or equal to min bound, %" PRId64,
                     group->max_size, group->min_size);
}

static bool check_desired(const ScalingGroup *group, int64_t desired, GError **error)
{
    return (desired >= group->min_size && desired <= group->max_size) ||
           fault_set(error, FAULT_VALIDATION_ERROR,
                     "Desired capacity:%" PRId64 " must be between the specified min size:%" PRId64
                     " and max size:%" PRId64,
                     desired, group->min_size, group->max_size);
}

/* ---- verbs ---- */

static bool check_new(Context *context, Txn *txn, const ScalingGroupSpec *spec, GError **error)
{
    void *taken;
    int64_t count;
    if (!scaling_check_name("autoScalingGroupName", spec->name, error) ||
        !record_query_one(txn, context->arena, QUERY_SCALING_GROUP, &taken, error,
                          context->caller.account_id, spec->name) ||
        !record_count(txn, COUNT_SCALING_GROUPS_OF_ACCOUNT, &count, error,
                      context->caller.account_id))
        return false;
    if (taken)
        return fault_set(error, FAULT_ALREADY_EXISTS,
                         "AutoScalingGroup by this name already exists - A group with the name %s "
                         "already exists",
                         spec->name);
    if (count_ways(spec) != 1)
        return refuse_ways(error);
    return count < SCALING_GROUPS_PER_ACCOUNT ||
           fault_set(error, FAULT_QUOTA_EXCEEDED,
                     "The maximum number of Auto Scaling groups (%d) is reached.",
                     SCALING_GROUPS_PER_ACCOUNT);
}

/* A configuration that is called as the group, and the zone of the instance. */
static bool use_instance(Context *context, Txn *txn, ScalingGroupSpec *spec, GError **error)
{
    Instance *instance;
    const LaunchConfigurationSpec configuration = {
        .name = spec->name,
        .instance_id = spec->instance_id,
        .monitoring = NOT_SAID,
        .ebs_optimized = NOT_SAID,
        .public_address = NOT_SAID,
    };
    if (!launch_configuration_record(context, txn, &configuration, error) ||
        !instance_get(txn, context->arena, spec->instance_id, &instance, error))
        return false;
    spec->launch_configuration = spec->name;
    if (!spec->zones_said && !spec->subnets) {
        spec->zones_said = true;
        list_add(&spec->zones, context->arena, instance->zone);
    }
    return true;
}

static bool record_belongings(Context *context, Txn *txn, const ScalingGroupSpec *spec,
                              GError **error)
{
    LIST_EACH (const char *, balancer, &spec->balancers) {
        ScalingBalancer attached = {
            .account_id = context->caller.account_id,
            .group_name = spec->name,
            .balancer = balancer,
        };
        if (!scaling_balancer_put(txn, &attached, error))
            return false;
    }
    LIST_EACH (const ScalingTagSpec *, tag, &spec->tags) {
        ScalingTag kept = {
            .account_id = context->caller.account_id,
            .group_name = spec->name,
            .key = tag->key,
            .value = tag->value ? tag->value : "",
            .propagate = tag->propagate,
        };
        if (!scaling_tag_put(txn, &kept, error))
            return false;
    }
    LIST_EACH (const LifecycleHookSpec *, hook, &spec->hooks)
        if (!lifecycle_hook_record(context, txn, spec->name, hook, error))
            return false;
    return true;
}

bool scaling_group_create(Context *context, const ScalingGroupSpec *request, GError **error)
{
    ScalingGroupSpec spec = *request;
    g_autoptr(Txn) txn = NULL;
    ScalingGroup group = {
        .account_id = context->caller.account_id,
        .name = spec.name,
        .id = id_new_uuid(context->arena),
        .min_size = spec.min_size,
        .max_size = spec.max_size,
        .cooldown = SCALING_DEFAULT_COOLDOWN,
        .health_check_type = "EC2",
        .termination_policies = "Default",
        .capacity_rebalance = NOT_SAID,
        .warmup = NOT_SAID,
        .created = cloud_now(context->cloud),
    };
    int64_t desired = spec.desired == NOT_SAID ? spec.min_size : spec.desired;
    if (!scaling_check_tags(&spec.tags, error) ||
        !scaling_check_balancers(context, &spec.balancers, error) ||
        !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !check_new(context, txn, &spec, error) ||
        (spec.instance_id && !use_instance(context, txn, &spec, error)) ||
        !use_spec(context, txn, &spec, &group, error) || !check_bounds(&group, error) ||
        !check_desired(&group, desired, error))
        return false;
    scaling_change_desired(context, &group, desired, "a user request created an AutoScalingGroup");
    if (!scaling_group_insert(txn, &group, error) ||
        !record_belongings(context, txn, &spec, error) || !txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, group.account_id, group.name);
    return true;
}

/* "min: 1, max: 5, desired: 2" */
static const char *constraints(Context *context, const ScalingGroup *group, int64_t desired)
{
    return arena_printf(context->arena,
                        "a user request update of AutoScalingGroup constraints to min: %" PRId64
                        ", max: %" PRId64 ", desired: %" PRId64,
                        group->min_size, group->max_size, desired);
}

bool scaling_group_update(Context *context, const ScalingGroupSpec *spec, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    if (count_ways(spec) > 1)
        return refuse_ways(error);
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, spec->name, &group, error))
        return false;
    use_number(spec->min_size, &group->min_size);
    use_number(spec->max_size, &group->max_size);
    if (!use_spec(context, txn, spec, group, error) || !check_bounds(group, error) ||
        (spec->desired != NOT_SAID && !check_desired(group, spec->desired, error)))
        return false;
    int64_t desired = spec->desired != NOT_SAID
                          ? spec->desired
                          : CLAMP(group->desired, group->min_size, group->max_size);
    scaling_change_desired(context, group, desired, constraints(context, group, desired));
    if (!scaling_group_put(txn, group, error) || !txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}

bool scaling_check_cooldown(Context *context, Txn *txn, const ScalingGroup *group, GError **error)
{
    void *activity;
    if (fast_now(context->cloud) >= group->cooldown_until && group->cooldown_for == 0)
        return true;
    if (!record_query_one(txn, context->arena, QUERY_SCALING_ACTIVITY_UNDER_WAY, &activity, error,
                          group->account_id, group->name))
        return false;
    if (activity)
        return fault_set(error, FAULT_SCALING_ACTIVITY_IN_PROGRESS,
                         "Scaling activity %s is in progress and blocks this action",
                         ((const ScalingActivity *)activity)->id);
    return fault_set(error, FAULT_SCALING_ACTIVITY_IN_PROGRESS,
                     "The cooldown period of AutoScalingGroup %s is in progress and blocks this "
                     "action",
                     group->name);
}

bool scaling_group_set_desired(Context *context, const char *name, int64_t desired,
                               bool honor_cooldown, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, name, &group, error))
        return false;
    if (desired > group->max_size)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "New SetDesiredCapacity value %" PRId64 " is above max value %" PRId64
                         " for the AutoScalingGroup.",
                         desired, group->max_size);
    if (desired < group->min_size)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "New SetDesiredCapacity value %" PRId64 " is below min value %" PRId64
                         " for the AutoScalingGroup.",
                         desired, group->min_size);
    if (honor_cooldown && !scaling_check_cooldown(context, txn, group, error))
        return false;
    if (honor_cooldown && desired != group->desired)
        group->cooldown_for = group->cooldown;
    scaling_change_desired(context, group, desired,
                           "a user request explicitly set group desired capacity");
    if (!scaling_group_put(txn, group, error) || !txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}

static bool check_empty(Context *context, Txn *txn, const ScalingGroup *group, GError **error)
{
    List members = {0};
    void *activity;
    if (!scaling_members(txn, context->arena, group, &members, error) ||
        !record_query_one(txn, context->arena, QUERY_SCALING_ACTIVITY_UNDER_WAY, &activity, error,
                          group->account_id, group->name))
        return false;
    if (activity || (members.n == 0 && group->desired > 0))
        return fault_set(error, FAULT_SCALING_ACTIVITY_IN_PROGRESS,
                         "You cannot delete an AutoScalingGroup while there are scaling activities "
                         "in progress for that group.");
    return members.n == 0 ||
           fault_set(error, FAULT_RESOURCE_IN_USE,
                     "You cannot delete an AutoScalingGroup while there are instances or pending "
                     "Spot instance request(s) still in the group.");
}

/* The controller removes it when it is empty, which may be at once. */
bool scaling_group_remove(Context *context, const char *name, bool force, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, name, &group, error) ||
        (!force && !check_empty(context, txn, group, error)))
        return false;
    if (force) {
        group->deleting = true;
        group->min_size = group->max_size = 0;
        scaling_change_desired(context, group, 0, constraints(context, group, 0));
        if (!scaling_group_put(txn, group, error))
            return false;
    } else if (!scaling_group_erase(context, txn, group, error)) {
        return false;
    }
    if (!txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}

bool scaling_group_erase(Context *context, Txn *txn, const ScalingGroup *group, GError **error)
{
    static const Change changes[] = {
        CHANGE_DELETE_POLICIES_OF_SCALING_GROUP,      CHANGE_DELETE_SCALING_TRIGGER,
        CHANGE_DELETE_SCHEDULES_OF_SCALING_GROUP,     CHANGE_DELETE_HOOKS_OF_SCALING_GROUP,
        CHANGE_DELETE_NOTIFICATIONS_OF_SCALING_GROUP, CHANGE_DELETE_TAGS_OF_SCALING_GROUP,
        CHANGE_DELETE_BALANCERS_OF_SCALING_GROUP,     CHANGE_SCALING_ACTIVITIES_LOSE_GROUP,
        CHANGE_INSTANCE_REFRESHES_LOSE_GROUP,         CHANGE_DELETE_SCALING_GROUP,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
        if (!record_change(txn, changes[i], NULL, error, group->account_id, group->name))
            return false;
    return true;
}
