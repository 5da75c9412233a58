/* PAX headers: "LENGTH KEY=VALUE\n" records, of which those about a file's name, size and holes
 * matter here. */
#pragma once

#include "imagestore/bundle_tar_header.h"

#define PAX_MAX_SIZE                                                                               \
    (64 * 1024 * 1024) /* bytes; holes of version 0 are in it, some 30 bytes each */
#define PAX_MAX_KEYWORD 64

typedef struct PaxHeader {
    bool has_size, has_real_size, has_extents;
    uint64_t size;      /* as stored */
    uint64_t real_size; /* with its holes */
    uint64_t major, minor, offset;
    bool has_offset; /* of a hole whose size comes next */
} PaxHeader;

/* Reads size bytes of records (not their padding). Extents are added as they come. */
bool pax_read(BundleStream *stream, uint64_t size, PaxHeader *pax, GArray *extents, GError **error);
/* The extents of PAX 1.0, which stand before the data in lines, padded to blocks; *ret_size bytes
 * of them. */
bool pax_read_map(BundleStream *stream, uint64_t most, GArray *extents, uint64_t *ret_size,
                  GError **error);
