/* Between rows and records: SQL text, binding and loading by a record type's column table. */
#pragma once

#include "store/txn.h"

#define COLUMNS_MOST 64 /* of one record type */

/* The type of a kind. */
const RecordType *record_type(RecordKind kind);

/* Makes the SQL function record() known to a connection. Returns SQLite's code. */
int row_register(Connection *connection);

/* "record(7, a.id, a.name, …)": what a statement selects for row_load_…; alias NULL: without. */
void row_add_record(GString *sql, const RecordType *type, const char *alias);
/* "id, name, …" in the table's order. */
void row_add_columns(GString *sql, const RecordType *type);
/* "id = ? AND …" for the key columns. */
void row_add_key_condition(GString *sql, const RecordType *type);

/* The column of a record; strings are borrowed until the statement is reset. */
void row_bind(sqlite3_stmt *statement, int parameter, const Column *column, const void *record);
/* A string or NULL, borrowed likewise. */
void row_bind_text(sqlite3_stmt *statement, int parameter, const char *text);

/* The columns in which two records differ, a bit each. */
uint64_t row_compare(const RecordType *type, const void *a, const void *b);

/* Steps a bound statement that selects row_add_record() to its end, adds its records to list and
 * resets it. With limit > 0 it stops there, and *ret_more (may be NULL) tells whether there was
 * another row. */
bool row_load_all(Txn *txn, Arena *arena, const RecordType *type, sqlite3_stmt *statement,
                  int64_t limit, List *list, bool *ret_more, GError **error);
/* The same of one that selects the key instead: const char *. */
bool row_load_ids(Txn *txn, Arena *arena, const RecordType *type, sqlite3_stmt *statement,
                  int64_t limit, List *list, bool *ret_more, GError **error);
/* The first row, or NULL; resets the statement. */
bool row_load_one(Txn *txn, Arena *arena, const RecordType *type, sqlite3_stmt *statement,
                  void **ret_record, GError **error);
/* Runs a statement that gives no rows and resets it. */
bool row_run(Txn *txn, sqlite3_stmt *statement, const char *doing, const char *table,
             GError **error);
