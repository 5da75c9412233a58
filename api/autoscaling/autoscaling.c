/* Auto Scaling as a table. Invariant: actions.def is sorted by name (a unit test checks it). */
#include "api/action.h"
#include "api/autoscaling/handlers.h"

#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    ACTION_ENTRY(autoscaling_api, function, Request, Reply)
#include "api/autoscaling/actions.def"
#undef ACTION

static const Action actions[] = {
#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    {#Name, call_##function, Request##_shape, Reply##_shape, kind, since, until},
#include "api/autoscaling/actions.def"
#undef ACTION
};

static const char *const versions[] = {"2009-05-15", "2010-08-01", "2011-01-01", NULL};

const Service service_autoscaling = {
    .name = "autoscaling",
    .protocol = PROTOCOL_QUERY,
    .xmlns = "http://autoscaling.amazonaws.com/doc/%s/",
    .versions = versions,
    .actions = actions,
    .n_actions = G_N_ELEMENTS(actions),
};
