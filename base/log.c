/* The one writer behind GLib's logging.
 *
 * Invariant: a message is one line and one write(2), so lines of threads never mix and text from
 * a client cannot forge a line of its own. */
#include "base/log.h"
#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *level_name(GLogLevelFlags level)
{
    if (level & G_LOG_LEVEL_ERROR)
        return "fatal";
    if (level & G_LOG_LEVEL_CRITICAL)
        return "critical";
    if (level & G_LOG_LEVEL_WARNING)
        return "warning";
    if (level & G_LOG_LEVEL_MESSAGE)
        return "notice";
    if (level & G_LOG_LEVEL_INFO)
        return "info";
    return "debug";
}

static void append_field(GString *line, const GLogField *field)
{
    const char *text = field->value;
    size_t length = field->length < 0 ? strlen(text) : (size_t)field->length;
    for (size_t i = 0; i < length; i++)
        g_string_append_c(line, g_ascii_iscntrl(text[i]) ? ' ' : text[i]);
}

static GLogWriterOutput write_line(GLogLevelFlags level, const GLogField *fields, size_t n,
                                   void *least)
{
    /* GLib's more serious levels have smaller numbers. */
    if ((unsigned)(level & G_LOG_LEVEL_MASK) > GPOINTER_TO_UINT(least))
        return G_LOG_WRITER_HANDLED;

    const GLogField *domain = NULL, *message = NULL;
    for (size_t i = 0; i < n; i++) {
        if (g_str_equal(fields[i].key, "GLIB_DOMAIN"))
            domain = &fields[i];
        else if (g_str_equal(fields[i].key, "MESSAGE"))
            message = &fields[i];
    }

    char time[CLOCK_TEXT_SIZE];
    g_autoptr(GString) line = g_string_sized_new(160);
    g_string_append(line, clock_format(g_get_real_time(), time));
    g_string_append_c(line, ' ');
    g_string_append(line, level_name(level));
    if (domain) {
        g_string_append_c(line, ' ');
        append_field(line, domain);
    }
    g_string_append(line, ": ");
    if (message)
        append_field(line, message);
    g_string_append_c(line, '\n');

    for (size_t done = 0; done < line->len;) {
        ssize_t written = write(STDERR_FILENO, line->str + done, line->len - done);
        if (written < 0 && errno != EINTR)
            return G_LOG_WRITER_UNHANDLED;
        if (written > 0)
            done += (size_t)written;
    }
    return G_LOG_WRITER_HANDLED;
}

void log_init(GLogLevelFlags least)
{
    g_log_set_writer_func(write_line, GUINT_TO_POINTER((unsigned)least), NULL);
}
