/* drive_machines STATE_DIR: the libvirt back end by itself, for tests/guest/test_disks.py.
 *
 * Reads requests from standard input, a JSON object a line: {"do": "attach", …}. Answers each with
 * {"ok": true, …} or {"error": "…"}. Machines outlive it. */
#include "backends/hypervisor.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HYPERVISOR (&hypervisor_libvirt)

static const char *text(const json_t *request, const char *key)
{
    return json_string_value(json_object_get(request, key));
}

static uint64_t number(const json_t *request, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(request, key));
}

static MachineDisk disk_of(const json_t *request)
{
    return (MachineDisk){.path = text(request, "path"),
                         .serial = text(request, "serial"),
                         .device = text(request, "device")};
}

static bool do_start(Hypervisor *hypervisor, const json_t *request, json_t *answer, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    MachineSpec spec = {
        .name = text(request, "name"),
        .uuid = text(request, "uuid"),
        .type = "t2.nano",
        .vcpus = 1,
        .memory_mib = 256,
        .kernel = text(request, "kernel"),
        .ramdisk = text(request, "ramdisk"),
        .kernel_arguments = text(request, "arguments"),
        .console_path = text(request, "console"),
    };
    size_t i;
    json_t *given;
    json_array_foreach(json_object_get(request, "disks"), i, given)
    {
        MachineDisk disk = disk_of(given);
        list_add(&spec.disks, arena, arena_memdup(arena, &disk, sizeof(disk)));
    }
    return HYPERVISOR->start(hypervisor, &spec, error);
}

static bool do_destroy(Hypervisor *hypervisor, const json_t *request, json_t *answer,
                       GError **error)
{
    return HYPERVISOR->destroy(hypervisor, text(request, "name"), error);
}

static bool do_create(Hypervisor *hypervisor, const json_t *request, json_t *answer, GError **error)
{
    return HYPERVISOR->create_disk(hypervisor, text(request, "path"), text(request, "base"),
                                   text(request, "format"), number(request, "size"), error);
}

static bool do_resize(Hypervisor *hypervisor, const json_t *request, json_t *answer, GError **error)
{
    return HYPERVISOR->resize_disk(hypervisor, text(request, "path"), number(request, "size"),
                                   error);
}

static bool do_convert(Hypervisor *hypervisor, const json_t *request, json_t *answer,
                       GError **error)
{
    return HYPERVISOR->convert_disk(hypervisor, text(request, "path"), text(request, "format"),
                                    text(request, "new_path"), text(request, "new_format"), error);
}

static bool do_attach(Hypervisor *hypervisor, const json_t *request, json_t *answer, GError **error)
{
    MachineDisk disk = disk_of(request);
    return HYPERVISOR->attach_disk(hypervisor, text(request, "name"), &disk, error);
}

static bool do_detach(Hypervisor *hypervisor, const json_t *request, json_t *answer, GError **error)
{
    bool gone = false;
    if (!HYPERVISOR->detach_disk(hypervisor, text(request, "name"), text(request, "serial"), false,
                                 &gone, error))
        return false;
    json_object_set_new(answer, "gone", json_boolean(gone));
    return true;
}

static bool do_grow(Hypervisor *hypervisor, const json_t *request, json_t *answer, GError **error)
{
    return HYPERVISOR->grow_disk(hypervisor, text(request, "name"), text(request, "serial"),
                                 number(request, "size"), error);
}

static bool do_fork(Hypervisor *hypervisor, const json_t *request, json_t *answer, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List forks = {0};
    bool consistent = false;
    size_t i;
    json_t *given;
    json_array_foreach(json_object_get(request, "forks"), i, given)
    {
        DiskFork *fork = arena_new_struct(arena, DiskFork);
        *fork = (DiskFork){.path = text(given, "path"), .new_path = text(given, "new_path")};
        list_add(&forks, arena, fork);
    }
    if (!HYPERVISOR->fork_disks(hypervisor, text(request, "name"), &forks, &consistent, error))
        return false;
    json_object_set_new(answer, "consistent", json_boolean(consistent));
    return true;
}

static const struct {
    const char *verb;
    bool (*act)(Hypervisor *hypervisor, const json_t *request, json_t *answer, GError **error);
} deeds[] = {
    {"start", do_start},   {"destroy", do_destroy}, {"create", do_create},
    {"resize", do_resize}, {"convert", do_convert}, {"attach", do_attach},
    {"detach", do_detach}, {"grow", do_grow},       {"fork", do_fork},
};

static bool answer_to(Hypervisor *hypervisor, const json_t *request, json_t *answer, GError **error)
{
    const char *verb = text(request, "do");
    for (size_t i = 0; verb && i < G_N_ELEMENTS(deeds); i++) {
        if (strcmp(verb, deeds[i].verb) == 0)
            return deeds[i].act(hypervisor, request, answer, error);
    }
    g_error("no such request");
}

static void print_answer(json_t *answer, const GError *error)
{
    if (error)
        json_object_set_new(answer, "error", json_string(error->message));
    else
        json_object_set_new(answer, "ok", json_true());
    char *line = json_dumps(answer, 0);
    puts(line);
    fflush(stdout);
    free(line);
}

int main(int argc, char **argv)
{
    Hypervisor *hypervisor = NULL;
    g_autoptr(GError) problem = NULL;
    HypervisorConfig config = {.state_dir = argc == 2 ? argv[1] : NULL, .force_tcg = true};
    if (!config.state_dir) {
        fprintf(stderr, "usage: drive_machines STATE_DIR\n");
        return 2;
    }
    if (!HYPERVISOR->open(&config, &hypervisor, &problem)) {
        fprintf(stderr, "%s\n", problem->message);
        return 1;
    }
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        g_autoptr(GError) error = NULL;
        json_t *request = json_loads(line, 0, NULL), *answer = json_object();
        answer_to(hypervisor, request, answer, &error);
        print_answer(answer, error);
        json_decref(request);
        json_decref(answer);
    }
    free(line);
    HYPERVISOR->close(hypervisor);
    return 0;
}
