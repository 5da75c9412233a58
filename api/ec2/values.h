/* What enumerated members of EC2's shapes may hold. For api/ec2/shapes.c. */
#pragma once

#include <stddef.h>

static const char *const http_tokens_values[] = {"optional", "required", NULL};
static const char *const enabled_values[] = {"enabled", "disabled", NULL};
static const char *const shutdown_behavior_values[] = {"stop", "terminate", NULL};
static const char *const instance_attribute_values[] = {"instanceType",
                                                        "kernel",
                                                        "ramdisk",
                                                        "userData",
                                                        "disableApiTermination",
                                                        "instanceInitiatedShutdownBehavior",
                                                        "rootDeviceName",
                                                        "blockDeviceMapping",
                                                        "productCodes",
                                                        "sourceDestCheck",
                                                        "groupSet",
                                                        "ebsOptimized",
                                                        "sriovNetSupport",
                                                        "enaSupport",
                                                        "enclaveOptions",
                                                        "disableApiStop",
                                                        NULL};
static const char *const volume_attribute_values[] = {"autoEnableIO", "productCodes", NULL};
static const char *const snapshot_attribute_values[] = {"createVolumePermission", "productCodes",
                                                        NULL};
static const char *const copy_tags_values[] = {"volume", NULL};
static const char *const operation_type_values[] = {"add", "remove", NULL};
static const char *const image_attribute_values[] = {
    "description",      "kernel",       "ramdisk",
    "launchPermission", "productCodes", "blockDeviceMapping",
    "sriovNetSupport",  "bootMode",     NULL};
static const char *const launch_permission_values[] = {"launchPermission", NULL};
