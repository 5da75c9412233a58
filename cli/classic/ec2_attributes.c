/* EC2's tools for attributes of instances, images, snapshots and volumes. */
#include "cli/classic/ec2_lines.h"
#include "cli/command.h"

#include <string.h>

/* ---- instances ---- */

#define VALUE "InstanceID=../instanceId Value=value"

static const Line instance_lines[] = {
    {"instanceType", "instanceType", VALUE},
    {"kernel", "kernel", VALUE},
    {"ramdisk", "ramdisk", VALUE},
    {"userData", "userData", VALUE},
    {"disableApiTermination", "disableApiTermination", VALUE},
    {"instanceInitiatedShutdownBehavior", "instanceInitiatedShutdownBehavior", VALUE},
    {"rootDeviceName", "rootDeviceName", VALUE},
    {"sourceDestCheck", "sourceDestCheck", VALUE},
    {"ebsOptimized", "ebsOptimized", VALUE},
    {"BLOCKDEVICE", "blockDeviceMapping/item",
     "DeviceName=deviceName VolumeID=ebs/volumeId AttachTime=ebs/attachTime "
     "DeleteOnTermination=ebs/deleteOnTermination"},
    {"GROUPID", "groupSet/item", "InstanceID=../../instanceId GroupID=groupId"},
    {"productCode", "productCodes/item", "InstanceID=../../instanceId ProductCode=productCode"},
    {0},
};

static const Option describe_instance_options[] = {
    {"instance-type", 't', FLAG, "Attribute", "instanceType"},
    {"kernel", 0, FLAG, "Attribute", "kernel"},
    {"ramdisk", 0, FLAG, "Attribute", "ramdisk"},
    {"user-data", 0, FLAG, "Attribute", "userData"},
    {"disable-api-termination", 0, FLAG, "Attribute", "disableApiTermination"},
    {"instance-initiated-shutdown-behavior", 0, FLAG, "Attribute",
     "instanceInitiatedShutdownBehavior"},
    {"root-device-name", 0, FLAG, "Attribute", "rootDeviceName"},
    {"source-dest-check", 0, FLAG, "Attribute", "sourceDestCheck"},
    {"ebs-optimized", 0, FLAG, "Attribute", "ebsOptimized"},
    {"block-device-mapping", 'b', FLAG, "Attribute", "blockDeviceMapping"},
    {"group-id", 'g', FLAG, "Attribute", "groupSet"},
    {"product-code", 'p', FLAG, "Attribute", "productCodes"},
    {NULL, 0, TEXT, "InstanceId", NULL, OPERAND | REQUIRED},
    {0},
};

/* "/dev/sda1=vol-…:true" says whether the volume goes with the instance. */
static bool finish_mappings(Form *form, GError **error)
{
    List mappings = {0};
    form_kept_all(form, "block-device-mapping", &mappings);
    LIST_EACH (const char *, mapping, &mappings) {
        const char *equals = strchr(mapping, '=');
        const char *colon = equals ? strrchr(equals, ':') : NULL;
        if (!colon || equals == mapping)
            return usage_set(error,
                             "Invalid argument for option '-b': '%s' is not of the form "
                             "DEVICE=[VOLUME]:true|false",
                             mapping);
        const char *item = arena_printf(form->arena, "BlockDeviceMapping.%u",
                                        form_next(form, "BlockDeviceMapping"));
        form_add(form, arena_printf(form->arena, "%s.DeviceName", item),
                 arena_strndup(form->arena, mapping, (size_t)(equals - mapping)));
        form_add(form, arena_printf(form->arena, "%s.Ebs.DeleteOnTermination", item), colon + 1);
    }
    return true;
}

