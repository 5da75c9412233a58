/* EC2's tools for volumes and snapshots. */
#include "cli/classic/ec2_lines.h"

#define VOLUME                                                                                     \
    "VolumeID=volumeId Size=size SnapshotID=snapshotId Zone=availabilityZone Status=status "       \
    "CreateTime=createTime Type=volumeType Iops=iops"
#define ATTACHMENT                                                                                 \
    "VolumeID=volumeId InstanceID=instanceId Device=device Status=status AttachTime=attachTime "   \
    "DeleteOnTermination=deleteOnTermination"
#define SNAPSHOT                                                                                   \
    "SnapshotID=snapshotId VolumeID=volumeId Status=status StartTime=startTime Progress=progress " \
    "Owner=ownerId VolumeSize=volumeSize Description=description"
#define MODIFICATION                                                                               \
    "VolumeID=volumeId State=modificationState TargetSize=targetSize OriginalSize=originalSize "   \
    "TargetType=targetVolumeType Progress=progress StartTime=startTime"

static const Line made_volume_lines[] = {{"VOLUME", "", VOLUME}, {0}};
static const Line volume_parts[] = {
    {"ATTACHMENT", "attachmentSet/item", ATTACHMENT},
    {"TAG", "tagSet/item", "ResourceType='volume ResourceID=../../volumeId Key=key Value=value"},
    {0},
};
static const Line volume_lines[] = {{"VOLUME", "volumeSet/item", VOLUME, volume_parts}, {0}};
static const Line attachment_lines[] = {{"ATTACHMENT", "", ATTACHMENT}, {0}};
static const Line asked_volume_lines[] = {{"VOLUME", "", "VolumeID=$VolumeId"}, {0}};
static const Line volume_status_parts[] = {
    {"VOLUMESTATUS", "volumeStatus/details/item", "Name=name Status=status"},
    {0},
};
static const Line volume_status_lines[] = {
    {"VOLUME", "volumeStatusSet/item",
     "VolumeID=volumeId Zone=availabilityZone Status=volumeStatus/status", volume_status_parts},
    {0},
};
static const Line snapshot_parts[] = {
    {"TAG", "tagSet/item",
     "ResourceType='snapshot ResourceID=../../snapshotId Key=key Value=value"},
    {0},
};
static const Line made_snapshot_lines[] = {{"SNAPSHOT", "", SNAPSHOT}, {0}};
static const Line snapshot_lines[] = {{"SNAPSHOT", "snapshotSet/item", SNAPSHOT, snapshot_parts},
                                      {0}};
static const Line asked_snapshot_lines[] = {{"SNAPSHOT", "", "SnapshotID=$SnapshotId"}, {0}};
static const Line copied_snapshot_lines[] = {{"SNAPSHOT", "", "SnapshotID=snapshotId"}, {0}};
static const Line made_snapshots_lines[] = {
    {"SNAPSHOT", "snapshotSet/item",
     "SnapshotID=snapshotId VolumeID=volumeId Status=state StartTime=startTime "
     "Progress=progress Owner=ownerId VolumeSize=volumeSize Description=description"},
    {0},
};
static const Line modification_lines[] = {
    {"VOLUMEMODIFICATION", "volumeModification", MODIFICATION},
    {"VOLUMEMODIFICATION", "volumeModificationSet/item", MODIFICATION},
    {0},
};

static const Option create_options[] = {
    {"availability-zone", 'z', TEXT, "AvailabilityZone", NULL, REQUIRED},
    {"size", 's', TEXT, "Size"},
    {"snapshot", 0, TEXT, "SnapshotId"},
    {"type", 't', TEXT, "VolumeType"},
    {"iops", 'i', TEXT, "Iops"},
    {0},
};
static const Option attach_options[] = {
    {NULL, 0, TEXT, "VolumeId", NULL, OPERAND | REQUIRED},
    {"instance", 'i', TEXT, "InstanceId", NULL, REQUIRED},
    {"device", 'd', TEXT, "Device", NULL, REQUIRED},
    {0},
};
static const Option detach_options[] = {
    {NULL, 0, TEXT, "VolumeId", NULL, OPERAND | REQUIRED},
    {"instance", 'i', TEXT, "InstanceId"},
    {"device", 'd', TEXT, "Device"},
    {"force", 'f', FLAG, "Force"},
    {0},
};
static const Option volume_options[] = {
    {NULL, 0, TEXT, "VolumeId", NULL, OPERAND | REQUIRED},
    {0},
};
static const Option volumes_options[] = {
    {NULL, 0, LIST, "VolumeId.#", NULL, OPERAND},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};
