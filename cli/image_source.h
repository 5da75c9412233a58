/* A disk image that a user brings. */
#pragma once

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

#define IMAGE_SOURCE_MAX (INT64_C(16) << 40) /* bytes of its disk: what the largest volume has */

typedef struct ImageSource {
    const char *path;   /* absolute, so that nothing in it looks like a protocol */
    const char *format; /* QEMU's name: qcow2, raw, vmdk, vpc, vhdx */
    int64_t size;       /* of its disk, bytes */
    int64_t used;       /* bytes that the file takes */
} ImageSource;

/* Looks at the file by qemu-img. Refuses, in words for the user, what is no disk image, is
 * encrypted, is too large, or lies in more than this file. */
bool image_source_open(Arena *arena, const char *file, ImageSource *ret_source, GError **error);
