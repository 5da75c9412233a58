/* The image file that a bundle becomes: sparse, and either whole under its name or not there. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BundleImage BundleImage;

/* PATH.new, of this size and all holes; one that is there already, as a crash leaves it, goes. */
bool bundle_image_create(const char *path, uint64_t size, BundleImage **ret_image, GError **error);
uint64_t bundle_image_size(const BundleImage *image);
/* Writes what of it is not zero. Each byte of the image at most once, within its size. */
bool bundle_image_write(BundleImage *image, uint64_t offset, const void *data, size_t size,
                        GError **error);
/* Syncs it and gives it its name. */
bool bundle_image_keep(BundleImage *image, GError **error);
/* Removes what was not kept. NULL is fine. */
void bundle_image_free(BundleImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BundleImage, bundle_image_free)
