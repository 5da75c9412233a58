/* What the cloud is made of: regions, zones, networks, account attributes. */
#include "cloud/catalog.h"
#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/tag_items.h"

#define PAGE_MIN 5
#define PAGE_MAX 1000

bool ec2_describe_regions(Call *call, const DescribeRegionsRequest *request,
                          DescribeRegionsReply *reply, GError **error)
{
    Page page;
    List regions = {0};
    ec2_filter(call, &request->selection, &request->region_names, &page);
    if (!regions_find(&call->context, &page, request->all_regions == 1, &regions, error))
        return false;
    LIST_EACH (const Region *, region, &regions) {
        RegionItem *item = EC2_NEW(call, RegionItem);
        item->region_name = region->name;
        item->region_endpoint = region->endpoint;
        item->opt_in_status = region->opt_in_status;
        list_add(&reply->regions, call->context.arena, item);
    }
    return true;
}

bool ec2_describe_availability_zones(Call *call, const DescribeAvailabilityZonesRequest *request,
                                     DescribeAvailabilityZonesReply *reply, GError **error)
{
    Page page;
    List zones = {0};
    ec2_filter(call, &request->selection, &request->zone_names, &page);
    if (!zones_find(&call->context, &page, &request->zone_ids, &zones, error))
        return false;
    LIST_EACH (const Zone *, zone, &zones) {
        ZoneItem *item = EC2_NEW(call, ZoneItem);
        item->opt_in_status = "opt-in-not-required";
        item->region_name = zone->region;
        item->zone_name = zone->name;
        item->zone_id = zone->id;
        item->group_name = zone->region;
        item->network_border_group = zone->region;
        item->zone_type = "availability-zone";
        item->zone_state = zone->state;
        list_add(&reply->zones, call->context.arena, item);
    }
    return true;
}

static VpcItem *vpc_item(Call *call, const VpcView *view)
{
    const Vpc *vpc = view->vpc;
    VpcItem *item = EC2_NEW(call, VpcItem);
    item->vpc_id = vpc->id;
    item->owner_id = vpc->account_id;
    item->state = "available";
    item->cidr_block = vpc->cidr;
    item->dhcp_options_id = vpc->dhcp_options_id;
    item->instance_tenancy = "default";
    item->is_default = vpc->is_default;
    item->tags = ec2_tag_items(call, view->tags);
    VpcCidrBlock *block = EC2_NEW(call, VpcCidrBlock);
    block->association_id = arena_printf(call->context.arena, "vpc-cidr-assoc-%s", vpc->id + 4);
    block->cidr_block = vpc->cidr;
    block->state = EC2_NEW(call, CidrBlockState);
    block->state->state = "associated";
    list_add(&item->cidr_blocks, call->context.arena, block);
    return item;
}

bool ec2_describe_vpcs(Call *call, const DescribeVpcsRequest *request, DescribeVpcsReply *reply,
                       GError **error)
{
    Page page;
    List views = {0};
    if (!ec2_page_of(call, &request->selection, &request->vpc_ids, PAGE_MIN, PAGE_MAX, &page,
                     error) ||
        !vpcs_find(&call->context, &page, &views, &reply->next_token, error))
        return false;
    LIST_EACH (const VpcView *, view, &views)
        list_add(&reply->vpcs, call->context.arena, vpc_item(call, view));
    return true;
}

static SubnetItem *subnet_item(Call *call, const SubnetView *view)
{
    const Subnet *subnet = view->subnet;
    SubnetItem *item = EC2_NEW(call, SubnetItem);
    item->subnet_id = subnet->id;
    item->subnet_arn = arena_printf(call->context.arena, "arn:aws:ec2:%s:%s:subnet/%s",
                                    call->context.region, subnet->account_id, subnet->id);
    item->state = "available";
    item->owner_id = subnet->account_id;
    item->vpc_id = subnet->vpc_id;
    item->cidr_block = subnet->cidr;
    item->available_addresses = view->available_addresses;
    item->availability_zone = subnet->zone;
    item->availability_zone_id = view->zone_id;
    item->default_for_az = subnet->is_default;
    item->map_public_ip = subnet->map_public_ip;
    item->map_customer_owned_ip = false;
    item->assign_ipv6 = false;
    item->enable_dns64 = false;
    item->ipv6_native = false;
    item->dns_options = EC2_NEW(call, PrivateDnsNameOptions);
    item->dns_options->hostname_type = "ip-name";
    item->dns_options->a_record = false;
    item->dns_options->aaaa_record = false;
    item->tags = ec2_tag_items(call, view->tags);
    return item;
}

bool ec2_describe_subnets(Call *call, const DescribeSubnetsRequest *request,
                          DescribeSubnetsReply *reply, GError **error)
{
    Page page;
    List views = {0};
    if (!ec2_page_of(call, &request->selection, &request->subnet_ids, PAGE_MIN, PAGE_MAX, &page,
                     error) ||
        !subnets_find(&call->context, &page, &views, &reply->next_token, error))
        return false;
    LIST_EACH (const SubnetView *, view, &views)
        list_add(&reply->subnets, call->context.arena, subnet_item(call, view));
    return true;
}

bool ec2_describe_account_attributes(Call *call, const DescribeAccountAttributesRequest *request,
                                     DescribeAccountAttributesReply *reply, GError **error)
{
    List attributes = {0};
    if (!account_attributes(&call->context, &request->attribute_names, &attributes, error))
        return false;
    LIST_EACH (const AccountAttribute *, attribute, &attributes) {
        AccountAttributeItem *item = EC2_NEW(call, AccountAttributeItem);
        item->name = attribute->name;
        LIST_EACH (const char *, value, &attribute->values) {
            AttributeValueItem *shown = EC2_NEW(call, AttributeValueItem);
            shown->value = value;
            list_add(&item->values, call->context.arena, shown);
        }
        list_add(&reply->attributes, call->context.arena, item);
    }
    return true;
}
