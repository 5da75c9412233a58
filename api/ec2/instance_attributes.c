/* DescribeInstanceAttribute, ModifyInstanceAttribute, ModifyInstanceMetadataOptions. */
#include "api/ec2/handlers.h"
#include "api/ec2/instance_items.h"
#include "base/fault.h"
#include "cloud/instances.h"
#include <string.h>

static StringAttributeItem *string_item(Call *call, const char *value)
{
    StringAttributeItem *item = shape_new(call->context.arena, StringAttributeItem_shape());
    item->value = value;
    return item;
}

static BoolAttributeItem *bool_item(Call *call, bool value)
{
    BoolAttributeItem *item = shape_new(call->context.arena, BoolAttributeItem_shape());
    item->value = value;
    return item;
}

typedef DescribeInstanceAttributeReply Reply;

/* One row an attribute: how it is shown. */
static void show_type(Call *call, const InstanceView *view, Reply *reply)
{
    reply->type = string_item(call, view->instance->type);
}

static void show_kernel(Call *call, const InstanceView *view, Reply *reply)
{
    reply->kernel = string_item(call, view->instance->kernel_id);
}

static void show_ramdisk(Call *call, const InstanceView *view, Reply *reply)
{
    reply->ramdisk = string_item(call, view->instance->ramdisk_id);
}

static void show_user_data(Call *call, const InstanceView *view, Reply *reply)
{
    reply->user_data = string_item(call, view->instance->user_data);
}

static void show_api_termination(Call *call, const InstanceView *view, Reply *reply)
{
    reply->disable_api_termination = bool_item(call, view->instance->disable_api_termination);
}

static void show_api_stop(Call *call, const InstanceView *view, Reply *reply)
{
    reply->disable_api_stop = bool_item(call, view->instance->disable_api_stop);
}

static void show_shutdown(Call *call, const InstanceView *view, Reply *reply)
{
    reply->shutdown_behavior = string_item(call, view->instance->shutdown_behavior);
}

static void show_root_device(Call *call, const InstanceView *view, Reply *reply)
{
    reply->root_device_name = string_item(call, view->instance->root_device_name);
}

static void show_block_devices(Call *call, const InstanceView *view, Reply *reply)
{
    reply->block_devices = ec2_block_device_items(call, view);
}

static void show_source_dest(Call *call, const InstanceView *view, Reply *reply)
{
    reply->source_dest_check = bool_item(call, view->instance->source_dest_check);
}

static void show_groups(Call *call, const InstanceView *view, Reply *reply)
{
    reply->groups = ec2_group_items(call, &view->groups);
}

static void show_ebs_optimized(Call *call, const InstanceView *view, Reply *reply)
{
    reply->ebs_optimized = bool_item(call, view->instance->ebs_optimized);
}

static void show_ena(Call *call, const InstanceView *view, Reply *reply)
{
    reply->ena_support = bool_item(call, true);
}

static void show_sriov(Call *call, const InstanceView *view, Reply *reply)
{
    reply->sriov = string_item(call, NULL);
}

static void show_nothing(Call *call, const InstanceView *view, Reply *reply)
{
}

static const struct {
    const char *name;
    void (*show)(Call *call, const InstanceView *view, Reply *reply);
} attributes[] = {
    {"instanceType", show_type},
    {"kernel", show_kernel},
    {"ramdisk", show_ramdisk},
    {"userData", show_user_data},
    {"disableApiTermination", show_api_termination},
    {"disableApiStop", show_api_stop},
    {"instanceInitiatedShutdownBehavior", show_shutdown},
    {"rootDeviceName", show_root_device},
    {"blockDeviceMapping", show_block_devices},
    {"productCodes", show_nothing},
    {"sourceDestCheck", show_source_dest},
    {"groupSet", show_groups},
    {"ebsOptimized", show_ebs_optimized},
    {"sriovNetSupport", show_sriov},
    {"enaSupport", show_ena},
    {"enclaveOptions", show_nothing},
};

bool ec2_describe_instance_attribute(Call *call, const DescribeInstanceAttributeRequest *request,
                                     DescribeInstanceAttributeReply *reply, GError **error)
{
    InstanceView *view;
    if (!instance_view(&call->context, request->instance_id, &view, error))
        return false;
    reply->instance_id = request->instance_id;
    for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++)
        if (strcmp(attributes[i].name, request->attribute) == 0)
            attributes[i].show(call, view, reply);
    return true;
}

