/* Machines: the mechanism, behind one table of callbacks.
 *
 * A machine is known by its name (an instance id) and lives while its process lives: a machine
 * that powers itself off, is destroyed or crashes is gone, and the record of it is the caller's.
 * Machines outlive the daemon: close() leaves them running and open() finds them again.
 *
 * Implementations: libvirt/ (QEMU, KVM or TCG) and fake/ (instant, for rules and for scale).
 * Every call may block (seconds at worst), is thread-safe, and is made from a thread that
 * HypervisorConfig.enter has put where QEMU's tap devices are. Different machines do not wait for
 * each other. Errors are troubles (base/fault.h), one line, saying what to do where there is
 * something to do. Knows no AWS API and no database. */
#pragma once

#include "base/arena.h"
#include <stdint.h>

typedef struct Hypervisor Hypervisor;

typedef enum MachineEventKind {
    MACHINE_STARTED,
    MACHINE_POWERED_OFF, /* the guest shut itself down, or obeyed the power button */
    MACHINE_DESTROYED,   /* ended by destroy() */
    MACHINE_CRASHED,     /* ended otherwise: QEMU died, was killed, the guest panicked; or it is
                          * only known to be gone (noticed within seconds) */
    MACHINE_REBOOTED,
} MachineEventKind;

typedef struct MachineEvent {
    const char *name; /* borrowed for the time of the call */
    MachineEventKind kind;
} MachineEvent;

typedef struct HypervisorConfig {
    const char *state_dir; /* <state>: the embedded driver's root is <state>/libvirt */
    const char *uri;       /* NULL: the embedded driver */
    bool force_tcg;        /* never kvm, even where the processor has it */
    /* Called at the start of every thread of the backend's own. NULL: nothing to do. */
    void (*enter)(void *data);
    /* Called from threads of the backend's own, one call at a time: must not block and not call the
     * backend. Machines that ended while no daemon ran may have no event: after open(), compare
     * list() with what should run; of what list() shows, every end is told. */
    void (*on_event)(void *data, const MachineEvent *event);
    void *data;
} HypervisorConfig;

typedef struct HypervisorInfo {
    const char *backend;     /* "libvirt" or "fake" */
    const char *accelerator; /* "kvm", "tcg" or "none" */
    const char *reason;      /* why that one: "the processor has vmx, and /dev/kvm opens" */
    const char *uri;
    unsigned cpus;       /* of the host */
    uint64_t memory_mib; /* of the host, in all */
} HypervisorInfo;

typedef struct MachineDisk {
    const char *path;   /* qcow2, made by create_disk */
    const char *target; /* "vda" */
    const char *serial; /* "vol0123…" as the guest sees it; may be NULL */
} MachineDisk;

typedef struct MachineNic {
    const char *tap; /* a device that exists, made by the network backend */
    const char *mac;
} MachineNic;

typedef struct MachineSpec {
    const char *name; /* instance id */
    const char *uuid; /* starts "ec2" */
    const char *type; /* "m1.small", shown to the guest as SMBIOS product */
    unsigned vcpus;
    uint64_t memory_mib;
    /* Direct boot when kernel is set, else the first disk's boot loader. */
    const char *kernel, *ramdisk, *kernel_arguments;
    List disks;               /* of MachineDisk *, the root first */
    List nics;                /* of MachineNic * */
    const char *console_path; /* the serial port's output is appended here; when it has more
                               * than 4 MiB, the backend keeps the last 2 */
    const char *run_dir;      /* a directory of the machine's own, e.g. for a VNC socket */
} MachineSpec;

typedef struct MachineStats {
    const char *name;
    uint64_t cpu_ns; /* time of its vCPUs, not of the emulator's other threads */
    uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets; /* as the guest counts them */
    uint64_t read_bytes, write_bytes, read_ops, write_ops;
    unsigned vcpus;
} MachineStats;

typedef struct HypervisorOps {
    const char *name;
    bool pretends; /* its machines run nothing, need no files and no memory */

    /* Connects, finds the machines that still run, starts delivering events. */
    bool (*open)(const HypervisorConfig *config, Hypervisor **ret_hypervisor, GError **error);
    /* Leaves machines running. */
    void (*close)(Hypervisor *hypervisor);
    bool (*describe)(Hypervisor *hypervisor, Arena *arena, HypervisorInfo *ret_info,
                     GError **error);

    /* A copy-on-write disk of size_bytes at path over base_path (a file of base_format, never
     * written; "raw" or "qcow2"), and at least as long as that; base_path NULL makes an empty one.
     * An existing file is left as it is. A damaged base, or one built upon a file outside the state
     * directory, is an error that names it. */
    bool (*create_disk)(Hypervisor *hypervisor, const char *path, const char *base_path,
                        const char *base_format, uint64_t size_bytes, GError **error);

    /* Returns once the machine runs; success when it ran already. */
    bool (*start)(Hypervisor *hypervisor, const MachineSpec *spec, GError **error);
    /* Presses the power button once and returns; a guest that still boots may not notice, so the
     * caller repeats. Success when it is gone already. */
    bool (*press_power)(Hypervisor *hypervisor, const char *name, GError **error);
    /* Asks the guest to reboot and returns. */
    bool (*reboot)(Hypervisor *hypervisor, const char *name, GError **error);
    /* Restarts it without asking. */
    bool (*reset)(Hypervisor *hypervisor, const char *name, GError **error);
    /* Returns once it is gone; success when it was. */
    bool (*destroy)(Hypervisor *hypervisor, const char *name, GError **error);

    /* Whether it runs now. */
    bool (*is_running)(Hypervisor *hypervisor, const char *name, bool *ret_running, GError **error);
    /* Names (const char *) of all machines that run. */
    bool (*list)(Hypervisor *hypervisor, Arena *arena, List *ret_names, GError **error);
    /* MachineStats * of all machines, in one call to the hypervisor. One that is just starting or
     * ending may be left out. Counters begin at 0 with each start. */
    bool (*stats)(Hypervisor *hypervisor, Arena *arena, List *ret_stats, GError **error);
} HypervisorOps;

extern const HypervisorOps hypervisor_libvirt;
extern const HypervisorOps hypervisor_fake;

/* fake only: the CPU load of a machine from now on, in percent of its vCPUs, and a guest's own
 * deeds, for tests of the rules. False when no such machine runs. */
bool fake_set_load(Hypervisor *hypervisor, const char *name, double percent);
bool fake_power_off(Hypervisor *hypervisor, const char *name);
bool fake_crash(Hypervisor *hypervisor, const char *name);
