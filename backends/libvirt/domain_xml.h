/* libvirt's description of a machine, written and read back.
 *
 * Written through libxml2's tree, so any value arrives in the guest as it was given, or is refused
 * because XML cannot carry it. Pure but for memory; thread-safe. */
#pragma once

#include "backends/hypervisor.h"

typedef struct DomainPlatform {
    bool kvm;             /* else TCG */
    const char *emulator; /* path of QEMU; NULL: libvirt's choice, as on another host */
    const char *agents;   /* where the sockets to guests' agents are; NULL: libvirt's choice */
} DomainPlatform;

/* Free *ret_xml with g_free. */
bool domain_xml_write(const MachineSpec *spec, const DomainPlatform *platform, char **ret_xml,
                      GError **error);

/* A disk as libvirt shows it. */
typedef struct DomainDisk {
    const char *target; /* libvirt's name of it among the machine's disks, "vda" or "sdb" */
    const char *path;   /* what the machine writes to; NULL: no file */
    const char *serial; /* NULL: none */
    const char *xml;    /* its whole description */
} DomainDisk;

/* What the backend wants to know of a machine that runs. */
typedef struct DomainParts {
    const char *console_path; /* NULL: its serial port is no file */
    List taps;                /* of const char * */
    List disks;               /* of DomainDisk * */
} DomainParts;

/* Reads it from what libvirt shows of a domain. All of *ret_parts lives in arena. */
bool domain_xml_read(const char *xml, Arena *arena, DomainParts *ret_parts, GError **error);

/* SCSI disks have places 0 to 253 on one controller: that many fit. A place's disk has the target
 * that domain_disk_target says; free it with g_free. */
enum { DOMAIN_DISK_PLACES = 254 };
char *domain_disk_target(unsigned place);

/* The description of a disk with a device, to be attached at a place. Free *ret_xml with g_free. */
bool domain_xml_write_disk(const MachineDisk *disk, unsigned place, char **ret_xml, GError **error);

/* A file that takes the place of a disk's. */
typedef struct DomainFork {
    const char *target, *new_path;
} DomainFork;

/* The description of a snapshot that makes forks (DomainFork *) and leaves all other disks (List of
 * DomainDisk *, the forked ones among them) as they are. Free *ret_xml with g_free. */
bool domain_xml_write_forks(const List *forks, const List *disks, char **ret_xml, GError **error);
