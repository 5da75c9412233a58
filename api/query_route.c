/* Hands whole requests to the dispatcher. Invariant: exchange->state is the Dispatch that waits for
 * its worker, or NULL. */
#include "api/query_route.h"

static Dispatcher *dispatcher_of(const Exchange *exchange)
{
    return ROUTE_OWNER(QueryRoute, exchange->route)->dispatcher;
}

static bool match(const Route *route, const HttpRequest *request)
{
    return true;
}

static RouteNext finish(Exchange *exchange)
{
    Dispatch *dispatch;
    dispatch_begin(dispatcher_of(exchange), exchange->arena, &exchange->request, &exchange->reply,
                   &dispatch);
    exchange->state = dispatch;
    return dispatch ? ROUTE_WORK : ROUTE_REPLY;
}

static void work(Exchange *exchange)
{
    dispatch_run(exchange->state, &exchange->reply);
}

static void refuse(Exchange *exchange, const GError *why)
{
    dispatch_refuse(dispatcher_of(exchange), exchange->arena, &exchange->request, why,
                    &exchange->reply);
}

void query_route_init(QueryRoute *query, Dispatcher *dispatcher)
{
    *query = (QueryRoute){
        .route = {.name = "query",
                  .match = match,
                  .max_body = QUERY_MAX_BODY,
                  .finish = finish,
                  .work = work,
                  .refuse = refuse},
        .dispatcher = dispatcher,
    };
}
