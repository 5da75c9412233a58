/* The structures of classic ELB's requests and replies. See api/shape.h. */
#pragma once

#include "api/shape_types.h"
#include "api/elb/shapes.def"
#include "api/shape_end.h"
