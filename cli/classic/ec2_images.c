/* EC2's tools for images and their bundles. */
#include "cli/classic/ec2_lines.h"
#include "base/digest.h"
#include "cli/command.h"

#include <string.h>

#define POLICY_SECONDS (24 * 60 * 60)

/* ---- images ---- */

static const Line image_parts[] = {
    {"BLOCKDEVICEMAPPING", "blockDeviceMapping/item",
     "Type=?ebs:EBS:EPHEMERAL DeviceName=deviceName VirtualName=virtualName "
     "SnapshotID=ebs/snapshotId VolumeSize=ebs/volumeSize "
     "DeleteOnTermination=ebs/deleteOnTermination VolumeType=ebs/volumeType Iops=ebs/iops"},
    {"TAG", "tagSet/item", "ResourceType='image ResourceID=../../imageId Key=key Value=value"},
    {0},
};
static const Line image_lines[] = {
    {"IMAGE", "imagesSet/item",
     "ImageID=imageId Name=imageLocation Owner=imageOwnerId State=imageState "
     "Accessibility=?isPublic:public:private ProductCodes=productCodes/item/productCode* "
     "Architecture=architecture ImageType=imageType KernelId=kernelId RamdiskId=ramdiskId "
     "Platform=platform RootDeviceType=rootDeviceType VirtualizationType=virtualizationType "
     "Hypervisor=hypervisor",
     image_parts},
    {0},
};
static const Line made_lines[] = {{"IMAGE", "", "ImageID=imageId"}, {0}};
static const Line asked_lines[] = {{"IMAGE", "", "ImageID=$ImageId"}, {0}};

/* Without any choice: one's own. -a asks for all. */
static bool finish_images(Form *form, GError **error)
{
    if (form->params.n == 0 && !form_kept(form, "all"))
        form_add(form, "Owner.#", "self");
    return true;
}

static const Option describe_options[] = {
    {NULL, 0, LIST, "ImageId.#", NULL, OPERAND},
    {"all", 'a', KEPT_FLAG},
    {"owner", 'o', LIST, "Owner.#"},
    {"executable-by", 'x', LIST, "ExecutableBy.#"},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};

static bool finish_register(Form *form, GError **error)
{
    const char *snapshot = form_kept(form, "snapshot");
    if (snapshot) {
        const char *root = form_param(form, "RootDeviceName");
        root = *root ? root : "/dev/sda1";
        if (!*form_param(form, "RootDeviceName"))
            form_add(form, "RootDeviceName", root);
        unsigned n = form_next(form, "BlockDeviceMapping");
        const char *item = arena_printf(form->arena, "BlockDeviceMapping.%u", n);
        form_add(form, arena_printf(form->arena, "%s.DeviceName", item), root);
        form_add(form, arena_printf(form->arena, "%s.Ebs.SnapshotId", item), snapshot);
    }
    bool from_bundle = *form_param(form, "ImageLocation");
    return from_bundle || form_next(form, "BlockDeviceMapping") > 1 ||
           usage_set(error, "Required parameter 'ImageLocation', or option '-s, --snapshot' or "
                            "'-b, --block-device-mapping', missing (-h for usage)");
}

static const Option register_options[] = {
    {NULL, 0, TEXT, "ImageLocation", NULL, OPERAND},
    {"name", 'n', TEXT, "Name"},
    {"description", 'd', TEXT, "Description"},
    {"architecture", 'a', TEXT, "Architecture"},
    {"kernel", 0, TEXT, "KernelId"},
    {"ramdisk", 0, TEXT, "RamdiskId"},
    {"root-device-name", 0, TEXT, "RootDeviceName"},
    {"block-device-mapping", 'b', BLOCK, "BlockDeviceMapping.#"},
    {"snapshot", 's', KEPT},
    {"virtualization-type", 0, TEXT, "VirtualizationType"},
    {0},
};
static const Option image_options[] = {
    {NULL, 0, TEXT, "ImageId", NULL, OPERAND | REQUIRED},
    {0},
};
static const Option create_options[] = {
    {NULL, 0, TEXT, "InstanceId", NULL, OPERAND | REQUIRED},
    {"name", 'n', TEXT, "Name", NULL, REQUIRED},
    {"description", 'd', TEXT, "Description"},
    {"no-reboot", 0, FLAG, "NoReboot"},
    {"block-device-mapping", 'b', BLOCK, "BlockDeviceMapping.#"},
    {0},
};
static const Option copy_options[] = {
    {"source-ami-id", 's', TEXT, "SourceImageId", NULL, REQUIRED},
    {"source-region", 'r', TEXT, "SourceRegion", NULL, REQUIRED},
    {"name", 'n', TEXT, "Name"},
    {"description", 'd', TEXT, "Description"},
    {"client-token", 'c', TEXT, "ClientToken"},
    {0},
};

/* ---- bundles ---- */

#define BUNDLE                                                                                     \
    "BundleID=bundleId InstanceID=instanceId Bucket=storage/S3/bucket Prefix=storage/S3/prefix "   \
    "Start=startTime Update=updateTime State=state Progress=progress Code=error/code "             \
    "Message=error/message"

