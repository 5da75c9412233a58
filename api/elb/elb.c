/* Classic Elastic Load Balancing as a table. Invariant: actions.def is sorted by name (a unit test
 * checks it). */
#include "api/action.h"
#include "api/elb/handlers.h"

#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    ACTION_ENTRY(elb_api, function, Request, Reply)
#include "api/elb/actions.def"
#undef ACTION

static const Action actions[] = {
#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    {#Name, call_##function, Request##_shape, Reply##_shape, kind, since, until},
#include "api/elb/actions.def"
#undef ACTION
};

static const char *const versions[] = {"2009-05-15", "2009-11-25", "2010-07-01", "2011-04-05",
                                       "2011-08-15", "2011-11-15", "2012-06-01", NULL};

const Service service_elb = {
    .name = "elasticloadbalancing",
    .protocol = PROTOCOL_QUERY,
    .xmlns = "http://elasticloadbalancing.amazonaws.com/doc/%s/",
    .versions = versions,
    .actions = actions,
    .n_actions = G_N_ELEMENTS(actions),
    .always_result = true,
};
