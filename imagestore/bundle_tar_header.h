/* Headers of archives: what stands before the one file, as what it says about it. */
#pragma once

#include "imagestore/bundle_stream.h"

/* The fields of a header, each with its place in the block. */
typedef struct TarField {
    unsigned offset, size;
} TarField;

#define TAR_NAME ((TarField){0, 100})
#define TAR_MODE ((TarField){100, 8})
#define TAR_UID ((TarField){108, 8})
#define TAR_GID ((TarField){116, 8})
#define TAR_SIZE ((TarField){124, 12})
#define TAR_MTIME ((TarField){136, 12})
#define TAR_CHECKSUM ((TarField){148, 8})
#define TAR_TYPE 156
#define TAR_MAGIC ((TarField){257, 8})
#define TAR_GNU_MAGIC "ustar  "
/* Of GNU's sparse headers: extents (offset and size, 12 bytes each), whether a block with more of
 * them follows, and the size of the file with its holes. */
#define TAR_EXTENTS ((TarField){386, 4 * 24})
#define TAR_MORE 482
#define TAR_REAL_SIZE ((TarField){483, 12})
/* And of the blocks that follow. */
#define TAR_MORE_EXTENTS ((TarField){0, 21 * 24})
#define TAR_MORE_MORE 504
#define TAR_NUMBER 12 /* bytes of a number in extents */
#define TAR_EXTENT 24 /* bytes of an extent */

/* What a header and those before it say of the file. */
typedef struct TarEntry {
    uint64_t stored;  /* bytes of it in the archive */
    uint64_t size;    /* bytes of the file */
    bool sparse;      /* extents says where the stored bytes belong */
    bool map_in_data; /* PAX 1.0: the extents stand before the data, and count as stored */
    GArray *extents;  /* of BundleExtent; freed with tar_entry_clear */
} TarEntry;

void tar_entry_clear(TarEntry *entry);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TarEntry, tar_entry_clear)

/* Reads headers up to and with that of the file, and where its data is. */
bool tar_entry_read(BundleStream *stream, TarEntry *entry, GError **error);
/* Whether it is a block of zeros, as archives end with. */
bool tar_block_is_zero(const uint8_t block[BUNDLE_TAR_BLOCK]);

/* A number of a field, in octal or in binary. */
bool tar_number(const uint8_t *field, size_t size, uint64_t *ret_number);
/* Behind those that are there, in order and within what a file can be; of size 0 it is nothing. */
bool tar_add_extent(GArray *extents, uint64_t offset, uint64_t size, GError **error);
/* A relative name that stays in its directory. */
bool tar_check_name(const char *name, GError **error);
