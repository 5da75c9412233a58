/* The types of policies as a table.
 *
 * Invariant: what passes policy_check() the data plane can run. Names, types and cardinalities:
 * DescribeLoadBalancerPolicyTypes of the real service; the protocols and ciphers are those of
 * lb/tls.h. */
#include "cloud/balancer_policy_types.h"

#include <string.h>

#define ONE "ONE"
#define ZERO_OR_ONE "ZERO_OR_ONE"
#define ONE_OR_MORE "ONE_OR_MORE"

static const struct {
    const char *name, *description;
    const PolicyAttributeType *attribute; /* NULL: protocols and ciphers */
} types[] = {
    {POLICY_APP_COOKIE,
     "Sticks a client to an instance for as long as a cookie of the application lives. For HTTP "
     "and HTTPS listeners.",
     &(const PolicyAttributeType){"CookieName", "String", NULL, NULL, ONE}},
    {POLICY_BACKEND_AUTHENTICATION,
     "Only instances whose certificate has one of the keys that the named policies hold are sent "
     "traffic. For instance ports that speak HTTPS or SSL.",
     &(const PolicyAttributeType){"PublicKeyPolicyName", "PolicyName", NULL, NULL, ONE_OR_MORE}},
    {POLICY_LB_COOKIE,
     "Sticks a client to an instance by a cookie of the load balancer, for a time or for as long "
     "as "
     "the browser runs. For HTTP and HTTPS listeners.",
     &(const PolicyAttributeType){"CookieExpirationPeriod", "Long", NULL, NULL, ZERO_OR_ONE}},
    {POLICY_PROXY_PROTOCOL,
     "Instances are told the client's address in a header before the connection's first byte. For "
     "instance ports that speak TCP or SSL.",
     &(const PolicyAttributeType){"ProxyProtocol", "Boolean", NULL, NULL, ONE}},
    {POLICY_PUBLIC_KEY,
     "A public key that policies of the type " POLICY_BACKEND_AUTHENTICATION " name.",
     &(const PolicyAttributeType){"PublicKey", "String", NULL, NULL, ONE}},
    {POLICY_SSL_NEGOTIATION,
     "Protocols and ciphers that clients may choose from. For HTTPS and SSL listeners.", NULL},
};

static const struct {
    const char *name;
    unsigned bit;
} protocols[] = {
    {"Protocol-SSLv3", TLS_SSL_3},
    {"Protocol-TLSv1", TLS_1_0},
    {"Protocol-TLSv1.1", TLS_1_1},
    {"Protocol-TLSv1.2", TLS_1_2},
};
#define SERVER_ORDER "Server-Defined-Cipher-Order"

/* ---- describing ---- */

static void add_type(Arena *arena, PolicyType *type, const char *name, const char *kind,
                     const char *description, const char *otherwise, const char *cardinality)
{
    PolicyAttributeType *made = arena_new_struct(arena, PolicyAttributeType);
    *made = (PolicyAttributeType){name, kind, description, otherwise, cardinality};
    list_add(&type->attributes, arena, made);
}

static bool has_cipher(const TlsPolicy *policy, const char *cipher)
{
    return policy->ciphers && g_strv_contains(policy->ciphers, cipher);
}

static const char *boolean(bool value)
{
    return value ? "true" : "false";
}

static void add_tls_types(Arena *arena, PolicyType *type)
{
    const TlsPolicy *usual = tls_policy_default();
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        add_type(arena, type, protocols[i].name, "Boolean", "A protocol to be negotiated or not.",
                 boolean(usual->protocols & protocols[i].bit), ZERO_OR_ONE);
    add_type(arena, type, SERVER_ORDER, "Boolean",
             "Whether the load balancer's order of ciphers decides, not the client's.",
             boolean(usual->server_order), ZERO_OR_ONE);
    add_type(arena, type, POLICY_REFERENCE, "String",
             "A predefined policy, which all other attributes are taken from.", NULL, ZERO_OR_ONE);
    for (const char *const *cipher = tls_policy_ciphers(); *cipher; cipher++)
        add_type(arena, type, *cipher, "Boolean", "A cipher to be negotiated or not.",
                 boolean(has_cipher(usual, *cipher)), ZERO_OR_ONE);
}

