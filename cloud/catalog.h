/* What a cloud has before anybody asked for anything: regions, zones, instance types; and what
 * each account gets with it: the default VPC, its subnets and its default security group. */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"
#include "cloud/tags.h"

#define HOME_REGION "us-east-1"
#define DEFAULT_VPC_CIDR "172.31.0.0/16"

/* What DescribeAccountAttributes tells. */
#define INSTANCES_PER_ACCOUNT 1000
#define ELASTIC_IPS_PER_ACCOUNT 5

/* Writes regions, zones and types as this version knows them, inside a transaction of the caller;
 * says it again without harm. */
bool catalog_seed(Context *context, Txn *txn, GError **error);
/* The default VPC of an account with a /20 subnet a zone and its default security group, unless
 * the account has one. Every account's has the same addresses, as in AWS: each VPC is a network
 * of its own. */
bool catalog_seed_account(Context *context, Txn *txn, const char *account_id, GError **error);

/* The account's default VPC, or NULL. */
bool vpc_find_default(Txn *txn, Arena *arena, const char *account_id, Vpc **ret_vpc,
                      GError **error);

/* Region *, by name (page->ids) and filters; all: with those that the account would have to opt in
 * to. Fault InvalidParameterValue: one named is not there. */
bool regions_find(Context *context, const Page *page, bool all, List *list, GError **error);
/* Zone *, by name (page->ids), zone id (NULL or empty: all) and filters. Fault
 * InvalidParameterValue: one named is not there. */
bool zones_find(Context *context, const Page *page, const List *zone_ids, List *list,
                GError **error);

typedef struct VpcView {
    Vpc *vpc;
    const List *tags; /* of Tag *; may be NULL */
} VpcView;
bool vpcs_find(Context *context, const Page *page, List *ret_views, const char **ret_token,
               GError **error);

typedef struct SubnetView {
    Subnet *subnet;
    const char *zone_id;
    int64_t available_addresses; /* those not in use, without AWS's reserved five */
    const List *tags;            /* of Tag *; may be NULL */
} SubnetView;
bool subnets_find(Context *context, const Page *page, List *ret_views, const char **ret_token,
                  GError **error);

/* InstanceType *. Fault InvalidInstanceType: one named is not there. */
bool instance_types_find(Context *context, const Page *page, List *list, const char **ret_token,
                         GError **error);

/* Which types are offered where: every type in every zone of the home region. */
typedef struct TypeOffering {
    const char *type;
    const char *location_type; /* region, availability-zone, availability-zone-id */
    const char *location;
} TypeOffering;
/* TypeOffering *, by the filters instance-type and location; location_type NULL: region. */
bool type_offerings_find(Context *context, const Page *page, const char *location_type, List *list,
                         const char **ret_token, GError **error);

typedef struct AccountAttribute {
    const char *name;
    List values; /* of const char * */
} AccountAttribute;
/* AccountAttribute *; names NULL or empty: all. */
bool account_attributes(Context *context, const List *names, List *list, GError **error);
