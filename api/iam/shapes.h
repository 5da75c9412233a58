/* The structures of IAM's requeiam and replies. See api/shape.h. */
#pragma once

#include "api/shape_types.h"
#include "api/iam/shapes.def"
#include "api/shape_end.h"
