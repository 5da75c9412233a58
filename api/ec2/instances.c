/* Instances: RunInstances and what follows. */
#include "api/ec2/block_devices.h"
#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/instance_items.h"
#include "api/ec2/tag_items.h"
#include "base/fault.h"
#include "cloud/instances.h"
#include <string.h>

#define INSTANCES_PAGE_MIN 5
#define INSTANCES_PAGE_MAX 1000
#define DEFAULT_TYPE "m1.small" /* AWS: InstanceType, default */

static const char *const taggable[] = {
    "instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu", NULL};

static bool use_tags(Call *call, const List *specifications, RunSpec *spec, GError **error)
{
    return ec2_tag_specification(call, specifications, "instance", taggable, &spec->instance_tags,
                                 error) &&
           ec2_tag_specification(call, specifications, "volume", taggable, &spec->volume_tags,
                                 error) &&
           ec2_tag_specification(call, specifications, "network-interface", taggable,
                                 &spec->eni_tags, error);
}

/* What an interface specification says goes where the request's own members would. */
static bool use_interface(const RunInstancesRequest *request, RunSpec *spec, GError **error)
{
    if (request->interfaces.n == 0)
        return true;
    const LaunchNetworkInterface *interface = list_at(&request->interfaces, 0);
    if (request->interfaces.n > 1 || interface->device_index != 0 ||
        interface->network_interface_id)
        return fault_set(error, FAULT_UNSUPPORTED_OPERATION,
                         "Instances are launched with one new network interface, device index 0.");
    if (request->subnet_id || request->group_ids.n || request->group_names.n ||
        request->private_address)
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                         "Network interfaces and an instance-level subnet ID or security groups "
                         "may not be specified on the same request");
    spec->subnet_id = interface->subnet_id;
    spec->group_ids = interface->group_ids;
    spec->private_address = interface->private_address;
    spec->associate_public_address = interface->associate_public_ip;
    return true;
}

static void use_metadata_options(const MetadataOptionsRequest *options, RunSpec *spec)
{
    if (!options)
        return;
    spec->http_tokens = options->http_tokens;
    spec->http_endpoint = options->http_endpoint;
    spec->http_tags = options->tags;
    spec->http_hop_limit = options->hop_limit == ABSENT ? 0 : options->hop_limit;
}

static bool is_set(int value)
{
    return value == 1;
}

static const char *profile_arn(Call *call, const ProfileRequest *profile)
{
    if (!profile || (!profile->arn && !profile->name))
        return NULL;
    return profile->arn ? profile->arn
                        : arena_printf(call->context.arena, "arn:aws:iam::%s:instance-profile/%s",
                                       call->context.caller.account_id, profile->name);
}

bool ec2_run_instances(Call *call, const RunInstancesRequest *request, RunInstancesReply *reply,
                       GError **error)
{
    RunSpec spec = {
        .image_id = request->image_id,
        .type = request->instance_type ? request->instance_type : DEFAULT_TYPE,
        .min_count = request->min_count,
        .max_count = request->max_count,
        .key_name = request->key_name,
        .group_ids = request->group_ids,
        .group_names = request->group_names,
        .user_data = request->user_data,
        .zone = request->placement ? request->placement->availability_zone : NULL,
        .tenancy = request->placement ? request->placement->tenancy : NULL,
        .subnet_id = request->subnet_id,
        .private_address = request->private_address,
        .associate_public_address = -1,
        .kernel_id = request->kernel_id,
        .ramdisk_id = request->ramdisk_id,
        .shutdown_behavior = request->shutdown_behavior,
        .disable_api_termination = is_set(request->disable_api_termination),
        .disable_api_stop = is_set(request->disable_api_stop),
        .monitoring = request->monitoring && is_set(request->monitoring->enabled),
        .ebs_optimized = is_set(request->ebs_optimized),
        .client_token = request->client_token,
        .request_digest = call->digest,
        .iam_profile = profile_arn(call, request->profile),
        .volumes = ec2_run_volumes(call, &request->block_devices),
    };
    use_metadata_options(request->metadata_options, &spec);
    List views;
    if (!use_tags(call, &request->tag_specifications, &spec, error) ||
        !use_interface(request, &spec, error) ||
        !instances_run(&call->context, &spec, &views, error))
        return false;
    List reservations = ec2_reservation_items(call, &views);
    reply->reservation = *(ReservationItem *)list_at(&reservations, 0);
    return true;
}

bool ec2_describe_instances(Call *call, const DescribeInstancesRequest *request,
                            DescribeInstancesReply *reply, GError **error)
{
    Page page;
    g_auto(InstanceSearch) search = {0};
    if (!ec2_page(call, &request->selection, &request->instance_ids, INSTANCES_PAGE_MIN,
                  INSTANCES_PAGE_MAX, &page, error) ||
        !instance_search(&call->context, &page, &search, error) ||
        !ec2_reservations_found(call, &search, &reply->reservations, error))
        return false;
    reply->next_token = search.token;
    return true;
}

