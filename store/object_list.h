/* Listings of a bucket: keys in the order of their UTF-8 bytes, from the index, never reading what
 * the answer does not hold: a common prefix costs one seek, however many keys it stands for; a
 * listing of newest versions costs nothing for older ones and for delete markers. */
#pragma once

#include "store/record.h"

typedef struct ObjectScan {
    const char *bucket;
    const char *prefix;     /* NULL: none */
    const char *delimiter;  /* any text, not only one character; NULL: none */
    const char *after;      /* only keys and common prefixes behind it; NULL: from the start.
                             * Versions: key marker */
    const char *after_rank; /* versions: those of `after` behind this rank as well; NULL: none of
                             * that key's */
    int64_t limit;          /* of keys and common prefixes together; 0: an empty page */
    bool versions;          /* all versions and delete markers; else current objects */
} ObjectScan;

/* A key or, in its place among them, a common prefix. */
typedef struct ObjectListItem {
    const Object *object; /* NULL: a common prefix */
    const char *prefix;
} ObjectListItem;

/* Adds ObjectListItem * to *list, in order. *ret_more: there is another page, which begins after
 * the last item's key, or prefix (and rank). A common prefix that `after` lies in, or is, does not
 * come again ("CommonPrefixes is filtered out from results if it is not lexicographically greater
 * than the StartAfter value": ListObjectsV2 in the API reference). Objects come without acl,
 * headers and tags. */
bool object_list(Txn *txn, Arena *arena, const ObjectScan *scan, List *list, bool *ret_more,
                 GError **error);

/* The same of multipart uploads that are not completed, by key and then upload id; `after_upload`:
 * those of key `after` behind this id as well. */
typedef struct UploadScan {
    const char *bucket, *prefix, *delimiter;
    const char *after, *after_upload;
    int64_t limit;
} UploadScan;

typedef struct UploadListItem {
    const Upload *upload; /* NULL: a common prefix */
    const char *prefix;
} UploadListItem;

bool upload_list(Txn *txn, Arena *arena, const UploadScan *scan, List *list, bool *ret_more,
                 GError **error);