static const Option modify_instance_options[] = {
    {NULL, 0, TEXT, "InstanceId", NULL, OPERAND | REQUIRED},
    {"instance-type", 't', TEXT, "InstanceType.Value"},
    {"kernel", 0, TEXT, "Kernel.Value"},
    {"ramdisk", 0, TEXT, "Ramdisk.Value"},
    {"user-data", 0, BASE64, "UserData.Value"},
    {"user-data-file", 0, FILE64, "UserData.Value"},
    {"disable-api-termination", 0, TEXT, "DisableApiTermination.Value"},
    {"instance-initiated-shutdown-behavior", 0, TEXT, "InstanceInitiatedShutdownBehavior.Value"},
    {"source-dest-check", 0, TEXT, "SourceDestCheck.Value"},
    {"ebs-optimized", 0, TEXT, "EbsOptimized.Value"},
    {"block-device-mapping", 'b', KEPT},
    {"group-id", 'g', LIST, "GroupId.#"},
    {0},
};

/* ---- images and snapshots ---- */

static const Line permission_lines[] = {
    {"launchPermission", "launchPermission/item",
     "ImageID=../../imageId Kind=?userId:userId:group Value=userId|group"},
    {"productCodes", "productCodes/item",
     "ImageID=../../imageId Kind='productCode "
     "Value=productCode"},
    {"description", "description", "ImageID=../imageId Kind= Value=value"},
    {"kernel", "kernel", "ImageID=../imageId Kind= Value=value"},
    {"ramdisk", "ramdisk", "ImageID=../imageId Kind= Value=value"},
    {"BLOCKDEVICEMAPPING", "blockDeviceMapping/item",
     "DeviceName=deviceName SnapshotID=ebs/snapshotId VolumeSize=ebs/volumeSize"},
    {"createVolumePermission", "createVolumePermission/item",
     "SnapshotID=../../snapshotId Kind=?userId:userId:group Value=userId|group"},
    {0},
};

static const Option describe_image_options[] = {
    {NULL, 0, TEXT, "ImageId", NULL, OPERAND | REQUIRED},
    {"launch-permission", 'l', FLAG, "Attribute", "launchPermission"},
    {"product-codes", 'p', FLAG, "Attribute", "productCodes"},
    {"block-device-mapping", 'B', FLAG, "Attribute", "blockDeviceMapping"},
    {"kernel", 0, FLAG, "Attribute", "kernel"},
    {"ramdisk", 0, FLAG, "Attribute", "ramdisk"},
    {"description", 'd', FLAG, "Attribute", "description"},
    {0},
};

/* -a and -r name accounts or "all" of a permission. */
static bool finish_permissions(Form *form, const char *option, const char *permission,
                               GError **error)
{
    static const char *const ways[][2] = {{"add", "Add"}, {"remove", "Remove"}};
    for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
        List entries = {0};
        form_kept_all(form, ways[i][0], &entries);
        LIST_EACH (const char *, entry, &entries)
            form_add(form,
                     arena_printf(form->arena, "%s.%s.#.%s", permission, ways[i][1],
                                  strcmp(entry, "all") == 0 ? "Group" : "UserId"),
                     entry);
    }
    bool asked = form_kept(form, "add") || form_kept(form, "remove");
    if (asked && !form_kept(form, option))
        return usage_set(error, "Required option '--%s' missing (-h for usage)", option);
    return form->params.n > 1 ||
           usage_set(error, "Nothing to change: '-a, --add' or '-r, --remove' is missing (-h for "
                            "usage)");
}

static bool finish_image(Form *form, GError **error)
{
    return finish_permissions(form, "launch-permission", "LaunchPermission", error);
}

static bool finish_snapshot(Form *form, GError **error)
{
    return finish_permissions(form, "create-volume-permission", "CreateVolumePermission", error);
}

static const Option modify_image_options[] = {
    {NULL, 0, TEXT, "ImageId", NULL, OPERAND | REQUIRED},
    {"launch-permission", 'l', KEPT_FLAG},
    {"add", 'a', KEPT},
    {"remove", 'r', KEPT},
    {"product-code", 'p', LIST, "ProductCode.#"},
    {"description", 'd', TEXT, "Description.Value"},
    {0},
};
static const Option reset_image_options[] = {
    {NULL, 0, TEXT, "ImageId", NULL, OPERAND | REQUIRED},
    {"launch-permission", 'l', FLAG, "Attribute", "launchPermission", REQUIRED},
    {0},
};
static const Line reset_image_lines[] = {
    {"launchPermission", "", "ImageID=$ImageId Way='RESET"},
    {0},
};

