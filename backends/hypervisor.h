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
    const char *path; /* qcow2, made by create_disk */
    /* How the guest knows it: at most 20 letters, digits, "-" and "_"; "vol0123456789abcdef0" for
     * vol-0123456789abcdef0. */
    const char *serial;
    /* The name that was asked for, without "/dev/" ("xvdf", "sdf"; at most 16 small letters and
     * digits): the guest reads it as the disk's model, from which its udev rules make /dev/xvdf.
     * NULL: the disk that the machine boots from, which is virtio-blk and can be neither attached
     * nor detached; all others are SCSI disks. */
    const char *device;
} MachineDisk;

/* A disk's top layer, and the file that takes its place. */
typedef struct DiskFork {
    const char *path, *new_path;
} DiskFork;

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
    uint64_t cpu_ns;  /* time of its vCPUs, not of the emulator's other threads */
    uint64_t wait_ns; /* time in which they could have run, but the host ran something else */
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

    /* Makes a disk's file, no machine's at the moment, show size_bytes; never fewer than now. */
    bool (*resize_disk)(Hypervisor *hypervisor, const char *path, uint64_t size_bytes,
                        GError **error);
    /* A file of new_format ("raw", sparse, or "qcow2") at new_path that shows what the disk at path
     * shows, with no backing file. It has its name once it is whole and durable; an existing one is
     * left as it is. path is checked as a base of create_disk is. Takes minutes with large ones. */
    bool (*convert_disk)(Hypervisor *hypervisor, const char *path, const char *format,
                         const char *new_path, const char *new_format, GError **error);

    /* The first size bytes (a multiple of 512) that the disk at path shows; zeros beyond its end.
     * path is checked as a base of create_disk is. */
    bool (*read_disk)(Hypervisor *hypervisor, const char *path, const char *format, void *buffer,
                      size_t size, GError **error);

    /* Of a running machine; success when it is so already. attach_disk: the guest sees it at once;
     * serial and device are given. detach_disk: by serial; returns whether it is gone: if it is
     * not, ask again. With libvirt/ a SCSI disk goes at once, with or without force, whether or not
     * the guest has it mounted. */
    bool (*attach_disk)(Hypervisor *hypervisor, const char *name, const MachineDisk *disk,
                        GError **error);
    bool (*detach_disk)(Hypervisor *hypervisor, const char *name, const char *serial, bool force,
                        bool *ret_gone, GError **error);
    /* Grows a disk under a running guest, which sees it at once. */
    bool (*grow_disk)(Hypervisor *hypervisor, const char *name, const char *serial,
                      uint64_t size_bytes, GError **error);
    /* Freezes the files at path, which become read-only, and lets the machine go on with overlays
     * over them at new_path, for all forks (DiskFork *) at one instant, within which the guest's
     * file systems are frozen if it has an agent that answers; *ret_consistent tells. Repeated
     * after a crash, it finds out what was done: a fork whose new_path the machine uses is done.
     * Should the machine have ended meanwhile: where there is a file at new_path, that is its disk
     * from now on, whether or not the fork was done, since nothing but the machine writes to it. */
    bool (*fork_disks)(Hypervisor *hypervisor, const char *name, const List *forks,
                       bool *ret_consistent, GError **error);

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
/* What is noted of a machine's disk: the file it writes to, in arena, and its size, 0 unless it was
 * grown. False when there is no such disk. */
bool fake_find_disk(Hypervisor *hypervisor, Arena *arena, const char *name, const char *serial,
                    const char **ret_path, uint64_t *ret_size);
bool fake_power_off(Hypervisor *hypervisor, const char *name);
bool fake_crash(Hypervisor *hypervisor, const char *name);
