/* SQLite's errors as sentences that say what happened and what to do. Thread-safe. */
#pragma once

#include "base/fault.h"
#include <sqlite3.h>

/* The last failure on db (NULL: out of memory) with the file at path. code is what the call
 * returned; doing says what was tried, for the errors that have no advice of their own. GError.code
 * is an errno where one fits (ENOSPC: the disk is full). Returns false. */
bool trouble_set_sqlite(GError **error, sqlite3 *db, int code, const char *path, const char *doing);
