/* Policies: the input is a document; what can be read is evaluated. */
#include "tests/fuzz/fuzz.h"
#include "base/fault.h"
#include "cloud/policy.h"

static void evaluate(Arena *arena, const Policy *policy)
{
    PolicyRequest request = {
        .action = "s3:GetObject",
        .resource = "arn:aws:s3:::bucket/home/alice/a",
        .account_id = "111111111111",
        .arn = "arn:aws:iam::111111111111:user/alice",
        .user_id = "AIDAALICE",
        .now = INT64_C(1795339805000000),
    };
    policy_add_caller_facts(arena, &request);
    policy_add_fact(arena, &request, "aws:SourceIp", "192.0.2.7");
    policy_add_fact(arena, &request, "s3:RequestObjectTagKeys", "a");
    policy_add_fact(arena, &request, "s3:RequestObjectTagKeys", "b");
    PolicyDecision decision = policy_evaluate(policy, &request);
    g_assert(decision <= POLICY_DENY);
    request.account_id = request.arn = request.user_id = NULL;
    request.facts.n = 0;
    policy_evaluate(policy, &request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Arena) arena = arena_new();
    const char *json = arena_strndup(arena, (const char *)data, size);
    for (int kind = POLICY_OF_RESOURCE; kind <= POLICY_OF_IDENTITY; kind++) {
        g_autoptr(GError) error = NULL, refused = NULL;
        Policy *policy;
        if (!policy_read(arena, json, (PolicyKind)kind, &policy, &error)) {
            g_assert(error && error->domain == FAULT_DOMAIN);
            continue;
        }
        evaluate(arena, policy);
        policy_is_public(policy);
        g_assert(policy_check_resources(policy, "arn:aws:s3:::bucket", &refused) == !refused);
    }
    return 0;
}
