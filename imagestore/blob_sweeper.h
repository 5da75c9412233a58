/* Removes what is left of what is gone, on a thread of its own: the parts of uploads
 * (imagestore/part_sweep.h), and the files of blobs.
 *
 * A file in the trash (BlobTrash) is unlinked when nobody can want to open it any more: every
 * reading transaction that may still see its record has ended, and nobody pins it. Its row goes
 * when the unlinking is durable.
 *
 * Thread-safe. */
#pragma once

#include "imagestore/blobs.h"

typedef struct BlobSweeper BlobSweeper;

BlobSweeper *blob_sweeper_new(Blobs *blobs);
/* Starts with what is in the trash. All else of blobs is there. */
void blob_sweeper_start(BlobSweeper *sweeper);
/* What is left stays in the trash. NULL is fine; nothing may be pinned. */
void blob_sweeper_free(BlobSweeper *sweeper);

/* A transaction put something in the trash; it may not be committed. */
void blob_sweeper_expect(BlobSweeper *sweeper);
/* It is, maybe. Never waits. */
void blob_sweeper_wake(BlobSweeper *sweeper);

/* From now on this file is not unlinked, until unpinned as often. Within a transaction that sees
 * its record. */
void blob_sweeper_pin(BlobSweeper *sweeper, const char *id);
void blob_sweeper_unpin(BlobSweeper *sweeper, const char *id);
