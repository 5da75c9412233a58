/* GetLaunchTemplateData: what a template would say, to launch more instances like one that there
 * is. Its addresses are left out, since no other can have them. */
#include "api/ec2/block_devices.h"
#include "api/ec2/handlers.h"
#include "api/ec2/tag_items.h"
#include "cloud/instances.h"
#include <string.h>

static TemplateInterface *interface_item(Call *call, const InstanceView *view, const Eni *eni)
{
    TemplateInterface *item = EC2_NEW(call, TemplateInterface);
    item->device_index = eni->device_index;
    item->associate_public_ip = view->instance->wants_public_ip;
    item->delete_on_termination = eni->delete_on_termination;
    item->description = eni->description;
    item->subnet_id = eni->subnet_id;
    item->interface_type = "interface";
    LIST_EACH (const SecurityGroup *, group, &view->groups)
        list_add(&item->group_ids, call->context.arena, group->id);
    return item;
}

static LaunchBlockDevice *device_item(Call *call, const Volume *volume)
{
    LaunchBlockDevice *item = EC2_NEW(call, LaunchBlockDevice);
    item->device_name = volume->device;
    item->ebs = EC2_NEW(call, EbsBlockDevice);
    item->ebs->delete_on_termination = volume->delete_on_termination;
    item->ebs->volume_size = volume->size_gib;
    item->ebs->volume_type = volume->type;
    item->ebs->snapshot_id = volume->snapshot_id;
    item->ebs->encrypted = volume->encrypted;
    if (volume->iops)
        item->ebs->iops = volume->iops;
    if (volume->throughput)
        item->ebs->throughput = volume->throughput;
    return item;
}

/* Those that a request may set. */
static void add_tags(Call *call, const List *tags, List *items)
{
    List own = {0};
    if (tags) {
        LIST_EACH (const Tag *, tag, tags)
            if (!g_str_has_prefix(tag->key, "aws:"))
                list_add(&own, call->context.arena, tag);
    }
    if (own.n == 0)
        return;
    TemplateTags *item = EC2_NEW(call, TemplateTags);
    item->resource_type = "instance";
    item->tags = ec2_tag_items(call, &own);
    list_add(items, call->context.arena, item);
}

static void add_options(Call *call, const Instance *instance, TemplateData *data)
{
    data->monitoring = EC2_NEW(call, TemplateMonitoring);
    data->monitoring->enabled = instance->monitoring;
    data->placement = EC2_NEW(call, LaunchPlacement);
    data->placement->availability_zone = instance->zone;
    data->placement->tenancy = instance->tenancy;
    data->metadata_options = EC2_NEW(call, MetadataOptionsRequest);
    data->metadata_options->http_tokens = instance->http_tokens;
    data->metadata_options->http_endpoint = instance->http_endpoint;
    data->metadata_options->hop_limit = instance->http_hop_limit;
    data->metadata_options->tags = instance->http_tags;
    if (instance->iam_profile) {
        data->profile = EC2_NEW(call, ProfileRequest);
        data->profile->arn = instance->iam_profile;
    }
}

bool ec2_get_launch_template_data(Call *call, const GetLaunchTemplateDataRequest *request,
                                  GetLaunchTemplateDataReply *reply, GError **error)
{
    InstanceView *view;
    if (!instance_view(&call->context, request->instance_id, &view, error))
        return false;
    const Instance *instance = view->instance;
    TemplateData *data = EC2_NEW(call, TemplateData);
    data->image_id = instance->image_id;
    data->instance_type = instance->type;
    data->key_name = instance->key_name;
    data->kernel_id = instance->kernel_id;
    data->ramdisk_id = instance->ramdisk_id;
    data->user_data = instance->user_data;
    data->ebs_optimized = instance->ebs_optimized;
    data->disable_api_termination = instance->disable_api_termination;
    data->disable_api_stop = instance->disable_api_stop;
    data->shutdown_behavior = instance->shutdown_behavior;
    add_options(call, instance, data);
    LIST_EACH (const Eni *, eni, &view->enis)
        list_add(&data->interfaces, call->context.arena, interface_item(call, view, eni));
    LIST_EACH (const Volume *, volume, &view->volumes)
        list_add(&data->block_devices, call->context.arena, device_item(call, volume));
    add_tags(call, view->tags, &data->tag_specifications);
    reply->data = data;
    return true;
}
