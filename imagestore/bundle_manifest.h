/* Manifests of bundles, version 2007-10-10: read, checked, written and signed; and the key of a
 * bundle, which the manifest carries encrypted.
 *
 * A manifest comes from outside: it is believed in nothing but what is checked here. Only what the
 * signature covers is taken from it (but for the bundler's name and the signature itself), so a
 * document cannot show one thing and have another thing signed. It may be read before anybody's
 * signature on it is checked, to learn whose it says it is: bundle_manifest_verify comes before
 * anything is done with it.
 *
 * Errors of the domain BUNDLE_ERROR say what is wrong with a bundle, in a sentence without full
 * stop that may be shown to whoever made it ("part 3, disk.img.part.3, is not what the manifest
 * says: its SHA-1 differs"). They are neither faults nor troubles: what a wrong bundle means to a
 * client, the caller knows. Troubles are ours, as everywhere (the disk, a key of the daemon).
 *
 * Pure; thread-safe. Everything returned lives in the arena. */
#pragma once

#include "base/arena.h"
#include "base/digest.h"
#include <stdint.h>

#define BUNDLE_ERROR bundle_error_domain()
GQuark bundle_error_domain(void);

typedef enum BundleError {
    BUNDLE_ERROR_MANIFEST,     /* no manifest, or none that can be: what of it, says the message */
    BUNDLE_ERROR_SIGNATURE,    /* not signed with any of the keys */
    BUNDLE_ERROR_PART_MISSING, /* for whoever fetches the parts (BundleSource.read) */
    BUNDLE_ERROR_PART_DIGEST,  /* a part is truncated, too long, or another one */
    BUNDLE_ERROR_KEY,          /* encrypted for somebody else, or no key at all */
    BUNDLE_ERROR_CIPHER,       /* the parts together do not decrypt with the key */
    BUNDLE_ERROR_ARCHIVE,      /* no gzip, or no tar with one ordinary file */
    BUNDLE_ERROR_SIZE,         /* larger or smaller than the manifest says */
    BUNDLE_ERROR_IMAGE_DIGEST, /* all of it fits together, but is not what the manifest says */
    BUNDLE_ERROR_CANCELLED,    /* by BundleSource.progress or BundleSink.progress */
} BundleError;

/* Sets an error of the domain; false, as fault_set. */
bool bundle_error_set(GError **error, BundleError code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* As base/fault.h does: so that compilers know what it returns. */
#define bundle_error_set(...)                                                                      \
    ({                                                                                             \
        bundle_error_set(__VA_ARGS__);                                                             \
        false;                                                                                     \
    })

#define BUNDLE_VERSION "2007-10-10"
#define BUNDLE_MAX_MANIFEST (1024 * 1024)           /* bytes */
#define BUNDLE_MAX_PARTS 4096                       /* four times those of the largest image */
#define BUNDLE_MAX_LIST 64                          /* mappings, product codes, ancestors */
#define BUNDLE_MAX_IMAGE (UINT64_C(10) << 30)       /* bytes; AWS's limit of an image in S3 */
#define BUNDLE_PART_SIZE ((size_t)10 * 1024 * 1024) /* bytes; only the last part is smaller */

typedef struct BundlePart {
    const char *filename; /* lies beside the manifest: neither '/' in it, nor "." or ".." */
    uint8_t digest[SHA1_SIZE];
} BundlePart;

typedef struct BundleMapping {
    const char *virtual_name; /* "ami", "root", "ephemeral0" */
    const char *device;       /* "sda1", "/dev/sda1" */
} BundleMapping;

typedef struct BundleManifest {
    const char *bundler_name, *bundler_version, *bundler_release; /* not signed; "" without */

    const char *architecture;
    List mappings;                      /* of BundleMapping * */
    const char *kernel_id, *ramdisk_id; /* NULL: none */
    List product_codes;                 /* of const char * */

    const char *name;        /* of the image; a file name as those of parts */
    const char *user;        /* account number, as it stands there: compare it yourself */
    const char *type;        /* "machine", "kernel" or "ramdisk" */
    const char *kernel_name; /* NULL: none */
    List ancestry;           /* of const char * */

    uint8_t digest[SHA1_SIZE];   /* of the tar stream */
    uint64_t size, bundled_size; /* bytes: of the image, of all parts */
    /* In hex, as bundle_key_wrap makes them. */
    const char *ec2_encrypted_key, *user_encrypted_key;
    const char *ec2_encrypted_iv, *user_encrypted_iv;
    List parts; /* of BundlePart *, by index, all there, each with a name of its own */

    const char *signature;   /* hex */
    const char *signed_text; /* the bytes that it covers */
    size_t signed_size;
} BundleManifest;

/* Error BUNDLE_ERROR_MANIFEST: too large, not well-formed, with a document type, comments, CDATA or
 * instructions, another version, something missing, twice, or not valid; part names that do not lie
 * beside the manifest; parts missing. BUNDLE_ERROR_SIZE: an image larger than BUNDLE_MAX_IMAGE. */
bool bundle_manifest_read(Arena *arena, const char *text, size_t size,
                          BundleManifest **ret_manifest, GError **error);

/* One of n certificates (PEM) belongs to the key that signed it: *ret_signer, its index (may be
 * NULL). What is no certificate with an RSA key has signed nothing. BUNDLE_ERROR_SIGNATURE. */
bool bundle_manifest_verify(const BundleManifest *manifest, const char *const *certificates,
                            size_t n, size_t *ret_signer, GError **error);

/* The document, one line, signed with a private key (PEM, RSA); NUL-terminated text. signature and
 * signed_text of the manifest are not looked at. Trouble: the key cannot sign. */
bool bundle_manifest_write(Arena *arena, const BundleManifest *manifest, const char *private_key,
                           const char **ret_text, size_t *ret_size, GError **error);

#define BUNDLE_KEY_SIZE 16

typedef struct BundleKey {
    uint8_t key[BUNDLE_KEY_SIZE], vector[BUNDLE_KEY_SIZE];
} BundleKey;

/* Random. */
void bundle_key_new(BundleKey *key);
/* With the private key (PEM, RSA) of whoever the two texts were encrypted for, for instance
 * ec2_encrypted_key and ec2_encrypted_iv with the daemon's own. BUNDLE_ERROR_KEY. Trouble: the
 * private key is none. */
bool bundle_key_unwrap(const char *encrypted_key, const char *encrypted_vector,
                       const char *private_key, BundleKey *ret_key, GError **error);
/* For the holder of a certificate (PEM, RSA). Trouble: it cannot be used. */
bool bundle_key_wrap(Arena *arena, const BundleKey *key, const char *certificate,
                     const char **ret_encrypted_key, const char **ret_encrypted_vector,
                     GError **error);
