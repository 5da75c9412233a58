/* Reading an object, or a range of it, wherever its bytes lie: in the database, in a file, in the
 * files of its parts, encrypted or not.
 *
 * A reader holds what it needs and no transaction: the object may be replaced or deleted while it
 * is being read. One thread at a time. */
#pragma once

#include "imagestore/blobs.h"

typedef struct ObjectReader ObjectReader;

/* The bytes [offset, offset + size) of an object that has them all. customer_key as in BlobSpec,
 * for objects encrypted so. The transaction is only used here. */
bool object_reader_open(Blobs *blobs, Txn *txn, const Object *object, uint64_t offset,
                        uint64_t size, const uint8_t *customer_key, ObjectReader **ret_reader,
                        GError **error);
void object_reader_free(ObjectReader *reader); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ObjectReader, object_reader_free)

/* All of it lies, as it is to be sent, in one file: the descriptor, handed over to the caller, and
 * the offset in it. */
bool object_reader_take_file(ObjectReader *reader, int *ret_fd, uint64_t *ret_offset);
/* All of it lies in memory: handed over to the caller, who frees it with g_free. */
bool object_reader_take_data(ObjectReader *reader, char **ret_data, size_t *ret_size);

/* The next bytes, at most `most`, in order; *ret_size 0: that was all. May read from the disk. */
bool object_reader_read(ObjectReader *reader, char *buffer, size_t most, size_t *ret_size,
                        GError **error);