static const Line bundle_lines[] = {{"BUNDLE", "bundleInstanceTask", BUNDLE}, {0}};
static const Line bundles_lines[] = {{"BUNDLE", "bundleInstanceTasksSet/item", BUNDLE}, {0}};

/* What the cloud may upload for the bucket's owner, as S3's forms have it. */
static const char *upload_policy(const Form *form)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autoptr(GDateTime) end = g_date_time_add_seconds(now, POLICY_SECONDS);
    g_autofree char *expiration = g_date_time_format(end, "%Y-%m-%dT%H:%M:%SZ");
    g_autofree char *policy = g_strdup_printf(
        "{\"expiration\": \"%s\", \"conditions\": [{\"bucket\": \"%s\"}, {\"acl\": "
        "\"ec2-bundle-read\"}, [\"starts-with\", \"$key\", \"%s\"]]}",
        expiration, form_param(form, "Storage.S3.Bucket"), form_param(form, "Storage.S3.Prefix"));
    g_autofree char *base64 = g_base64_encode((const guchar *)policy, strlen(policy));
    return arena_strdup(form->arena, base64);
}

static bool finish_bundle(Form *form, GError **error)
{
    const char *secret = form_kept(form, "owner-sak");
    const char *policy = form_kept(form, "policy");
    if (!secret && !(policy && *form_param(form, "Storage.S3.UploadPolicySignature")))
        return usage_set(error, "Required option '-w, --owner-sak VALUE', or '-c, --policy' and "
                                "'-s, --policy-signature', missing (-h for usage)");
    policy = policy ? policy : upload_policy(form);
    form_add(form, "Storage.S3.UploadPolicy", policy);
    if (!secret)
        return true;
    uint8_t sum[SHA1_SIZE];
    digest_hmac(DIGEST_SHA1, secret, strlen(secret), policy, strlen(policy), sum);
    g_autofree char *signature = g_base64_encode(sum, sizeof(sum));
    form_add(form, "Storage.S3.UploadPolicySignature", signature);
    return true;
}

static const Option bundle_options[] = {
    {NULL, 0, TEXT, "InstanceId", NULL, OPERAND | REQUIRED},
    {"bucket", 'b', TEXT, "Storage.S3.Bucket", NULL, REQUIRED},
    {"prefix", 'p', TEXT, "Storage.S3.Prefix", NULL, REQUIRED},
    {"owner-akid", 'o', TEXT, "Storage.S3.AWSAccessKeyId", NULL, REQUIRED},
    {"owner-sak", 'w', KEPT},
    {"policy", 'c', KEPT},
    {"policy-signature", 's', TEXT, "Storage.S3.UploadPolicySignature"},
    {0},
};
static const Option bundles_options[] = {
    {NULL, 0, LIST, "BundleId.#", NULL, OPERAND},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};
static const Option cancel_options[] = {
    {NULL, 0, TEXT, "BundleId", NULL, OPERAND | REQUIRED},
    {0},
};

static const Option deprecate_options[] = {
    {NULL, 0, TEXT, "ImageId", NULL, OPERAND | REQUIRED},
    {"deprecate-at", 0, TEXT, "DeprecateAt", NULL, REQUIRED},
    {0},
};

const Tool ec2_image_tools[] = {
    {"ec2-describe-images ec2dim", "Shows images", "DescribeImages", .options = describe_options,
     .lines = image_lines, .finish = finish_images},
    {"ec2-register ec2reg", "Registers a bundle or a snapshot as an image", "RegisterImage",
     .options = register_options, .lines = made_lines, .finish = finish_register},
    {"ec2-deregister ec2dereg", "Takes an image away", "DeregisterImage", .options = image_options,
     .lines = asked_lines},
    {"ec2-create-image ec2cim", "Makes an image of an instance", "CreateImage",
     .options = create_options, .lines = made_lines},
    {"ec2-copy-image ec2cpimg", "Copies an image", "CopyImage", .options = copy_options,
     .lines = made_lines},
    {"ec2-bundle-instance ec2bundle", "Bundles an instance's disk into a bucket", "BundleInstance",
     .options = bundle_options, .lines = bundle_lines, .finish = finish_bundle},
    {"ec2-describe-bundle-tasks ec2dbun", "Shows what is being bundled", "DescribeBundleTasks",
     .options = bundles_options, .lines = bundles_lines},
    {"ec2-cancel-bundle-task ec2cbun", "Ends a bundling", "CancelBundleTask",
     .options = cancel_options, .lines = bundle_lines},
    {"ec2-enable-image-deprecation", "Says when an image will be old", "EnableImageDeprecation",
     .version = EC2_LATEST, .options = deprecate_options, .lines = asked_lines},
    {"ec2-disable-image-deprecation", "An image will not be old", "DisableImageDeprecation",
     .version = EC2_LATEST, .options = image_options, .lines = asked_lines},
    {0},
};
