/* The tools of Elastic Load Balancing for balancers, their listeners and their instances. The
 * first columns are those of the tools of 2009, with hyphens. */
#include "cli/classic/tool.h"

#define SURE(what)                                                                                 \
    "Warning: Deleting a LoadBalancer" what " can lead to service disruption to any customers "    \
    "connected to the LoadBalancer" what                                                           \
    ". Are you sure you want to delete this LoadBalancer" what "?"

#define NAME                                                                                       \
    {                                                                                              \
        "lb", 0, TEXT, "LoadBalancerName", NULL, OPERAND | REQUIRED                                \
    }

#define LISTENER                                                                                   \
    "protocol=Protocol lb-port=LoadBalancerPort instance-port=InstancePort "                       \
    "instance-protocol=InstanceProtocol cert-id=SSLCertificateId"

static const Line dns_lines[] = {{"DNS-NAME", "", "DNS-NAME=DNSName"}, {0}};

static const Line balancer_lines[] = {
    {"LOAD-BALANCER", "LoadBalancerDescriptions/member",
     "NAME=LoadBalancerName DNS-NAME=DNSName "
     "+CANONICAL-HOSTED-ZONE-NAME=CanonicalHostedZoneName "
     "+CANONICAL-HOSTED-ZONE-NAME-ID=CanonicalHostedZoneNameID "
     "+HEALTH-CHECK=HealthCheck{interval=Interval,target=Target,timeout=Timeout,"
     "healthy-threshold=HealthyThreshold,unhealthy-threshold=UnhealthyThreshold} "
     "+AVAILABILITY-ZONES=AvailabilityZones/member* +SUBNETS=Subnets/member* +VPC-ID=VPCId "
     "+INSTANCE-ID=Instances/member/InstanceId* "
     "+LISTENER-DESCRIPTIONS=ListenerDescriptions/member{protocol=Listener/Protocol,"
     "lb-port=Listener/LoadBalancerPort,instance-protocol=Listener/InstanceProtocol,"
     "instance-port=Listener/InstancePort,cert-id=Listener/SSLCertificateId,"
     "policies=PolicyNames/member*} "
     "+BACKEND-SERVER-DESCRIPTIONS=BackendServerDescriptions/member{instance-port=InstancePort,"
     "policies=PolicyNames/member*} "
     "+APP-COOKIE-STICKINESS-POLICIES=Policies/AppCookieStickinessPolicies/member{"
     "policy-name=PolicyName,cookie-name=CookieName} "
     "+LB-COOKIE-STICKINESS-POLICIES=Policies/LBCookieStickinessPolicies/member{"
     "policy-name=PolicyName,expiration-period=CookieExpirationPeriod} "
     "+OTHER-POLICIES=Policies/OtherPolicies/member* "
     "+SOURCE-SECURITY-GROUP=SourceSecurityGroup{owner-alias=OwnerAlias,group-name=GroupName} "
     "+SECURITY-GROUPS=SecurityGroups/member* CREATED-TIME=CreatedTime SCHEME=Scheme"},
    {0},
};

static const Line instance_lines[] = {
    {"INSTANCE-ID", "Instances/member", "INSTANCE-ID=InstanceId"},
    {0},
};
static const Line health_lines[] = {
    {"INSTANCE-ID", "InstanceStates/member",
     "INSTANCE-ID=InstanceId STATE=State DESCRIPTION=Description REASON-CODE=ReasonCode"},
    {0},
};
static const Line check_lines[] = {
    {"HEALTH-CHECK", "HealthCheck",
     "TARGET=Target INTERVAL=Interval TIMEOUT=Timeout HEALTHY-THRESHOLD=HealthyThreshold "
     "UNHEALTHY-THRESHOLD=UnhealthyThreshold"},
    {0},
};
static const Line zone_lines[] = {
    {"AVAILABILITY-ZONES", "", "AVAILABILITY-ZONES=AvailabilityZones/member*"},
    {0},
};
static const Line subnet_lines[] = {{"SUBNETS", "", "SUBNETS=Subnets/member*"}, {0}};
static const Line group_lines[] = {
    {"SECURITY-GROUPS", "", "SECURITY-GROUPS=SecurityGroups/member*"},
    {0},
};
static const Line tag_parts[] = {{"TAG", "Tags/member", "KEY=Key VALUE=Value"}, {0}};
static const Line tag_lines[] = {
    {"LOAD-BALANCER", "TagDescriptions/member", "NAME=LoadBalancerName", tag_parts},
    {0},
};
static const Line attribute_lines[] = {
    {"CROSS-ZONE", "LoadBalancerAttributes/CrossZoneLoadBalancing", "ENABLED=Enabled"},
    {"CONNECTION-DRAINING", "LoadBalancerAttributes/ConnectionDraining",
     "ENABLED=Enabled TIMEOUT=Timeout"},
    {"CONNECTION-SETTINGS", "LoadBalancerAttributes/ConnectionSettings",
     "IDLE-TIMEOUT=IdleTimeout"},
    {"ACCESS-LOG", "LoadBalancerAttributes/AccessLog",
     "ENABLED=Enabled BUCKET=S3BucketName PREFIX=S3BucketPrefix INTERVAL=EmitInterval"},
    {0},
};
static const Line limit_lines[] = {{"LIMIT", "Limits/member", "NAME=Name MAX=Max"}, {0}};

