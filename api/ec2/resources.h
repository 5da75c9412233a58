/* What a request to EC2 is on, as policies name it. */
#pragma once

#include "api/query.h"
#include "cloud/cloud.h"

/* Adds the ARNs (const char *) of what the parameters name:
 * arn:aws:ec2:REGION:ACCOUNT:instance/i-…; of what an action makes: …:instance/ and a star. An
 * action that lists is on "*", as is one that names nothing. In a transaction that reads. Source:
 * "Actions, resources, and condition keys for Amazon EC2" (Service Authorization Reference). */
bool ec2_resources(Context *context, Txn *txn, const char *action, const Params *params, List *arns,
                   GError **error);
