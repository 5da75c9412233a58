/* base/log.h: one line a message. GLib takes a log writer once in a process, so the whole file
 * logs at level "info" and above. */
#include "tests/unit/unit.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

/* What is logged goes to a file in memory from begin to end. */
typedef struct Capture {
    int file;
    int before;
} Capture;

static Capture begin_capture(void)
{
    Capture capture = {memfd_create("stderr", MFD_CLOEXEC),
                       fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)};
    dup2(capture.file, STDERR_FILENO);
    return capture;
}

static char *end_capture(Capture capture)
{
    dup2(capture.before, STDERR_FILENO);
    close(capture.before);
    autofd file = capture.file;
    size_t size = (size_t)lseek(file, 0, SEEK_END);
    char *text = g_malloc0(size + 1);
    assert_int_equal(pread(file, text, size, 0), size);
    return text;
}

static void message_is_one_line_with_time_level_and_domain(void **state)
{
    Capture capture = begin_capture();
    g_log("cloud", G_LOG_LEVEL_WARNING, "%d guests", 3);
    g_autofree char *text = end_capture(capture);
    char *rest = strchr(text, ' ');
    assert_non_null(rest);
    assert_string_equal(rest, " warning cloud: 3 guests\n");
    *rest = '\0';
    int64_t time = 0;
    assert_true(clock_parse(text, &time));
}

static void lesser_levels_are_not_shown(void **state)
{
    Capture capture = begin_capture();
    g_log("cloud", G_LOG_LEVEL_DEBUG, "noise");
    g_autofree char *text = end_capture(capture);
    assert_string_equal(text, "");
}

static void least_level_is_shown(void **state)
{
    Capture capture = begin_capture();
    g_log("cloud", G_LOG_LEVEL_INFO, "news");
    g_autofree char *text = end_capture(capture);
    assert_non_null(strstr(text, " info cloud: news\n"));
}

static void line_breaks_in_a_message_cannot_forge_a_line(void **state)
{
    Capture capture = begin_capture();
    g_log("cloud", G_LOG_LEVEL_MESSAGE, "a\nb\r\x1b[0m");
    g_autofree char *text = end_capture(capture);
    assert_non_null(strstr(text, ": a b  [0m\n"));
}

static void message_without_a_domain_is_shown(void **state)
{
    Capture capture = begin_capture();
    g_log(NULL, G_LOG_LEVEL_MESSAGE, "hello");
    g_autofree char *text = end_capture(capture);
    assert_non_null(strstr(text, "Z notice: hello\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_is_one_line_with_time_level_and_domain),
        cmocka_unit_test(lesser_levels_are_not_shown),
        cmocka_unit_test(least_level_is_shown),
        cmocka_unit_test(line_breaks_in_a_message_cannot_forge_a_line),
        cmocka_unit_test(message_without_a_domain_is_shown),
    };
    log_init(G_LOG_LEVEL_INFO);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
