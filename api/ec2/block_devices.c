/* See the header. */
#include "api/ec2/block_devices.h"

#include "api/ec2/tag_items.h"
#include "base/fault.h"
#include "cloud/instances.h"
#include <string.h>

#define EVERYBODY "all"

static void use_ebs(const EbsBlockDevice *ebs, RunVolume *volume)
{
    volume->size_gib = ebs->volume_size == ABSENT ? 0 : ebs->volume_size;
    volume->delete_on_termination = ebs->delete_on_termination;
    volume->type = ebs->volume_type;
    volume->iops = ebs->iops == ABSENT ? 0 : ebs->iops;
    volume->throughput = ebs->throughput == ABSENT ? 0 : ebs->throughput;
    volume->encrypted = ebs->encrypted == 1;
    volume->snapshot_id = ebs->snapshot_id;
    volume->virtual_name = NULL;
}

List ec2_run_volumes(Call *call, const List *block_devices)
{
    List volumes = {0};
    LIST_EACH (const LaunchBlockDevice *, device, block_devices) {
        RunVolume *volume = arena_new_struct(call->context.arena, RunVolume);
        *volume = (RunVolume){
            .device = device->device_name,
            .virtual_name = device->virtual_name,
            .no_device = device->no_device != NULL,
            .delete_on_termination = -1,
        };
        if (device->ebs)
            use_ebs(device->ebs, volume);
        list_add(&volumes, call->context.arena, volume);
    }
    return volumes;
}

static ImageEbs *ebs_item(Call *call, const ImageMapping *mapping)
{
    ImageEbs *ebs = EC2_NEW(call, ImageEbs);
    ebs->snapshot_id = mapping->snapshot_id;
    ebs->volume_size = mapping->size_gib;
    ebs->delete_on_termination = mapping->delete_on_termination;
    ebs->volume_type = mapping->type;
    ebs->encrypted = mapping->encrypted;
    if (mapping->iops)
        ebs->iops = mapping->iops;
    if (mapping->throughput)
        ebs->throughput = mapping->throughput;
    return ebs;
}

List ec2_image_devices(Call *call, const List *mappings)
{
    List devices = {0};
    LIST_EACH (const ImageMapping *, mapping, mappings) {
        ImageBlockDevice *device = EC2_NEW(call, ImageBlockDevice);
        device->device_name = mapping->device;
        device->virtual_name = mapping->virtual_name;
        if (!mapping->virtual_name)
            device->ebs = ebs_item(call, mapping);
        list_add(&devices, call->context.arena, device);
    }
    return devices;
}

/* ---- permissions ---- */

List ec2_account_items(Call *call, const List *accounts)
{
    List items = {0};
    LIST_EACH (const char *, account, accounts) {
        PermissionItem *item = EC2_NEW(call, PermissionItem);
        if (strcmp(account, EVERYBODY) == 0)
            item->group = account;
        else
            item->user_id = account;
        list_add(&items, call->context.arena, item);
    }
    return items;
}

static bool add_account(Call *call, const char *group, const char *user_id, List *accounts,
                        GError **error)
{
    if (group && strcmp(group, EVERYBODY) != 0)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Value (%.100s) for parameter group is invalid. The group is all.", group);
    if (group || user_id)
        list_add(accounts, call->context.arena, group ? group : user_id);
    return true;
}

static bool add_items(Call *call, const List *items, List *accounts, GError **error)
{
    LIST_EACH (const PermissionItem *, item, items)
        if (!add_account(call, item->group, item->user_id, accounts, error))
            return false;
    return true;
}

static bool add_plain(Call *call, const List *user_ids, const List *groups, List *accounts,
                      GError **error)
{
    LIST_EACH (const char *, user_id, user_ids)
        if (!add_account(call, NULL, user_id, accounts, error))
            return false;
    LIST_EACH (const char *, group, groups)
        if (!add_account(call, group, NULL, accounts, error))
            return false;
    return true;
}

bool ec2_permission_change(Call *call, const PermissionChange *change, const char *operation,
                           const List *user_ids, const List *groups, List *add, List *remove,
                           GError **error)
{
    bool plain = user_ids->n + groups->n > 0;
    if (plain && !operation)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter operationType");
    List *accounts = plain && strcmp(operation, "remove") == 0 ? remove : add;
    return add_plain(call, user_ids, groups, accounts, error) &&
           (!change || (add_items(call, &change->add, add, error) &&
                        add_items(call, &change->remove, remove, error)));
}