static const Option create_options[] = {
    NAME,
    {"availability-zones", 'z', LIST, "AvailabilityZones.member.#"},
    {"listener", 'l', FIELDS, "Listeners.member.#", LISTENER, REQUIRED},
    {"scheme", 'i', TEXT, "Scheme"},
    {"subnets", 's', LIST, "Subnets.member.#"},
    {"security-groups", 'g', LIST, "SecurityGroups.member.#"},
    {0},
};
static const Option name_options[] = {NAME, {0}};
static const Option describe_options[] = {
    {"lbs", 0, LIST, "LoadBalancerNames.member.#", NULL, OPERAND},
    {"page-size", 0, TEXT, "PageSize"},
    {0},
};
static const Option instances_options[] = {
    NAME,
    {"instances", 0, LIST, "Instances.member.#.InstanceId", NULL, REQUIRED},
    {0},
};
static const Option health_options[] = {
    NAME,
    {"instances", 0, LIST, "Instances.member.#.InstanceId"},
    {0},
};
static const Option check_options[] = {
    NAME,
    {"target", 't', TEXT, "HealthCheck.Target", NULL, REQUIRED},
    {"interval", 'i', TEXT, "HealthCheck.Interval", NULL, REQUIRED},
    {"timeout", 0, TEXT, "HealthCheck.Timeout", NULL, REQUIRED},
    {"unhealthy-threshold", 'u', TEXT, "HealthCheck.UnhealthyThreshold", NULL, REQUIRED},
    {"healthy-threshold", 0, TEXT, "HealthCheck.HealthyThreshold", NULL, REQUIRED},
    {0},
};
static const Option listener_options[] = {
    NAME,
    {"listener", 'l', FIELDS, "Listeners.member.#", LISTENER, REQUIRED},
    {0},
};
static const Option ports_options[] = {
    NAME,
    {"lb-ports", 'l', LIST, "LoadBalancerPorts.member.#", NULL, REQUIRED},
    {0},
};
static const Option zones_options[] = {
    NAME,
    {"availability-zones", 'z', LIST, "AvailabilityZones.member.#", NULL, REQUIRED},
    {0},
};
static const Option groups_options[] = {
    NAME,
    {"security-groups", 'g', LIST, "SecurityGroups.member.#", NULL, REQUIRED},
    {0},
};
static const Option subnets_options[] = {
    NAME,
    {"subnets", 's', LIST, "Subnets.member.#", NULL, REQUIRED},
    {0},
};
static const Option certificate_options[] = {
    NAME,
    {"lb-port", 'l', TEXT, "LoadBalancerPort", NULL, REQUIRED},
    {"cert-id", 'c', TEXT, "SSLCertificateId", NULL, REQUIRED},
    {0},
};
static const Option attribute_options[] = {
    NAME,
    {"cross-zone", 0, TEXT, "LoadBalancerAttributes.CrossZoneLoadBalancing.Enabled"},
    {"connection-draining", 0, FIELDS, "LoadBalancerAttributes.ConnectionDraining",
     "enabled=Enabled timeout=Timeout"},
    {"idle-timeout", 0, TEXT, "LoadBalancerAttributes.ConnectionSettings.IdleTimeout"},
    {"access-log", 0, FIELDS, "LoadBalancerAttributes.AccessLog",
     "enabled=Enabled bucket=S3BucketName prefix=S3BucketPrefix interval=EmitInterval"},
    {0},
};
static const Option tags_options[] = {
    {"lbs", 0, LIST, "LoadBalancerNames.member.#", NULL, OPERAND | REQUIRED},
    {0},
};
static const Option add_tags_options[] = {
    {"lbs", 0, LIST, "LoadBalancerNames.member.#", NULL, OPERAND | REQUIRED},
    {"tag", 't', FIELDS, "Tags.member.#", "k=Key v=Value", REQUIRED},
    {0},
};
static const Option remove_tags_options[] = {
    {"lbs", 0, LIST, "LoadBalancerNames.member.#", NULL, OPERAND | REQUIRED},
    {"keys", 'k', LIST, "Tags.member.#.Key", NULL, REQUIRED},
    {0},
};
static const Option no_options[] = {{0}};

