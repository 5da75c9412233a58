/* The thread that moves committed pages from the WAL into the database, so that no writer has to
 * wait for that. */
#pragma once

#include "store/writer.h"

typedef struct Checkpointer Checkpointer;

/* Follows what the writer commits, on a connection of its own; both must outlive it. */
bool checkpointer_start(const char *path, Writer *writer, Checkpointer **ret_checkpointer,
                        GError **error);
/* Ends the thread. NULL is fine. What the WAL still holds is SQLite's to move at the last close. */
void checkpointer_stop(Checkpointer *checkpointer);

uint64_t checkpointer_count(Checkpointer *checkpointer);
