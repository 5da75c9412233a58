/* What policies can ask about any request, whatever it is for. */
#pragma once

#include "api/http.h"
#include "cloud/context.h"
#include "cloud/policy.h"

/* Says in *request who asks (caller NULL: somebody who did not sign) and adds the facts of that, of
 * the time (request->now must be set), and of where the request came from and how. Source: "AWS
 * global condition context keys" (IAM User Guide). */
void request_facts_add(Arena *arena, const Caller *caller, const HttpRequest *http,
                       const char *region, PolicyRequest *request);
