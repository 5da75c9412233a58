/* Layers: the files that disks consist of, and when one may go.
 *
 * A layer is made by who adds its row, after the row is committed, and removed after its row is
 * gone: so a file without a row is a leftover (cloud/leftovers.h), whatever crashed when. */
#pragma once

#include "cloud/cloud.h"

/* Where the files are, under the state directory. */
#define LAYERS_DIRECTORY "volumes"

/* "volumes/NAME.qcow2" in the arena. */
char *layer_path(Arena *arena, const char *name);
/* Notes an overlay (qcow2) over backing, a file of backing_format that is kept from now on, or over
 * nothing (NULL). One that is noted already is left as it is. */
bool layer_add(Txn *txn, const char *path, const char *backing, const char *backing_format,
               int64_t now, GError **error);
/* Notes a file over nothing, of format ("raw", "qcow2"), which the caller makes. */
bool layer_add_whole(Txn *txn, const char *path, const char *format, int64_t now, GError **error);
/* Makes the file of an overlay that is noted, unless it is there. */
bool layer_make(Cloud *cloud, const char *path, int64_t size_bytes, GError **error);
/* Whether a disk has a partition table (an MBR with a partition, or a GPT), so that it boots by
 * itself. */
bool disk_is_partitioned(Cloud *cloud, const char *path, const char *format, bool *ret_partitioned,
                         GError **error);
/* "STATE/volumes/…" */
char *layer_file(Arena *arena, Cloud *cloud, const char *path);
/* Forgets a layer that nothing refers to any more, and what was kept only for it; their paths
 * (const char *) are added to *files, which are to be removed once the transaction is committed.
 * Call it when the last reference may just have gone. path NULL: nothing. */
bool layer_drop(Txn *txn, Arena *arena, const char *path, List *files, GError **error);
/* Removes files that were dropped; what fails is told in the log and removed at the next start. */
void layers_remove(Cloud *cloud, const List *files);
