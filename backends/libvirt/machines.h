/* The books of running machines: what libvirt would have to be asked for again and again. Derived,
 * so losing an entry costs only asking. Thread-safe. */
#pragma once

#include "backends/libvirt/domain_xml.h"

typedef struct Machines {
    GMutex lock;
    GHashTable *table; /* name → Machine */
    uint64_t last_generation;
} Machines;

/* A copy of what is known of one. */
typedef struct MachineNote {
    const char *name;
    uint64_t generation;      /* differs between two machines of one name after the other */
    const char *console_path; /* may be NULL */
    List taps;                /* of const char * */
    bool starting;            /* start() has not returned */
    bool broken;              /* QEMU does not answer: to be ended, as a crash */
    unsigned broken_domain;   /* its id */
    bool stalled;             /* paused since the host's disk is full */
} MachineNote;

void machines_init(Machines *machines);
void machines_clear(Machines *machines);

/* Notes a machine, unless one of that name is noted. starting: a new one, which begins with a clean
 * slate whatever was noted of an earlier one of that name (its monitor may have broken, and the
 * keeper ends what is broken); and until machines_started it is its starter's to strike off. */
void machines_add(Machines *machines, const char *name, const char *console_path, const List *taps,
                  bool starting);
void machines_started(Machines *machines, const char *name);

/* Marks. Unknown names are ignored. */
/* domain: libvirt's id of the one whose monitor broke, which no later machine has. One that is
 * starting is not marked: it was an earlier one, or the start will tell. */
void machines_set_broken(Machines *machines, const char *name, unsigned domain);
void machines_set_stalled(Machines *machines, const char *name, bool stalled);
/* QEMU was told to end by a signal from the host: not the guest's doing. */
void machines_set_signalled(Machines *machines, const char *name);
/* False when it was noted within the last two seconds: libvirt tells of one reboot twice. */
bool machines_note_reboot(Machines *machines, const char *name);

/* libvirt leaves out what a busy machine could not be asked. complete: stats is kept; else its disk
 * counters become those kept last, since counters must not go back. Unknown names are ignored. */
void machines_keep_stats(Machines *machines, MachineStats *stats, bool complete);

typedef struct MachineEnd {
    bool known, broken, signalled;
} MachineEnd;

/* Strikes it off; what was marked. generation 0: whichever. */
MachineEnd machines_remove(Machines *machines, const char *name, uint64_t generation);
/* Likewise when libvirt tells that it stopped; of one that is starting that may be said of an
 * earlier one, so it stays: should it be gone as well, the keeper misses it. */
MachineEnd machines_stopped(Machines *machines, const char *name);

bool machines_find(Machines *machines, Arena *arena, const char *name, MachineNote *ret_note);
/* MachineNote * of all. */
List machines_list(Machines *machines, Arena *arena);
bool machines_is_empty(Machines *machines);
