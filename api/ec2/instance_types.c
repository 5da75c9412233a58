/* DescribeInstanceTypes and DescribeInstanceTypeOfferings. Invariant: what every type shows here is
 * what its filters in store/finders.c compare with. */
#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/tag_items.h"
#include "cloud/catalog.h"

#define TYPES_PAGE_MIN 5
#define TYPES_PAGE_MAX 100
#define OFFERINGS_PAGE_MAX 1000

static List one(Call *call, const char *text)
{
    List list = {0};
    list_add(&list, call->context.arena, text);
    return list;
}

static TypeNetworkInfo *network_info(Call *call)
{
    NetworkCardInfo *card = EC2_NEW(call, NetworkCardInfo);
    card->index = 0;
    card->performance = "Moderate";
    card->max_interfaces = 1;
    TypeNetworkInfo *info = EC2_NEW(call, TypeNetworkInfo);
    info->performance = card->performance;
    info->max_interfaces = card->max_interfaces;
    info->max_cards = 1;
    info->default_card = 0;
    list_add(&info->cards, call->context.arena, card);
    info->ipv4_per_interface = 1;
    info->ipv6_per_interface = 0;
    info->ipv6_supported = false;
    info->ena_support = "unsupported";
    info->efa_supported = false;
    info->encryption_in_transit = false;
    return info;
}

static InstanceTypeItem *type_item(Call *call, const InstanceType *type)
{
    InstanceTypeItem *item = EC2_NEW(call, InstanceTypeItem);
    item->instance_type = type->name;
    item->current_generation = type->current_generation;
    item->free_tier_eligible = type->free_tier;
    item->usage_classes = one(call, "on-demand");
    item->root_device_types = one(call, "ebs");
    list_add(&item->root_device_types, call->context.arena, "instance-store");
    item->virtualization_types = one(call, "hvm");
    item->bare_metal = false;
    item->hypervisor = "xen";
    item->processor = EC2_NEW(call, ProcessorInfo);
    item->processor->architectures = one(call, "x86_64");
    item->vcpus = EC2_NEW(call, VcpuInfo);
    item->vcpus->default_vcpus = type->vcpus;
    item->vcpus->default_cores = type->vcpus;
    item->vcpus->threads_per_core = 1;
    item->memory = EC2_NEW(call, MemoryInfo);
    item->memory->size_mib = type->memory_mib;
    item->instance_storage = false;
    item->ebs = EC2_NEW(call, EbsInfo);
    item->ebs->optimized_support = "unsupported";
    item->ebs->encryption_support = "unsupported";
    item->ebs->nvme_support = "unsupported";
    item->network = network_info(call);
    item->placement = EC2_NEW(call, PlacementGroupInfo);
    item->placement->strategies = one(call, "partition");
    list_add(&item->placement->strategies, call->context.arena, "spread");
    item->hibernation = false;
    item->burstable = type->burstable;
    item->dedicated_hosts = false;
    item->auto_recovery = false;
    item->boot_modes = one(call, "legacy-bios");
    return item;
}

bool ec2_describe_instance_types(Call *call, const DescribeInstanceTypesRequest *request,
                                 DescribeInstanceTypesReply *reply, GError **error)
{
    Page page;
    List types = {0};
    if (!ec2_page_of(call, &request->selection, &request->instance_types, TYPES_PAGE_MIN,
                     TYPES_PAGE_MAX, &page, error) ||
        !instance_types_find(&call->context, &page, &types, &reply->next_token, error))
        return false;
    LIST_EACH (const InstanceType *, type, &types)
        list_add(&reply->types, call->context.arena, type_item(call, type));
    return true;
}

bool ec2_describe_instance_type_offerings(Call *call,
                                          const DescribeInstanceTypeOfferingsRequest *request,
                                          DescribeInstanceTypeOfferingsReply *reply, GError **error)
{
    Page page;
    List offerings = {0};
    if (!ec2_page_of(call, &request->selection, NULL, TYPES_PAGE_MIN, OFFERINGS_PAGE_MAX, &page,
                     error) ||
        !type_offerings_find(&call->context, &page, request->location_type, &offerings,
                             &reply->next_token, error))
        return false;
    LIST_EACH (const TypeOffering *, offering, &offerings) {
        InstanceTypeOfferingItem *item = EC2_NEW(call, InstanceTypeOfferingItem);
        item->instance_type = offering->type;
        item->location_type = offering->location_type;
        item->location = offering->location;
        list_add(&reply->offerings, call->context.arena, item);
    }
    return true;
}
