/* Checking and parsing of what a network shall be. */
#include "backends/netns/plan.h"

#include "base/cidr.h"
#include "base/fault.h"

#include <arpa/inet.h>
#include <string.h>

#define ID_MAX 64
#define DNS_NAME_MAX 253
#define MAX_PORT 65535
#define MIN_SUBNET_PREFIX 8
#define MAX_SUBNET_PREFIX 30

bool ipv4_parse(const char *text, uint32_t *ret_address)
{
    struct in_addr address;
    if (inet_pton(AF_INET, text, &address) != 1)
        return false;
    *ret_address = ntohl(address.s_addr);
    return true;
}

char *ipv4_format(uint32_t address, char buffer[IPV4_TEXT_SIZE])
{
    g_snprintf(buffer, IPV4_TEXT_SIZE, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xff,
               address >> 8 & 0xff, address & 0xff);
    return buffer;
}

uint32_t ipv4_mask(Cidr cidr)
{
    return cidr.prefix == 0 ? 0 : UINT32_MAX << (32 - cidr.prefix);
}

bool ipv4_parse_cidr(const char *text, Cidr *ret_cidr)
{
    uint32_t network, mask;
    if (!cidr_parse(text, &network, &mask))
        return false;
    *ret_cidr = (Cidr){network, (unsigned)__builtin_popcount(mask)};
    return true;
}

char *ipv4_format_cidr(Cidr cidr, char buffer[IPV4_TEXT_SIZE])
{
    char address[IPV4_TEXT_SIZE];
    g_snprintf(buffer, IPV4_TEXT_SIZE, "%s/%u", ipv4_format(cidr.network, address), cidr.prefix);
    return buffer;
}

bool mac_parse(const char *text, uint8_t ret_mac[MAC_BYTES])
{
    if (strlen(text) != MAC_BYTES * 3 - 1)
        return false;
    for (size_t i = 0; i < MAC_BYTES; i++) {
        int high = g_ascii_xdigit_value(text[i * 3]);
        int low = g_ascii_xdigit_value(text[i * 3 + 1]);
        if (high < 0 || low < 0 || (i + 1 < MAC_BYTES && text[i * 3 + 2] != ':'))
            return false;
        ret_mac[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool id_is_plain(const char *id)
{
    size_t n = strlen(id);
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isalnum(id[i]) && id[i] != '-' && id[i] != '_')
            return false;
    }
    return n > 0 && n <= ID_MAX;
}

bool dns_name_is_plain(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isalnum(name[i]) && name[i] != '-' && name[i] != '.')
            return false;
    }
    return n > 0 && n <= DNS_NAME_MAX && g_ascii_isalnum(name[0]) && g_ascii_isalnum(name[n - 1]);
}

/* It becomes a line of dnsmasq's configuration, where these have a meaning. */
static bool path_is_plain(const char *path)
{
    return g_path_is_absolute(path) && !strpbrk(path, "\n\r\"#,\\");
}

static bool parse_subnets(const NetworkConfig *config, Arena *arena, Plan *plan, GError **error)
{
    plan->n_subnets = config->subnets.n;
    plan->subnets = arena_alloc(arena, sizeof(Cidr) * MAX(plan->n_subnets, 1));
    for (size_t i = 0; i < plan->n_subnets; i++) {
        const NetworkSubnet *subnet = list_at(&config->subnets, i);
        Cidr *cidr = &plan->subnets[i];
        if (!ipv4_parse_cidr(subnet->cidr, cidr) || cidr->prefix < MIN_SUBNET_PREFIX ||
            cidr->prefix > MAX_SUBNET_PREFIX || !ipv4_in_cidr(plan->vpc, cidr->network))
            return trouble_set(error, "network %s: '%s' is no subnet of %s", config->id,
                               subnet->cidr, config->cidr);
    }
    if (plan->n_subnets == 0)
        return trouble_set(error, "network %s has no subnet", config->id);
    return true;
}

static bool parse_services(const NetworkConfig *config, Plan *plan, GError **error)
{
    if (!config->services)
        return true;
    plan->has_services = true;
    if (!ipv4_parse_cidr(config->services, &plan->services) ||
        ipv4_in_cidr(plan->vpc, plan->services.network) ||
        ipv4_in_cidr(plan->services, plan->vpc.network))
        return trouble_set(error, "network %s: '%s' is no block beside %s", config->id,
                           config->services, config->cidr);
    return true;
}

bool plan_make(const NetworkConfig *config, Arena *arena, Plan *ret_plan, GError **error)
{
    Plan plan = {
        .id = arena_strdup(arena, config->id),
        .run_dir = arena_strdup(arena, config->run_dir),
        .domain = arena_strdup(arena, config->domain),
        .endpoint_port = config->endpoint_port,
        .no_outside = config->no_outside,
    };
    if (!id_is_plain(config->id))
        return trouble_set(error, "'%s' is no network id", config->id);
    if (!path_is_plain(config->run_dir))
        return trouble_set(error,
                           "the state directory's path must be absolute and without quotes, "
                           "commas, '#' and backslashes: %s",
                           config->run_dir);
    if (!ipv4_parse_cidr(config->cidr, &plan.vpc))
        return trouble_set(error, "network %s: '%s' is no CIDR block", config->id, config->cidr);
    if (!dns_name_is_plain(config->domain) || config->endpoint_port > MAX_PORT)
        return trouble_set(error, "network %s: wrong domain '%s' or endpoint port %u", config->id,
                           config->domain, config->endpoint_port);
    if (!parse_services(config, &plan, error))
        return false;
    if (config->names_domain && !dns_name_is_plain(config->names_domain))
        return trouble_set(error, "network %s: '%s' is no domain", config->id,
                           config->names_domain);
    plan.names_domain = arena_strdup(arena, config->names_domain);
    LIST_EACH (const char *, name, &config->endpoint_names) {
        if (!dns_name_is_plain(name))
            return trouble_set(error, "network %s: '%s' is no host name", config->id, name);
        list_add(&plan.endpoint_names, arena, arena_strdup(arena, name));
    }
    if (!parse_subnets(config, arena, &plan, error))
        return false;
    *ret_plan = plan;
    return true;
}

uint32_t plan_router(const Plan *plan, size_t i)
{
    g_assert(i < plan->n_subnets);
    return plan->subnets[i].network + 1;
}

int plan_find_subnet(const Plan *plan, uint32_t address)
{
    for (size_t i = 0; i < plan->n_subnets; i++) {
        if (ipv4_in_cidr(plan->subnets[i], address))
            return (int)i;
    }
    return -1;
}
