/* Reads policies. Invariant: a policy that is read says nothing that is not in the grammar
 * ("Grammar of the IAM JSON policy language"); S3's and IAM's words for a mistake differ, what is
 * one does not. */
#include "cloud/policy_parts.h"

#include "base/fault.h"
#include <jansson.h>
#include <string.h>

#define MAX_STATEMENTS 500
#define MAX_VALUES 2000 /* of one element */

typedef struct Reader {
    Arena *arena;
    PolicyKind kind;
    GError **error;
} Reader;

/* One sentence of S3's, one of IAM's. */
#define REFUSE(reader, of_resource, of_identity)                                                   \
    refuse(reader, (reader)->kind == POLICY_OF_RESOURCE ? (of_resource) : (of_identity), NULL)

static bool refuse(const Reader *reader, const char *sentence, const char *detail)
{
    Fault fault = reader->kind == POLICY_OF_RESOURCE ? FAULT_MALFORMED_POLICY
                                                     : FAULT_MALFORMED_POLICY_DOCUMENT;
    return fault_set(reader->error, fault, "%s%.200s", sentence, detail ? detail : "");
}

static bool refuse_syntax(const Reader *reader)
{
    return REFUSE(reader, "This policy contains invalid Json", "Syntax errors in policy.");
}

/* Text, or what stands for text in a condition: a number, true, false. */
static const char *scalar_text(const Reader *reader, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return arena_strdup(reader->arena, json_string_value(value));
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_INTEGER:
        return arena_printf(reader->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL: {
        char text[G_ASCII_DTOSTR_BUF_SIZE];
        return arena_strdup(reader->arena,
                            g_ascii_dtostr(text, sizeof(text), json_real_value(value)));
    }
    default:
        return NULL;
    }
}

/* One text or a list of them. */
static bool read_texts(const Reader *reader, const json_t *value, bool scalars, List *list)
{
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    if (n > MAX_VALUES)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (!scalars && !json_is_string(item))
            return false;
        const char *text = scalar_text(reader, item);
        if (!text)
            return false;
        list_add(list, reader->arena, text);
    }
    return true;
}

/* ---- Principal ---- */

static bool is_account_id(const char *text)
{
    return strlen(text) == 12 && strspn(text, "0123456789") == 12;
}

/* "arn:aws:iam::123456789012:user/path/NAME" */
static bool read_principal_arn(const Reader *reader, const char *arn, Principal *principal)
{
    g_auto(GStrv) parts = g_strsplit(arn, ":", 6);
    if (g_strv_length(parts) != 6 || !g_str_has_prefix(parts[1], "aws") || *parts[3] ||
        (strcmp(parts[2], "iam") != 0 && strcmp(parts[2], "sts") != 0))
        return false;
    const char *name = parts[5];
    if (g_str_has_prefix(parts[4], "cloudfront") && strcmp(parts[2], "iam") == 0) {
        principal->kind = PRINCIPAL_NOBODY;
        return true;
    }
    if (!is_account_id(parts[4]))
        return false;
    if (strcmp(name, "root") == 0) {
        *principal = (Principal){PRINCIPAL_ACCOUNT, arena_strdup(reader->arena, parts[4])};
        return true;
    }
    static const char *const kinds[] = {"user/", "role/", "assumed-role/", "federated-user/"};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const char *last = strrchr(name, '/');
        if (!g_str_has_prefix(name, kinds[i]) || !last[1] || strpbrk(name, "*?"))
            continue;
        const char *text = i == 0 ? arena_printf(reader->arena, "arn:%s:iam::%s:user/%s", parts[1],
                                                 parts[4], last + 1)
                                  : arena_strdup(reader->arena, arn);
        *principal = (Principal){PRINCIPAL_ARN, text};
        return true;
    }
    return false;
}

static bool is_user_id(const char *text)
{
    return (g_str_has_prefix(text, "AIDA") || g_str_has_prefix(text, "AROA")) &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == strlen(text);
}

