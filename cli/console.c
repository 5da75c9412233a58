/* `cumulet console`: the serial log of an instance.
 *
 * The log is read from its file; the daemon is asked only where it is and whether the instance has
 * ended, so that the console of an instance whose daemon is gone can still be read. */
#include "base/fault.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/instance.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 2000        /* between questions whether it has ended */
#define LOOK_CLOSING_MS 250 /* its machine closed the file: it is about to */
#define CLOSING_LOOKS 20

typedef struct Console {
    Arena *arena;
    const Target *target;
    const char *id;
    char *path; /* of the log; owned */
    const char *state;
} Console;

static void console_clear(Console *console)
{
    g_free(console->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Console, console_clear)

/* Where the log is, as the daemon says or, without a daemon, where it always is. */
static bool locate(Console *console, bool *ret_ended, GError **error)
{
    Instance instance;
    g_autoptr(GError) failure = NULL;
    if (instance_fetch(console->arena, console->target, console->id, &instance, &failure)) {
        *ret_ended = instance_has_ended(&instance);
        console->state = instance.state;
        if (*instance.console)
            console->path = g_strdup(instance.console);
    } else if (!g_error_matches(failure, TROUBLE_DOMAIN, NO_DAEMON)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    if (!console->path)
        console->path = g_build_filename(console->target->state_dir, "instances", console->id,
                                         "console.log", NULL);
    return true;
}

/* An arena for each look: a console may be followed for days. */
static bool has_ended(Console *console)
{
    g_autoptr(Arena) arena = arena_new();
    json_t *status;
    if (!status_fetch(arena, console->target, &status, NULL))
        return false;
    Instance instance;
    bool known = instance_find(arena, status, console->id, &instance);
    json_decref(status);
    bool ended = !known || instance_has_ended(&instance);
    if (ended)
        console->state = arena_strdup(console->arena, known ? instance.state : "gone");
    return ended;
}

static bool follow_until_end(Console *console, bool ended, GError **error)
{
    g_autoptr(Follow) follow = NULL;
    if (!follow_new(console->path, &follow, error))
        return false;
    int closing_looks = 0;
    int64_t next_look = 0;
    for (;;) {
        /* Once more after its end, for what it wrote last. */
        if (!follow_copy(follow, STDOUT_FILENO, error))
            return false;
        if (ended)
            break;
        bool closed;
        if (!follow_wait(follow, closing_looks ? LOOK_CLOSING_MS : LOOK_MS, &closed, error))
            return false;
        if (closed)
            closing_looks = CLOSING_LOOKS;
        int64_t now = g_get_monotonic_time();
        if (!closed && now < next_look)
            continue;
        closing_looks -= closing_looks > 0;
        ended = has_ended(console);
        next_look = now + (int64_t)(closing_looks ? LOOK_CLOSING_MS : LOOK_MS) * 1000;
    }
    fprintf(stderr, "\ncumulet: %s is %s\n", console->id, console->state);
    return true;
}

static bool show_once(const Console *console, GError **error)
{
    if (access(console->path, F_OK) < 0) {
        fprintf(stderr, "cumulet: %s has written nothing yet\n", console->id);
        return true;
    }
    g_autoptr(Follow) follow = NULL;
    return follow_new(console->path, &follow, error) && follow_copy(follow, STDOUT_FILENO, error);
}

static bool console_run(Call *call, GError **error)
{
    gboolean no_follow = FALSE;
    bool ended = false;
    Target target;
    if (!call_parse(call, (void *const[]){&no_follow}, error) ||
        !instance_check_id(call->argv[0], error) || !target_open(call, &target, error))
        return false;
    g_auto(Console) console = {.arena = call->arena, .target = &target, .id = call->argv[0]};
    if (!locate(&console, &ended, error))
        return false;
    return no_follow ? show_once(&console, error) : follow_until_end(&console, ended, error);
}

static const GOptionEntry options[] = {
    {"no-follow", 0, 0, G_OPTION_ARG_NONE, NULL, "show what is there and end", NULL},
    {NULL},
};

const Command console_command = {
    .name = "console",
    .arguments = "INSTANCE",
    .summary = "what an instance writes to its serial console",
    .help = "Shows what an instance wrote to its serial console, its kernel's messages and\n"
            "boot log for instance, and goes on as it writes more, until the instance stops\n"
            "or you press Ctrl-C.\n",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = console_run,
};
