/* EC2's tools for instances. */
#include "cli/classic/ec2_lines.h"
#include "cli/command.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 100000

static const Line instance_parts[] = {
    {"BLOCKDEVICE", "blockDeviceMapping/item",
     "DeviceName=deviceName VolumeID=ebs/volumeId AttachTime=ebs/attachTime "
     "DeleteOnTermination=ebs/deleteOnTermination"},
    {"TAG", "tagSet/item",
     "ResourceType='instance ResourceID=../../instanceId Key=key Value=value"},
    {0},
};

static const Line reservation_parts[] = {
    {"INSTANCE", "instancesSet/item",
     "InstanceID=instanceId ImageID=imageId PublicDNS=dnsName PrivateDNS=privateDnsName "
     "State=instanceState/name KeyName=keyName LaunchIndex=amiLaunchIndex "
     "ProductCodes=productCodes/item/productCode* InstanceType=instanceType "
     "LaunchTime=launchTime Zone=placement/availabilityZone Kernel=kernelId Ramdisk=ramdiskId "
     "Platform=platform Monitoring=monitoring-@monitoring/state PublicIP=ipAddress "
     "PrivateIP=privateIpAddress VPC=vpcId Subnet=subnetId RootDeviceType=rootDeviceType "
     "Lifecycle=instanceLifecycle SpotRequest=spotInstanceRequestId License= "
     "PlacementGroup=placement/groupName Virtualization=virtualizationType Hypervisor=hypervisor "
     "ClientToken=clientToken Groups=groupSet/item/groupId* Tenancy=placement/tenancy "
     "EbsOptimized=ebsOptimized Profile=iamInstanceProfile/arn",
     instance_parts},
    {0},
};

#define RESERVATION                                                                                \
    "ReservationID=reservationId Owner=ownerId "                                                   \
    "Groups=groupSet/item/groupName*|instancesSet/item/groupSet/item/groupName"

static const Line run_lines[] = {{"RESERVATION", "", RESERVATION, reservation_parts}, {0}};
static const Line describe_lines[] = {
    {"RESERVATION", "reservationSet/item", RESERVATION, reservation_parts},
    {0},
};
static const Line change_lines[] = {
    {"INSTANCE", "instancesSet/item",
     "InstanceID=instanceId Previous=previousState/name Current=currentState/name"},
    {0},
};
static const Line monitor_lines[] = {
    {NULL, "instancesSet/item", "InstanceID=instanceId Monitoring=monitoring-@monitoring/state"},
    {0},
};

static const Line status_parts[] = {
    {"SYSTEMSTATUS", "systemStatus/details/item", "Name=name Status=status Since=impairedSince"},
    {"INSTANCESTATUS", "instanceStatus/details/item",
     "Name=name Status=status Since=impairedSince"},
    {"EVENT", "eventsSet/item",
     "Code=code NotBefore=notBefore NotAfter=notAfter Description=description"},
    {0},
};
static const Line status_lines[] = {
    {"INSTANCE", "instanceStatusSet/item",
     "InstanceID=instanceId Zone=availabilityZone State=instanceState/name "
     "Code=instanceState/code InstanceStatus=instanceStatus/status "
     "SystemStatus=systemStatus/status Retirement='active",
     status_parts},
    {0},
};

/* ---- ec2-run-instances ---- */

/* "2" or "1-3": at least, at most. */
static bool finish_count(Form *form, GError **error)
{
    const char *text = form_kept(form, "instance-count");
    char *end;
    unsigned long least = strtoul(text ? text : "1", &end, 10);
    unsigned long most = *end == '-' ? strtoul(end + 1, &end, 10) : least;
    if (*end || least == 0 || most < least || most > COUNT_MAX)
        return usage_set(error,
                         "Invalid argument for option '-n': '%s' is neither a number nor "
                         "MIN-MAX",
                         text);
    form_add(form, "MinCount", arena_printf(form->arena, "%lu", least));
    form_add(form, "MaxCount", arena_printf(form->arena, "%lu", most));
    return true;
}

static bool finish_run(Form *form, GError **error)
{
    List groups = {0};
    form_kept_all(form, "group", &groups);
    LIST_EACH (const char *, group, &groups)
        form_add(form, g_str_has_prefix(group, "sg-") ? "SecurityGroupId.#" : "SecurityGroup.#",
                 group);
    return finish_count(form, error);
}

