/* The tables of Auto Scaling's shapes. Invariant: shapes.h and this file read the same .def
 * files. */
#include "api/autoscaling/shapes.h"

static const char *const token_uses[] = {"optional", "required", NULL};
static const char *const endpoint_states[] = {"disabled", "enabled", NULL};
static const char *const predefined_metrics[] = {"ASGAverageCPUUtilization", "ASGAverageNetworkIn",
                                                 "ASGAverageNetworkOut", "ALBRequestCountPerTarget",
                                                 NULL};
static const char *const metric_statistics[] = {"Average",     "Minimum", "Maximum",
                                                "SampleCount", "Sum",     NULL};
static const char *const trigger_statistics[] = {"Minimum", "Maximum", "Sum", "Average", NULL};
static const char *const refresh_strategies[] = {"Rolling", NULL};

#include "api/shape_tables.h"
#include "api/autoscaling/shapes_groups.def"
#include "api/autoscaling/shapes_changes.def"
#include "api/shape_end.h"
