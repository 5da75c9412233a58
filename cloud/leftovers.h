/* Files of machines that no record owns any more. Private to cloud/. */
#pragma once

#include "cloud/cloud.h"

/* Removes from volumes/ and instances/ under the state directory what no record owns: records go
 * before their files do, so a daemon that was killed in between leaves some. Before users are
 * served; images are never touched. */
bool leftovers_remove(Cloud *cloud, GError **error);
