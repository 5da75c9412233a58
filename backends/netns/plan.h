/* What a network shall be: NetworkConfig checked and parsed once, and IPv4 addresses as numbers
 * (host byte order). Everything that reaches nft's or dnsmasq's input passes through the checks
 * here. Pure. */
#pragma once

#include "backends/network.h"

typedef struct Cidr {
    uint32_t network;
    unsigned prefix;
} Cidr;

typedef struct Plan {
    const char *id;
    const char *run_dir;
    const char *domain;
    Cidr vpc;
    Cidr *subnets; /* at least one */
    size_t n_subnets;
    List endpoint_names;    /* of const char * */
    unsigned endpoint_port; /* 0: none but 80 and 443 */
    bool no_outside;
    bool has_services;
    Cidr services;
    const char *names_domain; /* or NULL */
} Plan;

/* The bridge to which all taps belong, and the link to the way out. */
#define BRIDGE "br0"
#define WAY_OUT_LINK "pasta0"

/* The network of the way out: from RFC 7335's "IPv4 service continuity" range, which is for
 * exactly such uses and so in nobody's VPC. */
#define WAY_OUT_CIDR "192.0.0.0/29"
#define WAY_OUT_PREFIX "29"
#define WAY_OUT_GATEWAY "192.0.0.1"
#define WAY_OUT_ADDRESS "192.0.0.2"
#define WAY_OUT_DNS "192.0.0.3" /* pasta hands what is sent there to the host's resolver */

#define METADATA_ADDRESS "169.254.169.254"

/* Everything in the arena; strings are copied. */
bool plan_make(const NetworkConfig *config, Arena *arena, Plan *ret_plan, GError **error);
/* The router's address in subnet i: its first host address. */
uint32_t plan_router(const Plan *plan, size_t i);
/* The subnet of an address, or -1. */
int plan_find_subnet(const Plan *plan, uint32_t address);

#define IPV4_TEXT_SIZE 20 /* a CIDR fits too */
bool ipv4_parse(const char *text, uint32_t *ret_address);
char *ipv4_format(uint32_t address, char buffer[IPV4_TEXT_SIZE]);
/* Host bits are cleared: AWS takes 10.0.0.5/8 as 10.0.0.0/8. */
bool ipv4_parse_cidr(const char *text, Cidr *ret_cidr);
char *ipv4_format_cidr(Cidr cidr, char buffer[IPV4_TEXT_SIZE]);
uint32_t ipv4_mask(Cidr cidr);
static inline bool ipv4_in_cidr(Cidr cidr, uint32_t address)
{
    return (address & ipv4_mask(cidr)) == cidr.network;
}

#define MAC_BYTES 6
bool mac_parse(const char *text, uint8_t ret_mac[MAC_BYTES]);
/* Letters, digits, hyphens, underscores: 1 to 64 of them. */
bool id_is_plain(const char *id);
/* A DNS name: labels of letters, digits and hyphens, with dots between. */
bool dns_name_is_plain(const char *name);
