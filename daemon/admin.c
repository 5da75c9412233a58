/* `cumulet status` as JSON. */
#include "daemon/admin.h"

#include "base/fault.h"
#include "cloud/accounts.h"
#include "cloud/addresses.h"
#include "cloud/iam.h"
#include "cloud/images.h"
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

static json_t *instance_json(Cloud *cloud, Arena *arena, const Instance *instance, const char *name)
{
    char launch[CLOCK_TEXT_SIZE];
    const char *public_dns = instance->public_ip ? address_public_name(arena, instance->public_ip,
                                                                       cloud_dns_suffix(cloud))
                                                 : NULL;
    return json_pack(
        "{s:s, s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s, s:s}", "id", instance->id,
        "state", state_name(&instance_machine, instance->state), "type", instance->type, "image_id",
        instance->image_id, "key_name", instance->key_name, "zone", instance->zone, "private_ip",
        instance->private_ip, "public_ip", instance->public_ip, "public_dns", public_dns, "name",
        name, "launch_time", clock_format(instance->launch_time, launch), "console",
        arena_printf(arena, "%s/instances/%s/console.log", cloud_state_dir(cloud), instance->id));
}

static json_t *lists_json(const Admin *admin, Arena *arena, const CloudStatus *status,
                          unsigned *ret_used)
{
    json_t *instances = json_array(), *images = json_array();
    *ret_used = 0;
    for (size_t i = 0; i < status->instances.n; i++) {
        const Instance *instance = list_at(&status->instances, i);
        json_array_append_new(
            instances, instance_json(admin->cloud, arena, instance, list_at(&status->names, i)));
        *ret_used += instance->public_ip != NULL;
    }
    LIST_EACH (const Image *, image, &status->images)
        json_array_append_new(images, json_pack("{s:s, s:s*, s:s}", "id", image->id, "name",
                                                image->name, "kind", image->kind));
    return json_pack("{s:o, s:o, s:[], s:[]}", "instances", instances, "images", images,
                     "load_balancers", "problems");
}

/* Takes the object. */
static bool tell(Arena *arena, json_t *object, const char **ret_json, GError **error)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!text)
        return trouble_set(error, "cannot build the answer");
    *ret_json = arena_strdup(arena, text);
    free(text);
    return true;
}

static bool status_json(void *data, Arena *arena, const char **ret_json, GError **error)
{
    const Admin *admin = data;
    CloudStatus status;
    if (!cloud_status(admin->cloud, arena, admin->account_id, &status, error))
        return false;
    unsigned used;
    json_t *root = lists_json(admin, arena, &status, &used);
    json_t *facts = json_pack(
        "{s:s, s:i, s:s, s:s, s:s, s:s, s:I,"
        " s:{s:s, s:s, s:s*, s:s*, s:i, s:I, s:I, s:I},"
        " s:{s:s, s:s*, s:s*, s:s}, s:{s:s, s:i}}",
        "version", CUMULET_VERSION, "pid", (int)getpid(), "endpoint", admin->endpoint, "region",
        admin->region, "account_id", admin->account_id, "state_dir", cloud_state_dir(admin->cloud),
        "uptime_seconds", (json_int_t)((g_get_monotonic_time() - admin->started) / G_USEC_PER_SEC),
        "backend", "name", status.hypervisor.backend, "accelerator", status.hypervisor.accelerator,
        "reason", status.hypervisor.reason, "uri", status.hypervisor.uri, "cpus",
        (int)status.hypervisor.cpus, "memory_mib", (json_int_t)status.hypervisor.memory_mib,
        "memory_used_mib", (json_int_t)status.memory_used_mib, "memory_limit_mib",
        (json_int_t)status.memory_limit_mib, "network", "backend", status.network.backend, "router",
        status.network.router, "way_out", status.network.way_out, "privileges", admin->privileges,
        "addresses", "pool", status.addresses, "used", (int)used);
    bool ok = root && facts && json_object_update(facts, root) == 0;
    json_decref(root);
    if (!ok)
        json_decref(facts);
    return tell(arena, ok ? facts : NULL, ret_json, error);
}

/* ---- accounts ---- */

static json_t *account_json(const Account *account)
{
    return json_pack("{s:s, s:s, s:s}", "id", account->id, "name", account->name, "canonical_id",
                     account->canonical_id);
}

static bool accounts_json(void *data, Arena *arena, const char **ret_json, GError **error)
{
    const Admin *admin = data;
    List accounts = {0};
    if (!accounts_list(admin->cloud, arena, &accounts, error))
        return false;
    json_t *array = json_array();
    LIST_EACH (const Account *, account, &accounts)
        json_array_append_new(array, account_json(account));
    return tell(arena, json_pack("{s:o}", "accounts", array), ret_json, error);
}

static bool create_account(void *data, Arena *arena, const char *name, const char **ret_json,
                           GError **error)
{
    const Admin *admin = data;
    Account *account;
    AccessKey *key;
    if (!account_create(admin->cloud, arena, name, &account, &key, error))
        return false;
    json_t *object = account_json(account);
    json_object_set_new(object, "access_key_id", json_string(key->id));
    json_object_set_new(object, "secret_access_key", json_string(key->secret));
    return tell(arena, object, ret_json, error);
}

static bool refresh_images(void *data, Arena *arena, const char **ret_json, GError **error)
{
    const Admin *admin = data;
    List images = {0};
    if (!images_refresh(admin->cloud, arena, &images, error))
        return false;
    json_t *array = json_array();
    LIST_EACH (const Image *, image, &images)
        json_array_append_new(array, json_pack("{s:s, s:s}", "id", image->id, "name", image->name));
    return tell(arena, json_pack("{s:o}", "images", array), ret_json, error);
}

static bool reset(void *data, GError **error)
{
    const Admin *admin = data;
    if (!cloud_reset(admin->cloud, error))
        return false;
    blobs_sweep(admin->blobs);
    return true;
}

AdminHooks admin_hooks(Admin *admin, bool allow_reset)
{
    return (AdminHooks){
        .status_json = status_json,
        .reset = reset,
        .data = admin,
        .allow_reset = allow_reset,
        .account_id = admin->account_id,
        .accounts_json = accounts_json,
        .create_account = create_account,
        .refresh_images = refresh_images,
    };
}
