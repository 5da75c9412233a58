/* A look at a scaling group, for the files of its controller. Private to cloud/. */
#pragma once

#include "base/workqueue.h"
#include "cloud/scaling_parts.h"

typedef struct GroupStep {
    Cloud *cloud;
    Arena *arena;
    Context context;
    const char *name; /* of the group, in the context's account */
    ScalingGroup *group;
    List members;             /* of ScalingInstance * */
    List machines;            /* of Instance *: theirs, in the order of ids */
    List waits;               /* of LifecycleWait * */
    List hooks;               /* of LifecycleHook * */
    List balancers;           /* of ScalingBalancer * */
    List schedules;           /* of ScalingSchedule * */
    InstanceRefresh *refresh; /* under way; NULL: none */
    int64_t now;              /* of the fast clock */
    int64_t again;            /* when to look again */
    bool changed;             /* something was written: look again at once */
} GroupStep;

/* The instance of a member; NULL: its record is gone. */
Instance *group_step_machine(const GroupStep *step, const char *instance_id);
void group_step_again(GroupStep *step, int64_t time); /* at the latest */

/* What an edit works on: read afresh in its transaction. */
typedef struct GroupEdit {
    GroupStep *step;
    Context *context;
    Txn *txn;
    ScalingGroup *group;     /* written at the end */
    ScalingInstance *member; /* likewise, unless it left; NULL: the edit is of the group */
    Instance *machine;       /* of the member; NULL: gone */
    bool left;               /* the membership ends */
    Instance *to_wake;       /* its controller has something to do */
} GroupEdit;
typedef bool (*GroupEditFn)(GroupEdit *edit, void *data, GError **error);

/* Runs fn in a transaction of its own, if the member is still in the state in which it was seen;
 * member NULL: of the group. Nothing of it remains when fn fails. */
bool group_edit(GroupStep *step, const ScalingInstance *member, GroupEditFn fn, void *data,
                GError **error);

/* scaling_member_step.c: the next step of one member. */
bool group_member_step(GroupStep *step, const ScalingInstance *member, GError **error);
/* A member is to go, for this reason: "At … an instance was taken out of service …". */
bool group_member_out(GroupStep *step, const ScalingInstance *member, const char *cause,
                      GError **error);

/* scaling_balancing.c: balancers have the members in service registered, and no others. */
bool group_balancers_settle(GroupStep *step, GError **error);
bool group_balancers_add(GroupStep *step, const ScalingInstance *member, GError **error);
/* *ret_drained: it gets no connections any more. */
bool group_balancers_drop(GroupStep *step, const ScalingInstance *member, bool *ret_drained,
                          GError **error);
/* Marks members unhealthy that a balancer found to be so, for groups that ask for it. */
bool group_balancers_judge(GroupStep *step, GError **error);

/* scaling_metrics.c: desired, pending and other numbers of a group that collects them. */
void group_metrics_tell(GroupStep *step);
