/* The filters of DescribeVolumes, DescribeVolumesModifications, DescribeSnapshots and
 * DescribeBundleTasks. Names and meanings: these pages of the Amazon EC2 API reference; constants
 * as in finders_instance.c. */
#include "store/find.h"

#include "store/filters.h"

#define ATTACHED(condition) "v.instance_id IS NOT NULL AND " condition

static const FinderFilter volume_filters[] = {
    {"volume-id", "v.id $"},
    {"volume-type", "v.type $"},
    {"status", "v.state $"},
    {"size", "CAST(v.size_gib AS TEXT) $"},
    {"snapshot-id", "v.snapshot_id $"},
    {"availability-zone", "v.zone $"},
    {"availability-zone-id", "(SELECT z.id FROM zone z WHERE z.name = v.zone) $"},
    {"create-time", TIME("v.created")},
    {"encrypted", BOOLEAN("v.encrypted")},
    {"fast-restored", ALWAYS("false")},
    {"multi-attach-enabled", ALWAYS("false")},
    {"operator.managed", ALWAYS("false")},
    {"operator.principal", NEVER},
    {"attachment.instance-id", "v.instance_id $"},
    {"attachment.device", ATTACHED("v.device $")},
    {"attachment.status", ATTACHED("v.attachment $")},
    {"attachment.attach-time", ATTACHED(TIME("v.attach_time"))},
    {"attachment.delete-on-termination", ATTACHED(BOOLEAN("v.delete_on_termination"))},
};

const Finder volume_finder = {
    .type = volume_record_type,
    .alias = "v",
    .scope = "v.account_id = ?1",
    FILTERS(volume_filters),
};

static const FinderFilter volume_change_filters[] = {
    {"volume-id", "c.volume_id $"},
    {"modification-state", "c.state $"},
    {"original-iops", "CAST(c.original_iops AS TEXT) $"},
    {"original-size", "CAST(c.original_size_gib AS TEXT) $"},
    {"original-volume-type", "c.original_type $"},
    {"originalMultiAttachEnabled", ALWAYS("false")},
    {"start-time", TIME("c.started")},
    {"target-iops", "CAST(c.target_iops AS TEXT) $"},
    {"target-size", "CAST(c.target_size_gib AS TEXT) $"},
    {"target-volume-type", "c.target_type $"},
    {"targetMultiAttachEnabled", ALWAYS("false")},
};

const Finder volume_change_finder = {
    .type = volume_change_record_type,
    .alias = "c",
    .scope = "c.account_id = ?1",
    FILTERS(volume_change_filters),
};

static const FinderFilter snapshot_filters[] = {
    {"snapshot-id", "s.id $"},
    {"description", "s.description $"},
    {"encrypted", BOOLEAN("s.encrypted")},
    {"owner-alias", "s.owner_alias $"},
    {"owner-id", "s.account_id $"},
    {"progress", "iif(s.state = 'completed', '100%', '0%') $"},
    {"start-time", TIME("s.started")},
    {"status", "s.state $"},
    {"storage-tier", ALWAYS("standard")},
    {"transfer-type", NEVER},
    {"volume-id", "s.volume_id $"},
    {"volume-size", "CAST(s.size_gib AS TEXT) $"},
    /* Not AWS's: RestorableBy.N, as a filter: an account id or "all". */
    {"restorable-by",
     "s.id IN (SELECT p.snapshot_id FROM snapshot_permission p WHERE p.account_id $)"},
};

const Finder snapshot_finder = {
    .type = snapshot_record_type,
    .alias = "s",
    .scope = "(s.account_id = ?1 OR s.id IN (SELECT p.snapshot_id FROM snapshot_permission p"
             " WHERE p.account_id IN (?1, 'all')))",
    FILTERS(snapshot_filters),
};

static const FinderFilter bundle_task_filters[] = {
    {"bundle-id", "b.id $"},
    {"error-code", "b.error_code $"},
    {"error-message", "b.error_message $"},
    {"instance-id", "b.instance_id $"},
    {"progress", "b.progress || '%' $"},
    {"s3-bucket", "b.bucket $"},
    {"s3-prefix", "b.prefix $"},
    {"start-time", TIME("b.started")},
    {"state", "b.state $"},
    {"update-time", TIME("b.updated")},
};

const Finder bundle_task_finder = {
    .type = bundle_task_record_type,
    .alias = "b",
    .scope = "b.account_id = ?1",
    FILTERS(bundle_task_filters),
};
