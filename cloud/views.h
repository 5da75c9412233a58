/* Instances with what belongs to each. Private to cloud/. */
#pragma once

#include "cloud/instances.h"

/* InstanceView * for each of the instances (Instance *), in their order, read with one statement
 * a kind of thing. */
bool instance_views(Context *context, Txn *txn, const List *instances, List *views, GError **error);
