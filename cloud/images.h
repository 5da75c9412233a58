/* Machine, kernel and ramdisk images, as callers see them. */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"
#include "cloud/object_access.h"
#include "cloud/tags.h"

/* The account that owns what has the owner alias "amazon": Amazon Linux's, in us-east-1. */
#define IMAGES_AMAZON_ACCOUNT "137112412989"
#define IMAGES_AMAZON_ALIAS "amazon"

typedef struct ImageView {
    Image *image;
    const List *tags; /* of Tag *; may be NULL */
    List mappings;    /* of ImageMapping * */
} ImageView;

/* What to say of images that are not there. */
extern const MissingIds image_missing;

typedef struct ImageQuery {
    Page page;
    /* Of const char *, NULL or empty: any. Owners: account ids, "self", "amazon" and other
     * aliases. Executable by: "all" (public), "self" or account ids (launch permissions). */
    const List *owners, *executable_by;
} ImageQuery;

/* ImageView * of images that the caller may launch or owns. Faults: InvalidAMIID.NotFound,
 * InvalidAMIID.Malformed. */
bool images_find(Context *context, const ImageQuery *query, List *ret_views, const char **ret_token,
                 GError **error);

/* Registers images that were built while the cloud ran, and deregisters what they replace: what
 * happens at each start (images_starter.c). Adds the machine images that are there now, Image *, to
 * ret_images. */
bool images_refresh(Cloud *cloud, Arena *arena, List *ret_images, GError **error);

/* Images that wait for snapshots become available once these are completed. */
bool images_settle(Cloud *cloud, GError **error);

/* One image of that kind ("machine", "kernel", "ramdisk") that the caller may launch, inside a
 * transaction. Faults: InvalidAMIID.Malformed, InvalidAMIID.NotFound (also: somebody else's
 * private one, or of another kind), InvalidAMIID.Unavailable (pending, failed, deregistered). */
bool image_resolve(Context *context, Txn *txn, const char *id, const char *kind, Image **ret_image,
                   GError **error);

/* What CreateImage, RegisterImage and CopyImage ask for. NULL and 0: not given. */
typedef struct ImageSpec {
    const char *name, *description; /* name: only of a bundle it may be NULL */
    List mappings;                  /* of RunVolume *: device, and what is to be there */
    List image_tags;                /* of TagPair * */
    List snapshot_tags;
    /* RegisterImage: of snapshots. */
    const char *architecture, *root_device_name, *virtualization_type, *boot_mode;
    const char *kernel_id, *ramdisk_id;
    bool ena_support;
} ImageSpec;

/* AWS: AMI names. Faults: InvalidAMIName.Malformed, .Duplicate. */
bool image_check_name(Context *context, Txn *txn, const char *name, GError **error);

/* Of an instance's volumes: pending until their snapshots are taken; with reboot while the machine
 * is down, else at once. */
bool image_create(Context *context, const char *instance_id, bool reboot, const ImageSpec *spec,
                  const char **ret_id, GError **error);
/* Of snapshots: the root device's mapping names one. */
bool image_register(Context *context, const ImageSpec *spec, const char **ret_id, GError **error);
/* Of a bundle, "bucket/prefix.manifest.xml", which the caller may read and whose account signed it:
 * pending until it is unpacked (cloud/image_unpack.h). Without a name it gets one. Also of kernels
 * and ramdisks: what it is, the manifest says. Faults: InvalidManifest, AuthFailure (it is another
 * account's), InvalidAMIAttributeItemValue (what the manifest says is none that can be),
 * InvalidParameterValue, InvalidAMIName.…, InvalidAMIID.… of kernels, InvalidBlockDeviceMapping.
 * The calling thread has no transaction. */
bool image_register_bundle(Context *context, const char *location, const ImageSpec *spec,
                           const ObjectAccess *access, const char **ret_id, GError **error);
/* Another one of the same bytes; its snapshots are copies. */
bool image_copy(Context *context, const char *source_id, const ImageSpec *spec, bool copy_tags,
                const char **ret_id, GError **error);
/* Instances of it go on. with_snapshots: the caller's own of it are deleted too, where no other
 * image needs them. Faults: InvalidAMIID.NotFound, .Unavailable, AuthFailure. */
bool image_deregister(Context *context, const char *id, bool with_snapshots, GError **error);

/* One that the caller may launch (own: that he owns), whatever its state. */
bool image_find_one(Context *context, Txn *txn, const char *id, bool own, Image **ret_image,
                    GError **error);
bool image_view(Context *context, const char *id, ImageView **ret_view, GError **error);
bool image_set_description(Context *context, const char *id, const char *text, GError **error);
/* 0: no more. */
bool image_set_deprecation(Context *context, const char *id, int64_t time, GError **error);
/* Launch permissions: const char * account ids, "all" among them; the owner's to see and change. */
bool image_permissions(Context *context, const char *id, List *ret_accounts, GError **error);
bool image_change_permissions(Context *context, const char *id, const List *add, const List *remove,
                              bool reset, GError **error);
