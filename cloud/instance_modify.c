/* ModifyInstanceAttribute. Invariant: what shapes the machine changes only while there is none. */
#include "cloud/instances.h"

#include "base/fault.h"
#include "cloud/images.h"
#include "cloud/security_groups.h"
#include <string.h>

bool instance_find_one(Context *context, Txn *txn, const char *id, Instance **ret_instance,
                       GError **error)
{
    List ids = {0}, found = {0};
    const char *token;
    list_add(&ids, context->arena, id);
    Page page = {.ids = &ids};
    if (!cloud_find(context, txn, &instance_finder, &page, &instance_missing, &found, &token,
                    error))
        return false;
    *ret_instance = list_at(&found, 0);
    return true;
}

static bool change_machine(Context *context, Txn *txn, Instance *instance,
                           const InstanceChange *change, GError **error)
{
    if (!change->type && !change->kernel_id && !change->ramdisk_id && !change->user_data)
        return true;
    if (instance->state != INSTANCE_STOPPED)
        return fault_set(error, FAULT_INCORRECT_INSTANCE_STATE,
                         "The instance '%s' is not in the 'stopped' state.", instance->id);
    if (change->type) {
        InstanceType *type;
        if (!instance_type_get(txn, context->arena, change->type, &type, error))
            return false;
        if (!type)
            return fault_set(error, FAULT_INVALID_INSTANCE_ATTRIBUTE,
                             "Invalid value '%s' for InstanceType.", change->type);
        instance->type = type->name;
    }
    Image *image;
    if (change->kernel_id) {
        if (!image_resolve(context, txn, change->kernel_id, "kernel", &image, error))
            return false;
        instance->kernel_id = image->id;
    }
    if (change->ramdisk_id) {
        if (!image_resolve(context, txn, change->ramdisk_id, "ramdisk", &image, error))
            return false;
        instance->ramdisk_id = image->id;
    }
    return !change->user_data ||
           instance_check_user_data(context, change->user_data, &instance->user_data, error);
}

static bool change_groups(Context *context, Txn *txn, const Instance *instance,
                          const List *group_ids, GError **error)
{
    if (group_ids->n == 0)
        return true;
    List groups = {0}, enis = {0}, no_names = {0};
    if (!security_groups_resolve(context, txn, instance->vpc_id, group_ids, &no_names, &groups,
                                 error) ||
        !record_query(txn, context->arena, QUERY_ENIS_OF_INSTANCE, &enis, error, instance->id))
        return false;
    LIST_EACH (const Eni *, eni, &enis) {
        if (eni->device_index != 0)
            continue;
        if (!record_change(txn, CHANGE_DELETE_GROUPS_OF_ENI, NULL, error, eni->id))
            return false;
        LIST_EACH (const SecurityGroup *, group, &groups) {
            EniGroup member = {.eni_id = eni->id, .group_id = group->id};
            if (!eni_group_insert(txn, &member, error))
                return false;
        }
    }
    return true;
}

static bool change_volumes(Context *context, Txn *txn, const Instance *instance,
                           const List *changes, GError **error)
{
    List volumes = {0};
    if (!record_query(txn, context->arena, QUERY_VOLUMES_OF_INSTANCE, &volumes, error,
                      instance->id))
        return false;
    LIST_EACH (const RunVolume *, change, changes) {
        bool found = false;
        LIST_EACH (Volume *, volume, &volumes) {
            if (strcmp(volume->device, change->device) != 0)
                continue;
            found = true;
            if (change->delete_on_termination >= 0)
                volume->delete_on_termination = change->delete_on_termination;
            if (!volume_put(txn, volume, error))
                return false;
        }
        if (!found)
            return fault_set(error, FAULT_INVALID_INSTANCE_ATTRIBUTE,
                             "No device is currently mapped at %s", change->device);
    }
    return true;
}

static bool change_eni(Context *context, Txn *txn, Instance *instance, bool source_dest_check,
                       GError **error)
{
    List enis = {0};
    if (!record_query(txn, context->arena, QUERY_ENIS_OF_INSTANCE, &enis, error, instance->id))
        return false;
    instance->source_dest_check = source_dest_check;
    LIST_EACH (Eni *, eni, &enis) {
        eni->source_dest_check = source_dest_check;
        if (!eni_put(txn, eni, error))
            return false;
    }
    return true;
}

static bool change_settings(Instance *instance, const InstanceChange *change, GError **error)
{
    if (change->shutdown_behavior) {
        if (strcmp(change->shutdown_behavior, "stop") != 0 &&
            strcmp(change->shutdown_behavior, "terminate") != 0)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "Value (%s) for parameter instanceInitiatedShutdownBehavior is "
                             "invalid. Must be stop or terminate",
                             change->shutdown_behavior);
        instance->shutdown_behavior = change->shutdown_behavior;
    }
    if (change->disable_api_termination >= 0)
        instance->disable_api_termination = change->disable_api_termination;
    if (change->disable_api_stop >= 0)
        instance->disable_api_stop = change->disable_api_stop;
    if (change->ebs_optimized >= 0)
        instance->ebs_optimized = change->ebs_optimized;
    if (change->http_tokens)
        instance->http_tokens = change->http_tokens;
    if (change->http_endpoint)
        instance->http_endpoint = change->http_endpoint;
    if (change->http_tags)
        instance->http_tags = change->http_tags;
    if (change->http_hop_limit)
        instance->http_hop_limit = change->http_hop_limit;
    return true;
}

bool instance_modify(Context *context, const char *id, const InstanceChange *change, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Instance *instance;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !instance_find_one(context, txn, id, &instance, error))
        return false;
    if (instance->state == INSTANCE_TERMINATED)
        return fault_set(error, FAULT_INCORRECT_INSTANCE_STATE, "The instance '%s' is terminated.",
                         id);
    if (!change_machine(context, txn, instance, change, error) ||
        !change_settings(instance, change, error) ||
        (change->source_dest_check >= 0 &&
         !change_eni(context, txn, instance, change->source_dest_check, error)) ||
        !change_groups(context, txn, instance, &change->group_ids, error) ||
        !change_volumes(context, txn, instance, &change->volumes, error) ||
        !instance_put(txn, instance, error) || !txn_commit(&txn, error))
        return false;
    if (change->group_ids.n)
        cloud_wake_network(context->cloud);
    return true;
}
