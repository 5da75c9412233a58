/* cli/process_check.h, cli/ssh_probe.h: which process is the daemon, and does a server answer. */
#include "tests/unit/unit.h"
#include "base/file.h"
#include "cli/process_check.h"
#include "cli/ssh_probe.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* `sleep` under another name, in a state directory's pid file. */
static pid_t start_as(const char *state_dir, char *name)
{
    g_autofree char *run = g_build_filename(state_dir, "run", NULL);
    g_autofree char *path = g_build_filename(run, DAEMON_NAME ".pid", NULL);
    assert_true(file_make_directory(run, NULL));
    GPid pid;
    char *argv[] = {(char *)"/bin/sleep", name, (char *)"60", NULL};
    g_autoptr(GError) error = NULL;
    g_spawn_async(NULL, argv, NULL, G_SPAWN_FILE_AND_ARGV_ZERO | G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                  NULL, &pid, &error);
    assert_no_error(error);
    g_autofree char *text = g_strdup_printf("%d\n", (int)pid);
    assert_true(file_write(path, text, strlen(text), 0600, NULL));
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void the_daemon_is_found_by_its_name(void **state)
{
    g_autofree char *directory = scratch_directory();
    pid_t pid = start_as(directory, (char *)"/somewhere/cumuletd");
    pid_t found = 0;
    g_autoptr(GError) error = NULL;
    assert_true(daemon_find(directory, &found, &error));
    assert_int_equal(found, pid);
    end(pid);
    file_remove_tree(directory, NULL);
}

static void another_program_is_not_the_daemon(void **state)
{
    g_autofree char *directory = scratch_directory();
    pid_t pid = start_as(directory, (char *)"cumuletd-not");
    pid_t found = 0;
    g_autoptr(GError) error = NULL;
    assert_false(daemon_find(directory, &found, &error));
    assert_no_error(error);
    end(pid);
    file_remove_tree(directory, NULL);
}

static void one_that_ended_is_not_the_daemon(void **state)
{
    g_autofree char *directory = scratch_directory();
    pid_t pid = start_as(directory, (char *)"cumuletd");
    siginfo_t info;
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(process_is_daemon(pid)); /* nobody has reaped it */
    waitpid(pid, NULL, 0);
    assert_false(process_is_daemon(pid));
    file_remove_tree(directory, NULL);
}

static void a_pid_file_without_a_number_is_an_error(void **state)
{
    g_autofree char *directory = scratch_directory();
    pid_t found = 0;
    assert_false(daemon_find(directory, &found, NULL)); /* none at all */
    end(start_as(directory, (char *)"cumuletd"));
    g_autofree char *path = g_build_filename(directory, "run", DAEMON_NAME ".pid", NULL);
    static const char *const texts[] = {"", "x", "0", "1", "-1", "99999999999"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        assert_true(file_write(path, texts[i], strlen(texts[i]), 0600, NULL));
        assert_false(daemon_find(directory, &found, &error));
        assert_error_says(error, "no process id");
    }
    file_remove_tree(directory, NULL);
}

typedef struct Server {
    int fd;
    const char *greeting; /* NULL: closes at once */
} Server;

static void *greet_one(void *data)
{
    const Server *server = data;
    autofd connection = accept(server->fd, NULL, NULL);
    if (server->greeting)
        file_write_all(connection, server->greeting, strlen(server->greeting), NULL);
    return NULL;
}

static bool answers_with(const char *greeting)
{
    autofd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    Server server = {.fd = fd, .greeting = greeting};
    GThread *thread = g_thread_new("server", greet_one, &server);
    g_autofree char *port = g_strdup_printf("%u", ntohs(address.sin_port));
    bool answers = ssh_answers("127.0.0.1", port, 10000);
    g_thread_join(thread);
    return answers;
}

static void a_greeting_is_an_answer(void **state)
{
    assert_true(answers_with("SSH-2.0-OpenSSH_9.2p1\r\n"));
}

static void anything_else_is_none(void **state)
{
    assert_false(answers_with("HTTP/1.1 400 Bad Request\r\n"));
    assert_false(answers_with("SSH"));
    assert_false(answers_with(NULL));
}

static void nobody_there_is_no_answer(void **state)
{
    assert_false(ssh_answers("127.0.0.1", "1", 1000));
    assert_false(ssh_answers("not an address", NULL, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_daemon_is_found_by_its_name),
        cmocka_unit_test(another_program_is_not_the_daemon),
        cmocka_unit_test(one_that_ended_is_not_the_daemon),
        cmocka_unit_test(a_pid_file_without_a_number_is_an_error),
        cmocka_unit_test(a_greeting_is_an_answer),
        cmocka_unit_test(anything_else_is_none),
        cmocka_unit_test(nobody_there_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
