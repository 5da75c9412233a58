/* Instances as replies show them. Pure: from records to shapes. */
#include "api/ec2/instance_items.h"

#include "api/ec2/tag_items.h"
#include "cloud/addresses.h"
#include <string.h>

/* The first API version whose instances, not reservations, have groups. */
#define FIRST_WITH_VPCS "2011-01-01"

StateItem *ec2_state_item(Call *call, int state)
{
    StateItem *item = EC2_NEW(call, StateItem);
    item->code = instance_state_code(state);
    item->name = state_name(&instance_machine, state);
    return item;
}

List ec2_group_items(Call *call, const List *groups)
{
    List items = {0};
    LIST_EACH (const SecurityGroup *, group, groups) {
        GroupIdentifier *item = EC2_NEW(call, GroupIdentifier);
        item->group_id = group->id;
        item->group_name = group->name;
        list_add(&items, call->context.arena, item);
    }
    return items;
}

List ec2_block_device_items(Call *call, const InstanceView *view)
{
    List items = {0};
    LIST_EACH (const Volume *, volume, &view->volumes) {
        BlockDeviceItem *item = EC2_NEW(call, BlockDeviceItem);
        item->device_name = volume->device;
        item->ebs = EC2_NEW(call, EbsAttachmentItem);
        item->ebs->volume_id = volume->id;
        item->ebs->status = volume->attachment;
        item->ebs->attach_time = volume->attach_time;
        item->ebs->delete_on_termination = volume->delete_on_termination;
        list_add(&items, call->context.arena, item);
    }
    return items;
}

MetadataOptionsItem *ec2_metadata_options_item(Call *call, const Instance *instance)
{
    MetadataOptionsItem *item = EC2_NEW(call, MetadataOptionsItem);
    item->state = "applied";
    item->http_tokens = instance->http_tokens;
    item->hop_limit = instance->http_hop_limit;
    item->http_endpoint = instance->http_endpoint;
    item->http_ipv6 = "disabled";
    item->tags = instance->http_tags;
    return item;
}

static const char *private_dns(Call *call, const char *address)
{
    return address ? address_private_name(call->context.arena, address) : NULL;
}

static const char *public_dns(Call *call, const char *address)
{
    return address ? address_public_name(call->context.arena, address,
                                         cloud_dns_suffix(call->context.cloud))
                   : NULL;
}

static AssociationItem *association_item(Call *call, const Eni *eni)
{
    if (!eni->public_ip)
        return NULL;
    AssociationItem *item = EC2_NEW(call, AssociationItem);
    item->public_ip = eni->public_ip;
    item->public_dns = public_dns(call, eni->public_ip);
    item->owner = "amazon";
    return item;
}

static InstanceInterfaceItem *interface_item(Call *call, const InstanceView *view, const Eni *eni)
{
    InstanceInterfaceItem *item = EC2_NEW(call, InstanceInterfaceItem);
    item->id = eni->id;
    item->subnet_id = eni->subnet_id;
    item->vpc_id = eni->vpc_id;
    item->description = eni->description;
    item->owner_id = eni->account_id;
    item->status = "in-use";
    item->mac = eni->mac;
    item->address = eni->private_ip;
    item->dns_name = private_dns(call, eni->private_ip);
    item->source_dest_check = eni->source_dest_check;
    item->groups = ec2_group_items(call, &view->groups);
    item->association = association_item(call, eni);
    item->interface_type = "interface";

    InterfaceAttachmentItem *attachment = EC2_NEW(call, InterfaceAttachmentItem);
    attachment->id = eni->attachment_id;
    attachment->device_index = eni->device_index;
    attachment->status = "attached";
    attachment->attach_time = eni->created;
    attachment->delete_on_termination = eni->delete_on_termination;
    attachment->network_card_index = 0;
    item->attachment = attachment;

    PrivateAddressItem *address = EC2_NEW(call, PrivateAddressItem);
    address->address = eni->private_ip;
    address->dns_name = item->dns_name;
    address->primary = true;
    address->association = item->association;
    list_add(&item->addresses, call->context.arena, address);
    return item;
}

