/* The four capabilities that the daemon keeps, and which of its children get them.
 *
 * A capability reaches a program that is started only through the ambient set of the thread that
 * forks it. That set, and the inheritable one that bounds it, are empty except in the threads, and
 * for the time, that start `nft`, dnsmasq and pasta; so QEMU, which libvirt starts from other
 * threads, has none. */
#pragma once

#include <glib.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

#define CAPABILITY(number) (UINT32_C(1) << (number))
#define CAPABILITIES_KEPT                                                                          \
    (CAPABILITY(CAP_NET_ADMIN) | CAPABILITY(CAP_SYS_ADMIN) | CAPABILITY(CAP_NET_BIND_SERVICE) |    \
     CAPABILITY(CAP_NET_RAW))

/* The calling thread keeps these and no others: effective and permitted; none of them inheritable
 * or ambient. */
bool capabilities_keep(uint32_t mask, GError **error);

/* What programs started by the calling thread get from now on; 0 is nothing. */
bool capabilities_pass_on(uint32_t mask, GError **error);
