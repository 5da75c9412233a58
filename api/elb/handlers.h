/* The handlers of classic ELB's actions, one prototype a row of actions.def. */
#pragma once

#include "api/action.h"
#include "api/elb/shapes.h"

#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    ACTION_PROTOTYPE(elb_api, function, Request, Reply)
#include "api/elb/actions.def"
#undef ACTION
