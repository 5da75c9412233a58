/* base/process.h: children that answer, fail, hang, flood, and outlive their start. */
#include "tests/unit/unit.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define SHELL(script) ((const char *const[]){"sh", "-c", (script), NULL})

static char *run_ok(const ProcessSpec *spec)
{
    g_autoptr(GError) error = NULL;
    char *output = NULL;
    process_run(spec, &output, &error);
    assert_no_error(error);
    return output;
}

static GError *run_badly(const ProcessSpec *spec)
{
    GError *error = NULL;
    char *output = NULL;
    assert_false(process_run(spec, &output, &error));
    assert_null(output);
    assert_true(error->domain == TROUBLE_DOMAIN);
    return error;
}

static void output_is_collected(void **state)
{
    g_autofree char *output = run_ok(&(ProcessSpec){.argv = SHELL("echo one; echo two")});
    assert_string_equal(output, "one\ntwo\n");
}

static void arguments_go_through_no_shell(void **state)
{
    const char *const argv[] = {"printf", "%s", "$HOME; `id` *", NULL};
    g_autofree char *output = run_ok(&(ProcessSpec){.argv = argv});
    assert_string_equal(output, "$HOME; `id` *");
}

static void input_arrives(void **state)
{
    const char *const argv[] = {"cat", NULL};
    g_autofree char *output = run_ok(&(ProcessSpec){.argv = argv, .input = "hello"});
    assert_string_equal(output, "hello");
}

static void input_can_be_opened_by_name(void **state)
{
    const char *const argv[] = {"cat", "/dev/stdin", NULL};
    g_autofree char *output = run_ok(&(ProcessSpec){.argv = argv, .input = "hello"});
    assert_string_equal(output, "hello");
}

static void no_input_is_empty_input(void **state)
{
    const char *const argv[] = {"cat", NULL};
    g_autofree char *output = run_ok(&(ProcessSpec){.argv = argv});
    assert_string_equal(output, "");
}

static void unread_input_harms_nobody(void **state)
{
    g_autofree char *input = g_strnfill(1 << 20, 'x');
    g_autofree char *output = run_ok(&(ProcessSpec){.argv = SHELL("true"), .input = input});
    assert_string_equal(output, "");
}

static void floods_on_both_streams_do_not_deadlock(void **state)
{
    const char *script = "head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero | tr '\\0' x; "
                         "head -c 1000000 /dev/zero >&2";
    g_autofree char *output = run_ok(&(ProcessSpec){.argv = SHELL(script)});
    assert_int_equal(strlen(output), 1000000);
}

static void failure_tells_status_and_first_line_of_stderr(void **state)
{
    g_autoptr(GError) error =
        run_badly(&(ProcessSpec){.argv = SHELL("echo; echo no such rule >&2; echo x >&2; exit 3")});
    assert_string_equal(error->message, "sh exited with status 3: no such rule");
}

static void death_by_signal_is_a_failure(void **state)
{
    g_autoptr(GError) error = run_badly(&(ProcessSpec){.argv = SHELL("kill -9 $$")});
    assert_string_equal(error->message, "sh was ended by signal 9");
}

static void late_child_is_ended(void **state)
{
    g_autoptr(GError) error =
        run_badly(&(ProcessSpec){.argv = SHELL("sleep 1000"), .timeout_ms = 50});
    assert_int_equal(error->code, ETIMEDOUT);
}

static void endless_output_is_ended_in_time(void **state)
{
    const char *const argv[] = {"yes", NULL};
    g_autoptr(GError) error = run_badly(&(ProcessSpec){.argv = argv, .timeout_ms = 100});
    assert_int_equal(error->code, ETIMEDOUT);
}

static void missing_program_is_named(void **state)
{
    const char *const argv[] = {"cumulet-no-such-program", NULL};
    g_autoptr(GError) error = run_badly(&(ProcessSpec){.argv = argv});
    assert_int_equal(error->code, ENOENT);
    assert_error_says(error, "cumulet-no-such-program");
}

static void program_that_cannot_be_executed_fails_to_start(void **state)
{
    g_autofree char *directory = scratch_directory();
    g_autofree char *path = g_build_filename(directory, "program", NULL);
    assert_true(file_write(path,
                           "\x7f"
                           "ELF",
                           4, 0700, NULL));
    const char *const argv[] = {path, NULL};
    g_autoptr(GError) error = run_badly(&(ProcessSpec){.argv = argv});
    assert_int_equal(error->code, ENOEXEC);
    assert_true(file_remove_tree(directory, NULL));
}

static void child_left_behind_does_not_hold_up_the_run(void **state)
{
    g_autofree char *output =
        run_ok(&(ProcessSpec){.argv = SHELL("sleep 1000 & echo $!"), .timeout_ms = 30000});
    pid_t pid = (pid_t)g_ascii_strtoll(output, NULL, 10);
    assert_true(pid > 0);
    kill(pid, SIGKILL);
}

static void child_has_no_descriptors_of_ours(void **state)
{
    /* Not close-on-exec, as a careless library leaves one. */
    int fd = fcntl(STDERR_FILENO, F_DUPFD, 50);
    const char *const argv[] = {"ls", "/proc/self/fd", NULL};
    g_autofree char *output = run_ok(&(ProcessSpec){.argv = argv});
    close(fd);
    assert_string_equal(output, "0\n1\n2\n3\n"); /* 3 is ls's own, on the directory */
}

