/* Names of what a cloud has, and which address each is: for the guests, whose dnsmasq is told them
 * (network_controller.c), and for the host (daemon/dns.c).
 *
 *   ec2-127-77-0-5.compute-1.SUFFIX       an instance; guests get its private address
 *   NAME-NUMBER.us-east-1.elb.SUFFIX      a load balancer; guests get its address inside
 *   ip-172-31-0-10.ec2.internal           an instance's private address
 *   SUFFIX, SERVICE[.REGION].SUFFIX       the endpoint
 *   [BUCKET.]s3[-website][.REGION].SUFFIX likewise */
#pragma once

#include "cloud/cloud.h"

typedef enum NameKind {
    NAME_FOREIGN, /* below no domain of this cloud's */
    NAME_UNKNOWN,
    NAME_EMPTY, /* is nothing itself, but there are names below it */
    NAME_ENDPOINT,
    NAME_ADDRESS,
} NameKind;

typedef struct NameAnswer {
    NameKind kind;
    size_t domain;    /* where in the name its domain begins; of NAME_FOREIGN undefined */
    uint32_t address; /* NAME_ADDRESS: host byte order */
} NameAnswer;

/* What the host is told. name has no dot at its end; letters have no case. */
bool name_resolve(Cloud *cloud, const char *name, NameAnswer *ret_answer, GError **error);

/* The endpoint's names of SUFFIX, for guests: const char *, those below them included. */
void names_add_endpoints(Arena *arena, const char *suffix, List *names);

/* Where a balancer listens for the guests: a public address may be one of the host's loopback,
 * which no guest can reach. Its low 22 bits behind 100.64.0.0/10 (RFC 6598), so 127.77.0.5 is
 * 100.77.0.5. Pools are no larger than that. */
uint32_t name_inside_address(uint32_t public_address);
/* The block of those of a public pool; NULL: the VPC has some of it itself. */
const char *names_inside_block(Arena *arena, const char *pool, const char *vpc_cidr);
