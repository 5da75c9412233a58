/* Instances and groups of machines, in one snapshot. */
#include "cloud/machine_owners.h"

#include "store/record.h"

static bool find_owner(Txn *txn, Arena *arena, const char *id, List *owners, GError **error)
{
    Instance *instance;
    ScalingInstance *member;
    if (!instance_get(txn, arena, id, &instance, error) ||
        !scaling_instance_get(txn, arena, id, &member, error))
        return false;
    if (!instance)
        return true;
    MachineOwner *owner = arena_new_struct(arena, MachineOwner);
    *owner = (MachineOwner){
        .id = id,
        .account_id = instance->account_id,
        .image_id = instance->image_id,
        .type = instance->type,
        .group = member ? member->group_name : NULL,
    };
    list_add(owners, arena, owner);
    return true;
}

bool machine_owners(Cloud *cloud, Arena *arena, const List *ids, List *owners, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (ids->n == 0)
        return true;
    if (!txn_begin_read(cloud_store(cloud), &txn, error))
        return false;
    LIST_EACH (const char *, id, ids) {
        if (!find_owner(txn, arena, id, owners, error))
            return false;
    }
    return txn_commit(&txn, error);
}
