/* What a request to classic ELB is on, as policies name it. */
#pragma once

#include "api/query.h"
#include "cloud/context.h"

/* Adds the ARNs (const char *) of the load balancers that the parameters name:
 * arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/NAME. An action that describes is on
 * "*". Source: "Actions, resources, and condition keys for Elastic Load
 * Balancing" (Service Authorization Reference). */
void elb_resources(const Context *context, const char *action, const Params *params, List *arns);
