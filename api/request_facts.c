/* Global condition keys. Invariant: what the client did not say is no fact, so that Null and
 * …IfExists see it. */
#include "api/request_facts.h"

void request_facts_add(Arena *arena, const Caller *caller, const HttpRequest *http,
                       const char *region, PolicyRequest *request)
{
    if (caller) {
        request->account_id = caller->account_id;
        request->arn = caller->arn;
        request->user_id = caller->user_id;
    }
    policy_add_caller_facts(arena, request);
    policy_add_fact(arena, request, "aws:SourceIp", http->source_ip);
    policy_add_fact(arena, request, "aws:SecureTransport", http->secure ? "true" : "false");
    policy_add_fact(arena, request, "aws:RequestedRegion", region);
    policy_add_fact(arena, request, "aws:UserAgent", http_header(http, "user-agent"));
    policy_add_fact(arena, request, "aws:Referer", http_header(http, "referer"));
}
