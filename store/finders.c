/* The filters of DescribeImages, DescribeKeyPairs, DescribeLaunchTemplates, DescribeTags,
 * DescribeAvailabilityZones, DescribeRegions and DescribeInstanceTypes. Names and meanings: these
 * pages of the Amazon EC2 API reference; constants as in finders_instance.c. */
#include "store/find.h"

#include "store/filters.h"

#define MAPPING(condition)                                                                         \
    "EXISTS (SELECT 1 FROM image_mapping b WHERE b.image_id = m.id AND " condition ")"
/* What concerns volumes alone. */
#define VOLUME_MAPPING(condition) MAPPING("b.virtual_name IS NULL AND " condition)

static const FinderFilter image_filters[] = {
    {"image-id", "m.id $"},
    {"name", "m.name $"},
    {"description", "m.description $"},
    {"owner-id", "m.account_id $"},
    {"owner-alias", "m.owner_alias $"},
    {"is-public", BOOLEAN("m.is_public")},
    {"state", "m.state $"},
    {"state-reason-code", "substr(m.state_reason, 1, instr(m.state_reason, ': ') - 1) $"},
    {"state-reason-message", "m.state_reason $"},
    {"image-type", "m.kind $"},
    {"manifest-location", "m.location $"},
    {"creation-date", TIME("m.created")},
    {"architecture", "m.architecture $"},
    {"kernel-id", "m.kernel_id $"},
    {"ramdisk-id", "m.ramdisk_id $"},
    {"root-device-name", "m.root_device_name $"},
    {"root-device-type", "m.root_device_type $"},
    {"virtualization-type", "m.virtualization_type $"},
    {"hypervisor", ALWAYS("xen")},
    {"boot-mode", "m.boot_mode $"},
    {"ena-support", BOOLEAN("m.ena_support")},
    {"sriov-net-support", NEVER},
    {"imds-support", NEVER},
    {"tpm-support", NEVER},
    {"platform", NEVER}, /* windows */
    {"platform-details", ALWAYS("Linux/UNIX")},
    {"usage-operation", ALWAYS("RunInstances")},
    {"product-code", NEVER},
    {"product-code.type", NEVER},
    {"block-device-mapping.device-name", MAPPING("b.device $")},
    {"block-device-mapping.snapshot-id", MAPPING("b.snapshot_id $")},
    {"block-device-mapping.volume-size", VOLUME_MAPPING("CAST(b.size_gib AS TEXT) $")},
    {"block-device-mapping.volume-type", VOLUME_MAPPING("b.type $")},
    {"block-device-mapping.delete-on-termination",
     VOLUME_MAPPING("iif(b.delete_on_termination, 'true', 'false') $")},
    {"block-device-mapping.encrypted", VOLUME_MAPPING("iif(b.encrypted, 'true', 'false') $")},
    /* ExecutableBy.N: an account id or "all". */
    {"executable-by", "(iif(m.is_public, 'all', NULL) $ OR EXISTS (SELECT 1 FROM image_permission p"
                      " WHERE p.image_id = m.id AND p.account_id $))"},
};

const Finder image_finder = {
    .type = image_record_type,
    .alias = "m",
    .scope =
        "(m.account_id = ?1 OR m.is_public OR m.id IN (SELECT p.image_id FROM image_permission p"
        " WHERE p.account_id = ?1))",
    FILTERS(image_filters),
};

static const FinderFilter key_pair_filters[] = {
    {"key-pair-id", "k.id $"},
    {"key-name", "k.name $"},
    {"fingerprint", "k.fingerprint $"},
};

const Finder key_pair_finder = {
    .type = key_pair_record_type,
    .alias = "k",
    .scope = "k.account_id = ?1",
    FILTERS(key_pair_filters),
};

static const FinderFilter launch_template_filters[] = {
    {"create-time", TIME("l.created")},
    {"launch-template-name", "l.name $"},
};

const Finder launch_template_finder = {
    .type = launch_template_record_type,
    .alias = "l",
    .scope = "l.account_id = ?1",
    FILTERS(launch_template_filters),
};

static const FinderFilter tag_filters[] = {
    {"key", "t.key $"},
    {"value", "t.value $"},
    {"resource-id", "t.resource_id $"},
    {"resource-type", "t.resource_type $"},
};

const Finder tag_finder = {
    .type = tag_record_type,
    .alias = "t",
    .scope = "t.account_id = ?1",
    .tagged = "t.key = # AND t.value $",
    FILTERS(tag_filters),
};

