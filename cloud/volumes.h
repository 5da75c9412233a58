/* Volumes: what callers may ask of them. The work upon files and machines is the disk controller's
 * (cloud/disk_controller.h).
 *
 *     creating ──> available <──> in-use          attachment: attaching ──> attached ──> detaching
 *
 * Faults of ids everywhere: InvalidVolume.NotFound, InvalidVolumeID.Malformed. */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"
#include "cloud/tags.h"

/* AWS: "Quotas for Amazon EBS", volumes of an account; devices of an instance. */
#define VOLUMES_PER_ACCOUNT 5000
#define VOLUMES_PER_INSTANCE 40
#define VOLUME_MAX_GIB 16384
#define VOLUME_DEFAULT_TYPE "gp2"

extern const MissingIds volume_missing;

typedef struct VolumeView {
    Volume *volume;
    const List *tags; /* of Tag *; may be NULL */
} VolumeView;

/* What CreateVolume asks for. 0 and NULL: not given. */
typedef struct VolumeSpec {
    const char *zone;
    int64_t size_gib;
    const char *snapshot_id;
    const char *type;
    int64_t iops, throughput;
    bool encrypted;
    List tags; /* of TagPair * */
    const char *client_token, *request_digest;
} VolumeSpec;

/* Checks type, size (0: a snapshot's) and rates as AWS does for that type, *type NULL becomes the
 * default; fills in a gp3's or io's rates. */
bool volume_check_kind(Arena *arena, const char **type, int64_t size_gib, int64_t *iops,
                       int64_t *throughput, GError **error);
/* What DescribeVolumes shows as iops: a gp2's follow from its size; 0: none. */
int64_t volume_iops(const Volume *volume);

bool volume_create(Context *context, const VolumeSpec *spec, VolumeView *ret_view, GError **error);
bool volume_delete_one(Context *context, const char *id, GError **error);
/* VolumeView * of a page of volumes, in id order. */
bool volumes_find(Context *context, const Page *page, List *ret_views, const char **ret_token,
                  GError **error);
/* One volume of the caller's, inside a transaction. */
bool volume_load(Context *context, Txn *txn, const char *id, Volume **ret_volume, GError **error);

/* "/dev/sdf", "xvdf", "/dev/xvdba": what EC2 takes. Fault InvalidParameterValue. */
bool volume_check_device(const char *device, GError **error);
/* What "/dev/sdf" and "xvdf" have in common: "f". Borrowed from device. */
const char *volume_place(const char *device);

bool volume_attach(Context *context, const char *id, const char *instance_id, const char *device,
                   Volume **ret_volume, GError **error);
/* instance_id, device: NULL, or they must be those that it is attached to. */
bool volume_detach(Context *context, const char *id, const char *instance_id, const char *device,
                   bool force, Volume **ret_volume, GError **error);

/* ModifyVolume; 0 and NULL: as it is. */
typedef struct VolumeTarget {
    int64_t size_gib, iops, throughput;
    const char *type;
} VolumeTarget;
bool volume_modify(Context *context, const char *id, const VolumeTarget *target,
                   VolumeChange **ret_change, GError **error);
/* VolumeChange * of a page of modified volumes. */
bool volume_changes_find(Context *context, const Page *page, List *ret_changes,
                         const char **ret_token, GError **error);
bool volume_set_auto_enable_io(Context *context, const char *id, bool value, GError **error);