static List change_items(Call *call, const List *changes)
{
    List items = {0};
    LIST_EACH (const StateChange *, change, changes) {
        StateChangeItem *item = shape_new(call->context.arena, StateChangeItem_shape());
        item->instance_id = change->id;
        item->current = ec2_state_item(call, change->now);
        item->previous = ec2_state_item(call, change->before);
        list_add(&items, call->context.arena, item);
    }
    return items;
}

bool ec2_start_instances(Call *call, const StartInstancesRequest *request,
                         StartInstancesReply *reply, GError **error)
{
    List changes;
    if (!instances_start(&call->context, &request->instance_ids, &changes, error))
        return false;
    reply->changes = change_items(call, &changes);
    return true;
}

bool ec2_stop_instances(Call *call, const StopInstancesRequest *request, StopInstancesReply *reply,
                        GError **error)
{
    List changes;
    if (is_set((int)request->hibernate))
        return fault_set(error, FAULT_UNSUPPORTED_OPERATION,
                         "The instance is not configured for hibernation.");
    if (!instances_stop(&call->context, &request->instance_ids, is_set(request->force), &changes,
                        error))
        return false;
    reply->changes = change_items(call, &changes);
    return true;
}

bool ec2_terminate_instances(Call *call, const TerminateInstancesRequest *request,
                             TerminateInstancesReply *reply, GError **error)
{
    List changes;
    if (!instances_terminate(&call->context, &request->instance_ids, &changes, error))
        return false;
    reply->changes = change_items(call, &changes);
    return true;
}

bool ec2_reboot_instances(Call *call, const RebootInstancesRequest *request, ReturnReply *reply,
                          GError **error)
{
    reply->done = true;
    return instances_reboot(&call->context, &request->instance_ids, error);
}

static bool monitor(Call *call, const List *ids, bool enabled, MonitorInstancesReply *reply,
                    GError **error)
{
    Arena *arena = call->context.arena;
    if (!instances_monitor(&call->context, ids, enabled, error))
        return false;
    LIST_EACH (const char *, id, ids) {
        InstanceMonitoringItem *item = shape_new(arena, InstanceMonitoringItem_shape());
        item->instance_id = id;
        item->monitoring = shape_new(arena, MonitoringItem_shape());
        /* What AWS answers; DescribeInstances then says enabled or disabled. */
        item->monitoring->state = enabled ? "pending" : "disabling";
        list_add(&reply->instances, arena, item);
    }
    return true;
}

bool ec2_monitor_instances(Call *call, const MonitorInstancesRequest *request,
                           MonitorInstancesReply *reply, GError **error)
{
    return monitor(call, &request->instance_ids, true, reply, error);
}

bool ec2_unmonitor_instances(Call *call, const UnmonitorInstancesRequest *request,
                             MonitorInstancesReply *reply, GError **error)
{
    return monitor(call, &request->instance_ids, false, reply, error);
}

static StatusSummaryItem *status_item(Call *call, const char *status)
{
    StatusSummaryItem *item = shape_new(call->context.arena, StatusSummaryItem_shape());
    item->status = status;
    if (strcmp(status, "not-applicable") != 0) {
        StatusDetailItem *detail = shape_new(call->context.arena, StatusDetailItem_shape());
        detail->name = "reachability";
        detail->status = strcmp(status, "ok") == 0 ? "passed" : "initializing";
        list_add(&item->details, call->context.arena, detail);
    }
    return item;
}

bool ec2_describe_instance_status(Call *call, const DescribeInstanceStatusRequest *request,
                                  DescribeInstanceStatusReply *reply, GError **error)
{
    Page page;
    List views;
    Selection selection = request->selection;
    if (!is_set(request->include_all)) {
        Filter *running = shape_new(call->context.arena, Filter_shape());
        running->name = "instance-state-name";
        list_add(&running->values, call->context.arena, "running");
        list_add(&selection.filters, call->context.arena, running);
    }
    if (!ec2_page(call, &selection, &request->instance_ids, INSTANCES_PAGE_MIN, INSTANCES_PAGE_MAX,
                  &page, error) ||
        !instances_find(&call->context, &page, &views, &reply->next_token, error))
        return false;
    LIST_EACH (const InstanceView *, view, &views) {
        const Instance *instance = view->instance;
        bool runs = instance->state == INSTANCE_RUNNING;
        InstanceStatusItem *item = shape_new(call->context.arena, InstanceStatusItem_shape());
        item->instance_id = instance->id;
        item->zone = instance->zone;
        item->state = ec2_state_item(call, instance->state);
        item->system = status_item(call, runs ? "ok" : "not-applicable");
        item->instance = status_item(call, !runs                 ? "not-applicable"
                                           : instance->reachable ? "ok"
                                                                 : "initializing");
        list_add(&reply->statuses, call->context.arena, item);
    }
    return true;
}

bool ec2_get_console_output(Call *call, const GetConsoleOutputRequest *request,
                            GetConsoleOutputReply *reply, GError **error)
{
    const char *text;
    size_t size;
    if (!instance_console(&call->context, request->instance_id, &text, &size, &reply->timestamp,
                          error))
        return false;
    g_autofree char *encoded = g_base64_encode((const uint8_t *)text, size);
    reply->instance_id = request->instance_id;
    reply->output = arena_strdup(call->context.arena, encoded);
    return true;
}
