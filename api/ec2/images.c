/* Images. */
#include "cloud/images.h"
#include "api/ec2/block_devices.h"
#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/tag_items.h"
#include <string.h>

#define IMAGES_PAGE_MIN 1
#define IMAGES_PAGE_MAX 1000

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
    if (image->root_device_name)
        item->ena_support = image->ena_support;
    item->boot_mode = image->boot_mode;
    item->deprecation_time = image->deprecated;
    item->block_devices = ec2_image_devices(call, &view->mappings);
    if (image->state_reason) {
        item->state_reason = EC2_NEW(call, ImageStateReason);
        item->state_reason->code = arena_strndup(call->context.arena, image->state_reason,
                                                 strcspn(image->state_reason, ":"));
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
