/* The tools of Elastic Load Balancing for policies. */
#include "cli/classic/tool.h"

#define NAME                                                                                       \
    {                                                                                              \
        "lb", 0, TEXT, "LoadBalancerName", NULL, OPERAND | REQUIRED                                \
    }
#define POLICY                                                                                     \
    {                                                                                              \
        "policy-name", 'p', TEXT, "PolicyName", NULL, REQUIRED                                     \
    }

static const Line attribute_parts[] = {
    {"ATTRIBUTE", "PolicyAttributeDescriptions/member", "NAME=AttributeName VALUE=AttributeValue"},
    {0},
};
static const Line policy_lines[] = {
    {"POLICY", "PolicyDescriptions/member", "NAME=PolicyName TYPE-NAME=PolicyTypeName",
     attribute_parts},
    {0},
};
static const Line type_parts[] = {
    {"ATTRIBUTE-TYPE", "PolicyAttributeTypeDescriptions/member",
     "NAME=AttributeName TYPE=AttributeType DEFAULT=DefaultValue CARDINALITY=Cardinality "
     "DESCRIPTION=Description"},
    {0},
};
static const Line type_lines[] = {
    {"POLICY-TYPE", "PolicyTypeDescriptions/member", "NAME=PolicyTypeName DESCRIPTION=Description",
     type_parts},
    {0},
};

static const Option app_options[] = {
    NAME,
    POLICY,
    {"cookie-name", 'c', TEXT, "CookieName", NULL, REQUIRED},
    {0},
};
static const Option lb_options[] = {
    NAME,
    POLICY,
    {"expiration-period", 'e', TEXT, "CookieExpirationPeriod"},
    {0},
};
static const Option policy_options[] = {
    NAME,
    POLICY,
    {"policy-type", 't', TEXT, "PolicyTypeName", NULL, REQUIRED},
    {"attribute", 'a', FIELDS, "PolicyAttributes.member.#",
     "name=AttributeName value=AttributeValue"},
    {0},
};
static const Option delete_options[] = {NAME, POLICY, {0}};
static const Option listener_options[] = {
    NAME,
    {"lb-port", 'l', TEXT, "LoadBalancerPort", NULL, REQUIRED},
    {"policy-names", 'p', LIST, "PolicyNames.member.#"},
    {0},
};
static const Option server_options[] = {
    NAME,
    {"instance-port", 'i', TEXT, "InstancePort", NULL, REQUIRED},
    {"policy-names", 'p', LIST, "PolicyNames.member.#"},
    {0},
};
static const Option describe_options[] = {
    {"lb", 0, TEXT, "LoadBalancerName", NULL, OPERAND},
    {"policy-names", 'p', LIST, "PolicyNames.member.#"},
    {0},
};
static const Option types_options[] = {
    {"policy-types", 't', LIST, "PolicyTypeNames.member.#", NULL, OPERAND},
    {0},
};

const Tool elb_policy_tools[] = {
    {"elb-create-app-cookie-stickiness-policy", "Makes a policy that follows a server's cookie",
     "CreateAppCookieStickinessPolicy", .options = app_options,
     .ok = "OK-Creating App Stickiness Policy"},
    {"elb-create-lb-cookie-stickiness-policy", "Makes a policy with the balancer's cookie",
     "CreateLBCookieStickinessPolicy", .options = lb_options,
     .ok = "OK-Creating LB Stickiness Policy"},
    {"elb-create-lb-policy", "Makes a policy of a type", "CreateLoadBalancerPolicy",
     .options = policy_options, .ok = "OK-Creating LoadBalancer Policy"},
    {"elb-delete-lb-policy", "Deletes a policy", "DeleteLoadBalancerPolicy",
     .options = delete_options, .ok = "OK-Deleting LoadBalancer Policy",
     .confirm = "Are you sure you want to delete this policy?"},
    {"elb-set-lb-policies-of-listener", "Says which policies a listener has",
     "SetLoadBalancerPoliciesOfListener", .fixed = "PolicyNames=", .options = listener_options,
     .ok = "OK-Setting Policies"},
    {"elb-set-lb-policies-for-backend-server", "Says which policies a servers' port has",
     "SetLoadBalancerPoliciesForBackendServer", .fixed = "PolicyNames=", .options = server_options,
     .ok = "OK-Setting Policies"},
    {"elb-describe-lb-policies", "Shows policies", "DescribeLoadBalancerPolicies",
     .options = describe_options, .lines = policy_lines},
    {"elb-describe-lb-policy-types", "Shows types of policies", "DescribeLoadBalancerPolicyTypes",
     .options = types_options, .lines = type_lines},
    {0},
};
