/* Evaluates policies.
 *
 * Invariant: a Deny anywhere wins over every Allow; a statement says something only if each of its
 * elements (who, what, on what, on which condition) fits the request. */
#include "cloud/policy.h"

#include "base/clock.h"
#include "cloud/policy_parts.h"
#include <inttypes.h>
#include <string.h>

/* ---- facts ---- */

void policy_add_fact(Arena *arena, PolicyRequest *request, const char *key, const char *value)
{
    if (!value)
        return;
    PolicyFact *last = request->facts.n > 0 ? list_at(&request->facts, request->facts.n - 1) : NULL;
    if (!last || g_ascii_strcasecmp(last->key, key) != 0) {
        last = arena_new_struct(arena, PolicyFact);
        last->key = key;
        list_add(&request->facts, arena, last);
    }
    list_add(&last->values, arena, value);
}

void policy_add_caller_facts(Arena *arena, PolicyRequest *request)
{
    char time[CLOCK_TEXT_SIZE];
    clock_format(request->now, time);
    policy_add_fact(arena, request, "aws:CurrentTime", arena_strdup(arena, time));
    policy_add_fact(arena, request, "aws:EpochTime",
                    arena_printf(arena, "%" PRId64, request->now / CLOCK_SECOND));
    if (!request->arn) {
        policy_add_fact(arena, request, "aws:PrincipalType", "Anonymous");
        policy_add_fact(arena, request, "aws:userid", "anonymous");
        return;
    }
    const char *user = strstr(request->arn, ":user/");
    policy_add_fact(arena, request, "aws:PrincipalType", user ? "User" : "Account");
    policy_add_fact(arena, request, "aws:userid", request->user_id);
    policy_add_fact(arena, request, "aws:PrincipalArn", request->arn);
    policy_add_fact(arena, request, "aws:PrincipalAccount", request->account_id);
    policy_add_fact(arena, request, "aws:username", user ? strrchr(user, '/') + 1 : NULL);
}

/* ---- evaluating ---- */

/* A user's name is enough to know him, whatever path is said with it: an account has it once. */
static bool is_arn(const char *named, const char *arn)
{
    const char *user = arn ? strstr(arn, ":user/") : NULL;
    if (!user)
        return g_strcmp0(named, arn) == 0;
    size_t size = (size_t)(user - arn) + strlen(":user/");
    return strncmp(named, arn, size) == 0 && strcmp(named + size, strrchr(arn, '/') + 1) == 0;
}

static bool is_principal(const Principal *principal, const PolicyRequest *request,
                         bool *ret_as_account)
{
    *ret_as_account = false;
    switch (principal->kind) {
    case PRINCIPAL_ANYBODY:
        return true;
    case PRINCIPAL_ACCOUNT:
        *ret_as_account = true;
        return g_strcmp0(principal->text, request->account_id) == 0;
    case PRINCIPAL_CANONICAL:
        *ret_as_account = true;
        return g_strcmp0(principal->text, request->canonical_id) == 0;
    case PRINCIPAL_ARN:
        return is_arn(principal->text, request->arn);
    case PRINCIPAL_USER_ID:
        return g_strcmp0(principal->text, request->user_id) == 0;
    case PRINCIPAL_NOBODY:
        break;
    }
    return false;
}

static bool is_for_caller(const Statement *statement, const PolicyRequest *request)
{
    if (statement->principals.n == 0)
        return true;
    bool found = false;
    LIST_EACH (const Principal *, principal, &statement->principals) {
        bool as_account;
        if (!found && is_principal(principal, request, &as_account))
            found = !as_account || !request->named || statement->deny || statement->not_principal;
    }
    return found != statement->not_principal;
}

static bool is_for_action(const Statement *statement, const PolicyRequest *request)
{
    static const Glob glob = {.ignore_case = true};
    bool found = false;
    LIST_EACH (const char *, action, &statement->actions)
        found = found || policy_matches(action, request->action, request, false, &glob);
    return found != statement->not_action;
}

static bool is_for_resource(const Statement *statement, const PolicyRequest *request,
                            bool variables)
{
    static const Glob glob = {0};
    bool found = false;
    LIST_EACH (const char *, resource, &statement->resources)
        found = found || policy_matches(resource, request->resource, request, variables, &glob);
    return found != statement->not_resource;
}

static bool conditions_hold(const Statement *statement, const PolicyRequest *request,
                            bool variables)
{
    LIST_EACH (const Condition *, condition, &statement->conditions)
        if (!policy_condition_holds(condition, request, variables))
            return false;
    return true;
}

PolicyDecision policy_evaluate(const Policy *policy, const PolicyRequest *request)
{
    PolicyDecision decision = POLICY_SILENT;
    LIST_EACH (const Statement *, statement, &policy->statements) {
        if ((decision == POLICY_ALLOW && !statement->deny) || !is_for_action(statement, request) ||
            !is_for_caller(statement, request) ||
            !is_for_resource(statement, request, policy->variables) ||
            !conditions_hold(statement, request, policy->variables))
            continue;
        if (statement->deny)
            return POLICY_DENY;
        decision = POLICY_ALLOW;
    }
    return decision;
}

/* ---- public access ---- */

/* The widest range of addresses that S3 does not take for everybody: /8, IPv6 /32. */
static bool is_narrow_range(const char *range)
{
    const char *slash = strchr(range, '/');
    if (!slash)
        return true;
    guint64 bits;
    return g_ascii_string_to_unsigned(slash + 1, 10, 0, 128, &bits, NULL) &&
           bits >= (strchr(range, ':') ? 32 : 8);
}

/* Keys that say who asks, or from where: "The meaning of 'public'" (Amazon S3 User Guide). */
static bool key_narrows(const char *key)
{
    static const char *const keys[] = {
        "aws:SourceIp",
        "aws:SourceArn",
        "aws:SourceVpc",
        "aws:SourceVpce",
        "aws:SourceOwner",
        "aws:SourceAccount",
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths",
        "aws:PrincipalArn",
        "aws:PrincipalAccount",
        "aws:userid",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:DataAccessPointArn",
        "s3:DataAccessPointAccount",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (g_ascii_strcasecmp(keys[i], key) == 0)
            return true;
    }
    return false;
}

static bool condition_narrows(const Condition *condition)
{
    const Operator *test = condition->test;
    if (test->negated || condition->if_exists || condition->quantifier == QUANTIFIER_ALL ||
        test->comparison == COMPARE_NULL || !key_narrows(condition->key))
        return false;
    LIST_EACH (const char *, value, &condition->values) {
        if (strpbrk(value, "*?") || strstr(value, "${") ||
            (test->comparison == COMPARE_IP && !is_narrow_range(value)))
            return false;
    }
    return true;
}

static bool is_for_anybody(const Statement *statement)
{
    if (statement->not_principal)
        return true;
    LIST_EACH (const Principal *, principal, &statement->principals)
        if (principal->kind == PRINCIPAL_ANYBODY)
            return true;
    return false;
}

bool policy_is_public(const Policy *policy)
{
    LIST_EACH (const Statement *, statement, &policy->statements) {
        if (statement->deny || !is_for_anybody(statement))
            continue;
        bool narrowed = false;
        LIST_EACH (const Condition *, condition, &statement->conditions)
            narrowed = narrowed || condition_narrows(condition);
        if (!narrowed)
            return true;
    }
    return false;
}
