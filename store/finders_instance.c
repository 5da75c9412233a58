/* The filters of DescribeInstances.
 *
 * Names and meanings: "DescribeInstances" in the Amazon EC2 API reference. A filter over something
 * that Cumulet's instances do not have compares a constant: what every instance would show, or
 * NULL, which matches nothing. Filters over interfaces and volumes select instances by
 * `IN (SELECT …)`, so that one with an index costs what it finds. */
#include "store/find.h"

#include "store/filters.h"
#include <stdlib.h>
#include <string.h>

#define ENI(condition)                                                                             \
    "i.id IN (SELECT e.instance_id FROM eni e WHERE e.instance_id IS NOT NULL AND " condition ")"
#define VOLUME(condition)                                                                          \
    "i.id IN (SELECT v.instance_id FROM volume v WHERE v.instance_id IS NOT NULL AND " condition ")"
#define IN_GROUP                                                                                   \
    "i.id IN (SELECT e.instance_id FROM eni_group g JOIN eni e ON e.id = g.eni_id"                 \
    " WHERE g.group_id $)"
#define IN_GROUP_NAMED                                                                             \
    "i.id IN (SELECT e.instance_id FROM security_group s JOIN eni_group g ON g.group_id = s.id"    \
    " JOIN eni e ON e.id = g.eni_id WHERE s.account_id = ?1 AND s.name $)"
#define PROFILE_ARN                                                                                \
    "iif(i.iam_profile GLOB 'arn:*', i.iam_profile,"                                               \
    " 'arn:aws:iam::' || i.account_id || ':instance-profile/' || i.iam_profile) $"
/* What follows the last slash. */
#define PROFILE_NAME                                                                               \
    "replace(i.iam_profile, rtrim(i.iam_profile, replace(i.iam_profile, '/', '')), '') $"

/* "16" → "running": the state's column has an index. The high byte of a code is to be ignored. */
static const char *state_of_code(Arena *arena, const char *value)
{
    static const int codes[] = {
        [INSTANCE_PENDING] = 0,  [INSTANCE_RUNNING] = 16,       [INSTANCE_STOPPING] = 64,
        [INSTANCE_STOPPED] = 80, [INSTANCE_SHUTTING_DOWN] = 32, [INSTANCE_TERMINATED] = 48,
    };
    char *end;
    unsigned long code = strtoul(value, &end, 10);
    if (end == value || *end)
        return "";
    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        if ((unsigned long)codes[i] == (code & 0xff))
            return state_name(&instance_machine, (int)i);
    }
    return "";
}

/* "ec2-127-77-0-5.compute-1.example" → "127.77.0.5", also in a pattern. Any domain will do: what
 * the host part says is unique. */
static const char *address_of_name(Arena *arena, const char *value, const char *prefix)
{
    if (g_str_has_prefix(value, prefix))
        value += strlen(prefix);
    else if (*value != '*')
        return "";
    char *address = arena_strndup(arena, value, strcspn(value, "."));
    return g_strdelimit(address, "-", '.');
}

static const char *address_of_public_name(Arena *arena, const char *value)
{
    return address_of_name(arena, value, "ec2-");
}

static const char *address_of_private_name(Arena *arena, const char *value)
{
    return address_of_name(arena, value, "ip-");
}

