/* Progress on standard error. */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ERASE_LINE "\r\033[K"

void progress_init(Progress *progress)
{
    *progress = (Progress){
        .terminal = isatty(STDERR_FILENO) != 0,
        .start = g_get_monotonic_time(),
    };
}

void progress_show(Progress *progress, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    bool same = progress->text && strcmp(progress->text, text) == 0;
    long long seconds = (g_get_monotonic_time() - progress->start) / G_USEC_PER_SEC;
    if (progress->terminal)
        fprintf(stderr, ERASE_LINE "%s (%lld s)", text, seconds);
    else if (!same)
        fprintf(stderr, "%s\n", text);
    fflush(stderr);
    g_free(progress->text);
    progress->text = g_steal_pointer(&text);
}

void progress_clear(Progress *progress)
{
    if (progress->terminal && progress->text)
        fputs(ERASE_LINE, stderr);
    g_clear_pointer(&progress->text, g_free);
}
