/* What load balancers did, once a minute: their metrics in the namespace AWS/ELB, and their access
 * logs in buckets. Private to cloud/. */
#pragma once

#include "cloud/cloud.h"

typedef struct BalancerMetrics BalancerMetrics;

/* Minutes are those of the fast clock. */
BalancerMetrics *balancer_metrics_open(Cloud *cloud);
/* Delivers what was logged last. Before the sites are closed; NULL is fine. */
void balancer_metrics_close(BalancerMetrics *metrics);

/* Puts what the balancers of a site logged into their buckets: of those whose interval (minutes)
 * the minute ends; minute 0: of all. */
void balancer_logs_deliver(Cloud *cloud, int64_t minute);
/* Access logs were enabled, or go elsewhere now: puts the test file there, as AWS does. Failure is
 * told in the log. */
void balancer_logs_begin(Cloud *cloud, Arena *arena, const Balancer *balancer);
