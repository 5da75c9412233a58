/* Whether a caller may call an action of a Query service. */
#pragma once

#include "api/dispatch.h"

/* An account's root may everything, and everybody may ask who he is; a user may what his policies
 * allow him. IAM's actions are on the user that they name, EC2's on each resource that they name
 * (api/ec2/resources.h), ELB's on the balancers that they change, all others on "*". For
 * DispatchConfig.authorize. */
bool endpoint_authorize(Cloud *cloud, Arena *arena, const Attempt *attempt, bool *ret_may,
                        GError **error);
