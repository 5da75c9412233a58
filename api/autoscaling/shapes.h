/* The structures of Auto Scaling's requests and replies. See api/shape.h. */
#pragma once

#include "api/shape_types.h"
#include "api/autoscaling/shapes_groups.def"
#include "api/autoscaling/shapes_changes.def"
#include "api/shape_end.h"
