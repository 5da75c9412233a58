/* Auto Scaling: groups of instances that keep their size. What callers may ask of them; that it
 * becomes so is the controller's work (cloud/scaling_controller.c).
 *
 *                     hook                     EnterStandby
 *     Pending ──> Pending:Wait ──> InService ──────────────> EnteringStandby ──> Standby
 *        │  │     Pending:Proceed ──┘ │  │ DetachInstances                          │
 *        │  └──────────────────>──────┘  └──────> Detaching ──> (not a member)      │
 *        │                            │                                   ExitStandby: Pending
 *        └────────────────────────────┴──> Terminating ──> Terminating:Wait
 *                                               └────────> Terminating:Proceed ──> (not a member)
 *
 * An instance belongs to a group by its ScalingInstance record. Each change of a group is an
 * activity that says why. Times that pass (cooldowns, grace, hooks, schedules) are those of the
 * fast clock (cloud/fast_clock.h); times that are shown are the cloud's.
 *
 * Verbs name a group by its name in the caller's account. Their faults are ValidationError in
 * AWS's words unless said otherwise. Texts: "Amazon EC2 Auto Scaling API Reference, 2011-01-01". */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"
#include "cloud/tags.h"

/* AWS: "Quotas for Amazon EC2 Auto Scaling". */
#define SCALING_GROUPS_PER_ACCOUNT 500
#define SCALING_POLICIES_PER_GROUP 50
#define SCALING_STEPS_PER_POLICY 20
#define SCALING_SCHEDULES_PER_GROUP 125
#define SCALING_HOOKS_PER_GROUP 50
#define SCALING_TOPICS_PER_GROUP 10
#define SCALING_BALANCERS_PER_GROUP 50
#define SCALING_SIZE_MOST 10000
#define SCALING_NAME_MOST 255
#define SCALING_DEFAULT_COOLDOWN 300 /* seconds */
#define SCALING_ACTIVITIES_KEPT (42 * CLOCK_DAY)

#define NOT_SAID (-1)

bool scaling_check_name(const char *member, const char *name, GError **error);

/* ---- groups ---- */

typedef struct ScalingTagSpec {
    const char *group, *key, *value;
    bool propagate;
} ScalingTagSpec;

typedef struct LifecycleHookSpec {
    const char *name, *transition, *target_arn, *role_arn, *metadata, *default_result;
    int64_t heartbeat; /* seconds; NOT_SAID: an hour */
} LifecycleHookSpec;

/* What a group is made with, or changed to; NULL and NOT_SAID: the default, or as it is. */
typedef struct ScalingGroupSpec {
    const char *name, *launch_configuration, *instance_id;
    bool template_said;
    const char *template_id, *template_name, *template_version; /* cloud/launch_templates.h */
    /* The whole MixedInstancesPolicy that the template is of, as cloud/launch_template_data.h has
     * texts: "LaunchTemplate.Overrides.1.InstanceType=m1.small"; NULL: of none. */
    const char *mixed_policy;
    int64_t min_size, max_size, desired, cooldown, health_grace, max_lifetime, warmup;
    bool zones_said;
    List zones; /* of const char * */
    const char *subnets;
    const char *health_check_type;
    List termination_policies; /* of const char *; empty: not said */
    int protect_new, capacity_rebalance;
    const char *placement_group, *role_arn, *context, *desired_type;
    List balancers; /* of const char *: of a new one */
    List tags;      /* of ScalingTagSpec *: likewise */
    List hooks;     /* of LifecycleHookSpec *: likewise */
} ScalingGroupSpec;

/* Faults AlreadyExists, LimitExceeded. */
bool scaling_group_create(Context *context, const ScalingGroupSpec *spec, GError **error);
bool scaling_group_update(Context *context, const ScalingGroupSpec *spec, GError **error);
/* force: with its instances. Faults ResourceInUse, ScalingActivityInProgress. */
bool scaling_group_remove(Context *context, const char *name, bool force, GError **error);
/* Fault ScalingActivityInProgress: the cooldown is to be honoured and goes on. */
bool scaling_group_set_desired(Context *context, const char *name, int64_t desired,
                               bool honor_cooldown, GError **error);

typedef struct ScalingGroupView {
    const ScalingGroup *group;
    List instances; /* of ScalingInstance * */
    List balancers; /* of ScalingBalancer * */
    List tags;      /* of ScalingTag * */
} ScalingGroupView;
/* By name (empty: all) and filters (FindFilter *: tag-key, tag-value, tag:KEY), in the order of
 * names. */
