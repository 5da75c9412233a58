/* CloudWatch as a table. Invariant: actions.def is sorted by name (a unit test checks it). */
#include "api/action.h"
#include "api/cloudwatch/handlers.h"

#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    ACTION_ENTRY(cloudwatch, function, Request, Reply)
#include "api/cloudwatch/actions.def"
#undef ACTION

static const Action actions[] = {
#define ACTION(Name, function, Request, Reply, kind, since, until)                                 \
    {#Name, call_##function, Request##_shape, Reply##_shape, kind, since, until},
#include "api/cloudwatch/actions.def"
#undef ACTION
};

static const char *const versions[] = {"2009-05-15", "2010-08-01", NULL};

static const ExceptionName exceptions[] = {
    {"InternalError", "InternalServiceFault"},
    {"InvalidFormat", "InvalidFormatFault"},
    {"InvalidParameterCombination", "InvalidParameterCombinationException"},
    {"InvalidParameterValue", "InvalidParameterValueException"},
    {"LimitExceeded", "LimitExceededFault"},
    {"MissingParameter", "MissingRequiredParameterException"},
    {NULL, NULL},
};

const Service service_cloudwatch = {
    .name = "monitoring",
    .prefix = "cloudwatch",
    .target = "GraniteServiceVersion20100801",
    .space = "com.amazonaws.cloudwatch",
    .exceptions = exceptions,
    .protocol = PROTOCOL_QUERY,
    .xmlns = "http://monitoring.amazonaws.com/doc/%s/",
    .versions = versions,
    .actions = actions,
    .n_actions = G_N_ELEMENTS(actions),
};
