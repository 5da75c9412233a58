/* What every unit test includes: cmocka and the headers that it wants before it, and a few
 * assertions on this project's error idiom. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

/* Shows the message of an error that should not be there. */
static inline void assert_no_error(const GError *error)
{
    if (error)
        fail_msg("unexpected error: %s", error->message);
}

/* The message has this text in it. */
static inline void assert_error_says(const GError *error, const char *text)
{
    assert_non_null(error);
    if (!strstr(error->message, text))
        fail_msg("\"%s\" does not say \"%s\"", error->message, text);
}

/* A new empty directory for one test; remove it with file_remove_tree. Free with g_free. */
static inline char *scratch_directory(void)
{
    char *path = g_dir_make_tmp("cumulet-unit-XXXXXX", NULL);
    assert_non_null(path);
    return path;
}
