/* One simulated machine, and the file that stands for its process. Not locked: its owner's work. */
#pragma once

#include "backends/hypervisor.h"

typedef struct FakeDisk {
    char *serial;
    char *path;
    uint64_t size; /* 0: as it was made */
} FakeDisk;

typedef struct FakeMachine {
    char *name;
    unsigned vcpus;
    double load;      /* percent of its vCPUs, since then */
    int64_t since;    /* monotonic, microseconds */
    uint64_t cpu_ns;  /* until then */
    GPtrArray *disks; /* of FakeDisk, the root first */
} FakeMachine;

FakeMachine *fake_machine_new(const char *name, unsigned vcpus);
void fake_machine_free(void *machine);

uint64_t fake_machine_cpu_ns(const FakeMachine *machine, int64_t now);

/* NULL: it has none of that serial, or path. */
FakeDisk *fake_machine_disk(const FakeMachine *machine, const char *serial);
FakeDisk *fake_machine_disk_at(const FakeMachine *machine, const char *path);
void fake_machine_add_disk(FakeMachine *machine, const char *serial, const char *path,
                           uint64_t size);

/* Makes its file in directory, or one that is whole in place of the old. */
bool fake_machine_make_file(const char *directory, const FakeMachine *machine, GError **error);
bool fake_machine_change_file(const char *directory, const FakeMachine *machine, GError **error);
/* The machine that a file is of. */
bool fake_machine_read_file(const char *directory, const char *name, FakeMachine **ret_machine,
                            GError **error);
