/* Whether the files of disks are what the records say: images, snapshots, volumes and instances'
 * own disks, and the layers that they lie on. For a store that nobody else writes to meanwhile;
 * there is no cloud. */
#pragma once

#include "store/record.h"

typedef struct DiskCheckSpec {
    Store *store;
    const char *state_dir;
    bool repair;   /* remove what belongs to nothing */
    bool pretends; /* overlays have no files: the fake back end's */
    /* Whether a file is whole and lies over backing (an absolute path; NULL: over nothing). */
    bool (*check_file)(const char *path, const char *format, const char *backing, GError **error);
    /* Is handed each finding, as a line. */
    void (*tell)(void *data, const char *line);
    void *data;
} DiskCheckSpec;

typedef struct DiskCheck {
    uint64_t layers;
    uint64_t damaged; /* files that are not whole, or lie over another file than they should */
    uint64_t missing; /* files that somebody's disk needs */
    uint64_t orphans; /* files without a record, layers that nothing refers to */
} DiskCheck;

bool disks_check(const DiskCheckSpec *spec, DiskCheck *ret_check, GError **error);
