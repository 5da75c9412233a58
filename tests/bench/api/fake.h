/* The service that the benches of api/ call: DescribeInstances answers one record, about 1 KiB. */
#pragma once

#include "api/dispatch.h"

#define BENCH_KEY "AKIDEXAMPLE"
#define BENCH_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

#include "api/shape_types.h"
#include "tests/bench/api/fake.def"
#include "api/shape_end.h"

extern const Service bench_service;
extern const KeySource bench_keys;

BenchItem *bench_item(Arena *arena, unsigned i);
