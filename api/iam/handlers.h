/* The handlers of IAM's actions, one prototype a row of actions.def: iam_api_…, since iam_… are the
 * rules themselves (cloud/iam.h). */
#pragma once

#include "api/action.h"
#include "api/iam/shapes.h"

#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    ACTION_PROTOTYPE(iam_api, function, Request, Reply)
#include "api/iam/actions.def"
#undef ACTION
