/* Conditions: the operators and how they go about facts that are missing or have several values.
 *
 * Invariant: a value that cannot be read as its operator wants it (a number, a date, an address)
 * equals nothing. */
#include "cloud/policy_parts.h"

#include "base/clock.h"
#include "base/digest.h"
#include <arpa/inet.h>
#include <string.h>

static const Operator operators[] = {
    {"StringEquals", COMPARE_STRING, false, RELATION_EQUAL},
    {"StringNotEquals", COMPARE_STRING, true, RELATION_EQUAL},
    {"StringEqualsIgnoreCase", COMPARE_STRING_IGNORE_CASE, false, RELATION_EQUAL},
    {"StringNotEqualsIgnoreCase", COMPARE_STRING_IGNORE_CASE, true, RELATION_EQUAL},
    {"StringLike", COMPARE_STRING_LIKE, false, RELATION_EQUAL},
    {"StringNotLike", COMPARE_STRING_LIKE, true, RELATION_EQUAL},
    {"NumericEquals", COMPARE_NUMBER, false, RELATION_EQUAL},
    {"NumericNotEquals", COMPARE_NUMBER, true, RELATION_EQUAL},
    {"NumericLessThan", COMPARE_NUMBER, false, RELATION_LESS},
    {"NumericLessThanEquals", COMPARE_NUMBER, false, RELATION_LESS_OR_EQUAL},
    {"NumericGreaterThan", COMPARE_NUMBER, false, RELATION_GREATER},
    {"NumericGreaterThanEquals", COMPARE_NUMBER, false, RELATION_GREATER_OR_EQUAL},
    {"DateEquals", COMPARE_DATE, false, RELATION_EQUAL},
    {"DateNotEquals", COMPARE_DATE, true, RELATION_EQUAL},
    {"DateLessThan", COMPARE_DATE, false, RELATION_LESS},
    {"DateLessThanEquals", COMPARE_DATE, false, RELATION_LESS_OR_EQUAL},
    {"DateGreaterThan", COMPARE_DATE, false, RELATION_GREATER},
    {"DateGreaterThanEquals", COMPARE_DATE, false, RELATION_GREATER_OR_EQUAL},
    {"Bool", COMPARE_BOOL, false, RELATION_EQUAL},
    {"BinaryEquals", COMPARE_BINARY, false, RELATION_EQUAL},
    {"IpAddress", COMPARE_IP, false, RELATION_EQUAL},
    {"NotIpAddress", COMPARE_IP, true, RELATION_EQUAL},
    {"ArnEquals", COMPARE_ARN, false, RELATION_EQUAL},
    {"ArnNotEquals", COMPARE_ARN, true, RELATION_EQUAL},
    {"ArnLike", COMPARE_ARN, false, RELATION_EQUAL},
    {"ArnNotLike", COMPARE_ARN, true, RELATION_EQUAL},
    {"Null", COMPARE_NULL, false, RELATION_EQUAL},
};

static const char *skip_prefix(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);
    return g_ascii_strncasecmp(text, prefix, size) == 0 ? text + size : NULL;
}

const Operator *policy_find_operator(const char *name, Quantifier *ret_quantifier,
                                     bool *ret_if_exists)
{
    static const char if_exists[] = "IfExists";
    const char *all = skip_prefix(name, "ForAllValues:");
    const char *any = skip_prefix(name, "ForAnyValue:");
    name = all ? all : any ? any : name;
    size_t size = strlen(name), tail = strlen(if_exists);
    bool optional = size > tail && g_ascii_strcasecmp(name + size - tail, if_exists) == 0;
    if (optional)
        size -= tail;
    for (size_t i = 0; i < G_N_ELEMENTS(operators); i++) {
        const Operator *test = &operators[i];
        if (strlen(test->name) != size || g_ascii_strncasecmp(test->name, name, size) != 0)
            continue;
        if (optional && test->comparison == COMPARE_NULL)
            return NULL;
        *ret_quantifier = all ? QUANTIFIER_ALL : any ? QUANTIFIER_ANY : QUANTIFIER_NONE;
        *ret_if_exists = optional;
        return test;
    }
    return NULL;
}

/* ---- one value against one ---- */

static bool relation_is(Relation relation, double value, double wanted)
{
    switch (relation) {
    case RELATION_EQUAL:
        return !(value < wanted) && !(value > wanted);
    case RELATION_LESS:
        return value < wanted;
    case RELATION_LESS_OR_EQUAL:
        return value <= wanted;
    case RELATION_GREATER:
        return value > wanted;
    case RELATION_GREATER_OR_EQUAL:
        return value >= wanted;
    }
    return false;
}

static bool read_number(const char *text, double *ret_number)
{
    char *end;
    *ret_number = g_ascii_strtod(text, &end);
    return end != text && !*end && *ret_number == *ret_number;
}

