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

static void show_block_devices(Call *call, const InstanceView *view, Reply *reply)
{
    reply->block_devices = ec2_block_device_items(call, view);
}

static void show_groups(Call *call, const InstanceView *view, Reply *reply)
{
    reply->groups = ec2_group_items(call, &view->groups);
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

/* One row an attribute: a text or a flag of the instance and where the reply shows it, or how else
 * it is shown. */
static const struct {
    const char *name;
    enum { TEXT, FLAG, OTHER } kind;
    size_t member; /* of Instance */
    size_t shown;  /* of Reply */
    void (*show)(Call *call, const InstanceView *view, Reply *reply);
} attributes[] = {
#define TEXT_ROW(name, member, shown)                                                              \
    {                                                                                              \
        name, TEXT, offsetof(Instance, member), offsetof(Reply, shown), NULL                       \
    }
#define FLAG_ROW(name, member)                                                                     \
    {                                                                                              \
        name, FLAG, offsetof(Instance, member), offsetof(Reply, member), NULL                      \
    }
#define OTHER_ROW(name, show)                                                                      \
    {                                                                                              \
        name, OTHER, 0, 0, show                                                                    \
    }
    TEXT_ROW("instanceType", type, type),
    TEXT_ROW("kernel", kernel_id, kernel),
    TEXT_ROW("ramdisk", ramdisk_id, ramdisk),
    TEXT_ROW("userData", user_data, user_data),
    TEXT_ROW("instanceInitiatedShutdownBehavior", shutdown_behavior, shutdown_behavior),
    TEXT_ROW("rootDeviceName", root_device_name, root_device_name),
    FLAG_ROW("disableApiTermination", disable_api_termination),
    FLAG_ROW("disableApiStop", disable_api_stop),
    FLAG_ROW("sourceDestCheck", source_dest_check),
    FLAG_ROW("ebsOptimized", ebs_optimized),
    OTHER_ROW("blockDeviceMapping", show_block_devices),
    OTHER_ROW("groupSet", show_groups),
    OTHER_ROW("enaSupport", show_ena),
    OTHER_ROW("sriovNetSupport", show_sriov),
    OTHER_ROW("productCodes", show_nothing),
    OTHER_ROW("enclaveOptions", show_nothing),
};

static void show(Call *call, size_t attribute, const InstanceView *view, Reply *reply)
{
    const char *member = (const char *)view->instance + attributes[attribute].member;
    void *shown = (char *)reply + attributes[attribute].shown;
    switch (attributes[attribute].kind) {
    case TEXT:
        *(StringAttributeItem **)shown = string_item(call, *(const char *const *)member);
        break;
    case FLAG:
        *(BoolAttributeItem **)shown = bool_item(call, *(const bool *)member);
        break;
    case OTHER:
        attributes[attribute].show(call, view, reply);
        break;
    }
}

bool ec2_describe_instance_attribute(Call *call, const DescribeInstanceAttributeRequest *request,
                                     DescribeInstanceAttributeReply *reply, GError **error)
{
    InstanceView *view;
    if (!instance_view(&call->context, request->instance_id, &view, error))
        return false;
    reply->instance_id = request->instance_id;
    for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++)
        if (strcmp(attributes[i].name, request->attribute) == 0)
            show(call, i, view, reply);
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
