/* What a fresh cloud has. Private to cloud/. */
#pragma once

#include "cloud/cloud.h"

/* Writes what is missing of it: regions, zones, types, the first account with its key and default
 * VPC, the images found in the state directory. Says it again at every start. In a
 * transaction of the caller. */
bool cloud_seed(Cloud *cloud, Txn *txn, GError **error);

/* images_starter.c: registers what the recipes built in <state>/images/NAME, with kernels and
 * ramdisks, unless these builds are; older builds, and those that are gone, are deregistered. Adds
 * the machine images, Image *, to ret_images. */
bool images_register_built(Context *context, Txn *txn, List *ret_images, GError **error);