static void child_has_default_signals(void **state)
{
    sigset_t blocked, before;
    sigfillset(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    const char *const argv[] = {"grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status", NULL};
    g_autofree char *output = run_ok(&(ProcessSpec){.argv = argv});
    signal(SIGPIPE, handler);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_string_equal(output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void *run_many(void *unused)
{
    for (int i = 0; i < 20; i++)
        output_is_collected(NULL);
    return NULL;
}

static void threads_run_children_at_once(void **state)
{
    GThread *threads[8];
    for (int i = 0; i < 8; i++)
        threads[i] = g_thread_new("run", run_many, NULL);
    for (int i = 0; i < 8; i++)
        g_thread_join(threads[i]);
}

static void started_child_appends_to_its_log(void **state)
{
    g_autofree char *directory = scratch_directory();
    g_autofree char *log = g_build_filename(directory, "log", NULL);
    g_autofree char *text = NULL;
    ProcessSpec spec = {.argv = SHELL("echo out; echo err >&2"), .log_path = log};
    for (int i = 0; i < 2; i++) {
        pid_t pid = 0;
        assert_true(process_start(&spec, &pid, NULL));
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
    assert_true(file_read(log, 100, &text, NULL, NULL));
    assert_string_equal(text, "out\nerr\nout\nerr\n");
    assert_true(file_remove_tree(directory, NULL));
}

static void failed_start_leaves_the_pid_untouched(void **state)
{
    const char *const argv[] = {"cumulet-no-such-program", NULL};
    g_autoptr(GError) error = NULL;
    pid_t pid = 42;
    assert_false(process_start(&(ProcessSpec){.argv = argv}, &pid, &error));
    assert_int_equal(pid, 42);
    assert_non_null(error);
}

static void end_reaps_an_obedient_child(void **state)
{
    pid_t pid = 0;
    assert_true(process_start(&(ProcessSpec){.argv = SHELL("exec sleep 1000")}, &pid, NULL));
    process_end(pid, 60000);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
}

static void end_kills_a_stubborn_child(void **state)
{
    const char *script = "trap '' TERM; while :; do sleep 1000; done";
    pid_t pid = 0;
    assert_true(process_start(&(ProcessSpec){.argv = SHELL(script)}, &pid, NULL));
    process_end(pid, 50);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
    kill(-pid, SIGKILL); /* its sleep */
}

static void end_of_a_dead_child_reaps_it(void **state)
{
    pid_t pid = 0;
    assert_true(process_start(&(ProcessSpec){.argv = SHELL("exit 0")}, &pid, NULL));
    process_end(pid, 60000);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
}

static void end_of_nothing_is_fine(void **state)
{
    process_end(0, 1000);
    process_end(-1, 1000);
}

static void *start_dependent(void *data)
{
    ProcessSpec spec = {.argv = SHELL("exec sleep 1000"), .die_with_parent = true};
    assert_true(process_start(&spec, data, NULL));
    return NULL;
}

static void dependent_child_dies_with_the_thread_that_started_it(void **state)
{
    pid_t pid = 0;
    g_thread_join(g_thread_new("start", start_dependent, &pid));
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void programs_are_found_by_name_and_path(void **state)
{
    g_autofree char *shell = process_find("sh");
    g_autofree char *same = process_find(shell);
    assert_true(g_path_is_absolute(shell));
    assert_string_equal(shell, same);
    assert_null(process_find("cumulet-no-such-program"));
    assert_null(process_find("/cumulet/no-such-program"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_is_collected),
        cmocka_unit_test(arguments_go_through_no_shell),
        cmocka_unit_test(input_arrives),
        cmocka_unit_test(input_can_be_opened_by_name),
        cmocka_unit_test(no_input_is_empty_input),
        cmocka_unit_test(unread_input_harms_nobody),
        cmocka_unit_test(floods_on_both_streams_do_not_deadlock),
        cmocka_unit_test(failure_tells_status_and_first_line_of_stderr),
        cmocka_unit_test(death_by_signal_is_a_failure),
        cmocka_unit_test(late_child_is_ended),
        cmocka_unit_test(endless_output_is_ended_in_time),
        cmocka_unit_test(missing_program_is_named),
        cmocka_unit_test(program_that_cannot_be_executed_fails_to_start),
        cmocka_unit_test(child_left_behind_does_not_hold_up_the_run),
        cmocka_unit_test(child_has_no_descriptors_of_ours),
        cmocka_unit_test(child_has_default_signals),
        cmocka_unit_test(threads_run_children_at_once),
        cmocka_unit_test(started_child_appends_to_its_log),
        cmocka_unit_test(failed_start_leaves_the_pid_untouched),
        cmocka_unit_test(end_reaps_an_obedient_child),
        cmocka_unit_test(end_kills_a_stubborn_child),
        cmocka_unit_test(end_of_a_dead_child_reaps_it),
        cmocka_unit_test(end_of_nothing_is_fine),
        cmocka_unit_test(dependent_child_dies_with_the_thread_that_started_it),
        cmocka_unit_test(programs_are_found_by_name_and_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
