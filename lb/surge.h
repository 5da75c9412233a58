/* The surge queue: requests that wait because each target has as many as it may have. One queue for
 * each worker of a balancer, and one limit for all of them. */
#pragma once

#include "lb/balancer.h"

typedef struct Exchange Exchange;

/* False: it is full. */
bool surge_join(Balancer *balancer, Worker *worker, Exchange *exchange, unsigned limit);
/* Of one that waits. */
void surge_leave(Balancer *balancer, Worker *worker, Exchange *exchange);
/* Lets those that can go on do so, in the order they came. In the part's own worker. */
void surge_serve(BalancerPart *part);