static bool is_canonical_id(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static bool read_principal(const Reader *reader, const char *type, const char *text,
                           Principal *principal)
{
    *principal = (Principal){.kind = PRINCIPAL_NOBODY, .text = text};
    if (strcmp(type, "Service") == 0 || strcmp(type, "Federated") == 0)
        return *text != '\0';
    if (strcmp(text, "*") == 0)
        principal->kind = PRINCIPAL_ANYBODY;
    else if (strcmp(type, "CanonicalUser") == 0 && is_canonical_id(text))
        principal->kind = PRINCIPAL_CANONICAL;
    else if (strcmp(type, "AWS") != 0)
        return false;
    else if (is_account_id(text))
        principal->kind = PRINCIPAL_ACCOUNT;
    else if (is_user_id(text))
        principal->kind = PRINCIPAL_USER_ID;
    else
        return read_principal_arn(reader, text, principal);
    return true;
}

static bool read_principals_of(const Reader *reader, const char *type, const json_t *value,
                               List *principals)
{
    List texts = {0};
    if (!read_texts(reader, value, false, &texts))
        return false;
    LIST_EACH (const char *, text, &texts) {
        Principal *principal = arena_new_struct(reader->arena, Principal);
        if (!read_principal(reader, type, text, principal))
            return false;
        list_add(principals, reader->arena, principal);
    }
    return true;
}

static bool read_principals(const Reader *reader, json_t *value, List *principals)
{
    bool ok = json_is_string(value) && strcmp(json_string_value(value), "*") == 0;
    if (ok)
        ok = read_principals_of(reader, "AWS", value, principals);
    else if (json_is_object(value)) {
        const char *type;
        json_t *names;
        ok = true;
        json_object_foreach(value, type, names) ok =
            ok && read_principals_of(reader, type, names, principals);
    }
    return (ok && principals->n > 0) ||
           REFUSE(reader, "Invalid principal in policy", "Syntax errors in policy.");
}

/* ---- Action, Resource ---- */

static bool is_action(const char *text)
{
    const char *colon = strchr(text, ':');
    return strcmp(text, "*") == 0 ||
           (colon && colon > text && colon[1] && !strpbrk(text, " \t\n") &&
            strcspn(text, "*?") >= (size_t)(colon - text));
}

static bool read_actions(const Reader *reader, const json_t *value, List *actions)
{
    if (!read_texts(reader, value, false, actions))
        return REFUSE(reader, "Policy has invalid action", "Syntax errors in policy.");
    if (actions->n == 0)
        return REFUSE(reader, "Policy has invalid action",
                      "Policy statement must contain actions.");
    LIST_EACH (const char *, action, actions)
        if (!is_action(action))
            return REFUSE(reader, "Policy has invalid action",
                          "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, "
                          "etc.");
    return true;
}

static bool is_resource(const char *text)
{
    unsigned colons = 0;
    for (const char *c = text; *c; c++)
        colons += *c == ':';
    return strcmp(text, "*") == 0 || (g_str_has_prefix(text, "arn:") && colons >= 5);
}

static bool read_resources(const Reader *reader, const json_t *value, List *resources)
{
    if (!read_texts(reader, value, false, resources))
        return REFUSE(reader, "Policy has invalid resource", "Syntax errors in policy.");
    if (resources->n == 0)
        return REFUSE(reader, "Policy has invalid resource",
                      "Policy statement must contain resources.");
    LIST_EACH (const char *, resource, resources) {
        if (is_resource(resource))
            continue;
        if (reader->kind == POLICY_OF_RESOURCE)
            return refuse(reader, "Policy has invalid resource", NULL);
        return fault_set(reader->error, FAULT_MALFORMED_POLICY_DOCUMENT,
                         "Resource %.200s must be in ARN format or \"*\".", resource);
    }
    return true;
}

/* ---- Condition ---- */

static bool read_condition(const Reader *reader, const char *name, const char *key,
                           const json_t *values, List *conditions)
{
    Condition *condition = arena_new_struct(reader->arena, Condition);
    condition->test = policy_find_operator(name, &condition->quantifier, &condition->if_exists);
    if (!condition->test)
        return refuse(reader, "Invalid Condition type : ", name);
    if (!strchr(key, ':'))
        return REFUSE(reader, "Policy has an invalid condition key",
                      "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    condition->key = arena_strdup(reader->arena, key);
    list_add(conditions, reader->arena, condition);
    return read_texts(reader, values, true, &condition->values) || refuse_syntax(reader);
}

static bool read_conditions(const Reader *reader, json_t *blocks, List *conditions)
{
    const char *name, *key;
    json_t *block, *values;
    if (!json_is_object(blocks))
        return refuse_syntax(reader);
    json_object_foreach(blocks, name, block)
    {
        if (!json_is_object(block))
            return refuse_syntax(reader);
        json_object_foreach(block, key, values) if (!read_condition(reader, name, key, values,
                                                                    conditions)) return false;
    }
    return true;
}

/* ---- Statement ---- */

/* Which of two elements stands there (Action, NotAction): exactly one must. */
static bool choose(const Reader *reader, const json_t *statement, const char *name,
                   const char *negated, json_t **ret_value, bool *ret_negated)
{
    json_t *positive = json_object_get(statement, name);
    json_t *negative = json_object_get(statement, negated);
    if (positive && negative)
        return refuse_syntax(reader);
    *ret_value = positive ? positive : negative;
    *ret_negated = negative != NULL;
    return true;
}

static bool check_names(const Reader *reader, json_t *object, const char *const *names)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name,
                        value) if (!g_strv_contains(names, name)) return reader->kind ==
            POLICY_OF_RESOURCE
        ? refuse(reader, "Unknown field ", name)
        : refuse_syntax(reader);
    return true;
}

