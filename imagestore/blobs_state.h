/* What a Blobs is made of, for the files of imagestore/ that work on bytes. */
#pragma once

#include "imagestore/blob_files.h"
#include "imagestore/blob_pool.h"
#include "imagestore/blob_sweeper.h"

/* Blob.place */
#define BLOB_PLACE_DATA "data"
#define BLOB_PLACE_FILE "file"

struct Blobs {
    Store *store;
    BlobFiles *files;
    BlobPool *pool;
    BlobSweeper *sweeper;
};
