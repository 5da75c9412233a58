/* Volumes. */
#include "cloud/volumes.h"
#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/tag_items.h"
#include "base/fault.h"
#include <string.h>

#define VOLUMES_PAGE_MIN 5
#define VOLUMES_PAGE_MAX 1000
#define MODIFICATIONS_PAGE_MAX 500

static const char *const taggable[] = {"volume", NULL};

static int64_t given(int64_t value)
{
    return value == ABSENT ? 0 : value;
}

static int64_t shown(int64_t value)
{
    return value ? value : ABSENT;
}

static VolumeAttachmentItem *attachment_item(Call *call, const Volume *volume)
{
    VolumeAttachmentItem *item = EC2_NEW(call, VolumeAttachmentItem);
    item->volume_id = volume->id;
    item->instance_id = volume->instance_id;
    item->device = volume->device;
    item->status = volume->attachment;
    item->attach_time = volume->attach_time;
    item->delete_on_termination = volume->delete_on_termination;
    return item;
}

static VolumeItem *volume_item(Call *call, const VolumeView *view)
{
    const Volume *volume = view->volume;
    VolumeItem *item = EC2_NEW(call, VolumeItem);
    item->volume_id = volume->id;
    item->size = volume->size_gib;
    item->snapshot_id = volume->snapshot_id;
    item->zone = volume->zone;
    item->status = state_name(&volume_machine, volume->state);
    item->create_time = volume->created;
    item->type = volume->type;
    item->iops = shown(volume_iops(volume));
    item->encrypted = volume->encrypted;
    item->multi_attach = false;
    item->throughput = shown(volume->throughput);
    item->tags = ec2_tag_items(call, view->tags);
    if (volume->instance_id)
        list_add(&item->attachments, call->context.arena, attachment_item(call, volume));
    return item;
}

static bool refuse_multi_attach(int multi_attach, GError **error)
{
    return multi_attach != 1 || fault_set(error, FAULT_UNSUPPORTED_OPERATION,
                                          "A volume can be attached to one instance at a time.");
}

bool ec2_create_volume(Call *call, const CreateVolumeRequest *request, CreateVolumeReply *reply,
                       GError **error)
{
    VolumeView view;
    VolumeSpec spec = {
        .zone = request->zone,
        .size_gib = given(request->size),
        .snapshot_id = request->snapshot_id,
        .type = request->type,
        .iops = given(request->iops),
        .throughput = given(request->throughput),
        .encrypted = request->encrypted == 1,
        .client_token = request->client_token,
        .request_digest = call->digest,
    };
    if (!refuse_multi_attach(request->multi_attach, error) ||
        !ec2_tag_specification(call, &request->tag_specifications, "volume", taggable, &spec.tags,
                               error) ||
        !volume_create(&call->context, &spec, &view, error))
        return false;
    reply->volume = *volume_item(call, &view);
    return true;
}

bool ec2_delete_volume(Call *call, const DeleteVolumeRequest *request, ReturnReply *reply,
                       GError **error)
{
    reply->done = true;
    return volume_delete_one(&call->context, request->volume_id, error);
}

bool ec2_describe_volumes(Call *call, const DescribeVolumesRequest *request,
                          DescribeVolumesReply *reply, GError **error)
{
    Page page;
    List views = {0};
    if (!ec2_page(call, &request->selection, &request->volume_ids, VOLUMES_PAGE_MIN,
                  VOLUMES_PAGE_MAX, &page, error) ||
        !volumes_find(&call->context, &page, &views, &reply->next_token, error))
        return false;
    LIST_EACH (const VolumeView *, view, &views)
        list_add(&reply->volumes, call->context.arena, volume_item(call, view));
    return true;
}

bool ec2_attach_volume(Call *call, const AttachVolumeRequest *request, VolumeAttachmentReply *reply,
                       GError **error)
{
    Volume *volume;
    if (!volume_attach(&call->context, request->volume_id, request->instance_id, request->device,
                       &volume, error))
        return false;
    reply->attachment = *attachment_item(call, volume);
    return true;
}

bool ec2_detach_volume(Call *call, const DetachVolumeRequest *request, VolumeAttachmentReply *reply,
                       GError **error)
{
    Volume *volume;
    if (!volume_detach(&call->context, request->volume_id, request->instance_id, request->device,
                       request->force == 1, &volume, error))
        return false;
    reply->attachment = *attachment_item(call, volume);
    return true;
}

