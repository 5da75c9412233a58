/* `cumulet fsck`: becomes the daemon's program, which lies beside this one, to check instead of to
 * serve: only it knows how objects and disks are kept. */
#include "base/fault.h"
#include "cli/commands.h"
#include "cli/process_check.h"
#include "cli/target.h"

static bool find_program(Arena *arena, const char **ret_path, GError **error)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", error);
    if (!self)
        return false;
    g_autofree char *directory = g_path_get_dirname(self);
    const char *path = arena_printf(arena, "%s/" DAEMON_NAME, directory);
    if (!g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
        return trouble_set(error, "%s, which checks them, is not there: install it again", path);
    *ret_path = path;
    return true;
}

static bool fsck_command_run(Call *call, GError **error)
{
    gboolean repair = FALSE;
    const char *program = NULL;
    if (!call_parse(call, (void *const[]){&repair}, error) ||
        !find_program(call->arena, &program, error))
        return false;
    return become((const char *const[]){program, "--state", target_state(call), "--fsck",
                                        repair ? "--repair" : NULL, NULL},
                  error);
}

static const GOptionEntry options[] = {
    {"repair", 0, 0, G_OPTION_ARG_NONE, NULL, "remove what belongs to nothing, correct counts",
     NULL},
    {NULL},
};

const Command fsck_command = {
    .name = "fsck",
    .arguments = "",
    .summary = "check that every stored object and disk is whole",
    .help = "Reads the bytes of all S3 objects and compares them with what was stored, and checks\n"
            "the files of volumes, snapshots, images and instances. The daemon must not run\n"
            "meanwhile: 'cumulet stop' ends it. Prints a line for each finding and a summary.\n"
            "\n"
            "  damaged     bytes differ from what was stored; a disk's file is not whole, or lies\n"
            "              over another file than it should\n"
            "  missing     there are no bytes, or no file\n"
            "  orphan      what belongs to no object and no disk; removed with --repair\n"
            "  miscounted  a wrong number of users of some bytes; corrected with --repair\n"
            "\n"
            "Ends with 0 when all is well or repaired, else with 1.\n",
    .options = options,
    .run = fsck_command_run,
};
