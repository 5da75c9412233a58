/* `cumulet image import`: copies a disk image among the cloud's layers and has the daemon register
 * it (cloud/image_import.h).
 *
 * Invariant: once the daemon was told of the file, it is the daemon's; before, this process removes
 * it, and what it leaves when it is killed, the next daemon removes. */
#include "base/fault.h"
#include "base/id.h"
#include "cli/client.h"
#include "cli/image.h"
#include "cli/image_convert.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH "/_cumulet/import"
#define ARCHITECTURE "x86_64"

/* file NULL: only asks whether it could be. */
static bool ask(Arena *arena, const Target *target, const ImageOptions *options, const char *file,
                char **ret_answer, GError **error)
{
    json_t *body = json_pack("{s:s, s:s, s:s*, s:s*}", "name", options->name, "architecture",
                             options->architecture ? options->architecture : ARCHITECTURE,
                             "description", options->description, "file", file);
    if (!body)
        return trouble_set(error, "name and description must be UTF-8");
    char *text = json_dumps(body, 0);
    json_decref(body);
    bool ok = client_ask(arena, target, "POST", PATH, text, ret_answer, error);
    free(text);
    return ok;
}

static bool show_registered(const char *text, GError **error)
{
    json_t *answer = json_loads(text, 0, NULL);
    const char *id = json_string_value(json_object_get(answer, "id"));
    const char *name = json_string_value(json_object_get(answer, "name"));
    if (id && name)
        printf("%s  %s\n", id, name);
    bool ok = id && name;
    json_decref(answer);
    return ok || trouble_set(error, "the daemon's answer makes no sense: %.200s", text);
}

static bool register_file(Call *call, const Target *target, const ImageOptions *options,
                          const char *path, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autofree char *answer = NULL;
    if (ask(call->arena, target, options, strrchr(path, '/') + 1, &answer, &failure))
        return show_registered(answer, error);
    if (g_error_matches(failure, TROUBLE_DOMAIN, NO_DAEMON))
        unlink(path);
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

bool image_run_import(Call *call, const ImageOptions *options, GError **error)
{
    if (call->argc != 2)
        return usage_set(error, "image import needs a file");
    if (!options->name)
        return usage_set(error, "image import needs --name NAME");
    if (options->mirror || options->force)
        return usage_set(error, "--mirror and --force are for image build");

    Arena *arena = call->arena;
    const char *file = call->argv[1];
    Target target;
    ImageSource source;
    g_autofree char *answer = NULL;
    /* All that can be refused early is. */
    if (!target_open(call, &target, error) || !image_source_open(arena, file, &source, error) ||
        !ask(arena, &target, options, NULL, &answer, error))
        return false;
    const char *path =
        arena_printf(arena, "%s/volumes/%s.qcow2", target.state_dir, id_new(arena, "import"));
    return image_convert(&source, file, path, error) &&
           register_file(call, &target, options, path, error);
}
