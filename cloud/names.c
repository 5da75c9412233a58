/* Invariant: a name is answered only for what is on record at that moment, so a name of something
 * that is gone is unknown. */
#include "cloud/names.h"

#include "base/cidr.h"
#include "cloud/addresses.h"
#include "cloud/balancer_parts.h"
#include "cloud/catalog.h"
#include <string.h>

#define INSIDE_NETWORK 0x64400000u /* 100.64.0.0/10 */
#define INSIDE_HOST_BITS 22

/* ---- inside ---- */

uint32_t name_inside_address(uint32_t public_address)
{
    return INSIDE_NETWORK | (public_address & ((1u << INSIDE_HOST_BITS) - 1));
}

const char *names_inside_block(Arena *arena, const char *pool, const char *vpc_cidr)
{
    uint32_t network, mask, vpc, vpc_mask;
    if (!cidr_parse(pool, &network, &mask) || !cidr_parse(vpc_cidr, &vpc, &vpc_mask))
        return NULL;
    mask |= UINT32_MAX << INSIDE_HOST_BITS;
    uint32_t inside = name_inside_address(network) & mask;
    if ((inside & vpc_mask) == vpc || (vpc & mask) == inside)
        return NULL;
    return arena_printf(arena, "%s/%d", address_text(arena, inside), __builtin_popcount(mask));
}

/* ---- the endpoint ---- */

/* Those that the endpoint tells by the host's name, and those that programs make names of. */
static const char *const services[] = {
    "autoscaling", "ec2", "elasticloadbalancing", "iam", "monitoring", "s3", "s3-website", "sts",
};

static const char *const regions[] = {
#define REGION(name, status) name,
#include "cloud/regions.def"
#undef REGION
};

void names_add_endpoints(Arena *arena, const char *suffix, List *names)
{
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++)
        list_add(names, arena, arena_printf(arena, "%s.%s", services[i], suffix));
    list_add(names, arena, arena_printf(arena, HOME_REGION ".%s", suffix));
}

/* A part of a name: labels with dots between. */
typedef struct Labels {
    const char *text;
    size_t size;
} Labels;

static bool part_is(Labels part, const char *text)
{
    return strlen(text) == part.size && g_ascii_strncasecmp(part.text, text, part.size) == 0;
}

static bool part_is_among(Labels part, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (part_is(part, texts[i]))
            return true;
    }
    return false;
}

/* Takes the last label off. */
static Labels take_label(Labels *part)
{
    const char *dot = memrchr(part->text, '.', part->size);
    const char *label = dot ? dot + 1 : part->text;
    Labels taken = {label, (size_t)(part->text + part->size - label)};
    part->size = dot ? (size_t)(dot - part->text) : 0;
    return taken;
}

static NameKind endpoint_kind(Labels part)
{
    Labels label = take_label(&part);
    bool has_region = part_is_among(label, regions, G_N_ELEMENTS(regions));
    if (has_region && part.size == 0)
        return NAME_EMPTY;
    if (has_region)
        label = take_label(&part);
    if (!part_is_among(label, services, G_N_ELEMENTS(services)))
        return NAME_UNKNOWN;
    bool has_buckets = part_is(label, "s3") || part_is(label, "s3-website");
    return part.size == 0 || has_buckets ? NAME_ENDPOINT : NAME_UNKNOWN;
}

/* ---- instances and balancers ---- */

/* prefix and an address with hyphens for dots, as address_public_name() writes it. */
static const char *read_host(Arena *arena, Labels part, const char *prefix, uint32_t *ret_number)
{
    size_t skip = strlen(prefix);
    uint32_t mask;
    if (part.size <= skip || g_ascii_strncasecmp(part.text, prefix, skip) != 0 ||
        memchr(part.text, '.', part.size))
        return NULL;
    char *text = arena_strndup(arena, part.text + skip, part.size - skip);
    g_strdelimit(text, "-", '.');
    return cidr_parse(arena_printf(arena, "%s/32", text), ret_number, &mask) ? text : NULL;
}

