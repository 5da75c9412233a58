/* What a long wait is about, on standard error: on a terminal one line that tells the seconds and
 * goes away at the end; elsewhere a line for each new text. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Progress {
    bool terminal;
    int64_t start; /* monotonic, microseconds */
    char *text;    /* shown last, or NULL */
} Progress;

void progress_init(Progress *progress);
/* To be called about once a second, also when nothing changed. */
void progress_show(Progress *progress, const char *format, ...) G_GNUC_PRINTF(2, 3);
void progress_clear(Progress *progress);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Progress, progress_clear)
