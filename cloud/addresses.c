/* Addresses. Invariant: the cursor of a range only moves forward (and wraps), so that an address
 * just freed is the last to be handed out again. */
#include "cloud/addresses.h"

#include "base/cidr.h"
#include "base/fault.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

char *address_text(Arena *arena, uint32_t address)
{
    return arena_printf(arena, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
                        address >> 8 & 255, address & 255);
}

static bool read_cursor(Txn *txn, Arena *arena, const char *name, uint32_t *ret_cursor,
                        GError **error)
{
    Setting *setting;
    if (!setting_get(txn, arena, name, &setting, error))
        return false;
    *ret_cursor = setting ? (uint32_t)g_ascii_strtoull(setting->value, NULL, 10) : 0;
    return true;
}

static bool write_cursor(Txn *txn, Arena *arena, const char *name, uint32_t cursor, GError **error)
{
    Setting setting = {.name = name, .value = arena_printf(arena, "%" PRIu32, cursor)};
    return setting_put(txn, &setting, error);
}

/* The first free address after the cursor among first..last; holders counts those of one, in the
 * VPC if there is one. */
static bool take_next(Txn *txn, Arena *arena, const char *cursor_name, uint32_t first,
                      uint32_t last, Count holders, const char *vpc_id, const char **ret_address,
                      GError **error)
{
    uint32_t cursor;
    if (!read_cursor(txn, arena, cursor_name, &cursor, error))
        return false;
    uint32_t candidate = cursor < first || cursor >= last ? first : cursor + 1;
    for (uint64_t tries = (uint64_t)last - first + 1; tries > 0; tries--) {
        const char *text = address_text(arena, candidate);
        int64_t held;
        bool ok = vpc_id ? record_count(txn, holders, &held, error, vpc_id, text)
                         : record_count(txn, holders, &held, error, text);
        if (!ok)
            return false;
        if (!held) {
            *ret_address = text;
            return write_cursor(txn, arena, cursor_name, candidate, error);
        }
        candidate = candidate == last ? first : candidate + 1;
    }
    *ret_address = NULL;
    return true;
}

bool address_take_private(Context *context, Txn *txn, const Subnet *subnet, const char *wanted,
                          const char **ret_address, GError **error)
{
    uint32_t network, mask;
    if (!cidr_parse(subnet->cidr, &network, &mask))
        return trouble_set(error, "subnet %s has the bad CIDR block %s", subnet->id, subnet->cidr);
    uint32_t first = network + SUBNET_RESERVED - 1, last = (network | ~mask) - 1;

    if (wanted) {
        struct in_addr parsed;
        if (inet_pton(AF_INET, wanted, &parsed) != 1)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE, "Invalid IPv4 address: %s",
                             wanted);
        uint32_t address = ntohl(parsed.s_addr);
        if ((address & mask) != network)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "Address %s does not fall within the subnet's address range", wanted);
        if (address < first || address > last)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "Address %s is in subnet's reserved address range", wanted);
        int64_t held;
        if (!record_count(txn, COUNT_PRIVATE_ADDRESS_HOLDERS, &held, error, subnet->vpc_id, wanted))
            return false;
        if (held)
            return fault_set(error, FAULT_INVALID_IP_ADDRESS_IN_USE, "Address %s is in use.",
                             wanted);
        *ret_address = address_text(context->arena, address);
        return true;
    }

    const char *address;
    if (!take_next(txn, context->arena, arena_printf(context->arena, "cursor:%s", subnet->id),
                   first, last, COUNT_PRIVATE_ADDRESS_HOLDERS, subnet->vpc_id, &address, error))
        return false;
    if (!address)
        return fault_set(error, FAULT_INSUFFICIENT_FREE_ADDRESSES,
                         "The specified subnet does not have enough free addresses to satisfy the "
                         "request.");
    *ret_address = address;
    return true;
}

bool address_take_public(Context *context, Txn *txn, const char **ret_address, GError **error)
{
    const char *pool = context->cloud ? cloud_addresses(context->cloud) : NULL;
    uint32_t network, mask;
    if (!pool || !cidr_parse(pool, &network, &mask))
        return trouble_set(error,
                           "the public address range '%s' is not a CIDR block like "
                           "127.77.0.0/16; see --addresses",
                           pool ? pool : "");
    const char *address;
    /* .0 and .1 stay free: .1 is where the endpoint may listen. */
    if (!take_next(txn, context->arena, "cursor:public", network + 2, (network | ~mask) - 1,
                   COUNT_PUBLIC_ADDRESS_HOLDERS, NULL, &address, error))
        return false;
    if (!address)
        return fault_set(error, FAULT_INSUFFICIENT_INSTANCE_CAPACITY,
                         "There are no free public addresses in %s.", pool);
    *ret_address = address;
    return true;
}

/* prefix, the address with hyphens for dots, rest: describe replies hold thousands of these. */
static char *host_name(Arena *arena, const char *prefix, const char *address, const char *rest)
{
    size_t n_prefix = strlen(prefix), n_address = strlen(address), n_rest = strlen(rest);
    char *name = arena_alloc(arena, n_prefix + n_address + n_rest + 1);
    memcpy(name, prefix, n_prefix);
    for (size_t i = 0; i < n_address; i++)
        name[n_prefix + i] = address[i] == '.' ? '-' : address[i];
    memcpy(name + n_prefix + n_address, rest, n_rest + 1);
    return name;
}

char *address_private_host(Arena *arena, const char *address)
{
    return host_name(arena, "ip-", address, "");
}

char *address_private_name(Arena *arena, const char *address)
{
    return host_name(arena, "ip-", address, "." PRIVATE_DOMAIN);
}

char *address_public_name(Arena *arena, const char *address, const char *suffix)
{
    char *host = host_name(arena, "ec2-", address, ".compute-1.");
    size_t n_host = strlen(host), n_suffix = strlen(suffix);
    char *name = arena_alloc(arena, n_host + n_suffix + 1);
    memcpy(name, host, n_host);
    memcpy(name + n_host, suffix, n_suffix + 1);
    return name;
}