static const Option describe_snapshot_options[] = {
    {NULL, 0, TEXT, "SnapshotId", NULL, OPERAND | REQUIRED},
    {"create-volume-permission", 'c', FLAG, "Attribute", "createVolumePermission", REQUIRED},
    {0},
};
static const Option modify_snapshot_options[] = {
    {NULL, 0, TEXT, "SnapshotId", NULL, OPERAND | REQUIRED},
    {"create-volume-permission", 'c', KEPT_FLAG},
    {"add", 'a', KEPT},
    {"remove", 'r', KEPT},
    {0},
};
static const Line reset_snapshot_lines[] = {
    {"createVolumePermission", "", "SnapshotID=$SnapshotId Way='RESET"},
    {0},
};

/* ---- volumes ---- */

static const Option describe_volume_options[] = {
    {NULL, 0, TEXT, "VolumeId", NULL, OPERAND | REQUIRED},
    {"auto-enable-io", 'a', FLAG, "Attribute", "autoEnableIO"},
    {"product-codes", 'p', FLAG, "Attribute", "productCodes"},
    {0},
};
static const Line volume_lines[] = {
    {"autoEnableIO", "autoEnableIO", "VolumeID=../volumeId Value=value"},
    {"productCode", "productCodes/item", "VolumeID=../../volumeId ProductCode=productCode"},
    {0},
};
static const Option modify_volume_options[] = {
    {NULL, 0, TEXT, "VolumeId", NULL, OPERAND | REQUIRED},
    {"auto-enable-io", 'a', TEXT, "AutoEnableIO.Value", NULL, REQUIRED},
    {0},
};

const Tool ec2_attribute_tools[] = {
    {"ec2-describe-instance-attribute ec2dinatt", "Shows an attribute of an instance",
     "DescribeInstanceAttribute", .options = describe_instance_options, .lines = instance_lines},
    {"ec2-modify-instance-attribute ec2minatt", "Changes an attribute of an instance",
     "ModifyInstanceAttribute", .options = modify_instance_options, .finish = finish_mappings,
     .print = ec2_print_changes},
    {"ec2-describe-image-attribute ec2dimatt", "Shows an attribute of an image",
     "DescribeImageAttribute", .options = describe_image_options, .lines = permission_lines},
    {"ec2-modify-image-attribute ec2mimatt", "Changes an attribute of an image",
     "ModifyImageAttribute", .options = modify_image_options, .finish = finish_image,
     .print = ec2_print_changes},
    {"ec2-reset-image-attribute ec2rimatt", "Makes an image private again", "ResetImageAttribute",
     .options = reset_image_options, .lines = reset_image_lines},
    {"ec2-describe-snapshot-attribute ec2dsnapatt", "Shows an attribute of a snapshot",
     "DescribeSnapshotAttribute", .options = describe_snapshot_options, .lines = permission_lines},
    {"ec2-modify-snapshot-attribute ec2msnapatt", "Changes an attribute of a snapshot",
     "ModifySnapshotAttribute", .options = modify_snapshot_options, .finish = finish_snapshot,
     .print = ec2_print_changes},
    {"ec2-reset-snapshot-attribute ec2rsnapatt", "Makes a snapshot private again",
     "ResetSnapshotAttribute", .options = describe_snapshot_options, .lines = reset_snapshot_lines},
    {"ec2-describe-volume-attribute ec2dvolatt", "Shows an attribute of a volume",
     "DescribeVolumeAttribute", .options = describe_volume_options, .lines = volume_lines},
    {"ec2-modify-volume-attribute ec2mvolatt", "Changes an attribute of a volume",
     "ModifyVolumeAttribute", .options = modify_volume_options, .print = ec2_print_changes},
    {0},
};
