/* The structures of STS's requests and replies. See api/shape.h. */
#pragma once

#include "api/shape_types.h"
#include "api/sts/shapes.def"
#include "api/shape_end.h"