static const FinderFilter instance_filters[] = {
    {"instance-id", "i.id $"},
    {"instance-state-name", "i.state $"},
    {"instance-state-code", "i.state $", state_of_code},
    {"instance-type", "i.type $"},
    {"image-id", "i.image_id $"},
    {"vpc-id", "i.vpc_id $"},
    {"subnet-id", "i.subnet_id $"},
    {"availability-zone", "i.zone $"},
    {"availability-zone-id", "(SELECT z.id FROM zone z WHERE z.name = i.zone) $"},
    {"private-ip-address", "i.private_ip $"},
    {"private-dns-name", "i.private_ip $", address_of_private_name},
    {"ip-address", "i.public_ip $"},
    {"dns-name", "i.public_ip $", address_of_public_name},
    {"ipv6-address", NEVER},
    {"key-name", "i.key_name $"},
    {"reservation-id", "i.reservation_id $"},
    {"owner-id", "i.account_id $"},
    {"requester-id", "i.requester_id $"},
    {"client-token", "i.client_token $"},
    {"launch-index", "i.launch_index $"},
    {"launch-time", TIME("i.launch_time")},
    {"reason", "i.transition_reason $"},
    {"state-reason-code", "i.reason_code $"},
    {"state-reason-message", "i.reason_message $"},
    {"monitoring-state", "iif(i.monitoring, 'enabled', 'disabled') $"},
    {"source-dest-check", BOOLEAN("i.source_dest_check")},
    {"tenancy", "i.tenancy $"},
    {"affinity", NEVER},
    {"host-id", NEVER},
    {"capacity-reservation-id", NEVER},
    {"capacity-reservation-specification.capacity-reservation-preference", ALWAYS("open")},
    {"instance-lifecycle", NEVER},
    {"spot-instance-request-id", NEVER},
    {"outpost-arn", NEVER},
    {"placement-group-name", NEVER},
    {"placement-partition-number", NEVER},
    {"iam-instance-profile.arn", PROFILE_ARN},
    {"iam-instance-profile.name", PROFILE_NAME},
    {"iam-instance-profile.id", NEVER},
    {"user-data", "i.user_data $"},

    /* what it boots, and on what */
    {"architecture", "i.architecture $"},
    {"kernel-id", "i.kernel_id $"},
    {"ramdisk-id", "i.ramdisk_id $"},
    {"root-device-name", "i.root_device_name $"},
    {"root-device-type", "i.root_device_type $"},
    {"virtualization-type", ALWAYS("hvm")},
    {"hypervisor", ALWAYS("xen")},
    {"boot-mode", NEVER},
    {"current-instance-boot-mode", ALWAYS("legacy-bios")},
    {"platform", NEVER}, /* windows */
    {"platform-details", ALWAYS("Linux/UNIX")},
    {"usage-operation", ALWAYS("RunInstances")},
    {"product-code", NEVER},
    {"product-code.type", NEVER},
    {"ena-support", ALWAYS("true")},
    {"ebs-optimized", BOOLEAN("i.ebs_optimized")},
    {"enclave-options.enabled", ALWAYS("false")},
    {"hibernation-options.configured", ALWAYS("false")},
    {"maintenance-options.auto-recovery", ALWAYS("default")},
    {"tpm-support", NEVER},
    {"metadata-options.http-tokens", "i.http_tokens $"},
    {"metadata-options.http-endpoint", "i.http_endpoint $"},
    {"metadata-options.http-put-response-hop-limit", "i.http_hop_limit $"},
    {"metadata-options.http-protocol-ipv4", "i.http_endpoint $"},
    {"metadata-options.http-protocol-ipv6", ALWAYS("disabled")},
    {"metadata-options.instance-metadata-tags", "i.http_tags $"},
    {"private-dns-name-options.hostname-type", ALWAYS("ip-name")},
    {"private-dns-name-options.enable-resource-name-dns-a-record", ALWAYS("false")},
    {"private-dns-name-options.enable-resource-name-dns-aaaa-record", ALWAYS("false")},

    /* its security groups */
    {"group-id", IN_GROUP},
    {"group-name", IN_GROUP_NAMED},
    {"instance.group-id", IN_GROUP},
    {"instance.group-name", IN_GROUP_NAMED},
    {"network-interface.group-id", IN_GROUP},
    {"network-interface.group-name", IN_GROUP_NAMED},

    /* its volumes */
    {"block-device-mapping.volume-id", VOLUME("v.id $")},
    {"block-device-mapping.device-name", VOLUME("v.device $")},
    {"block-device-mapping.status", VOLUME("'attached' $")},
    {"block-device-mapping.attach-time", VOLUME(TIME("v.attach_time"))},
    {"block-device-mapping.delete-on-termination", VOLUME(BOOLEAN("v.delete_on_termination"))},

    /* its interfaces */
    {"network-interface.network-interface-id", ENI("e.id $")},
    {"network-interface.description", ENI("e.description $")},
    {"network-interface.mac-address", ENI("e.mac $")},
    {"network-interface.owner-id", ENI("e.account_id $")},
    {"network-interface.vpc-id", ENI("e.vpc_id $")},
    {"network-interface.subnet-id", ENI("e.subnet_id $")},
    {"network-interface.availability-zone", ENI("e.zone $")},
    {"network-interface.status", ENI("'in-use' $")},
    {"network-interface.source-dest-check", ENI(BOOLEAN("e.source_dest_check"))},
    {"network-interface.private-dns-name", ENI("e.private_ip $"), address_of_private_name},
    {"network-interface.requester-id", NEVER},
    {"network-interface.requester-managed", ENI("'false' $")},
    {"network-interface.outpost-arn", NEVER},
    {"network-interface.ipv6-address", NEVER},
    {"network-interface.ipv6-addresses.ipv6-address", NEVER},
    {"network-interface.addresses.private-ip-address", ENI("e.private_ip $")},
    {"network-interface.addresses.primary", ENI("'true' $")},
    {"network-interface.addresses.association.public-ip", ENI("e.public_ip $")},
    {"network-interface.addresses.association.ip-owner-id",
     ENI("e.public_ip IS NOT NULL AND 'amazon' $")},
    {"network-interface.association.public-ip", ENI("e.public_ip $")},
    {"network-interface.association.ip-owner-id", ENI("e.public_ip IS NOT NULL AND 'amazon' $")},
    {"network-interface.association.allocation-id", NEVER},
    {"network-interface.association.association-id", NEVER},
    {"network-interface.association.carrier-ip", NEVER},
    {"network-interface.association.customer-owned-ip", NEVER},
    {"network-interface.association.public-dns-name", ENI("e.public_ip $"), address_of_public_name},
    {"network-interface.attachment.attachment-id", ENI("e.attachment_id $")},
    {"network-interface.attachment.instance-id", ENI("e.instance_id $")},
    {"network-interface.attachment.instance-owner-id", ENI("e.account_id $")},
    {"network-interface.attachment.device-index", ENI("e.device_index $")},
    {"network-interface.attachment.status", ENI("'attached' $")},
    {"network-interface.attachment.attach-time", ENI(TIME("e.created"))},
    {"network-interface.attachment.delete-on-termination", ENI(BOOLEAN("e.delete_on_termination"))},
    {"network-interface.attachment.network-card-index", ENI("'0' $")},
};

const Finder instance_finder = {
    .type = instance_record_type,
    .alias = "i",
    .scope = "i.account_id = ?1",
    FILTERS(instance_filters),
};
