/* The files that blobs lie in: names, places, and what is done to them as a whole. See
 * imagestore/blobs.h for the two places. Thread-safe. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define BLOB_ID_SIZE 33 /* 32 hexadecimal digits and NUL */

typedef struct BlobFiles BlobFiles;

/* Makes the directory and new/ in it. */
bool blob_files_open(const char *directory, BlobFiles **ret_files, GError **error);
void blob_files_free(BlobFiles *files); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlobFiles, blob_files_free)

/* A new id. Those made within about a second have their first two digits in common and rise. */
void blob_id_make(char id[BLOB_ID_SIZE]);
bool blob_id_is_valid(const char *id);
/* 0 to 255: the number of the directory where it rests. */
unsigned blob_id_shelf(const char *id);

/* A new empty file in new/. */
bool blob_files_create(BlobFiles *files, const char *id, int *ret_fd, GError **error);
/* Fails, as on a full disk, when hardly more is left of it than deleting needs: whatever makes room
 * has to be written to the database first. */
bool blob_files_check_room(BlobFiles *files, GError **error);
/* Writes at an offset, all of it; as long as blob_files_check_room allows it. */
bool blob_files_write(BlobFiles *files, int fd, const void *data, size_t size, uint64_t offset,
                      GError **error);
bool blob_files_sync(BlobFiles *files, int fd, GError **error);
/* Makes durable what was made in new/ before; several threads that ask at a time share a sync. */
bool blob_files_sync_new(BlobFiles *files, GError **error);
/* From new/ to where it rests; absent is success. Nothing is synced: what a lost power leaves in
 * new/ is moved at the next start. */
bool blob_files_move(BlobFiles *files, const char *id, GError **error);

/* For reading, wherever it lies. Trouble with code ENOENT: it is not there. */
bool blob_files_open_blob(BlobFiles *files, const char *id, int *ret_fd, GError **error);
/* Wherever it lies; absent is success. */
bool blob_files_remove(BlobFiles *files, const char *id, GError **error);
/* Makes removals there durable. */
bool blob_files_sync_shelf(BlobFiles *files, unsigned shelf, GError **error);

/* The names in a shelf's directory, or with BLOB_SHELF_NEW in new/; none when it does not exist.
 * What begins with a dot is left out. */
#define BLOB_SHELVES 256
#define BLOB_SHELF_NEW BLOB_SHELVES
bool blob_files_list(BlobFiles *files, unsigned shelf, GPtrArray **ret_names, GError **error);
/* A name found by blob_files_list, whatever it is; absent is success. */
bool blob_files_remove_from(BlobFiles *files, unsigned shelf, const char *name, GError **error);
bool blob_files_has(BlobFiles *files, unsigned shelf, const char *name);
