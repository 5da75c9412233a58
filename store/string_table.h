/* strings(?): a list of strings as a table of one column, `value`, in the list's order, which must
 * be ascending. Joining it costs a seek a string; `IN (…)` would build and search a b-tree. */
#pragma once

#include "base/arena.h"
#include <sqlite3.h>

/* Makes the table known to a connection. Returns SQLite's code. */
int strings_register(sqlite3 *db);

/* The list, of const char *, for a parameter of strings(); borrowed until the statement is
 * reset. */
void strings_bind(sqlite3_stmt *statement, int parameter, const List *strings);