static int bool_value(const BoolAttributeItem *item)
{
    return item ? item->value : ABSENT_BOOL;
}

static const char *string_value(const StringAttributeItem *item)
{
    return item ? item->value : NULL;
}

static bool parse_bool(const char *text, int *ret_value, GError **error)
{
    if (g_ascii_strcasecmp(text, "true") != 0 && g_ascii_strcasecmp(text, "false") != 0)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Value (%s) for parameter value is invalid. Must be true or false", text);
    *ret_value = g_ascii_strcasecmp(text, "true") == 0;
    return true;
}

/* The form of the first API versions: Attribute=NAME, Value=TEXT. */
static bool use_named_value(const ModifyInstanceAttributeRequest *request, InstanceChange *change,
                            GError **error)
{
    const char *name = request->attribute, *value = request->value;
    if (!name || (!value && strcmp(name, "blockDeviceMapping") == 0))
        return true;
    if (!value)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter value");
    const struct {
        const char *name;
        const char **text;
        int *flag;
    } targets[] = {
        {"instanceType", &change->type, NULL},
        {"kernel", &change->kernel_id, NULL},
        {"ramdisk", &change->ramdisk_id, NULL},
        {"userData", &change->user_data, NULL},
        {"instanceInitiatedShutdownBehavior", &change->shutdown_behavior, NULL},
        {"disableApiTermination", NULL, &change->disable_api_termination},
        {"disableApiStop", NULL, &change->disable_api_stop},
        {"sourceDestCheck", NULL, &change->source_dest_check},
        {"ebsOptimized", NULL, &change->ebs_optimized},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
        if (strcmp(targets[i].name, name) != 0)
            continue;
        if (targets[i].flag)
            return parse_bool(value, targets[i].flag, error);
        *targets[i].text = value;
        return true;
    }
    return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                     "The attribute '%s' cannot be modified.", name);
}

static List volume_changes(Call *call, const List *block_devices)
{
    List volumes = {0};
    LIST_EACH (const ModifiedBlockDevice *, device, block_devices) {
        RunVolume *volume = arena_new_struct(call->context.arena, RunVolume);
        volume->device = device->device_name;
        volume->delete_on_termination =
            device->ebs ? device->ebs->delete_on_termination : ABSENT_BOOL;
        list_add(&volumes, call->context.arena, volume);
    }
    return volumes;
}

bool ec2_modify_instance_attribute(Call *call, const ModifyInstanceAttributeRequest *request,
                                   ReturnReply *reply, GError **error)
{
    InstanceChange change = {
        .type = string_value(request->type),
        .kernel_id = string_value(request->kernel),
        .ramdisk_id = string_value(request->ramdisk),
        .user_data = string_value(request->user_data),
        .shutdown_behavior = string_value(request->shutdown_behavior),
        .disable_api_termination = bool_value(request->disable_api_termination),
        .disable_api_stop = bool_value(request->disable_api_stop),
        .source_dest_check = bool_value(request->source_dest_check),
        .ebs_optimized = bool_value(request->ebs_optimized),
        .group_ids = request->group_ids,
        .volumes = volume_changes(call, &request->block_devices),
    };
    reply->done = true;
    return use_named_value(request, &change, error) &&
           instance_modify(&call->context, request->instance_id, &change, error);
}

bool ec2_modify_instance_metadata_options(Call *call,
                                          const ModifyInstanceMetadataOptionsRequest *request,
                                          ModifyInstanceMetadataOptionsReply *reply, GError **error)
{
    const MetadataOptionsRequest *options = &request->options;
    InstanceChange change = {
        .disable_api_termination = -1,
        .disable_api_stop = -1,
        .source_dest_check = -1,
        .ebs_optimized = -1,
        .http_tokens = options->http_tokens,
        .http_endpoint = options->http_endpoint,
        .http_tags = options->tags,
        .http_hop_limit = options->hop_limit == ABSENT ? 0 : options->hop_limit,
    };
    InstanceView *view;
    if (!instance_modify(&call->context, request->instance_id, &change, error) ||
        !instance_view(&call->context, request->instance_id, &view, error))
        return false;
    reply->instance_id = request->instance_id;
    reply->options = ec2_metadata_options_item(call, view->instance);
    reply->options->state = "pending";
    return true;
}
