/* Instances as replies show them. */
#pragma once

#include "api/action.h"
#include "api/ec2/shapes.h"
#include "cloud/instances.h"

/* InstanceItem of a view; all of it lives in the call's arena. */
InstanceItem *ec2_instance_item(Call *call, const InstanceView *view);
/* The groups of a view: GroupIdentifier *. */
List ec2_group_items(Call *call, const List *groups);
/* Views grouped by reservation, in the order of their first instance: ReservationItem *. */
List ec2_reservation_items(Call *call, const List *views);
/* The same of a search: what did not change since it was last shown is not made anew. */
bool ec2_reservations_found(Call *call, InstanceSearch *search, List *ret_items, GError **error);
StateItem *ec2_state_item(Call *call, int state);
List ec2_block_device_items(Call *call, const InstanceView *view);
MetadataOptionsItem *ec2_metadata_options_item(Call *call, const Instance *instance);
