/* Seeds: what a fresh cloud and a fresh account have.
 *
 * Invariant: saying a seed again changes nothing but what this version knows better. */
#include "cloud/catalog.h"

#include "base/id.h"
#include "cloud/security_groups.h"

typedef struct RegionRow {
    const char *name, *opt_in_status;
} RegionRow;

static const RegionRow region_rows[] = {
#define REGION(name, opt_in_status) {name, opt_in_status},
#include "cloud/regions.def"
#undef REGION
};

static const InstanceType type_rows[] = {
#define INSTANCE_TYPE(name, vcpus, memory_mib, root_gib, current, free_tier, burstable)            \
    {name, vcpus, memory_mib, root_gib, current, free_tier, burstable},
#include "cloud/instance_types.def"
#undef INSTANCE_TYPE
};

/* The home region's zones with the subnets of every default VPC. */
typedef struct ZoneRow {
    const char *name, *id, *subnet_cidr;
} ZoneRow;

static const ZoneRow zone_rows[] = {
    {HOME_REGION "a", "use1-az1", "172.31.0.0/20"},
    {HOME_REGION "b", "use1-az2", "172.31.16.0/20"},
    {HOME_REGION "c", "use1-az3", "172.31.32.0/20"},
    {HOME_REGION "d", "use1-az4", "172.31.48.0/20"},
    {HOME_REGION "e", "use1-az5", "172.31.64.0/20"},
    {HOME_REGION "f", "use1-az6", "172.31.80.0/20"},
};

bool catalog_seed(Context *context, Txn *txn, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(region_rows); i++) {
        const Region region = {
            .name = region_rows[i].name,
            .endpoint = arena_printf(context->arena, "ec2.%s.amazonaws.com", region_rows[i].name),
            .opt_in_status = region_rows[i].opt_in_status,
        };
        if (!region_put(txn, &region, error))
            return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(zone_rows); i++) {
        const Zone zone = {
            .name = zone_rows[i].name,
            .id = zone_rows[i].id,
            .region = HOME_REGION,
            .state = "available",
        };
        if (!zone_put(txn, &zone, error))
            return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(type_rows); i++) {
        if (!instance_type_put(txn, &type_rows[i], error))
            return false;
    }
    return true;
}

bool vpc_find_default(Txn *txn, Arena *arena, const char *account_id, Vpc **ret_vpc, GError **error)
{
    List vpcs = {0};
    if (!record_query(txn, arena, QUERY_VPCS_OF_ACCOUNT, &vpcs, error, account_id))
        return false;
    Vpc *found = NULL;
    LIST_EACH (Vpc *, vpc, &vpcs) {
        if (vpc->is_default)
            found = vpc;
    }
    *ret_vpc = found;
    return true;
}

bool catalog_seed_account(Context *context, Txn *txn, const char *account_id, GError **error)
{
    Vpc *existing;
    if (!vpc_find_default(txn, context->arena, account_id, &existing, error))
        return false;
    if (existing)
        return true;

    const Vpc vpc = {
        .id = id_new(context->arena, "vpc"),
        .account_id = account_id,
        .cidr = DEFAULT_VPC_CIDR,
        .is_default = true,
        .dhcp_options_id = id_new(context->arena, "dopt"),
    };
    if (!vpc_insert(txn, &vpc, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(zone_rows); i++) {
        const Subnet subnet = {
            .id = id_new(context->arena, "subnet"),
            .account_id = account_id,
            .vpc_id = vpc.id,
            .zone = zone_rows[i].name,
            .cidr = zone_rows[i].subnet_cidr,
            .is_default = true,
            .map_public_ip = true,
        };
        if (!subnet_insert(txn, &subnet, error))
            return false;
    }
    return security_group_create_default(context, txn, account_id, vpc.id, error);
}
