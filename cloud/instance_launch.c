/* RunInstances: from a request to records.
 *
 * Invariant: everything is checked and written in one store transaction, so a refusal leaves
 * nothing behind and two launches never share an address. Machines are the controller's work. */
#include "cloud/instances.h"

#include "base/cidr.h"
#include "base/digest.h"
#include "base/fault.h"
#include "base/id.h"
#include "cloud/addresses.h"
#include "cloud/client_tokens.h"
#include "cloud/catalog.h"
#include "cloud/images.h"
#include "cloud/instance_disks.h"
#include "cloud/instance_limits.h"
#include "cloud/security_groups.h"
#include "cloud/views.h"
#include <string.h>

/* What a launch has resolved its names to. */
typedef struct Launch {
    const RunSpec *spec;
    Image *image;
    InstanceType *type;
    Vpc *vpc;
    Subnet *subnet;
    List groups; /* of SecurityGroup * */
    const char *reservation_id;
    const char *user_data;
    int64_t now;
    bool public_address;
    List disks; /* of DiskPlan * */
} Launch;

static bool default_vpc(Context *context, Txn *txn, Vpc **ret_vpc, GError **error)
{
    if (!vpc_find_default(txn, context->arena, context->caller.account_id, ret_vpc, error))
        return false;
    return *ret_vpc ||
           fault_set(error, FAULT_INVALID_VPC_ID_NOT_FOUND, "No default VPC for this user");
}

/* With neither subnet nor zone asked for, the first zone that has room. */
static bool choose_subnet(Context *context, Txn *txn, Launch *launch, GError **error)
{
    List subnets = {0};
    const char *zone = launch->spec->zone;
    if (!record_query(txn, context->arena, QUERY_SUBNETS_OF_VPC, &subnets, error, launch->vpc->id))
        return false;
    LIST_EACH (Subnet *, subnet, &subnets) {
        if (zone && strcmp(zone, subnet->zone) != 0)
            continue;
        uint32_t network, mask;
        int64_t used;
        if (!cidr_parse(subnet->cidr, &network, &mask))
            return trouble_set(error, "subnet %s has a bad CIDR block", subnet->id);
        if (!record_count(txn, COUNT_ENIS_OF_SUBNET, &used, error, subnet->id))
            return false;
        launch->subnet = subnet;
        if (used + launch->spec->min_count + SUBNET_RESERVED <= (int64_t)(~mask) + 1)
            return true;
    }
    if (launch->subnet)
        return true; /* full: taking an address says so */
    return fault_set(error, FAULT_INVALID_PARAMETER_VALUE, "Invalid availability zone: [%s]",
                     zone ? zone : "");
}

static bool resolve_subnet(Context *context, Txn *txn, Launch *launch, GError **error)
{
    const RunSpec *spec = launch->spec;
    if (!spec->subnet_id)
        return default_vpc(context, txn, &launch->vpc, error) &&
               choose_subnet(context, txn, launch, error);

    if (!subnet_get(txn, context->arena, spec->subnet_id, &launch->subnet, error))
        return false;
    if (!launch->subnet || strcmp(launch->subnet->account_id, context->caller.account_id) != 0)
        return fault_set(error, FAULT_INVALID_SUBNET_ID_NOT_FOUND,
                         "The subnet ID '%s' does not exist", spec->subnet_id);
    if (spec->zone && strcmp(spec->zone, launch->subnet->zone) != 0)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "The availability zone of the subnet '%s' is not '%s'", spec->subnet_id,
                         spec->zone);
    return vpc_get(txn, context->arena, launch->subnet->vpc_id, &launch->vpc, error);
}

static bool resolve_key(Context *context, Txn *txn, const char *name, GError **error)
{
    if (!name)
        return true;
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_KEY_PAIR_BY_NAME, &found, error,
                          context->caller.account_id, name))
        return false;
    return found || fault_set(error, FAULT_INVALID_KEY_PAIR_NOT_FOUND,
                              "The key pair '%s' does not exist", name);
}

static bool check_spec(const RunSpec *spec, GError **error)
{
    if (spec->min_count > spec->max_count)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Value (%" G_GINT64_FORMAT ") for parameter minCount is invalid. minCount "
                         "must be less than or equal to maxCount",
                         spec->min_count);
    if (spec->private_address && spec->max_count > 1)
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                         "Network interfaces and an instance-level private address may not be "
                         "specified when launching more than one instance");
    return tags_check(&spec->instance_tags, error) && tags_check(&spec->volume_tags, error) &&
           tags_check(&spec->eni_tags, error);
}

