/* libvirt's description of a machine, written and read back.
 *
 * Written through libxml2's tree, so any value arrives in the guest as it was given, or is refused
 * because XML cannot carry it. Pure but for memory; thread-safe. */
#pragma once

#include "backends/hypervisor.h"

typedef struct DomainPlatform {
    bool kvm;             /* else TCG */
    const char *emulator; /* path of QEMU; NULL: libvirt's choice, as on another host */
} DomainPlatform;

/* Free *ret_xml with g_free. */
bool domain_xml_write(const MachineSpec *spec, const DomainPlatform *platform, char **ret_xml,
                      GError **error);

/* What the backend wants to know of a machine that an earlier daemon started. */
typedef struct DomainParts {
    const char *console_path; /* NULL: its serial port is no file */
    List taps;                /* of const char * */
} DomainParts;

/* Reads it from what libvirt shows of a domain. All of *ret_parts lives in arena. */
bool domain_xml_read(const char *xml, Arena *arena, DomainParts *ret_parts, GError **error);
