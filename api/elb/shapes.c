/* The tables of classic ELB's shapes. Invariant: shapes.h and this file read the same .def file. */
#include "api/elb/shapes.h"

#include "api/shape_tables.h"
#include "api/elb/shapes.def"
#include "api/shape_end.h"
