/* The tools of Auto Scaling for groups and what they launch. */
#include "cli/classic/tool.h"

#define GROUP                                                                                      \
    {                                                                                              \
        "auto-scaling-group g", 0, TEXT, "AutoScalingGroupName", NULL, OPERAND | REQUIRED          \
    }
#define SURE(what) "Are you sure you want to delete this " what "?"

#define INSTANCE                                                                                   \
    " AVAILABILITY-ZONE=AvailabilityZone STATE=LifecycleState STATUS=HealthStatus "                \
    "LAUNCH-CONFIG=LaunchConfigurationName"
#define TAG                                                                                        \
    "RESOURCE-ID=ResourceId RESOURCE-TYPE=ResourceType KEY=Key VALUE=Value "                       \
    "PROPAGATE-AT-LAUNCH=PropagateAtLaunch"
#define ACTIVITY                                                                                   \
    "ACTIVITY-ID=ActivityId END-TIME=EndTime GROUP-NAME=AutoScalingGroupName CODE=StatusCode "     \
    "MESSAGE=StatusMessage +CAUSE=Cause +PROGRESS=Progress +DESCRIPTION=Description "              \
    "+START-TIME=StartTime"

static const Line configuration_lines[] = {
    {"LAUNCH-CONFIG", "LaunchConfigurations/member",
     "NAME=LaunchConfigurationName IMAGE-ID=ImageId TYPE=InstanceType +KEY=KeyName "
     "+ARN=LaunchConfigurationARN +KERNEL=KernelId +RAMDISK=RamdiskId "
     "+BLOCK-DEVICES=BlockDeviceMappings/member{device=DeviceName,virtual=VirtualName,"
     "snapshot=Ebs/SnapshotId,size=Ebs/VolumeSize} +GROUPS=SecurityGroups/member* "
     "+CREATED=CreatedTime +MONITORING=InstanceMonitoring/Enabled +USER-DATA=UserData "
     "+SPOT-PRICE=SpotPrice"},
    {0},
};
static const Line group_parts[] = {
    {"INSTANCE", "Instances/member", "INSTANCE-ID=InstanceId" INSTANCE},
    {"SUSPENDED-PROCESS", "SuspendedProcesses/member",
     "PROCESS=ProcessName REASON=SuspensionReason"},
    {"ENABLED-METRIC", "EnabledMetrics/member", "METRIC=Metric GRANULARITY=Granularity"},
    {"TAG", "Tags/member", TAG},
    {0},
};
static const Line group_lines[] = {
    {"AUTO-SCALING-GROUP", "AutoScalingGroups/member",
     "GROUP-NAME=AutoScalingGroupName LAUNCH-CONFIG=LaunchConfigurationName "
     "AVAILABILITY-ZONES=AvailabilityZones/member* LOAD-BALANCERS=LoadBalancerNames/member* "
     "MIN-SIZE=MinSize MAX-SIZE=MaxSize DESIRED-CAPACITY=DesiredCapacity "
     "TERMINATION-POLICIES=TerminationPolicies/member* +DEFAULT-COOLDOWN=DefaultCooldown "
     "+HEALTH-CHECK-TYPE=HealthCheckType +GRACE-PERIOD=HealthCheckGracePeriod "
     "+ARN=AutoScalingGroupARN +CREATED=CreatedTime +VPC-ZONE-IDENTIFIER=VPCZoneIdentifier "
     "+INSTANCES=Instances/member{instance-id=InstanceId,availability-zone=AvailabilityZone,"
     "state=LifecycleState,status=HealthStatus,launch-config=LaunchConfigurationName} "
     "+SUSPENDED-PROCESSES=SuspendedProcesses/member/ProcessName* "
     "+ENABLED-METRICS=EnabledMetrics/member/Metric* "
     "+TAGS=Tags/member{key=Key,value=Value,propagate=PropagateAtLaunch} STATUS=Status",
     group_parts},
    {0},
};
static const Line instance_lines[] = {
    {"INSTANCE", "AutoScalingInstances/member",
     "INSTANCE-ID=InstanceId GROUP-NAME=AutoScalingGroupName" INSTANCE},
    {0},
};
static const Line activities_lines[] = {{"ACTIVITY", "Activities/member", ACTIVITY}, {0}};
static const Line activity_lines[] = {{"INSTANCE", "Activity", ACTIVITY}, {0}};
static const Line tag_lines[] = {{"TAG", "Tags/member", TAG}, {0}};
static const Line limit_lines[] = {
    {"LIMITS", "",
     "MAX-GROUPS=MaxNumberOfAutoScalingGroups GROUPS=NumberOfAutoScalingGroups "
     "MAX-LAUNCH-CONFIGS=MaxNumberOfLaunchConfigurations "
     "LAUNCH-CONFIGS=NumberOfLaunchConfigurations"},
    {0},
};
static const Line balancer_lines[] = {
    {"LOAD-BALANCER", "LoadBalancers/member", "NAME=LoadBalancerName STATE=State"},
    {0},
};