/* ISO 8601, with or without a time, or seconds since the epoch. */
static bool read_date(const char *text, double *ret_date)
{
    char with_time[CLOCK_TEXT_SIZE];
    int64_t time;
    if (strlen(text) == strlen("2013-06-30") && text[4] == '-') {
        g_snprintf(with_time, sizeof(with_time), "%sT00:00:00Z", text);
        text = with_time;
    }
    if (clock_parse(text, &time)) {
        *ret_date = (double)time / (double)CLOCK_SECOND;
        return true;
    }
    return read_number(text, ret_date);
}

static bool compare_numbers(bool (*read)(const char *text, double *ret_number), Relation relation,
                            const char *value, const char *wanted)
{
    double a, b;
    return read(value, &a) && read(wanted, &b) && relation_is(relation, a, b);
}

/* Either family, in network order. */
static bool read_address(const char *text, int *ret_family, uint8_t bytes[16])
{
    *ret_family = strchr(text, ':') ? AF_INET6 : AF_INET;
    return inet_pton(*ret_family, text, bytes) == 1;
}

static bool address_is_in(const char *address, const char *range)
{
    g_autofree char *network = g_strdup(range);
    char *slash = strchr(network, '/');
    if (slash)
        *slash++ = '\0';
    int family, wanted_family;
    uint8_t bytes[16], wanted[16];
    if (!read_address(address, &family, bytes) || !read_address(network, &wanted_family, wanted) ||
        family != wanted_family)
        return false;
    guint64 bits = family == AF_INET ? 32 : 128;
    if (slash && !g_ascii_string_to_unsigned(slash, 10, 0, bits, &bits, NULL))
        return false;
    for (size_t i = 0; bits > 0; i++) {
        unsigned part = bits < 8 ? (unsigned)bits : 8;
        uint8_t mask = (uint8_t)(0xff00u >> part);
        if ((bytes[i] & mask) != (wanted[i] & mask))
            return false;
        bits -= part;
    }
    return true;
}

static bool binary_is(const char *value, const char *wanted)
{
    g_autofree uint8_t *a = NULL, *b = NULL;
    size_t size_a, size_b;
    return base64_decode(value, strlen(value), &a, &size_a) &&
           base64_decode(wanted, strlen(wanted), &b, &size_b) && size_a == size_b &&
           memcmp(a, b, size_a) == 0;
}

static bool value_is(const Operator *test, const char *value, const char *wanted,
                     const PolicyRequest *request, bool variables)
{
    Glob glob = {.plain = true};
    switch (test->comparison) {
    case COMPARE_NUMBER:
        return compare_numbers(read_number, test->relation, value, wanted);
    case COMPARE_DATE:
        return compare_numbers(read_date, test->relation, value, wanted);
    case COMPARE_BOOL:
        return g_ascii_strcasecmp(value, wanted) == 0;
    case COMPARE_BINARY:
        return binary_is(value, wanted);
    case COMPARE_IP:
        return address_is_in(value, wanted);
    case COMPARE_NULL:
        return false; /* is about facts, not values: see below */
    case COMPARE_STRING:
        break;
    case COMPARE_STRING_IGNORE_CASE:
        glob.ignore_case = true;
        break;
    case COMPARE_STRING_LIKE:
        glob.plain = false;
        break;
    case COMPARE_ARN:
        glob = (Glob){.by_parts = true};
        break;
    }
    return policy_matches(wanted, value, request, variables, &glob);
}

/* ---- all values ---- */

static bool is_one_of(const Condition *condition, const char *value, const PolicyRequest *request,
                      bool variables)
{
    LIST_EACH (const char *, wanted, &condition->values)
        if (value_is(condition->test, value, wanted, request, variables))
            return true;
    return false;
}

static bool null_holds(const Condition *condition, bool is_there)
{
    LIST_EACH (const char *, wanted, &condition->values)
        if ((g_ascii_strcasecmp(wanted, "true") == 0) != is_there)
            return true;
    return false;
}

/* What a key that is not there comes to. */
static bool absent_holds(const Condition *condition)
{
    if (condition->if_exists || condition->quantifier == QUANTIFIER_ALL)
        return true;
    return condition->quantifier == QUANTIFIER_NONE && condition->test->negated;
}

bool policy_condition_holds(const Condition *condition, const PolicyRequest *request,
                            bool variables)
{
    const Operator *test = condition->test;
    const List *values = policy_fact(request, condition->key);
    bool is_there = values && values->n > 0;
    if (test->comparison == COMPARE_NULL)
        return null_holds(condition, is_there);
    if (!is_there)
        return absent_holds(condition);

    size_t equal = 0;
    LIST_EACH (const char *, value, values)
        equal += is_one_of(condition, value, request, variables);
    size_t holding = test->negated ? values->n - equal : equal;
    switch (condition->quantifier) {
    case QUANTIFIER_ALL:
        return holding == values->n;
    case QUANTIFIER_ANY:
        return holding > 0;
    case QUANTIFIER_NONE:
        break;
    }
    return test->negated ? equal == 0 : equal > 0;
}
