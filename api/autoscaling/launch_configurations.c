/* Launch configurations. */
#include "cloud/launch_configurations.h"

#include "api/autoscaling/handlers.h"
#include "api/autoscaling/page.h"
#include "base/fault.h"
#include <string.h>

static List run_volumes(Call *call, const List *devices)
{
    List volumes = {0};
    LIST_EACH (const AsBlockDevice *, device, devices) {
        RunVolume *volume = arena_new_struct(call->context.arena, RunVolume);
        *volume = (RunVolume){
            .device = device->device_name,
            .virtual_name = device->virtual_name,
            .no_device = device->no_device == 1,
            .delete_on_termination = -1,
        };
        const AsEbs *ebs = device->ebs;
        if (ebs) {
            volume->virtual_name = NULL;
            volume->size_gib = ebs->volume_size == ABSENT ? 0 : ebs->volume_size;
            volume->delete_on_termination = ebs->delete_on_termination;
            volume->type = ebs->volume_type;
            volume->iops = ebs->iops == ABSENT ? 0 : ebs->iops;
            volume->throughput = ebs->throughput == ABSENT ? 0 : ebs->throughput;
            volume->encrypted = ebs->encrypted == 1;
            volume->snapshot_id = ebs->snapshot_id;
        }
        list_add(&volumes, call->context.arena, volume);
    }
    return volumes;
}

bool autoscaling_api_create_launch_configuration(Call *call,
                                                 const AsCreateLaunchConfigurationRequest *request,
                                                 AsNothing *reply, GError **error)
{
    const AsMetadataOptions *options = request->metadata_options;
    const LaunchConfigurationSpec spec = {
        .name = request->name,
        .instance_id = request->instance_id,
        .image_id = request->image_id,
        .type = request->instance_type,
        .key_name = request->key_name,
        .security_groups = request->security_groups,
        .user_data = request->user_data,
        .user_data_may_be_raw = strcmp(call->version, call->service->versions[0]) == 0,
        .kernel_id = request->kernel_id,
        .ramdisk_id = request->ramdisk_id,
        .block_devices = run_volumes(call, &request->block_devices),
        .monitoring = request->monitoring ? as_truth(request->monitoring->enabled) : NOT_SAID,
        .iam_profile = request->iam_profile,
        .ebs_optimized = as_truth(request->ebs_optimized),
        .public_address = as_truth(request->public_address),
        .tenancy = request->tenancy,
        .http_tokens = options ? options->http_tokens : NULL,
        .http_endpoint = options ? options->http_endpoint : NULL,
        .http_hop_limit = options && options->hop_limit != ABSENT ? options->hop_limit : 0,
    };
    if (request->spot_price)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Spot instances are not offered: SpotPrice must not be specified.");
    return launch_configuration_create(&call->context, &spec, error);
}

static AsBlockDevice *device_item(Call *call, const RunVolume *volume)
{
    AsBlockDevice *item = shape_new(call->context.arena, AsBlockDevice_shape());
    item->device_name = volume->device;
    item->virtual_name = volume->virtual_name;
    item->no_device = volume->no_device ? 1 : ABSENT_BOOL;
    if (volume->virtual_name || volume->no_device)
        return item;
    item->ebs = shape_new(call->context.arena, AsEbs_shape());
    item->ebs->snapshot_id = volume->snapshot_id;
    item->ebs->volume_size = volume->size_gib ? volume->size_gib : ABSENT;
    item->ebs->volume_type = volume->type;
    item->ebs->delete_on_termination = volume->delete_on_termination;
    item->ebs->iops = volume->iops ? volume->iops : ABSENT;
    item->ebs->throughput = volume->throughput ? volume->throughput : ABSENT;
    item->ebs->encrypted = volume->encrypted ? 1 : ABSENT_BOOL;
    return item;
}

static AsLaunchConfiguration *configuration_item(Call *call, const LaunchConfiguration *from)
{
    Arena *arena = call->context.arena;
    AsLaunchConfiguration *item = shape_new(arena, AsLaunchConfiguration_shape());
    List devices = launch_configuration_devices(arena, from);
    item->name = from->name;
    item->arn = launch_configuration_arn(&call->context, from);
    item->image_id = from->image_id;
    item->key_name = from->key_name;
    item->security_groups = lines_split(arena, from->security_groups);
    item->user_data = from->user_data;
    item->instance_type = from->type;
    item->kernel_id = from->kernel_id;
    item->ramdisk_id = from->ramdisk_id;
    LIST_EACH (const RunVolume *, volume, &devices)
        list_add(&item->block_devices, arena, device_item(call, volume));
    item->monitoring = shape_new(arena, AsMonitoring_shape());
    item->monitoring->enabled = from->monitoring;
    item->iam_profile = from->iam_profile;
    item->created = from->created;
    item->ebs_optimized = from->ebs_optimized == 1;
    item->public_address = from->public_address < 0 ? ABSENT_BOOL : from->public_address == 1;
    item->tenancy = from->tenancy;
    if (from->http_tokens || from->http_endpoint || from->http_hop_limit) {
        item->metadata_options = shape_new(arena, AsMetadataOptions_shape());
        item->metadata_options->http_tokens = from->http_tokens;
        item->metadata_options->http_endpoint = from->http_endpoint;
        if (from->http_hop_limit)
            item->metadata_options->hop_limit = from->http_hop_limit;
    }
    return item;
}

static const char *configuration_key(Arena *arena, const void *item)
{
    return ((const LaunchConfiguration *)item)->name;
}

bool autoscaling_api_describe_launch_configurations(
    Call *call, const AsDescribeLaunchConfigurationsRequest *request,
    AsDescribeLaunchConfigurationsReply *reply, GError **error)
{
    List all = {0}, page = {0};
    if (!launch_configurations_find(&call->context, &request->names, &all, error) ||
        !as_page(call, &request->page, AS_PAGE, "launch-configurations", &all, configuration_key,
                 &page, &reply->end, error))
        return false;
    LIST_EACH (const LaunchConfiguration *, configuration, &page)
        list_add(&reply->items, call->context.arena, configuration_item(call, configuration));
    return true;
}

bool autoscaling_api_delete_launch_configuration(Call *call,
                                                 const AsLaunchConfigurationNameRequest *request,
                                                 AsNothing *reply, GError **error)
{
    return launch_configuration_remove(&call->context, request->name, error);
}
