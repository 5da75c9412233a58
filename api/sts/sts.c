/* STS as a table. Invariant: actions.def is sorted by name (a unit test checks it). */
#include "api/action.h"
#include "api/sts/handlers.h"

#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    ACTION_ENTRY(sts, function, Request, Reply)
#include "api/sts/actions.def"
#undef ACTION

static const Action actions[] = {
#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    {#Name, call_##function, Request##_shape, Reply##_shape, kind, since, until},
#include "api/sts/actions.def"
#undef ACTION
};

static const char *const versions[] = {"2011-06-15", NULL};

const Service service_sts = {
    .name = "sts",
    .protocol = PROTOCOL_QUERY,
    .xmlns = "https://sts.amazonaws.com/doc/%s/",
    .versions = versions,
    .actions = actions,
    .n_actions = G_N_ELEMENTS(actions),
};
