/* Records as they were last read, of those kinds that store_changed() tells of: what nearly every
 * request needs. A reader's first look at the store after a commit costs more than the rest of a
 * small request; while what it needs is known, there is no look. Derived data, which may be
 * forgotten at any time. Thread-safe. */
#pragma once

#include "store/record.h"

typedef struct KnownRecords KnownRecords;

KnownRecords *known_records_new(Store *store);
void known_records_free(KnownRecords *records); /* NULL is fine */

/* As record_get of a reading transaction that begins now, and in fact that when the record is not
 * known: the calling thread has no transaction. */
bool known_record_get(KnownRecords *records, Arena *arena, const RecordType *type, const char *key,
                      void **ret_record, GError **error);
