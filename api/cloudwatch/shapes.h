/* The structures of CloudWatch's requests and replies. See api/shape.h. */
#pragma once

#include "api/shape_types.h"
#include "api/cloudwatch/shapes.def"
#include "api/shape_end.h"
