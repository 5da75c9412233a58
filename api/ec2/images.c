/* Images. */
#include "cloud/images.h"
#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/tag_items.h"

#define IMAGES_PAGE_MIN 1
#define IMAGES_PAGE_MAX 1000
#define GIB (INT64_C(1) << 30)

static ImageBlockDevice *root_device(Call *call, const Image *image)
{
    ImageBlockDevice *device = EC2_NEW(call, ImageBlockDevice);
    device->device_name = image->root_device_name;
    device->ebs = EC2_NEW(call, ImageEbs);
    device->ebs->snapshot_id = image->snapshot_id;
    device->ebs->volume_size = MAX((image->size + GIB - 1) / GIB, 1);
    device->ebs->delete_on_termination = true;
    device->ebs->volume_type = "gp2";
    device->ebs->encrypted = false;
    return device;
}

static ImageItem *image_item(Call *call, const ImageView *view)
{
    const Image *image = view->image;
    ImageItem *item = EC2_NEW(call, ImageItem);
    item->image_id = image->id;
    item->image_location = image->location;
    item->image_state = state_name(&image_machine, image->state);
    item->image_owner_id = image->account_id;
    item->image_owner_alias = image->owner_alias;
    item->creation_date = image->created;
    item->is_public = image->is_public;
    item->architecture = image->architecture;
    item->image_type = image->kind;
    item->kernel_id = image->kernel_id;
    item->ramdisk_id = image->ramdisk_id;
    item->name = image->name;
    item->description = image->description;
    item->root_device_type = image->root_device_type;
    item->root_device_name = image->root_device_name;
    item->virtualization_type = image->virtualization_type;
    item->hypervisor = "xen"; /* AWS says so whatever it is */
    item->platform_details = "Linux/UNIX";
    item->usage_operation = "RunInstances";
    item->tags = ec2_tag_items(call, view->tags);
    if (image->root_device_name) {
        item->ena_support = true;
        list_add(&item->block_devices, call->context.arena, root_device(call, image));
    }
    if (image->state_reason) {
        item->state_reason = EC2_NEW(call, ImageStateReason);
        item->state_reason->code = "Client.InternalError";
        item->state_reason->message = image->state_reason;
    }
    return item;
}

bool ec2_describe_images(Call *call, const DescribeImagesRequest *request,
                         DescribeImagesReply *reply, GError **error)
{
    ImageQuery query = {.owners = &request->owners, .executable_by = &request->executable_by};
    List views = {0};
    if (!ec2_page(call, &request->selection, &request->image_ids, IMAGES_PAGE_MIN, IMAGES_PAGE_MAX,
                  &query.page, error) ||
        !images_find(&call->context, &query, &views, &reply->next_token, error))
        return false;
    LIST_EACH (const ImageView *, view, &views)
        list_add(&reply->images, call->context.arena, image_item(call, view));
    return true;
}
