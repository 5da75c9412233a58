/* From a Query or SOAP request to its reply: which service, who signs, which version and action,
 * binding, the handler, rendering. Knows HTTP only as data (api/http.h); which thread runs what is
 * the server's business.
 *
 * In two steps, so that what waits can wait on a worker: dispatch_begin does all that must not
 * wait; a WRITE action is then ready to run and dispatch_run runs it. Thread-safe; one Dispatch
 * belongs to one thread at a time. */
#pragma once

#include "api/action.h"
#include "api/http.h"
#include "api/signature/verify.h"
#include "api/soap_verify.h"

/* What somebody wants to do. */
typedef struct Attempt {
    const Caller *caller;
    const Service *service;
    const char *action; /* "RunInstances" */
    const Params *params;
    const HttpRequest *http;
    const char *region, *request_id;
} Attempt;

typedef struct DispatchConfig {
    const Service *const *services; /* NULL-terminated */
    Cloud *cloud;                   /* may be NULL in tests whose handlers need none */
    Clock *clock;                   /* real time: signatures are dated by it */
    const char *region;
    KeySource keys;
    CertificateSource certificates; /* of SOAP */
    /* Changes whenever a READ action may say something else (api/reply_cache.h); NULL: replies are
     * not remembered. */
    uint64_t (*version)(Cloud *cloud);
    /* Whether the caller may. Runs in the event thread: only reads. NULL: whoever signs may
     * everything. */
    bool (*authorize)(Cloud *cloud, Arena *arena, const Attempt *attempt, bool *ret_may,
                      GError **error);
} DispatchConfig;

typedef struct Dispatcher Dispatcher;

/* What config points to must outlive it; the structure itself is copied. */
Dispatcher *dispatcher_new(const DispatchConfig *config);
void dispatcher_free(Dispatcher *dispatcher); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Dispatcher, dispatcher_free)

/* A call on its way; lives in its arena. */
typedef struct Dispatch Dispatch;

/* request must live as long as the arena. Answers at once (refusals, READ actions: *ret_dispatch
 * is NULL and reply is filled), or hands out a call that dispatch_run will answer. */
void dispatch_begin(Dispatcher *dispatcher, Arena *arena, const HttpRequest *request,
                    HttpReply *reply, Dispatch **ret_dispatch);
void dispatch_run(Dispatch *dispatch, HttpReply *reply);

/* A request that is refused before it could be dispatched (too large, too many): the error
 * document of the service that it seems to be for. */
void dispatch_refuse(Dispatcher *dispatcher, Arena *arena, const HttpRequest *request,
                     const GError *why, HttpReply *reply);

/* Who signs a request that is not for a service but for the daemon itself; any scope will do. */
bool dispatch_authenticate(Dispatcher *dispatcher, Arena *arena, const HttpRequest *request,
                           Caller *ret_caller, GError **error);
