/* The handlers of CloudWatch's actions, one prototype a row of actions.def. */
#pragma once

#include "api/action.h"
#include "api/cloudwatch/shapes.h"

#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    ACTION_PROTOTYPE(cloudwatch, function, Request, Reply)
#include "api/cloudwatch/actions.def"
#undef ACTION