static bool find_host(Txn *txn, Labels part, const char *prefix, Count users, NameAnswer *answer,
                      GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    const char *address = read_host(arena, part, prefix, &answer->address);
    int64_t n;
    if (!address)
        return true;
    if (!record_count(txn, users, &n, error, address))
        return false;
    answer->kind = n > 0 ? NAME_ADDRESS : NAME_UNKNOWN;
    return true;
}

/* name is the whole one. */
static bool find_balancer(Cloud *cloud, Txn *txn, const char *name, Labels part, NameAnswer *answer,
                          GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List balancers = {0}, views;
    const char *hyphen = memrchr(part.text, '-', part.size);
    if (!hyphen)
        return true;
    const char *number =
        arena_strndup(arena, hyphen + 1, (size_t)(part.text + part.size - hyphen - 1));
    if (!record_query(txn, arena, QUERY_BALANCERS_NUMBERED, &balancers, error, number) ||
        !balancer_views(cloud, txn, arena, &balancers, &views, error))
        return false;
    LIST_EACH (const BalancerView *, view, &views) {
        uint32_t mask;
        if (g_ascii_strcasecmp(view->dns_name, name) == 0 &&
            cidr_parse(arena_printf(arena, "%s/32", view->balancer->address), &answer->address,
                       &mask))
            answer->kind = NAME_ADDRESS;
    }
    return true;
}

/* ---- resolving ---- */

/* What stands before the domain, without the dot. */
static bool is_below(const char *name, const char *domain, Labels *ret_before)
{
    size_t n_name = strlen(name), n_domain = strlen(domain);
    if (n_name < n_domain || g_ascii_strcasecmp(name + n_name - n_domain, domain) != 0)
        return false;
    if (n_name > n_domain && name[n_name - n_domain - 1] != '.')
        return false;
    *ret_before = (Labels){name, n_name > n_domain ? n_name - n_domain - 1 : 0};
    return true;
}

static bool ends_in(Labels part, const char *end, Labels *ret_before)
{
    size_t n = strlen(end);
    if (part.size <= n || part.text[part.size - n - 1] != '.' ||
        g_ascii_strncasecmp(part.text + part.size - n, end, n) != 0)
        return false;
    *ret_before = (Labels){part.text, part.size - n - 1};
    return true;
}

/* Of a name below the suffix; part is what stands before that. */
static bool resolve_public(Cloud *cloud, Txn *txn, const char *name, Labels part,
                           NameAnswer *answer, GError **error)
{
    static const char *const empty[] = {"compute-1", "elb", HOME_REGION ".elb"};
    Labels before;
    if (part.size == 0) {
        answer->kind = NAME_ENDPOINT;
        return true;
    }
    if (part_is_among(part, empty, G_N_ELEMENTS(empty))) {
        answer->kind = NAME_EMPTY;
        return true;
    }
    if (ends_in(part, "compute-1", &before))
        return find_host(txn, before, "ec2-", COUNT_PUBLIC_ADDRESS_HOLDERS, answer, error);
    if (ends_in(part, HOME_REGION ".elb", &before))
        return find_balancer(cloud, txn, name, before, answer, error);
    answer->kind = endpoint_kind(part);
    return true;
}

bool name_resolve(Cloud *cloud, const char *name, NameAnswer *ret_answer, GError **error)
{
    NameAnswer answer = {.kind = NAME_UNKNOWN};
    Labels part;
    g_autoptr(Txn) txn = NULL;
    if (is_below(name, PRIVATE_DOMAIN, &part)) {
        answer.domain = strlen(name) - strlen(PRIVATE_DOMAIN);
        answer.kind = part.size == 0 ? NAME_EMPTY : NAME_UNKNOWN;
        if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
            !find_host(txn, part, "ip-", COUNT_PRIVATE_ADDRESS_USERS, &answer, error) ||
            !txn_commit(&txn, error))
            return false;
    } else if (is_below(name, cloud_dns_suffix(cloud), &part)) {
        answer.domain = strlen(name) - strlen(cloud_dns_suffix(cloud));
        if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
            !resolve_public(cloud, txn, name, part, &answer, error) || !txn_commit(&txn, error))
            return false;
    } else {
        answer.kind = NAME_FOREIGN;
    }
    *ret_answer = answer;
    return true;
}