bool scaling_groups_find(Context *context, const List *names, const List *filters, List *ret_views,
                         GError **error);
/* The group of that name, inside a transaction. */
bool scaling_group_find_one(Context *context, Txn *txn, const char *name, ScalingGroup **ret_group,
                            GError **error);
const char *scaling_group_arn(Context *context, const ScalingGroup *group);

/* processes empty: all. Names: scaling_process_names. */
bool scaling_group_suspend(Context *context, const char *name, const List *processes,
                           GError **error);
bool scaling_group_resume(Context *context, const char *name, const List *processes,
                          GError **error);
extern const char *const scaling_process_names[];     /* NULL-terminated; likewise the next */
extern const char *const scaling_metric_names[];      /* GroupMinSize … */
extern const char *const scaling_termination_names[]; /* OldestInstance … */
extern const char *const scaling_notification_names[];
/* granularity NULL: stops collecting. metrics empty: all. */
bool scaling_group_collect(Context *context, const char *name, const List *metrics,
                           const char *granularity, GError **error);

/* ---- belongings of groups ---- */

/* ScalingTagSpec *. */
bool scaling_tags_put(Context *context, const List *tags, GError **error);
bool scaling_tags_remove(Context *context, const List *tags, GError **error);
/* ScalingTag *, by group and key. Filters: auto-scaling-group, key, value, propagate-at-launch. */
bool scaling_tags_find(Context *context, const List *filters, List *list, GError **error);

bool scaling_notifications_put(Context *context, const char *name, const char *topic,
                               const List *types, GError **error);
bool scaling_notifications_remove(Context *context, const char *name, const char *topic,
                                  GError **error);
/* ScalingNotification *. */
bool scaling_notifications_find(Context *context, const List *names, List *list, GError **error);

bool scaling_balancers_attach(Context *context, const char *name, const List *balancers,
                              GError **error);
bool scaling_balancers_detach(Context *context, const char *name, const List *balancers,
                              GError **error);
typedef struct ScalingBalancerView {
    const char *name;
    const char *state; /* Adding, Added, InService, Removing */
} ScalingBalancerView;
bool scaling_balancers_find(Context *context, const char *name, List *ret_views, GError **error);

/* ---- instances ---- */

/* ScalingInstance * of the account, or those with these ids. */
bool scaling_instances_find(Context *context, const List *ids, List *list, GError **error);
bool scaling_instance_terminate(Context *context, const char *id, bool decrement,
                                ScalingActivity **ret_activity, GError **error);
bool scaling_instance_set_health(Context *context, const char *id, bool healthy, bool respect_grace,
                                 GError **error);
bool scaling_instances_protect(Context *context, const char *group, const List *ids, bool protect,
                               GError **error);
bool scaling_instances_attach(Context *context, const char *group, const List *ids, GError **error);
/* ScalingActivity *, one each; likewise the next two. */
bool scaling_instances_detach(Context *context, const char *group, const List *ids, bool decrement,
                              List *ret_activities, GError **error);
bool scaling_instances_enter_standby(Context *context, const char *group, const List *ids,
                                     bool decrement, List *ret_activities, GError **error);
bool scaling_instances_exit_standby(Context *context, const char *group, const List *ids,
                                    List *ret_activities, GError **error);

/* ScalingActivity *, the newest first. group NULL: of all. ids empty: all. */
bool scaling_activities_find(Context *context, const char *group, const List *ids,
                             bool with_deleted, List *list, GError **error);

/* ---- policies ---- */

typedef struct ScalingPolicySpec {
    const char *group, *name, *type; /* type NULL: SimpleScaling */
    bool enabled;
    const char *adjustment_type;
    bool amount_said;
    int64_t amount, min_step, min_magnitude, cooldown, warmup; /* NOT_SAID */
    const char *aggregation;
    List steps; /* of struct ScalingStep * (cloud/scaling_decide.h) */
    bool tracks;
    double target;
    const char *predefined, *resource_label;
    const char *metric_name, *metric_namespace, *metric_statistic, *metric_unit;
    List metric_dimensions; /* of struct MetricDimension * */
    bool disable_scale_in;
} ScalingPolicySpec;

/* *ret_alarms: names (const char *) of the alarms that a target tracking policy made. Fault
 * LimitExceeded. */
