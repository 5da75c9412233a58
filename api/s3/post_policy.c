/* POST policies. Invariant: a form passes only if every condition holds and every field but those
 * of the signature and the ignored ones is named by a condition. */
#include "api/s3/post_policy.h"

#include "base/clock.h"
#include "base/fault.h"
#include <jansson.h>
#include <string.h>

/* A check under way. */
typedef struct PolicyCheck {
    Arena *arena;
    const Params *fields;
    const char *bucket;
    GHashTable *covered; /* names, in lower case; in the arena */
    PostPolicySize size;
} PolicyCheck;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

static bool refuse_policy(const char *why, GError **error)
{
    return fault_set(error, FAULT_INVALID_POLICY_DOCUMENT, "Invalid Policy: %s", why);
}

static bool refuse_form(const char *why, const char *what, GError **error)
{
    return fault_set(error, FAULT_ACCESS_DENIED, "Invalid according to Policy: %s%s", why, what);
}

static bool refuse_condition(const char *operator, const char * name, const char *value,
                             GError **error)
{
    return fault_set(error, FAULT_ACCESS_DENIED,
                     "Invalid according to Policy: Policy Condition failed: [\"%s\", \"$%s\", "
                     "\"%s\"]",
                     operator, name, value);
}

/* The value that a condition is about; NULL: there is none. */
static const char *value_of(const PolicyCheck *check, const char *name)
{
    return strcmp(name, "bucket") == 0 ? check->bucket : params_get(check->fields, name);
}

static char *lower(Arena *arena, const char *name)
{
    char *copy = arena_strdup(arena, name);
    for (char *c = copy; *c; c++)
        *c = g_ascii_tolower(*c);
    return copy;
}

static bool check_equal(PolicyCheck *check, const char *sent_name, const char *wanted,
                        GError **error)
{
    char *name = lower(check->arena, sent_name);
    g_hash_table_add(check->covered, name);
    return g_strcmp0(value_of(check, name), wanted) == 0 ||
           refuse_condition("eq", sent_name, wanted, error);
}

/* Content types may be a list, of which each must begin so. */
static bool each_starts(Arena *arena, const char *values, const char *prefix)
{
    for (char *rest = arena_strdup(arena, values), *value; (value = strsep(&rest, ","));) {
        if (!g_str_has_prefix(g_strstrip(value), prefix))
            return false;
    }
    return true;
}

static bool check_start(PolicyCheck *check, const char *sent_name, const char *wanted,
                        GError **error)
{
    char *name = lower(check->arena, sent_name);
    g_hash_table_add(check->covered, name);
    const char *value = value_of(check, name);
    bool starts =
        value && (g_str_has_prefix(value, wanted) &&
                  (strcmp(name, "content-type") != 0 || each_starts(check->arena, value, wanted)));
    return starts || refuse_condition("starts-with", sent_name, wanted, error);
}

static bool read_limit(const json_t *limit, int64_t *ret_limit)
{
    gint64 value;
    if (json_is_integer(limit))
        value = json_integer_value(limit);
    else if (!json_is_string(limit) ||
             !g_ascii_string_to_signed(json_string_value(limit), 10, 0, G_MAXINT64, &value, NULL))
        return false;
    if (value < 0)
        return false;
    *ret_limit = value;
    return true;
}

static bool check_range(PolicyCheck *check, const json_t *condition, GError **error)
{
    int64_t least, most;
    if (!read_limit(json_array_get(condition, 1), &least) ||
        !read_limit(json_array_get(condition, 2), &most))
        return refuse_policy("Invalid Content-Length-Range condition: both limits must be "
                             "integers, at least 0.",
                             error);
    check->size.least = MAX(check->size.least, least);
    check->size.most = MIN(check->size.most, most);
    return true;
}