static const Option create_configuration_options[] = {
    {"launch-config", 'l', TEXT, "LaunchConfigurationName", NULL, OPERAND | REQUIRED},
    {"image-id", 'i', TEXT, "ImageId"},
    {"instance-type", 't', TEXT, "InstanceType"},
    {"instance-id", 0, TEXT, "InstanceId"},
    {"key", 'k', TEXT, "KeyName"},
    {"group", 'g', LIST, "SecurityGroups.member.#"},
    {"user-data", 'd', BASE64, "UserData"},
    {"user-data-file", 0, FILE64, "UserData"},
    {"kernel", 0, TEXT, "KernelId"},
    {"ramdisk", 0, TEXT, "RamdiskId"},
    {"block-device-mapping", 'b', BLOCK, "BlockDeviceMappings.member.#"},
    {"monitoring-enabled", 0, FLAG, "InstanceMonitoring.Enabled", "true"},
    {"monitoring-disabled", 0, FLAG, "InstanceMonitoring.Enabled", "false"},
    {"spot-price", 0, TEXT, "SpotPrice"},
    {"iam-instance-profile", 0, TEXT, "IamInstanceProfile"},
    {"ebs-optimized", 0, TEXT, "EbsOptimized"},
    {0},
};
static const Option configurations_options[] = {
    {"launch-configs", 'l', LIST, "LaunchConfigurationNames.member.#", NULL, OPERAND},
    {0},
};
static const Option configuration_options[] = {
    {"launch-config", 'l', TEXT, "LaunchConfigurationName", NULL, OPERAND | REQUIRED},
    {0},
};

#define GROUP_SETTINGS                                                                             \
    {"availability-zones", 'z', LIST, "AvailabilityZones.member.#"},                               \
        {"default-cooldown cooldown", 0, TEXT, "DefaultCooldown"},                                 \
        {"desired-capacity", 'c', TEXT, "DesiredCapacity"},                                        \
        {"grace-period", 0, TEXT, "HealthCheckGracePeriod"},                                       \
        {"health-check-type", 0, TEXT, "HealthCheckType"},                                         \
        {"placement-group", 0, TEXT, "PlacementGroup"},                                            \
        {"termination-policies", 'p', LIST, "TerminationPolicies.member.#"},                       \
    {                                                                                              \
        "vpc-zone-identifier", 0, TEXT, "VPCZoneIdentifier"                                        \
    }