static void add_state(Call *call, InstanceItem *item, const Instance *instance)
{
    item->state = ec2_state_item(call, instance->state);
    item->reason = instance->transition_reason;
    if (!instance->reason_code)
        return;
    item->state_reason = EC2_NEW(call, StateReasonItem);
    item->state_reason->code = instance->reason_code;
    item->state_reason->message = instance->reason_message;
}

static void add_place(Call *call, InstanceItem *item, const Instance *instance)
{
    item->placement = EC2_NEW(call, PlacementItem);
    item->placement->availability_zone = instance->zone;
    item->placement->tenancy = instance->tenancy;
    item->private_ip = instance->private_ip;
    item->public_ip = instance->public_ip;
    item->private_dns = private_dns(call, instance->private_ip);
    item->public_dns = public_dns(call, instance->public_ip);
    if (instance->state == INSTANCE_TERMINATED)
        return; /* AWS: terminated instances lose what ties them to the network */
    item->subnet_id = instance->subnet_id;
    item->vpc_id = instance->vpc_id;
    item->source_dest_check = instance->source_dest_check;
}

/* What is the same for every instance here. */
static void add_constants(Call *call, InstanceItem *item, const Instance *instance)
{
    item->virtualization_type = "hvm";
    item->hypervisor = "xen"; /* AWS says so whatever it is */
    item->ena_support = true;
    item->hibernation = EC2_NEW(call, HibernationItem);
    item->hibernation->configured = false;
    item->enclave = EC2_NEW(call, EnclaveItem);
    item->enclave->enabled = false;
    item->maintenance = EC2_NEW(call, MaintenanceItem);
    item->maintenance->auto_recovery = "default";
    item->platform_details = "Linux/UNIX";
    item->usage_operation = "RunInstances";
    item->usage_time = instance->launch_time;
    item->boot_mode = "legacy-bios";
}

InstanceItem *ec2_instance_item(Call *call, const InstanceView *view)
{
    const Instance *instance = view->instance;
    InstanceItem *item = EC2_NEW(call, InstanceItem);
    item->id = instance->id;
    item->image_id = instance->image_id;
    item->key_name = instance->key_name;
    item->launch_index = instance->launch_index;
    item->type = instance->type;
    item->launch_time = instance->launch_time;
    item->kernel_id = instance->kernel_id;
    item->ramdisk_id = instance->ramdisk_id;
    item->architecture = instance->architecture;
    item->root_device_type = instance->root_device_type;
    item->root_device_name = instance->root_device_name;
    item->client_token = instance->client_token;
    item->ebs_optimized = instance->ebs_optimized;
    item->monitoring = EC2_NEW(call, MonitoringItem);
    item->monitoring->state = instance->monitoring ? "enabled" : "disabled";
    item->metadata_options = ec2_metadata_options_item(call, instance);
    item->block_devices = ec2_block_device_items(call, view);
    item->groups = ec2_group_items(call, &view->groups);
    add_state(call, item, instance);
    add_place(call, item, instance);
    add_constants(call, item, instance);
    if (instance->iam_profile) {
        item->profile = EC2_NEW(call, ProfileItem);
        item->profile->arn = instance->iam_profile;
    }
    LIST_EACH (const Eni *, eni, &view->enis)
        list_add(&item->interfaces, call->context.arena, interface_item(call, view, eni));
    item->tags = ec2_tag_items(call, view->tags);
    return item;
}

/* Reservations under construction, each with what is said of it as one text: its heading. */
typedef struct Reservations {
    GHashTable *by_heading; /* → ReservationItem */
    const char *last_heading;
    ReservationItem *last;
    List items; /* of ReservationItem *, in the order of their first instance */
} Reservations;

static void reservations_clear(Reservations *reservations)
{
    g_hash_table_unref(reservations->by_heading);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reservations, reservations_clear)

static const char *heading_of(Call *call, const Instance *instance)
{
    const char *requester = instance->requester_id ? instance->requester_id : "";
    return arena_printf(call->context.arena, "%s\n%s\n%s", instance->reservation_id,
                        instance->account_id, requester);
}

