/* One instance out of the daemon's status. */
#include "cli/instance.h"
#include "base/fault.h"
#include "base/id.h"

#include <string.h>

static const char *member(Arena *arena, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? arena_strdup(arena, text) : "";
}

bool instance_check_id(const char *id, GError **error)
{
    return id_is_valid(id, "i") ||
           usage_set(error,
                     "'%s' is no instance id (they look like i-0123456789abcdef0); "
                     "'cumulet status' lists yours",
                     id);
}

bool instance_find(Arena *arena, const json_t *status, const char *id, Instance *ret_instance)
{
    const json_t *instances = json_object_get(status, "instances");
    for (size_t i = 0; i < json_array_size(instances); i++) {
        const json_t *row = json_array_get(instances, i);
        if (g_strcmp0(json_string_value(json_object_get(row, "id")), id) != 0)
            continue;
        *ret_instance = (Instance){
            .id = member(arena, row, "id"),
            .state = member(arena, row, "state"),
            .public_ip = member(arena, row, "public_ip"),
            .key_name = member(arena, row, "key_name"),
            .console = member(arena, row, "console"),
        };
        return true;
    }
    return false;
}

bool instance_fetch(Arena *arena, const Target *target, const char *id, Instance *ret_instance,
                    GError **error)
{
    json_t *status;
    if (!status_fetch(arena, target, &status, error))
        return false;
    bool found = instance_find(arena, status, id, ret_instance);
    json_decref(status);
    return found || trouble_set(error, "there is no instance %s; 'cumulet status' lists yours", id);
}

bool instance_has_ended(const Instance *instance)
{
    return strcmp(instance->state, "stopped") == 0 || strcmp(instance->state, "terminated") == 0;
}
