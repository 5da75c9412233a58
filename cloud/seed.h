/* What a fresh cloud has. Private to cloud/. */
#pragma once

#include "cloud/cloud.h"

/* Writes what is missing of it: regions, zones, types, the first account with its key and default
 * VPC, the starter images found in the state directory. Says it again at every start. In a
 * transaction of the caller. */
bool cloud_seed(Cloud *cloud, Txn *txn, GError **error);

/* images_starter.c: registers the starter image built in <state>/images/micro, with its kernel
 * and ramdisk, unless this build of it is; an older build is deregistered. */
bool images_register_starter(Context *context, Txn *txn, GError **error);
