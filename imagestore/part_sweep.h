/* The parts of multipart uploads that are over.
 *
 * Nobody waits for the parts of an upload to be removed: whoever ends it, or deletes its object,
 * puts it into the trash (UploadTrash), and who empties the trash does so in slices, so that no
 * writer waits for 10,000 of them. */
#pragma once

#include "imagestore/blobs.h"

/* Parts that a transaction removes, or places, at most. */
#define PARTS_SLICE 500

/* Puts an upload there. The upload is gone by the end of the transaction, or completed: then only
 * its parts that are not placed go. */
bool part_trash_put(Blobs *blobs, Txn *txn, const char *upload_id, GError **error);
/* Puts all open uploads of a bucket there, and removes them. */
bool part_trash_put_all(Blobs *blobs, Txn *txn, const char *bucket, GError **error);
/* Removes a slice of what is there, and drops the bytes. *ret_uploads: how many left the trash;
 * *ret_more: there are more. */
bool part_sweep(Blobs *blobs, Txn *txn, uint64_t *ret_uploads, bool *ret_more, GError **error);
/* Removes all of it, in transactions of its own. go_on NULL, or: false ends it early. */
bool part_sweep_all(Blobs *blobs, bool (*go_on)(void *data), void *data, GError **error);
