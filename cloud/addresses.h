/* Private addresses of subnets and public addresses of the pool. Inside transactions of the
 * caller: an address is taken by the record that holds it. */
#pragma once

#include "cloud/cloud.h"

/* AWS keeps the first four and the last address of a subnet for itself. */
#define SUBNET_RESERVED 5

char *address_text(Arena *arena, uint32_t address);

/* A free address of the subnet, or, with wanted, that one. Faults: InvalidIPAddress.InUse,
 * InvalidParameterValue (not in the subnet), InsufficientFreeAddressesInSubnet. */
bool address_take_private(Context *context, Txn *txn, const Subnet *subnet, const char *wanted,
                          const char **ret_address, GError **error);
/* A free address of the public pool; the one freed longest ago comes last. */
bool address_take_public(Context *context, Txn *txn, const char **ret_address, GError **error);

/* Where private names live, as in us-east-1. */
#define PRIVATE_DOMAIN "ec2.internal"

/* "ip-172-31-0-10", "ip-172-31-0-10.ec2.internal", "ec2-127-77-0-5.compute-1.SUFFIX". */
char *address_private_host(Arena *arena, const char *address);
char *address_private_name(Arena *arena, const char *address);
char *address_public_name(Arena *arena, const char *address, const char *suffix);