static int find_type(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (strcmp(types[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static const PolicyType *describe(Arena *arena, size_t i)
{
    PolicyType *type = arena_new_struct(arena, PolicyType);
    type->name = types[i].name;
    type->description = types[i].description;
    if (types[i].attribute)
        list_add(&type->attributes, arena, types[i].attribute);
    else
        add_tls_types(arena, type);
    return type;
}

static bool no_such_type(const char *name, GError **error)
{
    return fault_set(error, FAULT_POLICY_TYPE_NOT_FOUND, "Policy type '%.200s' not found.", name);
}

bool balancer_policy_types(Context *context, const List *names, List *ret_types, GError **error)
{
    LIST_EACH (const char *, name, names) {
        int i = find_type(name);
        if (i < 0)
            return no_such_type(name, error);
        list_add(ret_types, context->arena, describe(context->arena, (size_t)i));
    }
    for (size_t i = 0; names->n == 0 && i < G_N_ELEMENTS(types); i++)
        list_add(ret_types, context->arena, describe(context->arena, i));
    return true;
}

/* ---- checking ---- */

static bool bad_value(const BalancerPolicyAttribute *attribute, const char *rule, GError **error)
{
    return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                     "The value '%.100s' of the policy attribute %.100s %s", attribute->value,
                     attribute->name, rule);
}

static bool is_boolean(const char *text)
{
    return g_ascii_strcasecmp(text, "true") == 0 || g_ascii_strcasecmp(text, "false") == 0;
}

/* Of RFC 6265: a token. */
static bool is_cookie_name(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("!#$%&'*+-.^_`|~", *c))
            return false;
    }
    return *text != '\0';
}

static bool is_seconds(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 10 && text[digits] == '\0' && strspn(text, "0") != digits &&
           g_ascii_strtoull(text, NULL, 10) <= INT32_MAX;
}

static bool check_value(const char *type, const BalancerPolicyAttribute *attribute, GError **error)
{
    const char *value = attribute->value;
    if (strcmp(type, POLICY_APP_COOKIE) == 0)
        return is_cookie_name(value) || bad_value(attribute, "is not a cookie's name", error);
    if (strcmp(type, POLICY_LB_COOKIE) == 0)
        return is_seconds(value) ||
               bad_value(attribute, "is not a positive number of seconds", error);
    if (strcmp(type, POLICY_PROXY_PROTOCOL) == 0)
        return is_boolean(value) || bad_value(attribute, "must be true or false", error);
    if (strcmp(type, POLICY_PUBLIC_KEY) == 0)
        return tls_public_key_valid(value) ||
               bad_value(attribute, "is not a public key in PEM form", error);
    return true;
}

static bool is_cipher(const char *name)
{
    return g_strv_contains(tls_policy_ciphers(), name);
}

static bool is_protocol(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        if (strcmp(protocols[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool unknown_attribute(const char *type, const char *name, GError **error)
{
    return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                     "Policy type %s has no attribute %.200s", type, name);
}

static bool check_tls(const char *type, const BalancerPolicyAttribute *attribute, GError **error)
{
    const char *name = attribute->name;
    if (strcmp(name, POLICY_REFERENCE) == 0)
        return tls_policy_find(attribute->value) ||
               bad_value(attribute, "is not a predefined policy", error);
    if (!is_protocol(name) && !is_cipher(name) && strcmp(name, SERVER_ORDER) != 0)
        return unknown_attribute(type, name, error);
    return is_boolean(attribute->value) || bad_value(attribute, "must be true or false", error);
}

static bool check_one(const char *type, const PolicyAttributeType *wanted,
                      const BalancerPolicyAttribute *attribute, GError **error)
{
    if (!wanted)
        return check_tls(type, attribute, error);
    if (strcmp(attribute->name, wanted->name) != 0)
        return unknown_attribute(type, attribute->name, error);
    return check_value(type, attribute, error);
}

bool policy_check(const char *type, const List *attributes, GError **error)
{
    int i = find_type(type);
    if (i < 0)
        return no_such_type(type, error);
    const PolicyAttributeType *wanted = types[i].attribute;
    LIST_EACH (const BalancerPolicyAttribute *, attribute, attributes) {
        if (!check_one(type, wanted, attribute, error))
            return false;
    }
    if (!wanted)
        return true;
    bool optional = strcmp(wanted->cardinality, ZERO_OR_ONE) == 0;
    bool several = strcmp(wanted->cardinality, ONE_OR_MORE) == 0;
    return ((attributes->n > 0 || optional) && (attributes->n <= 1 || several)) ||
           fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                     "Policy type %s needs %s value of the attribute %s", type,
                     several    ? "at least one"
                     : optional ? "at most one"
                                : "exactly one",
                     wanted->name);
}

/* ---- TLS ---- */

const char *policy_value(const BalancerPolicyView *policy, const char *name)
{
    LIST_EACH (const BalancerPolicyAttribute *, attribute, &policy->attributes) {
        if (strcmp(attribute->name, name) == 0)
            return attribute->value;
    }
    return NULL;
}

static bool is_on(const BalancerPolicyView *policy, const char *attribute)
{
    const char *value = policy_value(policy, attribute);
    return value && g_ascii_strcasecmp(value, "true") == 0;
}

const TlsPolicy *policy_tls(Arena *arena, const BalancerPolicyView *policy)
{
    const char *reference = policy_value(policy, POLICY_REFERENCE);
    if (reference)
        return tls_policy_find(reference);
    TlsPolicy *made = arena_new_struct(arena, TlsPolicy);
    made->name = policy->policy->name;
    made->server_order = is_on(policy, SERVER_ORDER);
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        if (is_on(policy, protocols[i].name))
            made->protocols |= protocols[i].bit;
    }
    List ciphers = {0};
    for (const char *const *cipher = tls_policy_ciphers(); *cipher; cipher++) {
        if (is_on(policy, *cipher))
            list_add(&ciphers, arena, *cipher);
    }
    list_add(&ciphers, arena, NULL);
    made->ciphers = (const char *const *)ciphers.items;
    return made;
}

static void add_attribute(Arena *arena, BalancerPolicyView *policy, const char *name,
                          const char *value)
{
    BalancerPolicyAttribute *made = arena_new_struct(arena, BalancerPolicyAttribute);
    made->name = name;
    made->value = value;
    list_add(&policy->attributes, arena, made);
}

static void add_tls(Arena *arena, BalancerPolicyView *shown, const TlsPolicy *policy)
{
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        add_attribute(arena, shown, protocols[i].name,
                      boolean(policy->protocols & protocols[i].bit));
    add_attribute(arena, shown, SERVER_ORDER, boolean(policy->server_order));
    for (const char *const *cipher = tls_policy_ciphers(); *cipher; cipher++)
        add_attribute(arena, shown, *cipher, boolean(has_cipher(policy, *cipher)));
}

const BalancerPolicyView *policy_shown(Arena *arena, const BalancerPolicyView *policy)
{
    const char *reference = policy_value(policy, POLICY_REFERENCE);
    bool complete = policy->attributes.n > 0 && !policy->policy->balancer_id;
    if (strcmp(policy->policy->type, POLICY_SSL_NEGOTIATION) != 0 || complete)
        return policy;
    BalancerPolicyView *shown = arena_new_struct(arena, BalancerPolicyView);
    shown->policy = policy->policy;
    if (reference)
        add_attribute(arena, shown, POLICY_REFERENCE, reference);
    add_tls(arena, shown, policy_tls(arena, policy));
    return shown;
}

void policy_samples(Arena *arena, List *ret_policies)
{
    for (const TlsPolicy *policy = tls_policies(); policy->name; policy++) {
        BalancerPolicy *record = arena_new_struct(arena, BalancerPolicy);
        record->name = policy->name;
        record->type = POLICY_SSL_NEGOTIATION;
        BalancerPolicyView *sample = arena_new_struct(arena, BalancerPolicyView);
        sample->policy = record;
        add_tls(arena, sample, policy);
        list_add(ret_policies, arena, sample);
    }
}