static const Option run_options[] = {
    {NULL, 0, TEXT, "ImageId", NULL, OPERAND | REQUIRED},
    {"instance-count", 'n', KEPT},
    {"group", 'g', KEPT},
    {"key", 'k', TEXT, "KeyName"},
    {"user-data", 'd', BASE64, "UserData"},
    {"user-data-file", 'f', FILE64, "UserData"},
    {"instance-type", 't', TEXT, "InstanceType"},
    {"availability-zone", 'z', TEXT, "Placement.AvailabilityZone"},
    {"placement-group", 0, TEXT, "Placement.GroupName"},
    {"tenancy", 0, TEXT, "Placement.Tenancy"},
    {"kernel", 0, TEXT, "KernelId"},
    {"ramdisk", 0, TEXT, "RamdiskId"},
    {"block-device-mapping", 'b', BLOCK, "BlockDeviceMapping.#"},
    {"monitor", 'm', FLAG, "Monitoring.Enabled"},
    {"subnet", 's', TEXT, "SubnetId"},
    {"private-ip-address", 0, TEXT, "PrivateIpAddress"},
    {"disable-api-termination", 0, FLAG, "DisableApiTermination"},
    {"instance-initiated-shutdown-behavior", 0, TEXT, "InstanceInitiatedShutdownBehavior"},
    {"client-token", 0, TEXT, "ClientToken"},
    {"ebs-optimized", 0, FLAG, "EbsOptimized"},
    {"iam-profile", 'p', TEXT, "IamInstanceProfile.Name"},
    {0},
};

static const Option describe_options[] = {
    {NULL, 0, LIST, "InstanceId.#", NULL, OPERAND},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};
static const Option instances_options[] = {
    {NULL, 0, LIST, "InstanceId.#", NULL, OPERAND | REQUIRED},
    {0},
};
static const Option stop_options[] = {
    {NULL, 0, LIST, "InstanceId.#", NULL, OPERAND | REQUIRED},
    {"force", 'f', FLAG, "Force"},
    {0},
};
static const Option status_options[] = {
    {NULL, 0, LIST, "InstanceId.#", NULL, OPERAND},
    {"filter", 'F', FILTER, "Filter.#"},
    {"include-all", 'A', FLAG, "IncludeAllInstances"},
    {0},
};
static const Option console_options[] = {
    {NULL, 0, TEXT, "InstanceId", NULL, OPERAND | REQUIRED},
    {"raw-console-output", 'r', KEPT_FLAG},
    {0},
};
static const Option metadata_options[] = {
    {NULL, 0, TEXT, "InstanceId", NULL, OPERAND | REQUIRED},
    {"http-tokens", 0, TEXT, "HttpTokens"},
    {"http-endpoint", 0, TEXT, "HttpEndpoint"},
    {"http-put-response-hop-limit", 0, TEXT, "HttpPutResponseHopLimit"},
    {"instance-metadata-tags", 0, TEXT, "InstanceMetadataTags"},
    {0},
};
static const Line metadata_lines[] = {
    {"METADATAOPTIONS", "",
     "InstanceID=instanceId State=instanceMetadataOptions/state "
     "Tokens=instanceMetadataOptions/httpTokens HopLimit=instanceMetadataOptions/"
     "httpPutResponseHopLimit Endpoint=instanceMetadataOptions/httpEndpoint"},
    {0},
};

const Tool ec2_instance_tools[] = {
    {"ec2-run-instances ec2run", "Starts instances of an image", "RunInstances",
     .options = run_options, .lines = run_lines, .finish = finish_run},
    {"ec2-describe-instances ec2din", "Shows instances", "DescribeInstances",
     .options = describe_options, .lines = describe_lines},
    {"ec2-terminate-instances ec2kill", "Ends instances for ever", "TerminateInstances",
     .options = instances_options, .lines = change_lines},
    {"ec2-start-instances ec2start", "Starts stopped instances", "StartInstances",
     .options = instances_options, .lines = change_lines},
    {"ec2-stop-instances ec2stop", "Stops instances", "StopInstances", .options = stop_options,
     .lines = change_lines},
    {"ec2-reboot-instances ec2reboot", "Reboots instances", "RebootInstances",
     .options = instances_options},
    {"ec2-monitor-instances ec2min", "Has instances measured every minute", "MonitorInstances",
     .options = instances_options, .lines = monitor_lines},
    {"ec2-unmonitor-instances ec2umin", "Has instances measured as usual", "UnmonitorInstances",
     .options = instances_options, .lines = monitor_lines},
    {"ec2-describe-instance-status ec2dins", "Shows how instances are", "DescribeInstanceStatus",
     .options = status_options, .lines = status_lines},
    {"ec2-get-console-output ec2gcons", "Shows what an instance wrote to its console",
     "GetConsoleOutput", .options = console_options, .print = ec2_print_console},
    {"ec2-modify-instance-metadata-options", "Changes how an instance reaches its metadata",
     "ModifyInstanceMetadataOptions", .version = EC2_LATEST, .options = metadata_options,
     .lines = metadata_lines},
    {0},
};
