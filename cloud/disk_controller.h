/* The controller of disks: volumes that are made, attached, detached and grown, snapshots that are
 * taken.
 *
 * The file of a volume is worked upon by one thread at a time: that of its instance's step while it
 * has an instance, else that of the disk queue; where one follows the other, volume by volume, a
 * hold keeps them apart. Every step may be repeated. */
#pragma once

#include "cloud/site.h"

/* Looks at all volumes and snapshots with something to do. Never blocks. */
void cloud_wake_disks(Cloud *cloud);

/* One look of the disk queue; key is unused. */
int64_t disks_step(void *cloud, const char *key);

/* Waits until nobody else works upon the files of that volume, until it is released. */
void disk_hold(Cloud *cloud, const char *id);
void disk_release(Cloud *cloud, const char *id);

/* Does what is to be done with an instance's volumes, in its step. Snapshots for an image that
 * wants the machine shut down, and bundles of it, are left alone while it runs. *ret_again becomes
 * earlier if there is to be another look. */
bool disks_settle(Cloud *cloud, Arena *arena, const Instance *instance, int64_t *ret_again,
                  GError **error);
