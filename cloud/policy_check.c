/* What S3 asks of a bucket's policy beyond the grammar. Invariant: a policy that passes speaks of
 * this bucket alone, in words that mean something. */
#include "cloud/policy_parts.h"

#include "base/fault.h"
#include <string.h>

typedef enum ActionOf { BUCKET = 1, OBJECTS = 2 } ActionOf;

static const struct {
    const char *name;
    ActionOf of;
} s3_actions[] = {
#define S3_ACTION(name, of) {"s3:" name, of},
#include "cloud/s3_actions.def"
#undef S3_ACTION
};

/* What the actions that the pattern stands for are of: bits of ActionOf, 0: there is none. */
static unsigned actions_of(const char *pattern)
{
    static const Glob glob = {.ignore_case = true};
    unsigned of = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(s3_actions); i++) {
        if (policy_matches(pattern, s3_actions[i].name, NULL, false, &glob))
            of |= s3_actions[i].of;
    }
    return of;
}

/* What the pattern of a resource can stand for, 0: nothing in this bucket. */
static unsigned resources_of(const char *pattern, const char *arn)
{
    static const Glob glob = {0};
    size_t size = strlen(arn);
    if (strncmp(pattern, arn, size) == 0 && pattern[size] == '/')
        return OBJECTS;
    if (strncmp(pattern, arn, size) == 0 && pattern[size] == '*')
        return policy_matches(pattern, arn, NULL, false, &glob) ? BUCKET | OBJECTS : OBJECTS;
    return strcmp(pattern, arn) == 0 ? BUCKET : 0;
}

static bool check_statement(const Statement *statement, const char *arn, GError **error)
{
    unsigned of = 0;
    LIST_EACH (const char *, resource, &statement->resources) {
        unsigned more = resources_of(resource, arn);
        if (!more)
            return fault_set(error, FAULT_MALFORMED_POLICY, "Policy has invalid resource");
        of |= more;
    }
    LIST_EACH (const char *, action, &statement->actions) {
        unsigned wanted = actions_of(action);
        if (!wanted)
            return fault_set(error, FAULT_MALFORMED_POLICY, "Policy has invalid action");
        if (!statement->not_action && !statement->not_resource && !(wanted & of))
            return fault_set(error, FAULT_MALFORMED_POLICY,
                             "Action does not apply to any resource(s) in statement");
    }
    return true;
}

bool policy_check_resources(const Policy *policy, const char *arn, GError **error)
{
    LIST_EACH (const Statement *, statement, &policy->statements)
        if (!check_statement(statement, arn, error))
            return false;
    return true;
}
