/* The structures of EC2's requests and replies. See api/shape.h. */
#pragma once

#include "api/shape_types.h"
#include "api/ec2/shapes.def"
#include "api/shape_end.h"
