/* What a version of a launch template says, as text: the members of AWS's RequestLaunchTemplateData
 * by their names in requests, "NAME=VALUE" joined by "&", names and values percent-encoded. Items
 * of lists are numbered from 1 on without gaps and stand in order; truths are "true" and "false".
 * Written by api/shape_text.h. Pure. */
#pragma once

#include "cloud/instances.h"

typedef struct DataMember {
    const char *name;  /* "BlockDeviceMapping.1.Ebs.VolumeSize" */
    const char *value; /* decoded */
} DataMember;

/* DataMember *, in order. data NULL: none. */
List launch_data_members(Arena *arena, const char *data);
/* NULL: it does not say. */
const char *launch_data_value(Arena *arena, const char *data, const char *name);
/* What `over` says, and of what else `data` says the rest. Whole members: a list that `over` has
 * replaces the list. */
const char *launch_data_merge(Arena *arena, const char *data, const char *over);

/* Puts what it says into *spec. *ret_has_interface: subnet, groups and address are those of a
 * network interface. Faults UnsupportedOperation and InvalidParameterCombination: of interfaces. */
bool launch_data_use(Context *context, const char *data, RunSpec *spec, bool *ret_has_interface,
                     GError **error);
