/* Where fuzz targets let images be made: in memory, if the system has such a directory. */
#pragma once

#include "base/file.h"
#include <stdio.h>
#include <sys/stat.h>

static inline const char *fuzz_image_path(void)
{
    static char path[64];
    const char *directory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, sizeof(path), "%s/cumulet-fuzz-%d", directory, (int)getpid());
    return path;
}

/* Neither the image nor its beginnings are there. */
static inline void fuzz_assert_no_image(void)
{
    g_autofree char *temporary = g_strconcat(fuzz_image_path(), ".new", NULL);
    g_assert(access(fuzz_image_path(), F_OK) < 0 && access(temporary, F_OK) < 0);
}

/* It is there, of this size; now it is not any more. */
static inline void fuzz_remove_image(uint64_t size)
{
    struct stat status;
    g_assert(stat(fuzz_image_path(), &status) == 0 && (uint64_t)status.st_size == size);
    g_assert(unlink(fuzz_image_path()) == 0);
    fuzz_assert_no_image();
}