static const Option create_group_options[] = {
    GROUP,
    {"launch-configuration launch-config", 'l', TEXT, "LaunchConfigurationName", NULL, REQUIRED},
    {"min-size", 0, TEXT, "MinSize", NULL, REQUIRED},
    {"max-size", 0, TEXT, "MaxSize", NULL, REQUIRED},
    GROUP_SETTINGS,
    {"load-balancers", 0, LIST, "LoadBalancerNames.member.#"},
    {"tag", 't', FIELDS, "Tags.member.#",
     "k=Key v=Value id=ResourceId t=ResourceType p=PropagateAtLaunch"},
    {0},
};
static const Option update_group_options[] = {
    GROUP,
    {"launch-configuration launch-config", 'l', TEXT, "LaunchConfigurationName"},
    {"min-size", 0, TEXT, "MinSize"},
    {"max-size", 0, TEXT, "MaxSize"},
    GROUP_SETTINGS,
    {0},
};
static const Option groups_options[] = {
    {"auto-scaling-groups", 0, LIST, "AutoScalingGroupNames.member.#", NULL, OPERAND},
    {0},
};
static const Option instances_options[] = {
    {"instances", 0, LIST, "InstanceIds.member.#", NULL, OPERAND},
    {0},
};
static const Option delete_group_options[] = {
    GROUP,
    {"force-delete", 'd', FLAG, "ForceDelete"},
    {0},
};
static const Option capacity_options[] = {
    GROUP,
    {"desired-capacity", 'c', TEXT, "DesiredCapacity", NULL, REQUIRED},
    {"honor-cooldown", 'h', FLAG, "HonorCooldown", "true"},
    {"no-honor-cooldown", 'n', FLAG, "HonorCooldown", "false"},
    {0},
};
static const Option health_options[] = {
    {"instance", 'i', TEXT, "InstanceId", NULL, OPERAND | REQUIRED},
    {"status", 's', TEXT, "HealthStatus", NULL, REQUIRED},
    {"respect-grace-period", 0, FLAG, "ShouldRespectGracePeriod", "true"},
    {"no-respect-grace-period", 0, FLAG, "ShouldRespectGracePeriod", "false"},
    {0},
};
static const Option terminate_options[] = {
    {"instance", 'i', TEXT, "InstanceId", NULL, OPERAND | REQUIRED},
    {"decrement-desired-capacity", 'd', FLAG, "ShouldDecrementDesiredCapacity", "true"},
    {"no-decrement-desired-capacity", 'n', FLAG, "ShouldDecrementDesiredCapacity", "false"},
    {0},
};
static const Option activities_options[] = {
    {"auto-scaling-group g", 0, TEXT, "AutoScalingGroupName", NULL, OPERAND},
    {"activities", 'a', LIST, "ActivityIds.member.#"},
    {0},
};
static const Option members_options[] = {
    {"instances", 'i', LIST, "InstanceIds.member.#", NULL, OPERAND | REQUIRED},
    {"auto-scaling-group g", 0, TEXT, "AutoScalingGroupName", NULL, REQUIRED},
    {0},
};
static const Option leave_options[] = {
    {"instances", 'i', LIST, "InstanceIds.member.#", NULL, OPERAND | REQUIRED},
    {"auto-scaling-group g", 0, TEXT, "AutoScalingGroupName", NULL, REQUIRED},
    {"decrement-desired-capacity", 'd', FLAG, "ShouldDecrementDesiredCapacity", "true"},
    {"no-decrement-desired-capacity", 'n', FLAG, "ShouldDecrementDesiredCapacity", "false"},
    {0},
};
static const Option protect_options[] = {
    {"instances", 'i', LIST, "InstanceIds.member.#", NULL, OPERAND | REQUIRED},
    {"auto-scaling-group g", 0, TEXT, "AutoScalingGroupName", NULL, REQUIRED},
    {"protected-from-scale-in", 0, FLAG, "ProtectedFromScaleIn", "true"},
    {"no-protected-from-scale-in", 0, FLAG, "ProtectedFromScaleIn", "false"},
    {0},
};
static const Option balancers_options[] = {
    GROUP,
    {"load-balancers", 0, LIST, "LoadBalancerNames.member.#", NULL, REQUIRED},
    {0},
};
static const Option group_options[] = {GROUP, {0}};
static const Option tags_options[] = {
    {"tag", 't', FIELDS, "Tags.member.#",
     "k=Key v=Value id=ResourceId t=ResourceType p=PropagateAtLaunch", OPERAND | REQUIRED},
    {0},
};
static const Option filter_options[] = {
    {"filter", 0, PAIRS, "Filters.member.#", "Name Values.member.1"},
    {0},
};
static const Option no_options[] = {{0}};

