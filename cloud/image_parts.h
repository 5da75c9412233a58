/* What the ways of making images share. Private to cloud/. */
#pragma once

#include "cloud/images.h"
#include "cloud/instances.h"

#define IMAGE_ROOT_DEVICE "/dev/sda1"

/* A machine image of the caller's that is available, of volumes, as the specification names and
 * describes it. Not yet in the store. */
Image *image_new(Context *context, const ImageSpec *spec);

/* What the request says of a device (RunVolume *), by whatever name; NULL: nothing. */
const RunVolume *image_find_wanted(const List *mappings, const char *device);
/* Changes a volume's mapping as the request wants it (NULL: nothing), and checks it. */
bool image_apply_wanted(Context *context, const RunVolume *wanted, ImageMapping *mapping,
                        GError **error);
/* Maps a device that only the request names. */
bool image_add_wanted(Context *context, Txn *txn, const Image *image, const RunVolume *wanted,
                      GError **error);
bool image_record_tags(Context *context, Txn *txn, const Image *image, const ImageSpec *spec,
                       GError **error);

/* Kernel and ramdisk that the request names; NULL: none. They are the caller's to use. */
bool image_use_kernels(Context *context, Txn *txn, const char *kernel_id, const char *ramdisk_id,
                       Image *image, GError **error);
/* How an image starts whose root disk is that file: one without a kernel by its own boot loader if
 * there is a partition table, else with the starter image's kernel and ramdisk. *ret_missing: there
 * is no such kernel. Reads the file: seconds at worst. */
bool image_choose_kernel(Cloud *cloud, Txn *txn, Arena *arena, const char *path, const char *format,
                         Image *image, bool *ret_missing, GError **error);
