/* Keys, archives and bundles for tests, all made by openssl, tar and gzip. */
#pragma once

#include "tests/unit/unit.h"
#include "imagestore/bundle.h"

typedef struct BundleFixture {
    char *directory;
    Arena *arena;
    BundleKey key;
    GByteArray *bytes; /* of all parts */
    GArray *sizes;     /* size_t: of each part */
    BundleManifest manifest;
    BundleSource source; /* of these parts, a thousand bytes at a time */
    char *target;        /* DIRECTORY/out/image */

    size_t missing;         /* a part that is not there; SIZE_MAX: none */
    size_t read_part, read; /* how far the source is */
    uint64_t told, total;   /* last progress */
    uint64_t cancel_at;     /* bytes; UINT64_MAX: never */
} BundleFixture;

int bundle_set_up(void **state);
int bundle_tear_down(void **state);

/* A shell command in the fixture's directory, which has to succeed; what it printed. */
const char *bundle_shell(BundleFixture *fixture, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A file there, NUL-terminated. */
const char *bundle_file(BundleFixture *fixture, const char *name, size_t *ret_size);
/* cert-NAME.pem and pk-NAME.pem. */
void bundle_make_keys(BundleFixture *fixture, const char *name);

/* An image with data, holes and something at its end, in `image`: n_holes of 64 KiB each. */
void bundle_make_image(BundleFixture *fixture, unsigned n_holes);
/* The bundle of a file that is gzipped already, in parts of this size; image_size as the manifest
 * is to say; archive: of which the digest is taken. */
void bundle_of_packed(BundleFixture *fixture, const char *packed, const char *archive,
                      uint64_t image_size, size_t part_size);
/* Of an archive, with gzip, in parts of 10,000 bytes. */
void bundle_of_archive(BundleFixture *fixture, const char *archive, uint64_t image_size);
/* Of the image, made by `tar -S`. */
void bundle_of_image(BundleFixture *fixture);
/* The size of a file. */
uint64_t bundle_size_of(BundleFixture *fixture, const char *name);

/* It is refused, and neither the image nor its beginnings are there. */
void bundle_assert_refused(BundleFixture *fixture, BundleError code, const char *says);
/* The image comes out as `image` is, holes included. */
void bundle_assert_extracts(BundleFixture *fixture);
