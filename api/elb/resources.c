/* ARNs out of requests. Invariant: an action that changes a load balancer is on its ARN, whatever
 * form the request names it in. */
#include "api/elb/resources.h"

#include <string.h>

/* The account's, which cannot be narrowed to one balancer. */
static bool lists(const char *action)
{
    return g_str_has_prefix(action, "Describe");
}

/* "LoadBalancerName", "LoadBalancerNames.member.1", "LoadBalancerNames.1". */
static bool names_balancer(const char *parameter)
{
    static const char start[] = "LoadBalancerName";
    if (!g_str_has_prefix(parameter, start))
        return false;
    const char *rest = parameter + strlen(start);
    return *rest == '\0' || *rest == '.' || strcmp(rest, "s") == 0 || g_str_has_prefix(rest, "s.");
}

void elb_resources(const Context *context, const char *action, const Params *params, List *arns)
{
    for (size_t i = 0; !lists(action) && i < params->n; i++) {
        const Param *param = &params->items[i];
        if (names_balancer(param->name) && *param->value)
            list_add(arns, context->arena,
                     arena_printf(context->arena,
                                  "arn:aws:elasticloadbalancing:%s:%s:loadbalancer/%s",
                                  context->region, context->caller.account_id, param->value));
    }
    if (arns->n == 0)
        list_add(arns, context->arena, "*");
}