static const Option modify_options[] = {
    {NULL, 0, TEXT, "VolumeId", NULL, OPERAND | REQUIRED},
    {"size", 's', TEXT, "Size"},
    {"type", 't', TEXT, "VolumeType"},
    {"iops", 'i', TEXT, "Iops"},
    {0},
};
static const Option snapshot_options[] = {
    {NULL, 0, TEXT, "VolumeId", NULL, OPERAND | REQUIRED},
    {"description", 'd', TEXT, "Description"},
    {0},
};
static const Option instance_snapshots_options[] = {
    {NULL, 0, TEXT, "InstanceSpecification.InstanceId", NULL, OPERAND | REQUIRED},
    {"description", 'd', TEXT, "Description"},
    {"exclude-boot-volume", 0, FLAG, "InstanceSpecification.ExcludeBootVolume"},
    {0},
};
static const Option delete_snapshot_options[] = {
    {NULL, 0, TEXT, "SnapshotId", NULL, OPERAND | REQUIRED},
    {0},
};
static const Option snapshots_options[] = {
    {NULL, 0, LIST, "SnapshotId.#", NULL, OPERAND},
    {"owner", 'o', LIST, "Owner.#"},
    {"restorable-by", 'r', LIST, "RestorableBy.#"},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};
static const Option copy_options[] = {
    {"source-region", 'r', TEXT, "SourceRegion", NULL, REQUIRED},
    {"source-snapshot-id", 's', TEXT, "SourceSnapshotId", NULL, REQUIRED},
    {"description", 'd', TEXT, "Description"},
    {0},
};

const Tool ec2_volume_tools[] = {
    {"ec2-create-volume ec2addvol", "Makes a volume", "CreateVolume", .options = create_options,
     .lines = made_volume_lines},
    {"ec2-describe-volumes ec2dvol", "Shows volumes", "DescribeVolumes", .options = volumes_options,
     .lines = volume_lines},
    {"ec2-attach-volume ec2attvol", "Attaches a volume to an instance", "AttachVolume",
     .options = attach_options, .lines = attachment_lines},
    {"ec2-detach-volume ec2detvol", "Detaches a volume", "DetachVolume", .options = detach_options,
     .lines = attachment_lines},
    {"ec2-delete-volume ec2delvol", "Deletes a volume", "DeleteVolume", .options = volume_options,
     .lines = asked_volume_lines},
    {"ec2-describe-volume-status ec2dvs", "Shows how volumes are", "DescribeVolumeStatus",
     .options = volumes_options, .lines = volume_status_lines},
    {"ec2-enable-volume-io ec2evio", "Has a volume used again", "EnableVolumeIO",
     .options = volume_options, .lines = asked_volume_lines},
    {"ec2-modify-volume", "Changes a volume's size or kind", "ModifyVolume", .version = EC2_LATEST,
     .options = modify_options, .lines = modification_lines},
    {"ec2-describe-volumes-modifications", "Shows what changes of volumes do",
     "DescribeVolumesModifications", .version = EC2_LATEST, .options = volumes_options,
     .lines = modification_lines},
    {"ec2-create-snapshot ec2addsnap", "Makes a snapshot of a volume", "CreateSnapshot",
     .options = snapshot_options, .lines = made_snapshot_lines},
    {"ec2-create-snapshots", "Makes snapshots of an instance's volumes", "CreateSnapshots",
     .version = EC2_LATEST, .options = instance_snapshots_options, .lines = made_snapshots_lines},
    {"ec2-describe-snapshots ec2dsnap", "Shows snapshots", "DescribeSnapshots",
     .options = snapshots_options, .lines = snapshot_lines},
    {"ec2-delete-snapshot ec2delsnap", "Deletes a snapshot", "DeleteSnapshot",
     .options = delete_snapshot_options, .lines = asked_snapshot_lines},
    {"ec2-copy-snapshot ec2cpsnap", "Copies a snapshot", "CopySnapshot", .options = copy_options,
     .lines = copied_snapshot_lines},
    {0},
};
