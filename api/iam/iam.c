/* IAM as a table. Invariant: actions.def is sorted by name (a unit test checks it). */
#include "api/action.h"
#include "api/iam/handlers.h"

#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    ACTION_ENTRY(iam_api, function, Request, Reply)
#include "api/iam/actions.def"
#undef ACTION

static const Action actions[] = {
#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    {#Name, call_##function, Request##_shape, Reply##_shape, kind, since, until},
#include "api/iam/actions.def"
#undef ACTION
};

static const char *const versions[] = {"2010-05-08", NULL};

const Service service_iam = {
    .name = "iam",
    .protocol = PROTOCOL_QUERY,
    .xmlns = "https://iam.amazonaws.com/doc/%s/",
    .versions = versions,
    .actions = actions,
    .n_actions = G_N_ELEMENTS(actions),
};
