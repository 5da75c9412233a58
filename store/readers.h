/* A few connections for reading, opened when first needed, lent to one transaction at a time.
 * Thread-safe. */
#pragma once

#include "store/connection.h"

typedef struct Readers Readers;

Readers *readers_new(const char *path);
void readers_free(Readers *readers); /* NULL is fine; all must be back */

/* Waits while all are lent. */
bool readers_take(Readers *readers, Connection **ret_connection, GError **error);
void readers_give_back(Readers *readers, Connection *connection);
/* Waits until those lent at this moment are back. */
void readers_outwait(Readers *readers);