/* ["starts-with", "$key", "user/"] */
static bool check_list(PolicyCheck *check, const json_t *condition, GError **error)
{
    const char *operator= json_string_value(json_array_get(condition, 0));
    const char *name = json_string_value(json_array_get(condition, 1));
    const char *value = json_string_value(json_array_get(condition, 2));
    if (json_array_size(condition) != 3 || !operator)
        return refuse_policy("Invalid Condition: a list must have an operation and two arguments.",
                             error);
    if (g_ascii_strcasecmp(operator, "content-length-range") == 0)
        return check_range(check, condition, error);
    bool equal = g_ascii_strcasecmp(operator, "eq") == 0;
    if (!equal && g_ascii_strcasecmp(operator, "starts-with") != 0)
        return refuse_policy("Invalid Condition: the operation is not one of eq, starts-with and "
                             "content-length-range.",
                             error);
    if (!name || *name != '$' || !value)
        return refuse_policy("Invalid Condition: the arguments must be \"$\" and a field's name, "
                             "and a string.",
                             error);
    return equal ? check_equal(check, name + 1, value, error)
                 : check_start(check, name + 1, value, error);
}

/* {"acl": "public-read"} */
static bool check_object(PolicyCheck *check, const json_t *condition, GError **error)
{
    void *member = json_object_iter((json_t *)condition);
    if (json_object_size(condition) != 1)
        return refuse_policy("Invalid Simple-Condition: Simple-Conditions must have exactly one "
                             "property specified.",
                             error);
    const char *value = json_string_value(json_object_iter_value(member));
    if (!value)
        return refuse_policy("Invalid Simple-Condition: value must be a string.", error);
    return check_equal(check, json_object_iter_key(member), value, error);
}

static bool check_conditions(PolicyCheck *check, const json_t *conditions, GError **error)
{
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);
        if (!json_is_object(condition) && !json_is_array(condition))
            return refuse_policy("Invalid Condition: a condition is a list or an object.", error);
        if (json_is_object(condition) ? !check_object(check, condition, error)
                                      : !check_list(check, condition, error))
            return false;
    }
    return true;
}

static bool needs_no_condition(const char *name)
{
    static const char *const names[] = {"x-amz-signature", "awsaccesskeyid", "signature", "file",
                                        "policy"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return g_str_has_prefix(name, "x-ignore-");
}

/* A form's field that the signer did not think of is refused; so is another's bucket. */
static bool check_covered(const PolicyCheck *check, GError **error)
{
    for (size_t i = 0; i < check->fields->n; i++) {
        const char *name = check->fields->items[i].name;
        if (!needs_no_condition(name) && !g_hash_table_contains(check->covered, name))
            return refuse_form("Extra input fields: ", name, error);
    }
    return g_hash_table_contains(check->covered, "bucket") ||
           refuse_form("Extra input fields: ", "bucket", error);
}

static bool check_expiration(const json_t *policy, int64_t now, GError **error)
{
    const char *text = json_string_value(json_object_get(policy, "expiration"));
    int64_t time;
    if (!text)
        return refuse_policy("Policy missing expiration.", error);
    if (!clock_parse(text, &time))
        return refuse_policy("Invalid 'expiration' value.", error);
    return now <= time || refuse_form("Policy expired.", "", error);
}

bool post_policy_check(Arena *arena, const char *policy, const Params *fields, const char *bucket,
                       int64_t now, PostPolicySize *ret_size, GError **error)
{
    g_autoptr(json_t) root = json_loads(policy, 0, NULL);
    const json_t *conditions = json_object_get(root, "conditions");
    if (!json_is_object(root))
        return refuse_policy("Invalid JSON.", error);
    if (!check_expiration(root, now, error))
        return false;
    if (!json_is_array(conditions))
        return refuse_policy("Policy missing conditions.", error);
    g_autoptr(GHashTable) covered = g_hash_table_new(g_str_hash, g_str_equal);
    PolicyCheck check = {.arena = arena,
                         .fields = fields,
                         .bucket = bucket,
                         .covered = covered,
                         .size = {0, G_MAXINT64}};
    if (!check_conditions(&check, conditions, error) || !check_covered(&check, error))
        return false;
    *ret_size = check.size;
    return true;
}

bool post_policy_check_most(const PostPolicySize *size, int64_t bytes, GError **error)
{
    return bytes <= size->most ||
           fault_set(error, FAULT_ENTITY_TOO_LARGE,
                     "Your proposed upload exceeds the maximum allowed size");
}

bool post_policy_check_least(const PostPolicySize *size, int64_t bytes, GError **error)
{
    return bytes >= size->least ||
           fault_set(error, FAULT_ENTITY_TOO_SMALL,
                     "Your proposed upload is smaller than the minimum allowed size");
}