const Tool as_group_tools[] = {
    {"as-create-launch-config", "Makes a launch configuration", "CreateLaunchConfiguration",
     .options = create_configuration_options, .ok = "OK-Created launch config"},
    {"as-describe-launch-configs", "Shows launch configurations", "DescribeLaunchConfigurations",
     .options = configurations_options, .lines = configuration_lines},
    {"as-delete-launch-config", "Deletes a launch configuration", "DeleteLaunchConfiguration",
     .options = configuration_options, .ok = "OK-Deleted launch configuration",
     .confirm = SURE("launch configuration")},
    {"as-create-auto-scaling-group", "Makes a group", "CreateAutoScalingGroup",
     .options = create_group_options, .ok = "OK-Created AutoScalingGroup"},
    {"as-update-auto-scaling-group", "Changes a group", "UpdateAutoScalingGroup",
     .options = update_group_options, .ok = "OK-Updated AutoScalingGroup"},
    {"as-describe-auto-scaling-groups", "Shows groups", "DescribeAutoScalingGroups",
     .options = groups_options, .lines = group_lines},
    {"as-describe-auto-scaling-instances", "Shows the groups' instances",
     "DescribeAutoScalingInstances", .options = instances_options, .lines = instance_lines},
    {"as-delete-auto-scaling-group", "Deletes a group", "DeleteAutoScalingGroup",
     .options = delete_group_options, .ok = "OK-Deleted AutoScalingGroup",
     .confirm = SURE("AutoScalingGroup")},
    {"as-set-desired-capacity", "Says how many instances a group shall have", "SetDesiredCapacity",
     .options = capacity_options, .ok = "OK-Desired Capacity Set"},
    {"as-set-instance-health", "Says how an instance is", "SetInstanceHealth",
     .options = health_options, .ok = "OK-Instance Health Set"},
    {"as-terminate-instance-in-auto-scaling-group", "Ends an instance of a group",
     "TerminateInstanceInAutoScalingGroup", .options = terminate_options, .lines = activity_lines,
     .confirm = "Are you sure you want to terminate this instance?"},
    {"as-describe-scaling-activities", "Shows what a group did", "DescribeScalingActivities",
     .options = activities_options, .lines = activities_lines},
    {"as-attach-instances", "Brings instances into a group", "AttachInstances",
     .options = members_options, .ok = "OK-Attached instances"},
    {"as-detach-instances", "Takes instances out of a group", "DetachInstances",
     .options = leave_options, .lines = activities_lines},
    {"as-enter-standby", "Has instances stand by", "EnterStandby", .options = leave_options,
     .lines = activities_lines},
    {"as-exit-standby", "Has instances serve again", "ExitStandby", .options = members_options,
     .lines = activities_lines},
    {"as-set-instance-protection", "Keeps instances from being scaled in", "SetInstanceProtection",
     .options = protect_options, .ok = "OK-Instance Protection Set"},
    {"as-attach-load-balancers", "Gives a group load balancers", "AttachLoadBalancers",
     .options = balancers_options, .ok = "OK-Attached load balancers"},
    {"as-detach-load-balancers", "Takes a group's load balancers away", "DetachLoadBalancers",
     .options = balancers_options, .ok = "OK-Detached load balancers"},
    {"as-describe-load-balancers", "Shows a group's load balancers", "DescribeLoadBalancers",
     .options = group_options, .lines = balancer_lines},
    {"as-create-or-update-tags", "Tags groups", "CreateOrUpdateTags", .options = tags_options,
     .ok = "OK-Created/Updated tags"},
    {"as-describe-tags", "Shows groups' tags", "DescribeTags", .options = filter_options,
     .lines = tag_lines},
    {"as-delete-tags", "Takes groups' tags away", "DeleteTags", .options = tags_options,
     .ok = "OK-Deleted tags", .confirm = "Are you sure you want to delete these tags?"},
    {"as-describe-account-limits", "Shows what an account may have", "DescribeAccountLimits",
     .options = no_options, .lines = limit_lines},
    {0},
};
