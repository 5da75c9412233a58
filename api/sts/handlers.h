/* The handlers of STS's actions, one prototype a row of actions.def. */
#pragma once

#include "api/action.h"
#include "api/sts/shapes.h"

#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    ACTION_PROTOTYPE(sts, function, Request, Reply)
#include "api/sts/actions.def"
#undef ACTION
