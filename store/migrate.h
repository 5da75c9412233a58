/* The schema's numbered steps, store/migrations/NNNN-what.sql, built into the program by
 * tools/embed.py. PRAGMA user_version is the number of the last one applied. */
#pragma once

#include "store/connection.h"

typedef struct Migration {
    const char *name;
    const char *sql;
} Migration;

extern const Migration migrations[];
extern const unsigned n_migrations;

/* Applies what the file lacks, in one transaction. Refuses a file that a newer version wrote. */
bool migrate(Connection *connection, GError **error);