static VolumeModificationItem *modification_item(Call *call, const VolumeChange *change)
{
    VolumeModificationItem *item = EC2_NEW(call, VolumeModificationItem);
    item->volume_id = change->volume_id;
    item->state = change->state;
    item->status_message = change->status_message;
    item->target_size = change->target_size_gib;
    item->target_iops = shown(change->target_iops);
    item->target_type = change->target_type;
    item->target_throughput = shown(change->target_throughput);
    item->target_multi_attach = item->original_multi_attach = false;
    item->original_size = change->original_size_gib;
    item->original_iops = shown(change->original_iops);
    item->original_type = change->original_type;
    item->original_throughput = shown(change->original_throughput);
    item->progress = strcmp(change->state, "completed") == 0 ? 100 : 0;
    item->start_time = change->started;
    item->end_time = change->ended;
    return item;
}

bool ec2_modify_volume(Call *call, const ModifyVolumeRequest *request, ModifyVolumeReply *reply,
                       GError **error)
{
    VolumeChange *change;
    VolumeTarget target = {
        .size_gib = given(request->size),
        .type = request->type,
        .iops = given(request->iops),
        .throughput = given(request->throughput),
    };
    if (!refuse_multi_attach(request->multi_attach, error) ||
        !volume_modify(&call->context, request->volume_id, &target, &change, error))
        return false;
    reply->modification = modification_item(call, change);
    return true;
}

bool ec2_describe_volumes_modifications(Call *call,
                                        const DescribeVolumesModificationsRequest *request,
                                        DescribeVolumesModificationsReply *reply, GError **error)
{
    Page page;
    List changes = {0};
    if (!ec2_page_of(call, &request->selection, &request->volume_ids, 1, MODIFICATIONS_PAGE_MAX,
                     &page, error) ||
        !volume_changes_find(&call->context, &page, &changes, &reply->next_token, error))
        return false;
    LIST_EACH (const VolumeChange *, change, &changes)
        list_add(&reply->modifications, call->context.arena, modification_item(call, change));
    return true;
}

static void add_detail(Call *call, VolumeStatusInfoItem *info, const char *name, const char *status)
{
    VolumeStatusDetailItem *detail = EC2_NEW(call, VolumeStatusDetailItem);
    detail->name = name;
    detail->status = status;
    list_add(&info->details, call->context.arena, detail);
}

static VolumeStatusItem *status_item(Call *call, const Volume *volume)
{
    VolumeStatusItem *item = EC2_NEW(call, VolumeStatusItem);
    bool made = volume->state != VOLUME_CREATING;
    item->volume_id = volume->id;
    item->zone = volume->zone;
    item->status = EC2_NEW(call, VolumeStatusInfoItem);
    item->status->status = made ? "ok" : "insufficient-data";
    add_detail(call, item->status, "io-enabled", made ? "passed" : "insufficient-data");
    add_detail(call, item->status, "io-performance", "not-applicable");
    return item;
}

bool ec2_describe_volume_status(Call *call, const DescribeVolumeStatusRequest *request,
                                DescribeVolumeStatusReply *reply, GError **error)
{
    Page page;
    List views = {0};
    if (!ec2_page(call, &request->selection, &request->volume_ids, VOLUMES_PAGE_MIN,
                  VOLUMES_PAGE_MAX, &page, error) ||
        !volumes_find(&call->context, &page, &views, &reply->next_token, error))
        return false;
    LIST_EACH (const VolumeView *, view, &views)
        list_add(&reply->statuses, call->context.arena, status_item(call, view->volume));
    return true;
}

static bool find_one(Call *call, const char *id, Volume **ret_volume, GError **error)
{
    List ids = {0}, views = {0};
    const char *token;
    list_add(&ids, call->context.arena, id);
    Page page = {.ids = &ids};
    if (!volumes_find(&call->context, &page, &views, &token, error))
        return false;
    *ret_volume = ((const VolumeView *)list_at(&views, 0))->volume;
    return true;
}

bool ec2_describe_volume_attribute(Call *call, const DescribeVolumeAttributeRequest *request,
                                   DescribeVolumeAttributeReply *reply, GError **error)
{
    Volume *volume;
    if (!find_one(call, request->volume_id, &volume, error))
        return false;
    reply->volume_id = volume->id;
    if (strcmp(request->attribute, "autoEnableIO") == 0) {
        reply->auto_enable_io = EC2_NEW(call, EnabledItem);
        reply->auto_enable_io->value = volume->auto_enable_io;
    }
    return true;
}

bool ec2_modify_volume_attribute(Call *call, const ModifyVolumeAttributeRequest *request,
                                 ReturnReply *reply, GError **error)
{
    if (!request->auto_enable_io)
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION, "No attributes specified.");
    reply->done = true;
    return volume_set_auto_enable_io(&call->context, request->volume_id,
                                     request->auto_enable_io->value == 1, error);
}

/* Input and output of a volume of ours are never disabled. */
bool ec2_enable_volume_io(Call *call, const EnableVolumeIORequest *request, ReturnReply *reply,
                          GError **error)
{
    Volume *volume;
    reply->done = true;
    return find_one(call, request->volume_id, &volume, error);
}
