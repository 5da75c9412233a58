/* Whose a machine is, for those who measure it. */
#pragma once

#include "cloud/cloud.h"

typedef struct MachineOwner {
    const char *id, *account_id, *image_id, *type;
    const char *group; /* of Auto Scaling; NULL: none */
} MachineOwner;

/* MachineOwner * of those of the instance ids (const char *) that have a record. */
bool machine_owners(Cloud *cloud, Arena *arena, const List *ids, List *owners, GError **error);
