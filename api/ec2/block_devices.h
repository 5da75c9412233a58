/* Block device mappings and permissions in EC2's requests and replies. */
#pragma once

#include "api/action.h"
#include "api/ec2/shapes.h"
#include "cloud/images.h"

/* RunVolume * of LaunchBlockDevice *. */
List ec2_run_volumes(Call *call, const List *block_devices);
/* ImageBlockDevice * of ImageMapping *. */
List ec2_image_devices(Call *call, const List *mappings);

/* PermissionItem * of account ids, "all" among them. */
List ec2_account_items(Call *call, const List *accounts);
/* Account ids to add and to remove, of a structure (may be NULL) and of OperationType, UserId.N and
 * UserGroup.N, as clients said it before there was one. Faults: MissingParameter,
 * InvalidParameterValue (a group that is not "all"). */
bool ec2_permission_change(Call *call, const PermissionChange *change, const char *operation,
                           const List *user_ids, const List *groups, List *add, List *remove,
                           GError **error);
