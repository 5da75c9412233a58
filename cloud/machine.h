/* From an instance's records to its machine. Private to cloud/. All verbs may be repeated at any
 * point and block. */
#pragma once

#include "cloud/site.h"

/* Plugs its interfaces, makes its disks, starts its machine; success when it runs already. */
bool machine_start(Site *site, Arena *arena, const Instance *instance, GError **error);
/* Unplugs its interfaces. */
bool machine_detach(Site *site, Arena *arena, const Instance *instance, GError **error);
/* Removes the files of the volumes that go with the instance, and its directory's sockets. */
bool machine_remove_volumes(Cloud *cloud, Arena *arena, const Instance *instance, GError **error);
