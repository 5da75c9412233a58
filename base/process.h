/* Child processes: run one to its end, or start one that outlives this call. Never through a
 * shell. Children get no descriptors but 0, 1, 2, a default signal mask and PR_SET_PDEATHSIG only
 * where asked. Thread-safe; the child lives in the calling thread's network namespace and inherits
 * its ambient capabilities, heads a process group of its own and has the caller's environment. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct ProcessSpec {
    const char *const *argv; /* ends with NULL; argv[0] is looked up on PATH, then in sbin */
    const char *input;       /* text for standard input; NULL: /dev/null */
    const char *log_path;    /* process_start: where its output is appended; NULL: /dev/null */
    unsigned timeout_ms;     /* process_run: ended then, and that is an error; 0: 60 seconds */
    bool die_with_parent;    /* SIGKILLed when the *thread* that started it ends (prctl(2)) */
} ProcessSpec;

/* Runs it to its end. Standard output in *ret_output (may be NULL). Fails when it cannot be
 * started, exits other than 0 or is late; the error carries the first line of its stderr. */
bool process_run(const ProcessSpec *spec, char **ret_output, GError **error);

/* Starts it and returns; the caller reaps it with waitpid or process_end. */
bool process_start(const ProcessSpec *spec, pid_t *ret_pid, GError **error);

/* SIGTERM, waits at most grace_ms, SIGKILL, reaps. pid <= 0 is fine. */
void process_end(pid_t pid, unsigned grace_ms);

/* Absolute path of a program on PATH or in the sbin directories, or NULL. Free with g_free. */
char *process_find(const char *program);
