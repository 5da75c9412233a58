/* When anything that belongs to a resource was last written.
 *
 * Theory of operation. Temporary triggers of the writing connection, which are in no file, call a
 * function of ours with the id of the resource that a written row belongs to, whatever statement
 * writes it. The ids gather until the batch commits, and get that commit's number before it
 * starts: so whoever can see a commit's rows can also see what it touched. Only what is derived
 * from the store is kept here, and forgetting it (the floor rises) makes everything look changed.
 *
 * Who has the writer's turn gathers, publishes and drops; anybody asks. Lock order: a leaf. */
#pragma once

#include "store/connection.h"

typedef struct Changes Changes;

Changes *changes_new(void);
void changes_free(Changes *changes); /* NULL is fine */

/* Sets the triggers up; the schema must be there, and no statement prepared that writes. */
bool changes_watch(Changes *changes, Connection *writer, GError **error);

/* What was gathered belongs to the commit of that number, which now begins. */
void changes_publish(Changes *changes, uint64_t number);
/* What was gathered was rolled back. */
void changes_drop(Changes *changes);

/* The number of the last commit that may have touched it. */
uint64_t changes_last(Changes *changes, const char *id);
