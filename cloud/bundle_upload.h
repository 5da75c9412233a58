/* Parts and manifests that the cloud itself puts into a bucket, for an owner who may. They bear the
 * canned ACL aws-exec-read, as ec2-upload-bundle's do. Private to cloud/. */
#pragma once

#include "cloud/cloud.h"

typedef struct BundleUpload {
    Cloud *cloud;
    const char *bucket;
    const char *prefix;     /* "folder/name": objects are folder/FILENAME */
    const char *account_id; /* owner of what is put */
    size_t parts;           /* how many were put, by number */
    bool manifest;          /* it was put */
} BundleUpload;

/* The name of the bundle, the last piece of its prefix. */
const char *bundle_upload_name(const BundleUpload *upload);
/* "NAME.manifest.xml" */
char *bundle_upload_manifest(Arena *arena, const BundleUpload *upload);
/* Puts an object beside the others; the caller counts it. Fault NoSuchBucket: it is gone. */
bool bundle_upload_put(const BundleUpload *upload, const char *filename, const char *content_type,
                       const void *bytes, size_t size, GError **error);
/* Removes what was put; with all, also the parts and the manifest of an earlier try, if there are
 * any. What cannot be is told in the log. */
void bundle_upload_remove(const BundleUpload *upload, bool all);
