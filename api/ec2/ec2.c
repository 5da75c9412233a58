/* EC2 as a table. Invariant: actions.def is sorted by name (a unit test checks it). */
#include "api/action.h"
#include "api/ec2/handlers.h"
#include "api/ec2/soap_names.h"

#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    ACTION_ENTRY(ec2, function, Request, Reply)
#include "api/ec2/actions.def"
#undef ACTION

static const Action actions[] = {
#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    {#Name, call_##function, Request##_shape, Reply##_shape, kind, since, until},
#include "api/ec2/actions.def"
#undef ACTION
};

static const char *const versions[] = {
    "2009-11-30", "2010-06-15", "2010-08-31", "2010-11-15", "2011-01-01", "2011-02-28",
    "2011-05-15", "2011-07-15", "2011-11-01", "2011-12-01", "2011-12-15", "2012-03-01",
    "2012-04-01", "2012-05-01", "2012-06-01", "2012-06-15", "2012-07-20", "2012-08-15",
    "2012-10-01", "2012-12-01", "2013-02-01", "2013-06-15", "2013-07-15", "2013-08-15",
    "2013-10-01", "2013-10-15", "2014-02-01", "2014-05-01", "2014-06-15", "2014-09-01",
    "2014-10-01", "2015-03-01", "2015-04-15", "2015-10-01", "2016-04-01", "2016-09-15",
    "2016-11-15", NULL};

const Service service_ec2 = {
    .name = "ec2",
    .protocol = PROTOCOL_EC2,
    .xmlns = "http://ec2.amazonaws.com/doc/%s/",
    .versions = versions,
    .soap = &soap_names,
    .actions = actions,
    .n_actions = G_N_ELEMENTS(actions),
    .old_versions_lenient = true,
};
