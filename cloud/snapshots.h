/* Snapshots: what callers may ask of them. Taking one freezes the volume's top layer; it is as
 * instant for the guest as a new layer is, and holds only what was written since the one before. */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"
#include "cloud/tags.h"

extern const MissingIds snapshot_missing;

typedef struct SnapshotView {
    Snapshot *snapshot;
    const List *tags; /* of Tag *; may be NULL */
} SnapshotView;

typedef struct SnapshotQuery {
    Page page;
    /* Of const char *; NULL or empty: any. Owners: account ids, "self", "amazon"; restorable by:
     * "all", "self", account ids. */
    const List *owners, *restorable_by;
} SnapshotQuery;

bool snapshot_create(Context *context, const char *volume_id, const char *description,
                     const List *tags, SnapshotView *ret_view, GError **error);
/* CreateSnapshots: of an instance's volumes at one instant. without: volume ids. */
bool snapshots_create(Context *context, const char *instance_id, bool without_boot,
                      const List *without, const char *description, const List *tags,
                      bool copy_tags, List *ret_views, GError **error);
/* A pending snapshot of a volume's, recorded inside a transaction; the disk controller takes it
 * (cloud_wake_disks). */
bool snapshot_record(Context *context, Txn *txn, const Volume *volume, const char *description,
                     Snapshot **ret_snapshot, GError **error);
bool snapshot_delete_one(Context *context, const char *id, GError **error);
bool snapshot_copy(Context *context, const char *source_id, const char *description,
                   const List *tags, Snapshot **ret_snapshot, GError **error);
/* SnapshotView * of snapshots that the caller owns or may use, in id order. */
bool snapshots_find(Context *context, const SnapshotQuery *query, List *ret_views,
                    const char **ret_token, GError **error);
/* One that the caller may make volumes of, inside a transaction. */
bool snapshot_resolve(Context *context, Txn *txn, const char *id, Snapshot **ret_snapshot,
                      GError **error);

/* createVolumePermission: const char * account ids, "all" among them. Changes: add and remove are
 * of const char *. */
bool snapshot_permissions(Context *context, const char *id, List *ret_accounts, GError **error);
bool snapshot_change_permissions(Context *context, const char *id, const List *add,
                                 const List *remove, bool reset, GError **error);
