/* The bytes of small blobs, which live in the database: the one kind of record that is not text. */
#pragma once

#include "store/record.h"

/* Keeps size bytes under an id; a second time is a conflict (store_is_conflict). */
bool blob_data_insert(Txn *txn, const char *id, const void *data, size_t size, GError **error);

/* A copy of the bytes from offset on, at most size of them (INT64_MAX: all), in memory of
 * g_malloc's that becomes the caller's. Absent: *ret_data is NULL; not an error. */
bool blob_data_read(Txn *txn, const char *id, int64_t offset, int64_t size, char **ret_data,
                    size_t *ret_size, GError **error);

/* Absent is success. */
bool blob_data_delete(Txn *txn, const char *id, GError **error);
