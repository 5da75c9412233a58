/* What an instance may learn of itself: the records behind the metadata service. */
#pragma once

#include "cloud/instances.h"

typedef struct Metadata {
    InstanceView *view;
    List disks; /* of InstanceDisk * */
    Eni *eni;   /* the interface that asks */
    Subnet *subnet;
    Vpc *vpc;
    Zone *zone;
    Image *image;
    KeyPair *key; /* NULL: started without one */
} Metadata;

/* Of the live instance that has the address in that VPC; NULL when there is none. Only reads; for
 * event threads. */
bool metadata_find(Cloud *cloud, Arena *arena, const char *vpc_id, const char *address,
                   Metadata **ret_metadata, GError **error);
