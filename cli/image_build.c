/* `cumulet image build`: runs a recipe of guest/, which puts an image into the cloud's state
 * directory, and has the daemon register it.
 *
 * Invariant: the recipe places files before the manifest that names them, so an interrupted build
 * leaves what was there. */
#include "base/fault.h"
#include "cli/client.h"
#include "cli/image.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the recipes lie, seen from this program: the build makes a link beside it, and an
 * installation may have been moved. The last resort is RECIPES, where they were to be installed. */
#define BUILT "guest"
#define INSTALLED "../share/cumulet/guest"

typedef struct Recipe {
    const char *name;    /* of the image, and of its directory */
    const char *program; /* below the recipes' directory */
    const char *option;  /* its own, or NULL */
    bool takes_mirror;
} Recipe;

static const Recipe recipes[] = {
    {"micro", "micro/build", NULL, false},
    {"debian", "debian/build", NULL, true},
    {"debian-disk", "debian/build", "--disk", true},
};

static const Recipe *find_recipe(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(recipes); i++)
        if (strcmp(recipes[i].name, name) == 0)
            return &recipes[i];
    return NULL;
}

static bool check_usage(const Call *call, const ImageOptions *options, const Recipe **ret_recipe,
                        GError **error)
{
    if (options->name || options->description || options->architecture)
        return usage_set(error, "--name, --description and --architecture are for image import");
    if (call->argc != 2)
        return usage_set(error, "image build needs a name: micro, debian or debian-disk");
    const Recipe *recipe = find_recipe(call->argv[1]);
    if (!recipe)
        return usage_set(error, "there is no recipe '%s'; there are micro, debian and debian-disk",
                         call->argv[1]);
    if (options->mirror && !recipe->takes_mirror)
        return usage_set(error, "--mirror is not for %s", recipe->name);
    *ret_recipe = recipe;
    return true;
}

static bool find_program(Arena *arena, const Recipe *recipe, const char **ret_path, GError **error)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", error);
    if (!self)
        return false;
    g_autofree char *directory = g_path_get_dirname(self);
    const char *const places[] = {
        arena_printf(arena, "%s/" BUILT "/%s", directory, recipe->program),
        arena_printf(arena, "%s/" INSTALLED "/%s", directory, recipe->program),
        arena_printf(arena, RECIPES "/%s", recipe->program),
    };
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        if (g_file_test(places[i], G_FILE_TEST_IS_EXECUTABLE)) {
            *ret_path = places[i];
            return true;
        }
    }
    return trouble_set(error,
                       "there is no recipe %s: install cumulet again, or keep the folder that "
                       "it was built from",
                       places[G_N_ELEMENTS(places) - 1]);
}

/* The directory for all images: the daemon's user, who is another one when root starts it, must get
 * to them. */
static bool make_directory(const char *path, GError **error)
{
    /* Whatever the umask. */
    if (mkdir(path, 0755) < 0 ? errno != EEXIST : chmod(path, 0755) < 0)
        return trouble_set_errno(error, errno, "cannot make %s", path);
    return true;
}

/* Answers alone go to standard output. In the child. */
static void redirect_output(void *unused)
{
    (void)unused;
    dup2(STDERR_FILENO, STDOUT_FILENO);
}

/* With this process's terminal: it shows its progress, and Ctrl-C reaches it. */
static bool run_recipe(const char *const argv[], GError **error)
{
    int status;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, redirect_output,
                      NULL, NULL, NULL, &status, error))
        return false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    return trouble_set(error, "the image was not built: see above");
}

/* The name of the image that was built there. */
static bool read_name(Arena *arena, const char *output, const char **ret_name, GError **error)
{
    const char *path = arena_printf(arena, "%s/image.json", output);
    json_error_t why;
    json_t *manifest = json_load_file(path, 0, &why);
    *ret_name = arena_strdup(arena, json_string_value(json_object_get(manifest, "name")));
    json_decref(manifest);
    return *ret_name || trouble_set(error, "%s tells no name: %s", path, why.text);
}

static bool show_registered(const char *text, const char *name, GError **error)
{
    json_t *answer = json_loads(text, 0, NULL), *image;
    size_t i;
    bool found = false;
    json_array_foreach(json_object_get(answer, "images"), i, image)
    {
        const char *id = json_string_value(json_object_get(image, "id"));
        if (id && g_strcmp0(json_string_value(json_object_get(image, "name")), name) == 0) {
            printf("%s  %s\n", id, name);
            found = true;
        }
    }
    json_decref(answer);
    return found ||
           trouble_set(error, "the daemon did not register %s; it said: %.200s", name, text);
}

/* Without a daemon there is nothing to do: the next one looks by itself. */
static bool register_image(Call *call, const char *name, GError **error)
{
    Target target;
    g_autoptr(GError) failure = NULL;
    g_autofree char *text = NULL;
    if (target_open(call, &target, &failure) &&
        client_ask(call->arena, &target, "POST", "/_cumulet/images", NULL, &text, &failure))
        return show_registered(text, name, error);
    if (!g_error_matches(failure, TROUBLE_DOMAIN, NO_DAEMON)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    fprintf(stderr, "no daemon runs: the next one will offer the image\n");
    puts(name);
    return true;
}

static bool build(const Recipe *recipe, const char *program, const ImageOptions *options,
                  const char *output, GError **error)
{
    const char *argv[8] = {program};
    size_t n = 1;
    if (recipe->option)
        argv[n++] = recipe->option;
    if (options->force)
        argv[n++] = "--force";
    if (options->mirror) {
        argv[n++] = "--mirror";
        argv[n++] = options->mirror;
    }
    argv[n] = output;
    return run_recipe(argv, error);
}

bool image_run_build(Call *call, const ImageOptions *options, GError **error)
{
    const Recipe *recipe = NULL;
    const char *program = NULL, *name = NULL;
    if (!check_usage(call, options, &recipe, error) ||
        !find_program(call->arena, recipe, &program, error))
        return false;

    const char *state = target_state(call);
    if (!g_file_test(state, G_FILE_TEST_IS_DIR)) {
        Target target; /* says what there is instead */
        return target_open(call, &target, error);
    }
    const char *images = arena_printf(call->arena, "%s/images", state);
    const char *output = arena_printf(call->arena, "%s/%s", images, recipe->name);
    return make_directory(images, error) && build(recipe, program, options, output, error) &&
           read_name(call->arena, output, &name, error) && register_image(call, name, error);
}
