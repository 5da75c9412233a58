/* The handlers of EC2's actions, one prototype a row of actions.def. */
#pragma once

#include "api/action.h"
#include "api/ec2/shapes.h"

#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    ACTION_PROTOTYPE(ec2, function, Request, Reply)
#include "api/ec2/actions.def"
#undef ACTION