static bool read_effect(const Reader *reader, const json_t *statement, bool *ret_deny)
{
    const json_t *effect = json_object_get(statement, "Effect");
    const char *text = json_string_value(effect);
    if (!effect)
        return REFUSE(reader, "Missing required field Effect", "Syntax errors in policy.");
    if (!text || (strcmp(text, "Allow") != 0 && strcmp(text, "Deny") != 0))
        return reader->kind == POLICY_OF_RESOURCE
                   ? refuse(reader, "Invalid effect: ", text ? text : "")
                   : refuse_syntax(reader);
    *ret_deny = strcmp(text, "Deny") == 0;
    return true;
}

static bool read_who(const Reader *reader, const json_t *object, Statement *statement)
{
    json_t *principals = NULL;
    if (!choose(reader, object, "Principal", "NotPrincipal", &principals,
                &statement->not_principal))
        return false;
    if (reader->kind == POLICY_OF_IDENTITY)
        return !principals ||
               refuse(reader, "Policy document should not specify a principal.", NULL);
    if (!principals)
        return refuse(reader, "Missing required field Principal", NULL);
    return read_principals(reader, principals, &statement->principals);
}

static bool read_what(const Reader *reader, const json_t *object, Statement *statement)
{
    json_t *actions = NULL, *resources = NULL;
    if (!choose(reader, object, "Action", "NotAction", &actions, &statement->not_action) ||
        !choose(reader, object, "Resource", "NotResource", &resources, &statement->not_resource))
        return false;
    if (!actions)
        return REFUSE(reader, "Missing required field Action",
                      "Policy statement must contain actions.");
    if (!resources)
        return REFUSE(reader, "Missing required field Resource",
                      "Policy statement must contain resources.");
    return read_actions(reader, actions, &statement->actions) &&
           read_resources(reader, resources, &statement->resources);
}

static bool read_statement(const Reader *reader, json_t *object, Statement *statement)
{
    static const char *const names[] = {"Sid",       "Effect",    "Principal", "NotPrincipal",
                                        "Action",    "NotAction", "Resource",  "NotResource",
                                        "Condition", NULL};
    if (!json_is_object(object))
        return refuse_syntax(reader);
    const json_t *sid = json_object_get(object, "Sid");
    json_t *conditions = json_object_get(object, "Condition");
    if (sid && !json_is_string(sid))
        return refuse_syntax(reader);
    return check_names(reader, object, names) && read_effect(reader, object, &statement->deny) &&
           read_who(reader, object, statement) && read_what(reader, object, statement) &&
           (!conditions || read_conditions(reader, conditions, &statement->conditions));
}

static bool read_statements(const Reader *reader, json_t *value, List *statements)
{
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    if (!value)
        return REFUSE(reader, "Missing required field Statement", "Syntax errors in policy.");
    if (n == 0)
        return REFUSE(reader, "Could not parse the policy: Statement is empty!",
                      "Syntax errors in policy.");
    if (n > MAX_STATEMENTS)
        return refuse_syntax(reader);
    for (size_t i = 0; i < n; i++) {
        Statement *statement = arena_new_struct(reader->arena, Statement);
        if (!read_statement(reader, json_is_array(value) ? json_array_get(value, i) : value,
                            statement))
            return false;
        list_add(statements, reader->arena, statement);
    }
    return true;
}

static bool read_version(const Reader *reader, const json_t *root, bool *ret_variables)
{
    const json_t *version = json_object_get(root, "Version");
    const char *text = json_string_value(version);
    if (version && (!text || (strcmp(text, "2012-10-17") != 0 && strcmp(text, "2008-10-17") != 0)))
        return REFUSE(reader, "The policy must contain a valid version string",
                      "Syntax errors in policy.");
    *ret_variables = text && strcmp(text, "2012-10-17") == 0;
    return true;
}

static bool read_root(const Reader *reader, json_t *root, Policy *policy)
{
    static const char *const names[] = {"Version", "Id", "Statement", NULL};
    const json_t *id = json_object_get(root, "Id");
    if (id && !json_is_string(id))
        return refuse_syntax(reader);
    return check_names(reader, root, names) && read_version(reader, root, &policy->variables) &&
           read_statements(reader, json_object_get(root, "Statement"), &policy->statements);
}

bool policy_read(Arena *arena, const char *json, PolicyKind kind, Policy **ret_policy,
                 GError **error)
{
    const Reader reader = {.arena = arena, .kind = kind, .error = error};
    size_t size = strlen(json);
    json_t *root = *json == '{' && size <= POLICY_MAX_SIZE
                       ? json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    if (!root)
        return REFUSE(&reader, "Policies must be valid JSON and the first byte must be '{'",
                      "Syntax errors in policy.");
    Policy *policy = arena_new_struct(arena, Policy);
    bool ok = read_root(&reader, root, policy);
    json_decref(root);
    if (ok)
        *ret_policy = policy;
    return ok;
}
