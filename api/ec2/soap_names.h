/* Where the names of EC2's WSDLs differ from those of the Query API. Sources: the WSDLs 2009-11-30
 * to 2013-02-01. */
#pragma once

#include "api/soap_params.h"

static const SoapName soap_name_rows[] = {
    {NULL, "accountAttributeNameSet", "attributeName", "AttributeName"},
    {NULL, "availabilityZoneSet", "zoneName", "ZoneName"},
    {NULL, "bundlesSet", "bundleId", "BundleId"},
    {NULL, "executableBySet", "user", "ExecutableBy"},
    {NULL, "filterSet", NULL, "Filter"},
    {NULL, "imagesSet", "imageId", "ImageId"},
    {NULL, "instancesSet", "instanceId", "InstanceId"},
    {NULL, "keySet", "keyName", "KeyName"},
    {NULL, "networkInterfaceSet", NULL, "NetworkInterface"},
    {NULL, "ownersSet", "owner", "Owner"},
    {NULL, "regionSet", "regionName", "RegionName"},
    {NULL, "resourcesSet", "resourceId", "ResourceId"},
    {NULL, "restorableBySet", "user", "RestorableBy"},
    {NULL, "securityGroupIdSet", "groupId", "GroupId"},
    {NULL, "securityGroupSet", "groupName", "GroupName"},
    {NULL, "snapshotSet", "snapshotId", "SnapshotId"},
    {NULL, "subnetSet", "subnetId", "SubnetId"},
    {NULL, "tagSet", NULL, "Tag"},
    {NULL, "valueSet", "value", "Value"},
    {NULL, "volumeSet", "volumeId", "VolumeId"},
    {NULL, "vpcSet", "vpcId", "VpcId"},
    {"LaunchNetworkInterface", "groupSet", "groupId", "SecurityGroupId"},
    {"ModifyInstanceAttributeRequest", "groupSet", "groupId", "GroupId"},
    {"RunInstancesRequest", "groupSet", "groupId", "SecurityGroupId"},
    {"RunInstancesRequest", "groupSet", "groupName", "SecurityGroup"},
    {"RunInstancesRequest", "userData", "data", "UserData"},
    /* Whose group it is; they were always the caller's. */
    {"AuthorizeSecurityGroupIngressRequest", "userId", NULL, NULL},
    {"RevokeSecurityGroupIngressRequest", "userId", NULL, NULL},
};

static const SoapNames soap_names = {
    .since = "2009-11-30",
    .until = "2013-02-01",
    .rows = soap_name_rows,
    .n = G_N_ELEMENTS(soap_name_rows),
};
