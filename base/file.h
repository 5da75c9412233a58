/* Files and descriptors. Errors name the path and what to do. Thread-safe. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

static inline void autofd_clear(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
/* A descriptor closed at scope end; initialise with -1; hand over with fd_steal(). */
#define autofd __attribute__((cleanup(autofd_clear))) int
static inline int fd_steal(int *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

/* mkdir -p with mode 0700 for what it makes. */
bool file_make_directory(const char *path, GError **error);
/* The whole file, NUL-terminated; refuses more than max bytes. Free with g_free. */
bool file_read(const char *path, size_t max, char **ret_text, size_t *ret_size, GError **error);
/* Temporary file, fsync, rename, directory fsync; mode e.g. 0600. */
bool file_write(const char *path, const void *data, size_t size, unsigned mode, GError **error);
/* Removes a directory and everything in it; absent is success. Never follows links. */
bool file_remove_tree(const char *path, GError **error);
/* Writes all of it to a descriptor (retries short writes). */
bool file_write_all(int fd, const void *data, size_t size, GError **error);
