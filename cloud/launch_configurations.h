/* Launch configurations: how the instances of a scaling group are launched. */
#pragma once

#include "cloud/cloud.h"
#include "cloud/instances.h"

#define LAUNCH_CONFIGURATIONS_PER_ACCOUNT 200 /* AWS: "Quotas for Amazon EC2 Auto Scaling" */

/* What CreateLaunchConfiguration asks for; NULL, -1 and 0 take AWS's defaults. */
typedef struct LaunchConfigurationSpec {
    const char *name;
    const char *instance_id; /* what is not said is as this instance has it */
    const char *image_id, *type, *key_name;
    List security_groups; /* of const char *: ids or names */
    const char *user_data;
    bool user_data_may_be_raw; /* 2009: clients sent it with and without base64 */
    const char *kernel_id, *ramdisk_id;
    List block_devices; /* of RunVolume * */
    int monitoring;     /* -1: true */
    const char *iam_profile;
    int ebs_optimized, public_address; /* -1: not said */
    const char *tenancy, *http_tokens, *http_endpoint;
    int64_t http_hop_limit;
} LaunchConfigurationSpec;

/* Faults: ValidationError, AlreadyExists, LimitExceeded. */
bool launch_configuration_create(Context *context, const LaunchConfigurationSpec *spec,
                                 GError **error);
/* The same inside a transaction of the caller. */
bool launch_configuration_record(Context *context, Txn *txn, const LaunchConfigurationSpec *spec,
                                 GError **error);
/* Faults: ValidationError (there is none), ResourceInUse. */
bool launch_configuration_remove(Context *context, const char *name, GError **error);
/* LaunchConfiguration * of the account, or those with these names (const char *), by name. */
bool launch_configurations_find(Context *context, const List *names, List *list, GError **error);
/* The one of that name; fault ValidationError when there is none. */
bool launch_configuration_find_one(Context *context, Txn *txn, const char *name,
                                   LaunchConfiguration **ret_configuration, GError **error);
/* RunVolume * of what its block_devices hold. */
List launch_configuration_devices(Arena *arena, const LaunchConfiguration *configuration);
/* RunInstances of one instance by it; zone, subnet and tags are the caller's to add. */
RunSpec launch_configuration_run_spec(Context *context, const LaunchConfiguration *configuration);
const char *launch_configuration_arn(Context *context, const LaunchConfiguration *configuration);

/* Lists that records hold: of const char *, joined by newlines; an empty one is NULL. */
const char *lines_join(Arena *arena, const List *lines);
List lines_split(Arena *arena, const char *text);
