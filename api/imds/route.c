/* The route of the metadata service: takes everything. */
#include "api/imds/route.h"

static bool match(const Route *route, const HttpRequest *request)
{
    return true;
}

static RouteNext finish(Exchange *exchange)
{
    const ImdsRoute *owner = ROUTE_OWNER(ImdsRoute, exchange->route);
    imds_answer(owner->imds, exchange->arena, &exchange->request, &exchange->reply);
    return ROUTE_REPLY;
}

static void refuse(Exchange *exchange, const GError *why)
{
    exchange->reply.status = 503;
    exchange->reply.content_type = "text/plain";
}

void imds_route_init(ImdsRoute *route, Imds *imds)
{
    *route = (ImdsRoute){
        .route = {.name = "metadata", .match = match, .finish = finish, .refuse = refuse},
        .imds = imds,
    };
}
