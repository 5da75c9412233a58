/* The guests' way out: pasta, which takes packets from a link in the namespace and opens ordinary
 * sockets for them on the host. It outlives the daemon. */
#pragma once

#include "backends/netns/plan.h"
#include "backends/netns/worker.h"
#include <sys/types.h>

/* Makes pasta run for the namespace of the holder, or not, as the plan says. It is not a failure
 * when there is no way out: *ret_reason (owned) then says why, else it is NULL. Runs on the worker
 * inside; outside is the worker there. */
bool way_out_open(const Plan *plan, pid_t holder, int rtnl, Worker *outside, char **ret_reason,
                  GError **error);
/* Whether it still runs. */
bool way_out_is_open(const Plan *plan);
/* holder may be 0. */
bool way_out_end(const Plan *plan, pid_t holder, GError **error);
