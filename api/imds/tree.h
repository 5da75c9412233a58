/* The metadata tree of one instance, as leaves. */
#pragma once

#include "cloud/metadata.h"

typedef struct Leaf {
    const char *path; /* below /latest/: "meta-data/instance-id" */
    const char *value;
    const char *label; /* how its directory lists it, instead of its last part: "0=my-key/" */
} Leaf;

/* Leaf *, in the order in which directories list them. Where the facts come from: "Instance
 * metadata categories" in the EC2 user guide. Pure. */
List imds_leaves(Arena *arena, const Metadata *metadata, const char *dns_suffix);

/* What GET of the path (below /latest/, without leading slash) shows: a leaf's value or a
 * directory's listing; NULL: 404. Pure. */
const char *imds_show(Arena *arena, const List *leaves, const char *path);