static const FinderFilter zone_filters[] = {
    {"zone-name", "z.name $"},
    {"zone-id", "z.id $"},
    {"region-name", "z.region $"},
    {"group-name", "z.region $"},
    {"state", "z.state $"},
    {"zone-type", ALWAYS("availability-zone")},
    {"opt-in-status", ALWAYS("opt-in-not-required")},
    {"message", NEVER},
    {"parent-zone-id", NEVER},
    {"parent-zone-name", NEVER},
    {"parent-zoneID", NEVER},
    {"parent-zoneName", NEVER},
};

const Finder zone_finder = {
    .type = zone_record_type,
    .alias = "z",
    FILTERS(zone_filters),
};

static const FinderFilter region_filters[] = {
    {"region-name", "n.name $"},
    {"endpoint", "n.endpoint $"},
    {"opt-in-status", "n.opt_in_status $"},
};

const Finder region_finder = {
    .type = region_record_type,
    .alias = "n",
    FILTERS(region_filters),
};

static const FinderFilter instance_type_filters[] = {
    {"instance-type", "t.name $"},
    {"vcpu-info.default-vcpus", "t.vcpus $"},
    {"vcpu-info.default-cores", "t.vcpus $"},
    {"vcpu-info.default-threads-per-core", ALWAYS("1")},
    {"vcpu-info.valid-cores", "t.vcpus $"},
    {"vcpu-info.valid-threads-per-core", ALWAYS("1")},
    {"memory-info.size-in-mib", "t.memory_mib $"},
    {"current-generation", BOOLEAN("t.current_generation")},
    {"free-tier-eligible", BOOLEAN("t.free_tier")},
    {"burstable-performance-supported", BOOLEAN("t.burstable")},
    {"auto-recovery-supported", ALWAYS("false")},
    {"bare-metal", ALWAYS("false")},
    {"dedicated-hosts-supported", ALWAYS("false")},
    {"hibernation-supported", ALWAYS("false")},
    {"hypervisor", ALWAYS("xen")},
    {"processor-info.supported-architecture", ALWAYS("x86_64")},
    {"processor-info.sustained-clock-speed-in-ghz", NEVER},
    {"supported-boot-mode", ALWAYS("legacy-bios")},
    {"supported-root-device-type", "('ebs' $ OR 'instance-store' $)"},
    {"supported-usage-class", ALWAYS("on-demand")},
    {"supported-virtualization-type", ALWAYS("hvm")},
    {"ebs-info.ebs-optimized-support", ALWAYS("unsupported")},
    {"ebs-info.encryption-support", ALWAYS("unsupported")},
    {"ebs-info.nvme-support", ALWAYS("unsupported")},
    {"ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps", NEVER},
    {"ebs-info.ebs-optimized-info.baseline-iops", NEVER},
    {"ebs-info.ebs-optimized-info.baseline-throughput-in-mbps", NEVER},
    {"ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps", NEVER},
    {"ebs-info.ebs-optimized-info.maximum-iops", NEVER},
    {"ebs-info.ebs-optimized-info.maximum-throughput-in-mbps", NEVER},
    {"instance-storage-supported", ALWAYS("false")},
    {"instance-storage-info.disk.count", NEVER},
    {"instance-storage-info.disk.size-in-gb", NEVER},
    {"instance-storage-info.disk.type", NEVER},
    {"instance-storage-info.encryption-support", NEVER},
    {"instance-storage-info.nvme-support", NEVER},
    {"instance-storage-info.total-size-in-gb", NEVER},
    {"network-info.efa-supported", ALWAYS("false")},
    {"network-info.efa-info.maximum-efa-interfaces", NEVER},
    {"network-info.ena-support", ALWAYS("unsupported")},
    {"network-info.encryption-in-transit-supported", ALWAYS("false")},
    {"network-info.ipv4-addresses-per-interface", ALWAYS("1")},
    {"network-info.ipv6-addresses-per-interface", ALWAYS("0")},
    {"network-info.ipv6-supported", ALWAYS("false")},
    {"network-info.maximum-network-cards", ALWAYS("1")},
    {"network-info.maximum-network-interfaces", ALWAYS("1")},
    {"network-info.network-performance", ALWAYS("Moderate")},
    {"nitro-enclaves-support", ALWAYS("unsupported")},
    {"nitro-tpm-support", ALWAYS("unsupported")},
};

const Finder instance_type_finder = {
    .type = instance_type_record_type,
    .alias = "t",
    FILTERS(instance_type_filters),
};
