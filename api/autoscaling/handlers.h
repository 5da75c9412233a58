/* The handlers of Auto Scaling's actions, one prototype a row of actions.def. */
#pragma once

#include "api/action.h"
#include "api/autoscaling/shapes.h"

#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    ACTION_PROTOTYPE(autoscaling_api, function, Request, Reply)
#include "api/autoscaling/actions.def"
#undef ACTION
