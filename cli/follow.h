/* Copies a growing file to a descriptor as it grows, through truncations and replacements.
 *
 * Life cycle: follow_new → (follow_copy → follow_wait)… → follow_free. One thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Follow Follow;

/* The file and its directory need not be there yet. Where the directory's parent is missing too,
 * only the caller's next follow_copy notices that it came. */
bool follow_new(const char *path, Follow **ret_follow, GError **error);
/* Writes all that is new to fd. A file that was cut at its beginning goes on where the copy ended,
 * if that place is found in it; else it is copied from its begin. */
bool follow_copy(Follow *follow, int fd, GError **error);
/* Waits for a change, at most timeout_ms. *ret_closed: a writer of the file closed it. */
bool follow_wait(Follow *follow, int timeout_ms, bool *ret_closed, GError **error);
void follow_free(Follow *follow); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Follow, follow_free)
