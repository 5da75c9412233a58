/* What the files of Auto Scaling share. Private to cloud/. */
#pragma once

#include "cloud/scaling.h"

/* Someone changed the group: the controller looks at it. Outside of transactions. */
void scaling_wake(Cloud *cloud, const char *account_id, const char *group);
/* An instance joins or leaves a group: so that changes of it wake the group. After the commit. */
void scaling_note_member(Cloud *cloud, const char *instance_id, const char *account_id,
                         const char *group);
void scaling_forget_member(Cloud *cloud, const char *instance_id);

/* "2026-11-22T09:30:05Z" */
const char *scaling_time_text(Arena *arena, int64_t time);
bool scaling_is_suspended(Arena *arena, const ScalingGroup *group, const char *process);

/* The memberships of a group, inside a transaction. */
bool scaling_members(Txn *txn, Arena *arena, const ScalingGroup *group, List *list, GError **error);
/* Whether it counts towards desired capacity: not while it leaves or stands by. */
bool scaling_counts(const ScalingInstance *member);
int64_t scaling_size(const List *members); /* how many of them do */
/* By the group, rather than attached to it. */
bool scaling_was_launched(const ScalingInstance *member);

/* Changes desired capacity, inside a transaction; why: "a user request …", without the time. The
 * end of the sentence, " changing the desired capacity from 1 to 2.", is added. */
void scaling_change_desired(Context *context, ScalingGroup *group, int64_t desired,
                            const char *why);
/* The same with " adjusting", as triggers say it. */
void scaling_adjust_desired(Context *context, ScalingGroup *group, int64_t desired,
                            const char *why);

/* Takes the group and what belongs to it out of the store, inside a transaction; its activities
 * stay. */
bool scaling_group_erase(Context *context, Txn *txn, const ScalingGroup *group, GError **error);

/* ScalingTagSpec *: keys, lengths, no duplicates. */
bool scaling_check_tags(const List *tags, GError **error);
/* Of const char *: balancers that exist. Without a transaction. */
bool scaling_check_balancers(Context *context, const List *balancers, GError **error);
/* Puts a hook inside a transaction. */
bool lifecycle_hook_record(Context *context, Txn *txn, const char *group,
                           const LifecycleHookSpec *spec, GError **error);

/* ---- activities ---- */

/* A new one, which is under way, inside a transaction. instance_id may be NULL. */
bool scaling_activity_begin(Context *context, Txn *txn, const ScalingGroup *group,
                            const char *instance_id, const char *description, const char *cause,
                            ScalingActivity **ret_activity, GError **error);
/* Ends the member's activity, if it has one, and takes it off the member (which is not written).
 * message NULL: Successful; else status (Failed, Cancelled). */
bool scaling_activity_end(Context *context, Txn *txn, ScalingInstance *member, const char *status,
                          const char *message, GError **error);
/* How far it is. */
bool scaling_activity_progress(Context *context, Txn *txn, const ScalingInstance *member,
                               const char *status, int64_t progress, GError **error);
/* Moves a member into Terminating with an activity of this cause (written). */
bool scaling_member_leave(Context *context, Txn *txn, const ScalingGroup *group,
                          ScalingInstance *member, const char *cause, GError **error);
void scaling_member_move(Context *context, ScalingInstance *member, int state);

/* Fault ScalingActivityInProgress while a cooldown goes on. */
bool scaling_check_cooldown(Context *context, Txn *txn, const ScalingGroup *group, GError **error);

/* The tag that tells an instance's group, inside a transaction. */
bool scaling_member_tag(Context *context, Txn *txn, const char *instance_id, const char *group,
                        GError **error);
bool scaling_member_untag(Txn *txn, const char *instance_id, GError **error);

/* By name in a group, or by its ARN, inside a transaction; NULL: there is none. */
bool scaling_policy_find(Context *context, Txn *txn, const char *group, const char *name,
                         ScalingPolicy **ret_policy, GError **error);
bool scaling_refuse(GError **error, const char *what); /* ValidationError; returns false */
bool scaling_no_policy(GError **error);                /* the fault for that; returns false */
/* The account, group and policy that an ARN names; false: it names none. */
bool scaling_policy_parse_arn(Arena *arena, const char *arn, const char **ret_account,
                              const char **ret_group, const char **ret_name);
struct ScalingStep *scaling_steps_array(Arena *arena, const List *steps);
/* Deletes the alarms that target tracking policies (ScalingPolicy *) made. Without a transaction.
 */
bool scaling_policies_drop_alarms(Context *context, const List *policies, GError **error);
/* A context of the controller's own, for an account. */
Context scaling_context(Cloud *cloud, Arena *arena, const char *account_id);
/* An AlarmPolicyFn; data: the Cloud. */
struct AlarmEvent;
bool scaling_policy_alarmed(void *data, Arena *arena, const struct AlarmEvent *event,
                            const char **ret_text, GError **error);

/* ---- what clocks and alarms set off, for the controller ---- */

/* Carries out what is due of a group's schedules, inside a transaction, on *group (not written).
 * *ret_next: when the next is due, of the fast clock; 0: none. *ret_changed: something was due. */
bool scaling_schedules_run(Context *context, Txn *txn, ScalingGroup *group, int64_t *ret_next,
                           bool *ret_changed, GError **error);
/* Judges the group's trigger by its metric and does what it asks for. Without a transaction. */
bool scaling_trigger_run(Context *context, const char *group, int64_t *ret_next, GError **error);
/* Begins the waits of an instance for the hooks of a transition (EC2_INSTANCE_LAUNCHING …), inside
 * a transaction; how many there are. */
bool lifecycle_waits_begin(Context *context, Txn *txn, const ScalingInstance *member,
                           const char *transition, size_t *ret_count, GError **error);
/* Launches one instance by the group's configuration, inside a transaction, in the zone or subnet
 * with the fewest members: Instance *, added to *instances, to be woken after the commit. A fault
 * says why that cannot be. */
bool scaling_launch(Context *context, Txn *txn, const ScalingGroup *group, const List *members,
                    List *instances, ScalingInstance **ret_member, GError **error);
/* Why the next one is launched, with so many there. */
const char *scaling_launch_cause(Context *context, const ScalingGroup *group, int64_t size);
bool scaling_zones_differ(Context *context, const ScalingGroup *group, const List *members);
/* What a refresh that is under way does next: replaces *ret_victim, or it is done. *ret_next: when
 * to look again, of the fast clock; 0: when something changes. Pure but for the clock. */
typedef enum RefreshMove { REFRESH_WAITS, REFRESH_REPLACES, REFRESH_ENDS } RefreshMove;
RefreshMove scaling_refresh_move(Context *context, const ScalingGroup *group,
                                 const InstanceRefresh *refresh, const List *members,
                                 ScalingInstance **ret_victim, int64_t *ret_next);
bool scaling_refresh_end(Context *context, Txn *txn, const char *id, GError **error);
