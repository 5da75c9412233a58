/* EC2's tools for what the cloud consists of: zones, regions, networks, types of instances. */
#include "cli/classic/ec2_lines.h"

static const Line zone_lines[] = {
    {"AVAILABILITYZONE", "availabilityZoneInfo/item",
     "Name=zoneName State=zoneState Region=regionName Message=messageSet/item/message*"},
    {0},
};
static const Line region_lines[] = {
    {"REGION", "regionInfo/item", "Name=regionName Endpoint=regionEndpoint"},
    {0},
};
static const Line account_parts[] = {
    {"VALUE", "attributeValueSet/item", "Value=attributeValue"},
    {0},
};
static const Line account_lines[] = {
    {"ACCOUNTATTRIBUTE", "accountAttributeSet/item", "Name=attributeName", account_parts},
    {0},
};
static const Line vpc_lines[] = {
    {"VPC", "vpcSet/item",
     "VpcID=vpcId State=state CidrBlock=cidrBlock DhcpOptions=dhcpOptionsId "
     "Tenancy=instanceTenancy"},
    {0},
};
static const Line subnet_lines[] = {
    {"SUBNET", "subnetSet/item",
     "SubnetID=subnetId State=state VpcID=vpcId CidrBlock=cidrBlock "
     "Available=availableIpAddressCount Zone=availabilityZone"},
    {0},
};
static const Line type_lines[] = {
    {"INSTANCETYPE", "instanceTypeSet/item",
     "Name=instanceType Cores=vCpuInfo/defaultVCpus Memory=memoryInfo/sizeInMiB "
     "Architectures=processorInfo/supportedArchitectures/item*"},
    {0},
};
static const Line offering_lines[] = {
    {"OFFERING", "instanceTypeOfferingSet/item",
     "Name=instanceType LocationType=locationType Location=location"},
    {0},
};

static const Option zone_options[] = {
    {NULL, 0, LIST, "ZoneName.#", NULL, OPERAND},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};
static const Option region_options[] = {
    {NULL, 0, LIST, "RegionName.#", NULL, OPERAND},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};
static const Option account_options[] = {
    {NULL, 0, LIST, "AttributeName.#", NULL, OPERAND},
    {0},
};
static const Option vpc_options[] = {
    {NULL, 0, LIST, "VpcId.#", NULL, OPERAND},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};
static const Option subnet_options[] = {
    {NULL, 0, LIST, "SubnetId.#", NULL, OPERAND},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};
static const Option type_options[] = {
    {NULL, 0, LIST, "InstanceType.#", NULL, OPERAND},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};
static const Option offering_options[] = {
    {"location-type", 0, TEXT, "LocationType"},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};

const Tool ec2_catalog_tools[] = {
    {"ec2-describe-availability-zones ec2daz", "Shows the zones", "DescribeAvailabilityZones",
     .options = zone_options, .lines = zone_lines},
    {"ec2-describe-regions ec2dre", "Shows the regions", "DescribeRegions",
     .options = region_options, .lines = region_lines},
    {"ec2-describe-account-attributes ec2daa", "Shows what holds for the account",
     "DescribeAccountAttributes", .options = account_options, .lines = account_lines},
    {"ec2-describe-vpcs ec2dvpc", "Shows networks", "DescribeVpcs", .options = vpc_options,
     .lines = vpc_lines},
    {"ec2-describe-subnets ec2dsubnet", "Shows subnets", "DescribeSubnets",
     .options = subnet_options, .lines = subnet_lines},
    {"ec2-describe-instance-types", "Shows types of instances", "DescribeInstanceTypes",
     .version = EC2_LATEST, .options = type_options, .lines = type_lines},
    {"ec2-describe-instance-type-offerings", "Shows where types of instances are",
     "DescribeInstanceTypeOfferings", .version = EC2_LATEST, .options = offering_options,
     .lines = offering_lines},
    {0},
};