const Tool elb_tools[] = {
    {"elb-create-lb", "Makes a load balancer", "CreateLoadBalancer", .options = create_options,
     .lines = dns_lines},
    {"elb-describe-lbs", "Shows load balancers", "DescribeLoadBalancers",
     .options = describe_options, .lines = balancer_lines},
    {"elb-delete-lb", "Deletes a load balancer", "DeleteLoadBalancer", .options = name_options,
     .ok = "OK-Deleting LoadBalancer", .confirm = SURE("")},
    {"elb-register-instances-with-lb", "Puts instances behind a load balancer",
     "RegisterInstancesWithLoadBalancer", .options = instances_options, .lines = instance_lines},
    {"elb-deregister-instances-from-lb", "Takes instances from behind a load balancer",
     "DeregisterInstancesFromLoadBalancer", .options = instances_options, .lines = instance_lines},
    {"elb-describe-instance-health", "Shows which instances get requests", "DescribeInstanceHealth",
     .options = health_options, .lines = health_lines},
    {"elb-configure-healthcheck", "Says how instances are probed", "ConfigureHealthCheck",
     .options = check_options, .lines = check_lines},
    {"elb-create-lb-listeners", "Adds listeners", "CreateLoadBalancerListeners",
     .options = listener_options, .ok = "OK-Creating LoadBalancer Listener"},
    {"elb-delete-lb-listeners", "Takes listeners away", "DeleteLoadBalancerListeners",
     .options = ports_options, .ok = "OK-Deleting LoadBalancer Listener",
     .confirm = SURE(" listener")},
    {"elb-enable-zones-for-lb", "Adds zones", "EnableAvailabilityZonesForLoadBalancer",
     .options = zones_options, .lines = zone_lines},
    {"elb-disable-zones-for-lb", "Takes zones away", "DisableAvailabilityZonesForLoadBalancer",
     .options = zones_options, .lines = zone_lines},
    {"elb-apply-security-groups-to-lb", "Gives a load balancer security groups",
     "ApplySecurityGroupsToLoadBalancer", .options = groups_options, .lines = group_lines},
    {"elb-attach-lb-to-subnets", "Adds subnets", "AttachLoadBalancerToSubnets",
     .options = subnets_options, .lines = subnet_lines},
    {"elb-detach-lb-from-subnets", "Takes subnets away", "DetachLoadBalancerFromSubnets",
     .options = subnets_options, .lines = subnet_lines},
    {"elb-set-lb-listener-ssl-cert", "Gives a listener a certificate",
     "SetLoadBalancerListenerSSLCertificate", .options = certificate_options,
     .ok = "OK-Setting SSL Certificate"},
    {"elb-describe-lb-attributes", "Shows a load balancer's attributes",
     "DescribeLoadBalancerAttributes", .options = name_options, .lines = attribute_lines},
    {"elb-modify-lb-attributes", "Changes a load balancer's attributes",
     "ModifyLoadBalancerAttributes", .options = attribute_options, .lines = attribute_lines},
    {"elb-describe-tags", "Shows load balancers' tags", "DescribeTags", .options = tags_options,
     .lines = tag_lines},
    {"elb-add-tags", "Tags load balancers", "AddTags", .options = add_tags_options,
     .ok = "OK-Added tags"},
    {"elb-remove-tags", "Takes load balancers' tags away", "RemoveTags",
     .options = remove_tags_options, .ok = "OK-Removed tags"},
    {"elb-describe-account-limits", "Shows what an account may have", "DescribeAccountLimits",
     .options = no_options, .lines = limit_lines},
    {0},
};
