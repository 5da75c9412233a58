/* Snapshots. */
#include "cloud/snapshots.h"
#include "api/ec2/block_devices.h"
#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/tag_items.h"
#include "base/fault.h"
#include <string.h>

#define SNAPSHOTS_PAGE_MIN 5
#define SNAPSHOTS_PAGE_MAX 1000

static const char *const taggable[] = {"snapshot", NULL};

static const char *progress_of(const Snapshot *snapshot)
{
    return snapshot->state == SNAPSHOT_COMPLETED ? "100%" : "0%";
}

static SnapshotItem *snapshot_item(Call *call, const SnapshotView *view)
{
    const Snapshot *snapshot = view->snapshot;
    SnapshotItem *item = EC2_NEW(call, SnapshotItem);
    item->snapshot_id = snapshot->id;
    item->volume_id = snapshot->volume_id ? snapshot->volume_id : "vol-ffffffff";
    item->status = state_name(&snapshot_machine, snapshot->state);
    item->status_message = snapshot->state_message;
    item->start_time = snapshot->started;
    item->progress = progress_of(snapshot);
    item->owner_id = snapshot->account_id;
    item->owner_alias = snapshot->owner_alias;
    item->volume_size = snapshot->size_gib;
    item->description = snapshot->description;
    item->encrypted = snapshot->encrypted;
    item->storage_tier = "standard";
    item->tags = ec2_tag_items(call, view->tags);
    return item;
}

bool ec2_create_snapshot(Call *call, const CreateSnapshotRequest *request,
                         CreateSnapshotReply *reply, GError **error)
{
    SnapshotView view;
    List tags = {0};
    if (!ec2_tag_specification(call, &request->tag_specifications, "snapshot", taggable, &tags,
                               error) ||
        !snapshot_create(&call->context, request->volume_id, request->description, &tags, &view,
                         error))
        return false;
    reply->snapshot = *snapshot_item(call, &view);
    return true;
}

static SnapshotInfoItem *info_item(Call *call, const SnapshotView *view)
{
    const Snapshot *snapshot = view->snapshot;
    SnapshotInfoItem *item = EC2_NEW(call, SnapshotInfoItem);
    item->snapshot_id = snapshot->id;
    item->volume_id = snapshot->volume_id;
    item->state = state_name(&snapshot_machine, snapshot->state);
    item->start_time = snapshot->started;
    item->progress = progress_of(snapshot);
    item->owner_id = snapshot->account_id;
    item->volume_size = snapshot->size_gib;
    item->description = snapshot->description;
    item->encrypted = snapshot->encrypted;
    item->tags = ec2_tag_items(call, view->tags);
    return item;
}

bool ec2_create_snapshots(Call *call, const CreateSnapshotsRequest *request,
                          CreateSnapshotsReply *reply, GError **error)
{
    List tags = {0}, views = {0};
    if (!request->instance->instance_id)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter InstanceId");
    if (!ec2_tag_specification(call, &request->tag_specifications, "snapshot", taggable, &tags,
                               error) ||
        !snapshots_create(&call->context, request->instance->instance_id,
                          request->instance->exclude_boot == 1, &request->instance->exclude,
                          request->description, &tags, request->copy_tags != NULL, &views, error))
        return false;
    LIST_EACH (const SnapshotView *, view, &views)
        list_add(&reply->snapshots, call->context.arena, info_item(call, view));
    return true;
}

bool ec2_delete_snapshot(Call *call, const DeleteSnapshotRequest *request, ReturnReply *reply,
                         GError **error)
{
    reply->done = true;
    return snapshot_delete_one(&call->context, request->snapshot_id, error);
}

bool ec2_copy_snapshot(Call *call, const CopySnapshotRequest *request, CopySnapshotReply *reply,
                       GError **error)
{
    Snapshot *snapshot;
    List tags = {0};
    if (strcmp(request->source_region, call->context.region) != 0)
        return fault_set(
            error, FAULT_INVALID_PARAMETER_VALUE,
            "Value (%.100s) for parameter SourceRegion is invalid. There is the region "
            "%s alone.",
            request->source_region, call->context.region);
    if (!ec2_tag_specification(call, &request->tag_specifications, "snapshot", taggable, &tags,
                               error) ||
        !snapshot_copy(&call->context, request->source_snapshot_id, request->description, &tags,
                       &snapshot, error))
        return false;
    reply->snapshot_id = snapshot->id;
    reply->tags = ec2_pair_items(call, &tags);
    return true;
}

bool ec2_describe_snapshots(Call *call, const DescribeSnapshotsRequest *request,
                            DescribeSnapshotsReply *reply, GError **error)
{
    SnapshotQuery query = {.owners = &request->owner_ids, .restorable_by = &request->restorable_by};
    List views = {0};
    if (!ec2_page(call, &request->selection, &request->snapshot_ids, SNAPSHOTS_PAGE_MIN,
                  SNAPSHOTS_PAGE_MAX, &query.page, error) ||
        !snapshots_find(&call->context, &query, &views, &reply->next_token, error))
        return false;
    LIST_EACH (const SnapshotView *, view, &views)
        list_add(&reply->snapshots, call->context.arena, snapshot_item(call, view));
    return true;
}

/* ---- permissions ---- */

bool ec2_describe_snapshot_attribute(Call *call, const DescribeSnapshotAttributeRequest *request,
                                     DescribeSnapshotAttributeReply *reply, GError **error)
{
    List accounts = {0};
    if (!snapshot_permissions(&call->context, request->snapshot_id, &accounts, error))
        return false;
    reply->snapshot_id = request->snapshot_id;
    if (strcmp(request->attribute, "createVolumePermission") == 0)
        reply->permissions = ec2_account_items(call, &accounts);
    return true;
}

bool ec2_modify_snapshot_attribute(Call *call, const ModifySnapshotAttributeRequest *request,
                                   ReturnReply *reply, GError **error)
{
    List add = {0}, remove = {0};
    if (!ec2_permission_change(call, request->permission, request->operation, &request->user_ids,
                               &request->groups, &add, &remove, error))
        return false;
    if (add.n + remove.n == 0)
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION, "No attributes specified.");
    reply->done = true;
    return snapshot_change_permissions(&call->context, request->snapshot_id, &add, &remove, false,
                                       error);
}

bool ec2_reset_snapshot_attribute(Call *call, const ResetSnapshotAttributeRequest *request,
                                  ReturnReply *reply, GError **error)
{
    List none = {0};
    reply->done = true;
    return snapshot_change_permissions(&call->context, request->snapshot_id, &none, &none, true,
                                       error);
}
