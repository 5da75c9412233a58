/* The tables of EC2's shapes. Invariant: shapes.h and this file read the same .def files. */
#include "api/ec2/shapes.h"

#include "api/ec2/values.h"

#include "api/shape_tables.h"
#include "api/ec2/shapes.def"
#include "api/shape_end.h"
