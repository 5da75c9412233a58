/* Instances: RunInstances and what follows. */
#include "api/ec2/block_devices.h"
#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/instance_items.h"
#include "api/ec2/tag_items.h"
#include "base/fault.h"
#include "cloud/instances.h"
#include "cloud/launch_templates.h"
#include <string.h>

#define INSTANCES_PAGE_MIN 5
#define INSTANCES_PAGE_MAX 1000

static const char *const taggable[] = {
    "instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu", NULL};

/* What is said replaces what a template says. */
static bool use_tags_of(Call *call, const List *specifications, const char *type, List *tags,
                        GError **error)
{
    List said = {0};
    if (!ec2_tag_specification(call, specifications, type, taggable, &said, error))
        return false;
    if (said.n > 0)
        *tags = said;
    return true;
}

static bool use_tags(Call *call, const List *specifications, RunSpec *spec, GError **error)
{
    return use_tags_of(call, specifications, "instance", &spec->instance_tags, error) &&
           use_tags_of(call, specifications, "volume", &spec->volume_tags, error) &&
           use_tags_of(call, specifications, "network-interface", &spec->eni_tags, error);
}

/* What an interface specification says goes where the request's own members would. */
static bool use_interface(const RunInstancesRequest *request, bool template_has_one, RunSpec *spec,
                          GError **error)
{
    bool plain = request->subnet_id || request->group_ids.n || request->group_names.n ||
                 request->private_address;
    if (plain && (template_has_one || request->interfaces.n > 0))
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                         "Network interfaces and an instance-level subnet ID or security groups "
                         "may not be specified on the same request");
    if (request->interfaces.n == 0)
        return true;
    const LaunchNetworkInterface *interface = list_at(&request->interfaces, 0);
    if (request->interfaces.n > 1 || interface->device_index != 0 ||
        interface->network_interface_id)
        return fault_set(error, FAULT_UNSUPPORTED_OPERATION,
                         "Instances are launched with one new network interface, device index 0.");
    spec->subnet_id = interface->subnet_id;
    spec->group_ids = interface->group_ids;
    spec->group_names = (List){0};
    spec->private_address = interface->private_address;
    spec->associate_public_address = interface->associate_public_ip;
    return true;
}

static void use_text(const char *said, const char **member)
{
    if (said)
        *member = said;
}

static void use_truth(int64_t said, bool *member)
{
    if (said != ABSENT_BOOL)
        *member = said == 1;
}

static void use_metadata_options(const MetadataOptionsRequest *options, RunSpec *spec)
{
    if (!options)
        return;
    use_text(options->http_tokens, &spec->http_tokens);
    use_text(options->http_endpoint, &spec->http_endpoint);
    use_text(options->tags, &spec->http_tags);
    if (options->hop_limit != ABSENT)
        spec->http_hop_limit = options->hop_limit;
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

static bool use_template(Call *call, const LaunchTemplateUse *use, RunSpec *spec,
                         bool *ret_has_interface, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    const LaunchTemplateRef ref = {.id = use->template_id, .name = use->name};
    return txn_begin_read(cloud_store(call->context.cloud), &txn, error) &&
           launch_template_use(&call->context, txn, &ref, use->version, spec, ret_has_interface,
                               error);
}

/* Over what a template says. */
static void use_request(Call *call, const RunInstancesRequest *request, RunSpec *spec)
{
    use_text(request->image_id, &spec->image_id);
    use_text(request->instance_type, &spec->type);
    use_text(request->key_name, &spec->key_name);
    use_text(request->user_data, &spec->user_data);
    use_text(request->subnet_id, &spec->subnet_id);
    use_text(request->private_address, &spec->private_address);
    use_text(request->kernel_id, &spec->kernel_id);
    use_text(request->ramdisk_id, &spec->ramdisk_id);
    use_text(request->shutdown_behavior, &spec->shutdown_behavior);
    use_text(profile_arn(call, request->profile), &spec->iam_profile);
    use_truth(request->disable_api_termination, &spec->disable_api_termination);
    use_truth(request->disable_api_stop, &spec->disable_api_stop);
    use_truth(request->ebs_optimized, &spec->ebs_optimized);
    use_metadata_options(request->metadata_options, spec);
    if (request->monitoring)
        use_truth(request->monitoring->enabled, &spec->monitoring);
    if (request->placement) {
        use_text(request->placement->availability_zone, &spec->zone);
        use_text(request->placement->tenancy, &spec->tenancy);
    }
    if (request->group_ids.n + request->group_names.n > 0) {
        spec->group_ids = request->group_ids;
        spec->group_names = request->group_names;
    }
    if (request->block_devices.n > 0)
        spec->volumes = ec2_run_volumes(call, &request->block_devices);
}

bool ec2_run_instances(Call *call, const RunInstancesRequest *request, RunInstancesReply *reply,
                       GError **error)
{
    RunSpec spec = {
        .type = INSTANCE_TYPE_DEFAULT,
        .min_count = request->min_count,
        .max_count = request->max_count,
        .associate_public_address = -1,
        .client_token = request->client_token,
        .request_digest = call->digest,
    };
    bool template_has_interface = false;
    List views;
    if (request->template &&
        !use_template(call, request->template, &spec, &template_has_interface, error))
        return false;
    use_request(call, request, &spec);
    if (!spec.image_id || !*spec.image_id)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter ImageId");
    if (!use_tags(call, &request->tag_specifications, &spec, error) ||
        !use_interface(request, template_has_interface, &spec, error) ||
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
