/* The interfaces that are plugged, as the daemon remembers them: one small file each in
 * <run_dir>/nics, written before the tap is made and removed after it is gone, so that a later
 * daemon knows what it finds. One thread at a time. */
#pragma once

#include "backends/netns/plan.h"

typedef struct Nic {
    char *id;
    char *tap;
    char *mac; /* lower case */
    uint32_t address;
    char *hostname;
} Nic;

typedef struct Nics Nics;

/* Reads what is recorded; files that make no sense are removed. */
bool nics_open(const char *run_dir, Nics **ret_nics, GError **error);
void nics_free(Nics *nics); /* NULL is fine */

const Nic *nics_find(const Nics *nics, const char *id);
/* The one with this tap name or this address, or NULL. */
const Nic *nics_find_tap(const Nics *nics, const char *tap);
const Nic *nics_find_address(const Nics *nics, uint32_t address);
/* const Nic *; for removing while going through them. */
void nics_list(const Nics *nics, Arena *arena, List *ret_nics);

bool nics_add(Nics *nics, const Nic *nic, GError **error);
/* Success when there is none. */
bool nics_remove(Nics *nics, const char *id, GError **error);
