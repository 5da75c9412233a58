/* Services and their actions, as tables; and the call that an action handles.
 *
 * api/<service>/actions.def has one row an action:
 *     ACTION(RunInstances, run_instances, RunInstancesRequest, Reservation, WRITE, NULL, NULL)
 * wire name, handler (prefixed by the service's name: ec2_run_instances), request and reply shape,
 * kind, first and last API version it exists in. The list expands into prototypes, the dispatch
 * table, docs/actions.md and the test that every action is exercised by a client.
 *
 * A handler parses nothing and formats nothing: it calls cloud/ or imagestore/ and fills *reply.
 * It gets a cleared reply (api/shape.h) and puts everything into call->context.arena. */
#pragma once

#include "api/pieces.h"
#include "cloud/context.h"

typedef enum ActionKind {
    READ,  /* only reads the store, and says the same until something is written (its replies are
            * remembered, api/reply_cache.h): runs in the event thread, must never wait */
    WRITE, /* waits for a commit, the disk or a back end: runs on a worker */
} ActionKind;

typedef struct Action Action;
typedef struct Service Service;

typedef struct Call {
    Context context;
    const Service *service;
    const Action *action;
    const char *version; /* of the API, as asked: "2016-11-15" */
    const char *source_ip;
    const char *digest; /* SHA-256 in hex of the request's parameters less ClientToken and what
                         * signing adds: equal for a repeated request. NULL: a READ whose reply
                         * nobody remembers */
    Pieces pieces;      /* a READ handler may show remembered ones, and have others remembered */
} Call;

typedef bool (*ActionHandler)(Call *call, const void *request, void *reply, GError **error);

struct Action {
    const char *name;
    ActionHandler handle;
    const Shape *(*request)(void);
    const Shape *(*reply)(void);
    ActionKind kind;
    const char *since, *until;
};

typedef enum Protocol {
    PROTOCOL_EC2,   /* Query; lists `Name.N`; replies <XResponse><requestId>… */
    PROTOCOL_QUERY, /* Query; lists `Name.member.N`; replies <XResponse><XResult>… */
} Protocol;

/* What an error of the Query protocol is called in the others. */
typedef struct ExceptionName {
    const char *code, *shape;
} ExceptionName;

struct Service {
    const char *name;   /* as in a signature's scope: "ec2" */
    const char *prefix; /* of its actions in policies; NULL: name */
    /* In JSON and CBOR too: what names it there, "GraniteServiceVersion20100801", and the namespace
     * of its shapes, "com.amazonaws.cloudwatch". NULL: Query alone. */
    const char *target, *space;
    const struct SoapNames *soap;    /* api/soap_params.h: in SOAP too; NULL: not */
    const ExceptionName *exceptions; /* of codes that are no shapes' names; ends with a NULL code */
    Protocol protocol;
    const char *xmlns; /* "http://ec2.amazonaws.com/doc/%s/": %s is the version asked for */
    /* Known ones, oldest first, NULL-terminated; the last is today's. */
    const char *const *versions;
    const Action *actions; /* sorted by name */
    size_t n_actions;
    bool old_versions_lenient; /* an unknown version is taken for the next older known one */
    bool always_result;        /* PROTOCOL_QUERY: a reply without members has an empty <XResult/> */
};

/* Prototype of a handler with its own types, and the untyped entry for the table. */
#define ACTION_PROTOTYPE(service, function, Request, Reply)                                        \
    bool service##_##function(Call *call, const Request *request, Reply *reply, GError **error);
#define ACTION_ENTRY(service, function, Request, Reply)                                            \
    static bool call_##function(Call *call, const void *request, void *reply, GError **error)      \
    {                                                                                              \
        return service##_##function(call, (const Request *)request, (Reply *)reply, error);        \
    }

static inline const char *service_prefix(const Service *service)
{
    return service->prefix ? service->prefix : service->name;
}

extern const Service service_autoscaling;
extern const Service service_cloudwatch;
extern const Service service_ec2;
extern const Service service_elb;
extern const Service service_iam;
extern const Service service_sts;
