/* The disks of a new instance: what its image maps, as the launch request changes it. */
#pragma once

#include "cloud/instances.h"

typedef struct DiskPlan {
    const char *device;
    bool root;
    const char *virtual_name; /* ephemeral0: a disk of the instance's own; NULL: a volume, or the
                               * root of an instance-store image */
    const Snapshot *snapshot; /* NULL: empty */
    int64_t size_gib;
    const char *type;
    int64_t iops, throughput;
    bool encrypted, delete_on_termination;
} DiskPlan;

/* DiskPlan * of an instance of that image and type, the root among them; wanted: RunVolume *.
 * Everything is checked. Faults: InvalidBlockDeviceMapping, InvalidParameterValue,
 * InvalidSnapshot.NotFound, MissingParameter, UnknownVolumeType. */
bool instance_disks_plan(Context *context, Txn *txn, const Image *image, const InstanceType *type,
                         const List *wanted, List *ret_plans, GError **error);
/* Records volumes and disks of one instance; tags: of the volumes. */
bool instance_disks_record(Context *context, Txn *txn, const List *plans, const Image *image,
                           const Instance *instance, const List *tags, GError **error);
/* Forgets them as it is terminated: what goes with it is dropped, its files added to *files; other
 * volumes become available. */
bool instance_disks_forget(Txn *txn, Arena *arena, const Instance *instance, List *files,
                           GError **error);