/* heading: in the arena. */
static ReservationItem *reservation_of(Call *call, Reservations *reservations, const char *heading)
{
    if (reservations->last && strcmp(heading, reservations->last_heading) == 0)
        return reservations->last;
    ReservationItem *item = g_hash_table_lookup(reservations->by_heading, heading);
    if (!item) {
        char *rest = arena_strdup(call->context.arena, heading);
        item = EC2_NEW(call, ReservationItem);
        item->reservation_id = strsep(&rest, "\n");
        item->owner_id = strsep(&rest, "\n");
        item->requester_id = rest;
        g_hash_table_insert(reservations->by_heading, (void *)heading, item);
        list_add(&reservations->items, call->context.arena, item);
    }
    reservations->last_heading = heading;
    reservations->last = item;
    return item;
}

List ec2_reservation_items(Call *call, const List *views)
{
    g_auto(Reservations) reservations = {.by_heading = g_hash_table_new(g_str_hash, g_str_equal)};
    LIST_EACH (const InstanceView *, view, views) {
        ReservationItem *item =
            reservation_of(call, &reservations, heading_of(call, view->instance));
        /* Before there were VPCs, a reservation's groups were its instances'. */
        if (item->instances.n == 0 && strcmp(call->version, FIRST_WITH_VPCS) < 0)
            item->groups = ec2_group_items(call, &view->groups);
        list_add(&item->instances, call->context.arena, ec2_instance_item(call, view));
    }
    return reservations.items;
}

/* ---- pieces ---- */

/* An instance found, with its remembered piece or the key to remember one by. */
typedef struct Shown {
    const Piece *piece;
    const char *key;
} Shown;

static const char *piece_key(Call *call, const char *id)
{
    size_t version = strlen(call->version), size = strlen(id) + 1;
    char *key = arena_alloc(call->context.arena, version + size);
    memcpy(key, call->version, version);
    memcpy(key + version, id, size);
    return key;
}

/* What is remembered of each of those found, and the ids of the others. */
static Shown *find_pieces(Call *call, const InstanceSearch *search, List *others)
{
    Shown *shown = arena_alloc(call->context.arena, (search->ids.n + 1) * sizeof(Shown));
    for (size_t i = 0; i < search->ids.n; i++) {
        const char *id = search->ids.items[i];
        shown[i].key = piece_key(call, id);
        const Piece *piece = pieces_find(&call->pieces, shown[i].key);
        if (piece && instance_search_unchanged(search, id, piece->since))
            shown[i].piece = piece;
        else
            list_add(others, call->context.arena, id);
    }
    return shown;
}

static void show_piece(Call *call, Reservations *reservations, const Piece *piece)
{
    list_add(&reservation_of(call, reservations, piece->heading)->instances, call->context.arena,
             shape_rendered(call->context.arena, piece->xml, piece->size));
}

static void show_view(Call *call, Reservations *reservations, const InstanceView *view,
                      const char *key, uint64_t since)
{
    const char *heading = heading_of(call, view->instance);
    InstanceItem *item = ec2_instance_item(call, view);
    item->rendered = arena_new_struct(call->context.arena, Rendered);
    pieces_add(&call->pieces, key, since, heading, item->rendered);
    list_add(&reservation_of(call, reservations, heading)->instances, call->context.arena, item);
}

bool ec2_reservations_found(Call *call, InstanceSearch *search, List *ret_items, GError **error)
{
    List others = {0}, views = {0};
    /* A reservation that shows groups is more than the sum of its instances. */
    if (!call->pieces.cache || strcmp(call->version, FIRST_WITH_VPCS) < 0) {
        if (!instance_search_views(search, &search->ids, &views, error))
            return false;
        *ret_items = ec2_reservation_items(call, &views);
        return true;
    }
    const Shown *shown = find_pieces(call, search, &others);
    if (!instance_search_views(search, &others, &views, error))
        return false;
    g_auto(Reservations) reservations = {.by_heading = g_hash_table_new(g_str_hash, g_str_equal)};
    for (size_t i = 0, n_views = 0; i < search->ids.n; i++) {
        if (shown[i].piece)
            show_piece(call, &reservations, shown[i].piece);
        else
            show_view(call, &reservations, list_at(&views, n_views++), shown[i].key,
                      instance_search_since(search));
    }
    *ret_items = reservations.items;
    return true;
}
