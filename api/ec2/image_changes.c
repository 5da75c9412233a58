/* Making and changing images. */
#include "api/ec2/block_devices.h"
#include "api/ec2/handlers.h"
#include "api/ec2/tag_items.h"
#include "api/s3/access_for.h"
#include "base/fault.h"
#include "cloud/images.h"
#include <string.h>

static const char *const taggable[] = {"image", "snapshot", NULL};

static bool use_tags(Call *call, const List *specifications, ImageSpec *spec, GError **error)
{
    return ec2_tag_specification(call, specifications, "image", taggable, &spec->image_tags,
                                 error) &&
           ec2_tag_specification(call, specifications, "snapshot", taggable, &spec->snapshot_tags,
                                 error);
}

bool ec2_create_image(Call *call, const CreateImageRequest *request, ImageIdReply *reply,
                      GError **error)
{
    ImageSpec spec = {
        .name = request->name,
        .description = request->description,
        .mappings = ec2_run_volumes(call, &request->block_devices),
    };
    return use_tags(call, &request->tag_specifications, &spec, error) &&
           image_create(&call->context, request->instance_id, request->no_reboot != 1, &spec,
                        &reply->image_id, error);
}

bool ec2_register_image(Call *call, const RegisterImageRequest *request, ImageIdReply *reply,
                        GError **error)
{
    ImageSpec spec = {
        .name = request->name,
        .description = request->description,
        .mappings = ec2_run_volumes(call, &request->block_devices),
        .architecture = request->architecture,
        .root_device_name = request->root_device_name,
        .virtualization_type = request->virtualization_type,
        .boot_mode = request->boot_mode,
        .kernel_id = request->kernel_id,
        .ramdisk_id = request->ramdisk_id,
        .ena_support = request->ena_support == 1,
    };
    ObjectAccess access = s3_access_for(call);
    if (!request->location && !request->name)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter name");
    if (!use_tags(call, &request->tag_specifications, &spec, error))
        return false;
    return request->location ? image_register_bundle(&call->context, request->location, &spec,
                                                     &access, &reply->image_id, error)
                             : image_register(&call->context, &spec, &reply->image_id, error);
}

bool ec2_deregister_image(Call *call, const DeregisterImageRequest *request, ReturnReply *reply,
                          GError **error)
{
    reply->done = true;
    return image_deregister(&call->context, request->image_id, request->with_snapshots == 1, error);
}

bool ec2_copy_image(Call *call, const CopyImageRequest *request, ImageIdReply *reply,
                    GError **error)
{
    ImageSpec spec = {.name = request->name, .description = request->description};
    if (strcmp(request->source_region, call->context.region) != 0)
        return fault_set(
            error, FAULT_INVALID_PARAMETER_VALUE,
            "Value (%.100s) for parameter SourceRegion is invalid. There is the region "
            "%s alone.",
            request->source_region, call->context.region);
    return use_tags(call, &request->tag_specifications, &spec, error) &&
           image_copy(&call->context, request->source_image_id, &spec, request->copy_tags == 1,
                      &reply->image_id, error);
}

/* ---- attributes ---- */

static StringAttributeItem *text_item(Call *call, const char *text)
{
    StringAttributeItem *item = EC2_NEW(call, StringAttributeItem);
    item->value = text;
    return item;
}

bool ec2_describe_image_attribute(Call *call, const DescribeImageAttributeRequest *request,
                                  DescribeImageAttributeReply *reply, GError **error)
{
    const char *attribute = request->attribute;
    ImageView *view;
    List accounts = {0};
    if (!image_view(&call->context, request->image_id, &view, error))
        return false;
    const Image *image = view->image;
    reply->image_id = image->id;
    if (strcmp(attribute, "launchPermission") == 0) {
        if (!image_permissions(&call->context, image->id, &accounts, error))
            return false;
        reply->permissions = ec2_account_items(call, &accounts);
    } else if (strcmp(attribute, "description") == 0) {
        reply->description = text_item(call, image->description);
    } else if (strcmp(attribute, "kernel") == 0) {
        reply->kernel = text_item(call, image->kernel_id);
    } else if (strcmp(attribute, "ramdisk") == 0) {
        reply->ramdisk = text_item(call, image->ramdisk_id);
    } else if (strcmp(attribute, "bootMode") == 0) {
        reply->boot_mode = text_item(call, image->boot_mode);
    } else if (strcmp(attribute, "blockDeviceMapping") == 0) {
        reply->block_devices = ec2_image_devices(call, &view->mappings);
    }
    return true;
}

/* What the request sets: Attribute and Value of old, or a structure. */
static const char *wanted_description(const ModifyImageAttributeRequest *request)
{
    if (request->description)
        return request->description->value ? request->description->value : "";
    return g_strcmp0(request->attribute, "description") == 0 ? request->value : NULL;
}

bool ec2_modify_image_attribute(Call *call, const ModifyImageAttributeRequest *request,
                                ReturnReply *reply, GError **error)
{
    List add = {0}, remove = {0};
    const char *description = wanted_description(request);
    reply->done = true;
    if (!ec2_permission_change(call, request->permission, request->operation, &request->user_ids,
                               &request->groups, &add, &remove, error))
        return false;
    bool permissions = add.n + remove.n > 0;
    if (permissions == (description != NULL))
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                         permissions ? "One attribute can be modified at a time."
                                     : "No attributes specified.");
    if (description)
        return image_set_description(&call->context, request->image_id, description, error);
    return image_change_permissions(&call->context, request->image_id, &add, &remove, false, error);
}

bool ec2_reset_image_attribute(Call *call, const ResetImageAttributeRequest *request,
                               ReturnReply *reply, GError **error)
{
    List none = {0};
    reply->done = true;
    return image_change_permissions(&call->context, request->image_id, &none, &none, true, error);
}

bool ec2_enable_image_deprecation(Call *call, const EnableImageDeprecationRequest *request,
                                  ReturnReply *reply, GError **error)
{
    reply->done = true;
    return image_set_deprecation(&call->context, request->image_id, request->deprecate_at, error);
}

bool ec2_disable_image_deprecation(Call *call, const DisableImageDeprecationRequest *request,
                                   ReturnReply *reply, GError **error)
{
    reply->done = true;
    return image_set_deprecation(&call->context, request->image_id, 0, error);
}
