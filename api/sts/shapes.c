/* The tables of STS's shapes. Invariant: shapes.h and this file read the same .def file. */
#include "api/sts/shapes.h"

#include "api/shape_tables.h"
#include "api/sts/shapes.def"
#include "api/shape_end.h"