bool scaling_policy_put_spec(Context *context, const ScalingPolicySpec *spec, const char **ret_arn,
                             List *ret_alarms, GError **error);
/* name: or its ARN. */
bool scaling_policy_remove(Context *context, const char *group, const char *name, GError **error);
/* value and threshold: NAN where not said. Fault ScalingActivityInProgress. */
bool scaling_policy_execute(Context *context, const char *group, const char *name,
                            bool honor_cooldown, double value, double threshold, GError **error);
typedef struct ScalingPolicyView {
    const ScalingPolicy *policy;
    const char *arn;
    List alarms; /* of Alarm *: those that set it off */
} ScalingPolicyView;
/* group NULL: of all; names: or ARNs. */
bool scaling_policies_find(Context *context, const char *group, const List *names,
                           const List *types, List *ret_views, GError **error);
/* "name TAB value" lines → MetricDimension *. */
List scaling_dimensions(Arena *arena, const char *text);
List scaling_steps(Arena *arena, const ScalingPolicy *policy); /* of struct ScalingStep * */

/* ---- triggers of 2009 ---- */

typedef struct ScalingTriggerSpec {
    const char *group, *name, *measure, *statistic, *space, *unit, *custom_unit;
    List dimensions;        /* of struct MetricDimension * */
    int64_t period, breach; /* seconds */
    double lower, upper;
    const char *lower_increment, *upper_increment;
} ScalingTriggerSpec;
/* A group has one trigger: fault AlreadyExists when it has one of another name. */
bool scaling_trigger_put_spec(Context *context, const ScalingTriggerSpec *spec, GError **error);
bool scaling_trigger_remove(Context *context, const char *group, const char *name, GError **error);
/* *ret_trigger may be NULL: it has none. */
bool scaling_trigger_find(Context *context, const char *group, ScalingTrigger **ret_trigger,
                          GError **error);

/* ---- schedules ---- */

typedef struct ScalingScheduleSpec {
    const char *group, *name, *recurrence, *time_zone;
    int64_t start, end;                  /* as clients say times; 0: not said */
    int64_t min_size, max_size, desired; /* NOT_SAID */
} ScalingScheduleSpec;
/* Fault LimitExceeded. */
bool scaling_schedule_put_spec(Context *context, const ScalingScheduleSpec *spec, GError **error);
bool scaling_schedule_remove(Context *context, const char *group, const char *name, GError **error);
/* ScalingSchedule *: due between `from` and `to` (0: whenever). group NULL: of all. */
bool scaling_schedules_find(Context *context, const char *group, const List *names, int64_t from,
                            int64_t to, List *list, GError **error);
/* When a client would say that it is due next. */
int64_t scaling_schedule_time(Context *context, const ScalingSchedule *schedule);

/* ---- lifecycle hooks ---- */

/* One that is there is changed: what is not said stays. Fault LimitExceeded. */
bool lifecycle_hook_put_spec(Context *context, const char *group, const LifecycleHookSpec *spec,
                             GError **error);
bool lifecycle_hook_remove(Context *context, const char *group, const char *name, GError **error);
/* LifecycleHook *. */
bool lifecycle_hooks_find(Context *context, const char *group, const List *names, List *list,
                          GError **error);
/* By token or instance. result NULL: a heartbeat. */
typedef struct LifecycleAnswer {
    const char *group, *hook, *token, *instance_id, *result;
} LifecycleAnswer;
bool lifecycle_action_answer(Context *context, const LifecycleAnswer *answer, GError **error);

/* ---- instance refresh ---- */

typedef struct RefreshSpec {
    const char *group;
    int64_t min_healthy, warmup; /* percent, seconds; NOT_SAID */
    int skip_matching;
} RefreshSpec;
/* Fault InstanceRefreshInProgress. */
bool scaling_refresh_start(Context *context, const RefreshSpec *spec, const char **ret_id,
                           GError **error);
/* Fault ActiveInstanceRefreshNotFound. */
bool scaling_refresh_cancel(Context *context, const char *group, const char **ret_id,
                            GError **error);
typedef struct RefreshView {
    const InstanceRefresh *refresh;
    int64_t left; /* instances still to be replaced */
    int64_t percent;
} RefreshView;
bool scaling_refreshes_find(Context *context, const char *group, const List *ids, List *ret_views,
                            GError **error);

/* DescribeAccountLimits. */
bool scaling_count(Context *context, int64_t *ret_groups, int64_t *ret_configurations,
                   GError **error);
