/* The metrics of scaling groups that collect them. */
#include "cloud/launch_configurations.h"
#include "cloud/metrics.h"
#include "cloud/scaling_step.h"
#include <string.h>

void group_metrics_tell(GroupStep *step)
{
    static const struct {
        const char *name;
        uint32_t states;
    } counted[] = {
        {"GroupInServiceInstances", TO(LIFECYCLE_IN_SERVICE)},
        {"GroupPendingInstances",
         TO(LIFECYCLE_PENDING) | TO(LIFECYCLE_PENDING_WAIT) | TO(LIFECYCLE_PENDING_PROCEED)},
        {"GroupStandbyInstances", TO(LIFECYCLE_ENTERING_STANDBY) | TO(LIFECYCLE_STANDBY)},
        {"GroupTerminatingInstances", TO(LIFECYCLE_DETACHING) | TO(LIFECYCLE_TERMINATING) |
                                          TO(LIFECYCLE_TERMINATING_WAIT) |
                                          TO(LIFECYCLE_TERMINATING_PROCEED)},
        {"GroupTotalInstances", UINT32_MAX},
        {"GroupMinSize", 0},
        {"GroupMaxSize", 0},
        {"GroupDesiredCapacity", 0},
    };
    const ScalingGroup *group = step->group;
    List wanted = lines_split(step->arena, group->metrics);
    Metrics *metrics = cloud_metrics(step->cloud);
    unsigned generation = metrics_generation(metrics);
    for (size_t i = 0; i < G_N_ELEMENTS(counted); i++) {
        const char *name = counted[i].name;
        if (!list_has(&wanted, name))
            continue;
        int64_t value = strcmp(name, "GroupMinSize") == 0   ? group->min_size
                        : strcmp(name, "GroupMaxSize") == 0 ? group->max_size
                                                            : group->desired;
        if (counted[i].states)
            value = 0;
        LIST_EACH (const ScalingInstance *, member, &step->members)
            value += counted[i].states & TO(member->state) ? 1 : 0;
        MetricDimension dimension = {"AutoScalingGroupName", group->name};
        MetricKey key = {.account_id = group->account_id, .space = "AWS/AutoScaling", .name = name};
        list_add(&key.dimensions, step->arena, &dimension);
        const MetricSample sample = {metrics_series(metrics, &key), metric_value((double)value)};
        metrics_sample(metrics, generation, step->now, &sample, 1);
    }
}
