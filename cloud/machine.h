/* From an instance's records to its machine. Private to cloud/. All verbs may be repeated at any
 * point and block. */
#pragma once

#include "cloud/site.h"

/* Plugs its interfaces, makes its disks, starts its machine; success when it runs already. */
bool machine_start(Site *site, Arena *arena, const Instance *instance, GError **error);
/* Unplugs its interfaces. */
bool machine_detach(Site *site, Arena *arena, const Instance *instance, GError **error);
/* Forgets the volumes and disks that go with the instance, and removes their files. */
bool machine_remove_disks(Cloud *cloud, Arena *arena, const Instance *instance, GError **error);
/* Removes what is on its instance-store disks, which begin empty when it starts again. */
bool machine_empty_disks(Cloud *cloud, Arena *arena, const Instance *instance, GError **error);
/* What the machine is told of a volume that is not its root. */
MachineDisk machine_disk(Cloud *cloud, Arena *arena, const Volume *volume);