static bool resolve(Context *context, Txn *txn, Launch *launch, GError **error)
{
    const RunSpec *spec = launch->spec;
    if (!image_resolve(context, txn, spec->image_id, "machine", &launch->image, error))
        return false;
    if (!instance_type_get(txn, context->arena, spec->type, &launch->type, error))
        return false;
    if (!launch->type)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Invalid value '%s' for InstanceType.", spec->type);
    Image *unused;
    if ((spec->kernel_id &&
         !image_resolve(context, txn, spec->kernel_id, "kernel", &unused, error)) ||
        (spec->ramdisk_id &&
         !image_resolve(context, txn, spec->ramdisk_id, "ramdisk", &unused, error)))
        return false;
    if (!resolve_key(context, txn, spec->key_name, error) ||
        !resolve_subnet(context, txn, launch, error) ||
        !security_groups_resolve(context, txn, launch->vpc->id, &spec->group_ids,
                                 &spec->group_names, &launch->groups, error) ||
        !instance_disks_plan(context, txn, launch->image, launch->type, &spec->volumes,
                             &launch->disks, error))
        return false;
    launch->public_address = spec->associate_public_address < 0
                                 ? launch->subnet->map_public_ip
                                 : spec->associate_public_address != 0;
    return true;
}

static bool record_eni(Context *context, Txn *txn, const Launch *launch, const Instance *instance,
                       GError **error)
{
    uint8_t mac[5];
    random_bytes(mac, sizeof(mac));
    Eni *eni = arena_new_struct(context->arena, Eni);
    *eni = (Eni){
        .id = id_new(context->arena, "eni"),
        .account_id = instance->account_id,
        .instance_id = instance->id,
        .vpc_id = instance->vpc_id,
        .subnet_id = instance->subnet_id,
        .zone = instance->zone,
        .mac = arena_printf(context->arena, "0a:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                            mac[3], mac[4]),
        .private_ip = instance->private_ip,
        .public_ip = instance->public_ip,
        .description = "",
        .attachment_id = id_new(context->arena, "eni-attach"),
        .delete_on_termination = true,
        .source_dest_check = true,
        .created = launch->now,
    };
    if (!eni_insert(txn, eni, error))
        return false;
    LIST_EACH (const SecurityGroup *, group, &launch->groups) {
        EniGroup member = {.eni_id = eni->id, .group_id = group->id};
        if (!eni_group_insert(txn, &member, error))
            return false;
    }
    return tags_put(context, txn, eni->id, "network-interface", &launch->spec->eni_tags, error);
}

static const char *new_instance_uuid(Arena *arena)
{
    char *uuid = id_new_uuid(arena);
    memcpy(uuid, "ec2", 3);
    return uuid;
}

/* AWS: "aws:ec2launchtemplate:id" and ":version". */
static bool tag_template(Context *context, Txn *txn, const RunSpec *spec, const char *instance_id,
                         GError **error)
{
    const struct {
        const char *key, *value;
    } tags[] = {
        {"aws:ec2launchtemplate:id", spec->launch_template_id},
        {"aws:ec2launchtemplate:version", spec->launch_template_version},
    };
    for (size_t i = 0; spec->launch_template_id && i < G_N_ELEMENTS(tags); i++) {
        const Tag tag = {
            .resource_id = instance_id,
            .key = tags[i].key,
            .value = tags[i].value,
            .account_id = context->caller.account_id,
            .resource_type = "instance",
        };
        if (!tag_put(txn, &tag, error))
            return false;
    }
    return true;
}

static bool record_instance(Context *context, Txn *txn, const Launch *launch, int64_t index,
                            Instance **ret_instance, GError **error)
{
    const RunSpec *spec = launch->spec;
    const Image *image = launch->image;
    Instance *instance = arena_new_struct(context->arena, Instance);
    *instance = (Instance){
        .id = id_new(context->arena, "i"),
        .account_id = context->caller.account_id,
        .reservation_id = launch->reservation_id,
        .launch_index = index,
        .image_id = image->id,
        .kernel_id = spec->kernel_id ? spec->kernel_id : image->kernel_id,
        .ramdisk_id = spec->ramdisk_id ? spec->ramdisk_id : image->ramdisk_id,
        .type = launch->type->name,
        .key_name = spec->key_name,
        .vpc_id = launch->vpc->id,
        .subnet_id = launch->subnet->id,
        .zone = launch->subnet->zone,
        .wants_public_ip = launch->public_address,
        .architecture = image->architecture,
        .root_device_name = image->root_device_name,
        .root_device_type = image->root_device_type,
        .state = INSTANCE_PENDING,
        .state_since = launch->now,
        .launch_time = launch->now,
        .user_data = launch->user_data,
        .shutdown_behavior = spec->shutdown_behavior ? spec->shutdown_behavior : "stop",
        .disable_api_termination = spec->disable_api_termination,
        .disable_api_stop = spec->disable_api_stop,
        .monitoring = spec->monitoring,
        .ebs_optimized = spec->ebs_optimized,
        .source_dest_check = true,
        .tenancy = spec->tenancy ? spec->tenancy : "default",
        .uuid = new_instance_uuid(context->arena),
        .client_token = spec->client_token,
        .http_tokens = spec->http_tokens ? spec->http_tokens : "optional",
        .http_endpoint = spec->http_endpoint ? spec->http_endpoint : "enabled",
        .http_hop_limit = spec->http_hop_limit ? spec->http_hop_limit : 1,
        .http_tags = spec->http_tags ? spec->http_tags : "disabled",
        .iam_profile = spec->iam_profile,
    };
    if (!address_take_private(context, txn, launch->subnet, spec->private_address,
                              &instance->private_ip, error) ||
        (launch->public_address && !address_take_public(context, txn, &instance->public_ip, error)))
        return false;
    if (!instance_insert(txn, instance, error) ||
        !record_eni(context, txn, launch, instance, error) ||
        !instance_disks_record(context, txn, &launch->disks, image, instance, &spec->volume_tags,
                               error) ||
        !tags_put(context, txn, instance->id, "instance", &spec->instance_tags, error) ||
        !tag_template(context, txn, spec, instance->id, error))
        return false;
    *ret_instance = instance;
    return true;
}

static bool record_launch(Context *context, Txn *txn, Launch *launch, List *instances,
                          GError **error)
{
    int64_t count;
    if (!resolve(context, txn, launch, error) ||
        !instance_check_user_data(context, launch->spec->user_data, &launch->user_data, error) ||
        !instance_limits_fit(context, txn, launch->type, launch->spec->min_count,
                             launch->spec->max_count, &count, error))
        return false;
    launch->reservation_id = id_new(context->arena, "r");
    for (int64_t i = 0; i < count; i++) {
        Instance *instance;
        if (!record_instance(context, txn, launch, i, &instance, error))
            return false;
        list_add(instances, context->arena, instance);
    }
    return client_token_keep(context, txn, "RunInstances", launch->spec->client_token,
                             launch->spec->request_digest, launch->reservation_id, error);
}

bool instances_record(Context *context, Txn *txn, const RunSpec *spec, List *instances,
                      GError **error)
{
    Launch launch = {.spec = spec, .now = cloud_now(context->cloud)};
    return check_spec(spec, error) && record_launch(context, txn, &launch, instances, error);
}

void instances_wake(Cloud *cloud, const List *instances)
{
    LIST_EACH (const Instance *, instance, instances)
        cloud_wake_instance(cloud, instance->vpc_id, instance->id);
    cloud_wake_network(cloud);
}

bool instances_run(Context *context, const RunSpec *spec, List *ret_views, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    const char *repeated;
    List instances = {0}, views = {0};

    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !client_token_find(context, txn, "RunInstances", spec->client_token, spec->request_digest,
                           &repeated, error))
        return false;
    if (repeated) {
        if (!record_query(txn, context->arena, QUERY_INSTANCES_OF_RESERVATION, &instances, error,
                          repeated))
            return false;
    } else if (!instances_record(context, txn, spec, &instances, error)) {
        return false;
    }
    if (!instance_views(context, txn, &instances, &views, error) || !txn_commit(&txn, error))
        return false;
    instances_wake(context->cloud, &instances);
    *ret_views = views;
    return true;
}
