/* The tables of IAM's shapes. Invariant: shapes.h and this file read the same .def file. */
#include "api/iam/shapes.h"

static const char *const key_statuses[] = {"Active", "Inactive", NULL};

#include "api/shape_tables.h"
#include "api/iam/shapes.def"
#include "api/shape_end.h"
