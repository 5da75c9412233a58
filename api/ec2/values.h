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
