/* What callers may ask of instances.
 *
 * Invariant: a verb on several instances changes all of them or none; it moves states only as
 * instance_machine allows, and leaves the doing to the controller. */
#include "cloud/instances.h"

#include "base/fault.h"
#include "base/file.h"
#include "cloud/addresses.h"
#include "cloud/instance_limits.h"
#include "cloud/site.h"
#include "cloud/views.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

const MissingIds instance_missing = {
    .not_found = FAULT_INVALID_INSTANCE_ID_NOT_FOUND,
    .malformed = FAULT_INVALID_INSTANCE_ID_MALFORMED,
    .prefix = "i",
    .noun = "instance ID",
};

bool instance_can_stop(const Instance *instance)
{
    return g_strcmp0(instance->root_device_type, "instance-store") != 0;
}

int instance_state_code(int state)
{
    static const int codes[] = {
        [INSTANCE_PENDING] = 0,     [INSTANCE_RUNNING] = 16,  [INSTANCE_SHUTTING_DOWN] = 32,
        [INSTANCE_TERMINATED] = 48, [INSTANCE_STOPPING] = 64, [INSTANCE_STOPPED] = 80,
    };
    return codes[state];
}

bool instances_find(Context *context, const Page *page, List *ret_views, const char **ret_token,
                    GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List instances = {0}, views = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !cloud_find(context, txn, &instance_finder, page, &instance_missing, &instances, ret_token,
                    error) ||
        !instance_views(context, txn, &instances, &views, error))
        return false;
    *ret_views = views;
    return true;
}

bool instance_search(Context *context, const Page *page, InstanceSearch *ret_search, GError **error)
{
    g_auto(InstanceSearch) search = {.context = context};
    if (!txn_begin_read(cloud_store(context->cloud), &search.txn, error) ||
        !cloud_find_ids(context, search.txn, &instance_finder, page, &instance_missing, &search.ids,
                        &search.token, error))
        return false;
    *ret_search = search;
    search.txn = NULL;
    return true;
}

bool instance_search_views(InstanceSearch *search, const List *ids, List *ret_views, GError **error)
{
    Context *context = search->context;
    List instances = {0}, views = {0};
    if (!record_list_in(search->txn, context->arena, instance_record_type(), "id", ids, &instances,
                        error) ||
        !instance_views(context, search->txn, &instances, &views, error))
        return false;
    *ret_views = views;
    return true;
}

void instance_search_clear(InstanceSearch *search)
{
    txn_rollback(g_steal_pointer(&search->txn));
}

bool instance_search_unchanged(const InstanceSearch *search, const char *id, uint64_t made)
{
    uint64_t changed = store_changed(cloud_store(search->context->cloud), id);
    return changed <= made && changed <= txn_since(search->txn);
}

uint64_t instance_search_since(const InstanceSearch *search)
{
    return txn_since(search->txn);
}

bool instance_view(Context *context, const char *id, InstanceView **ret_view, GError **error)
{
    List ids = {0}, views;
    list_add(&ids, context->arena, id);
    Page page = {.ids = &ids};
    const char *token;
    if (!instances_find(context, &page, &views, &token, error))
        return false;
    *ret_view = list_at(&views, 0);
    return true;
}

static bool is_listed(const List *list, const void *item)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i] == item)
            return true;
    return false;
}

/* The caller's instances with these ids, each once, in the order asked for, inside a transaction.
 */
static bool load_all(Context *context, Txn *txn, const List *ids, List *instances, GError **error)
{
    Page page = {.ids = ids};
    List found = {0};
    const char *token;
    if (!cloud_find(context, txn, &instance_finder, &page, &instance_missing, &found, &token,
                    error))
        return false;
    LIST_EACH (const char *, id, ids) {
        LIST_EACH (Instance *, instance, &found) {
            if (strcmp(instance->id, id) == 0 && !is_listed(instances, instance))
                list_add(instances, context->arena, instance);
        }
    }
    return true;
}

/* "User initiated (2026-11-22 10:00:00 GMT)" */
static const char *user_initiated(Context *context, int64_t now)
{
    time_t seconds = now / CLOCK_SECOND;
    struct tm parts;
    char text[32];
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    return arena_printf(context->arena, "User initiated (%s GMT)", text);
}

typedef bool (*ChangeFn)(Context *context, Txn *txn, Instance *instance, void *data,
                         GError **error);

/* Runs change on each of the instances in one transaction and wakes the controller. */
static bool change_all(Context *context, const List *ids, ChangeFn change, void *data,
                       List *ret_changes, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List instances = {0}, changes = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !load_all(context, txn, ids, &instances, error))
        return false;
    LIST_EACH (Instance *, instance, &instances) {
        StateChange *report = arena_new_struct(context->arena, StateChange);
        *report = (StateChange){.id = instance->id, .before = instance->state};
        if (!change(context, txn, instance, data, error) || !instance_put(txn, instance, error))
            return false;
        report->now = instance->state;
        list_add(&changes, context->arena, report);
    }
    if (!txn_commit(&txn, error))
        return false;
    LIST_EACH (const Instance *, changed, &instances)
        cloud_wake_instance(context->cloud, changed->vpc_id, changed->id);
    cloud_wake_network(context->cloud);
    if (ret_changes)
        *ret_changes = changes;
    return true;
}

static void move(Context *context, Instance *instance, int to)
{
    state_move(&instance_machine, instance->id, &instance->state, to);
    instance->state_since = cloud_now(context->cloud);
}

/* A stopped instance gave its public address back; it gets another when it had one. */
static bool renew_public_address(Context *context, Txn *txn, Instance *instance, GError **error)
{
    List enis = {0};
    if (!record_query(txn, context->arena, QUERY_ENIS_OF_INSTANCE, &enis, error, instance->id))
        return false;
    LIST_EACH (Eni *, eni, &enis) {
        if (eni->device_index != 0 || eni->public_ip || !instance->wants_public_ip)
            continue;
        if (!address_take_public(context, txn, &eni->public_ip, error) || !eni_put(txn, eni, error))
            return false;
        instance->public_ip = eni->public_ip;
    }
    return true;
}

static bool start_one(Context *context, Txn *txn, Instance *instance, void *data, GError **error)
{
    if (instance->state == INSTANCE_PENDING || instance->state == INSTANCE_RUNNING)
        return true;
    if (instance->state != INSTANCE_STOPPED)
        return fault_set(error, FAULT_INCORRECT_INSTANCE_STATE,
                         "The instance '%s' is not in a state from which it can be started.",
                         instance->id);
    InstanceType *type;
    int64_t count;
    if (!instance_type_get(txn, context->arena, instance->type, &type, error) ||
        !instance_limits_fit(context, txn, type, 1, 1, &count, error) ||
        !renew_public_address(context, txn, instance, error))
        return false;
    move(context, instance, INSTANCE_PENDING);
    instance->launch_time = instance->state_since;
    instance->reason_code = instance->reason_message = NULL;
    instance->transition_reason = NULL;
    instance->force_stop = instance->interrupted = instance->reachable = false;
    instance->reboot_wanted = 0;
    return true;
}

bool instances_start(Context *context, const List *ids, List *ret_changes, GError **error)
{
    return change_all(context, ids, start_one, NULL, ret_changes, error);
}

static bool stop_one(Context *context, Txn *txn, Instance *instance, void *data, GError **error)
{
    const bool *force = data;
    if (instance->state == INSTANCE_STOPPED ||
        (instance->state == INSTANCE_STOPPING && (instance->force_stop || !*force)))
        return true;
    if (!instance_can_stop(instance))
        return fault_set(error, FAULT_UNSUPPORTED_OPERATION,
                         "The instance '%s' does not have an 'ebs' root device type and cannot be "
                         "stopped",
                         instance->id);
    if (instance->disable_api_stop)
        return fault_set(error, FAULT_OPERATION_NOT_PERMITTED,
                         "The instance '%s' may not be stopped. Modify its 'disableApiStop' "
                         "instance attribute and try again.",
                         instance->id);
    if (instance->state != INSTANCE_RUNNING && instance->state != INSTANCE_STOPPING)
        return fault_set(error, FAULT_INCORRECT_INSTANCE_STATE,
                         "The instance '%s' is not in a state from which it can be stopped.",
                         instance->id);
    if (instance->state == INSTANCE_RUNNING)
        move(context, instance, INSTANCE_STOPPING);
    instance->force_stop = *force;
    instance->reason_code = "Client.UserInitiatedShutdown";
    instance->reason_message = "Client.UserInitiatedShutdown: User initiated shutdown";
    instance->transition_reason = user_initiated(context, instance->state_since);
    return true;
}

bool instances_stop(Context *context, const List *ids, bool force, List *ret_changes,
                    GError **error)
{
    return change_all(context, ids, stop_one, &force, ret_changes, error);
}

static bool terminate_one(Context *context, Txn *txn, Instance *instance, void *data,
                          GError **error)
{
    if (instance->state == INSTANCE_TERMINATED || instance->state == INSTANCE_SHUTTING_DOWN)
        return true;
    if (instance->disable_api_termination)
        return fault_set(error, FAULT_OPERATION_NOT_PERMITTED,
                         "The instance '%s' may not be terminated. Modify its "
                         "'disableApiTermination' instance attribute and try again.",
                         instance->id);
    move(context, instance, INSTANCE_SHUTTING_DOWN);
    instance->reason_code = "Client.UserInitiatedShutdown";
    instance->reason_message = "Client.UserInitiatedShutdown: User initiated shutdown";
    instance->transition_reason = user_initiated(context, instance->state_since);
    return true;
}

bool instances_terminate(Context *context, const List *ids, List *ret_changes, GError **error)
{
    return change_all(context, ids, terminate_one, NULL, ret_changes, error);
}

static bool reboot_one(Context *context, Txn *txn, Instance *instance, void *data, GError **error)
{
    if (instance->state != INSTANCE_RUNNING && instance->state != INSTANCE_PENDING)
        return fault_set(error, FAULT_INCORRECT_STATE,
                         "The instance '%s' is not in a state from which it can be rebooted.",
                         instance->id);
    if (instance->state == INSTANCE_RUNNING && !instance->reboot_wanted)
        instance->reboot_wanted = cloud_now(context->cloud);
    return true;
}

bool instances_reboot(Context *context, const List *ids, GError **error)
{
    return change_all(context, ids, reboot_one, NULL, NULL, error);
}

static bool monitor_one(Context *context, Txn *txn, Instance *instance, void *data, GError **error)
{
    const bool *enabled = data;
    instance->monitoring = *enabled;
    return true;
}

bool instances_monitor(Context *context, const List *ids, bool enabled, GError **error)
{
    return change_all(context, ids, monitor_one, &enabled, NULL, error);
}

bool instance_console(Context *context, const char *id, const char **ret_text, size_t *ret_size,
                      int64_t *ret_time, GError **error)
{
    enum { CONSOLE_SHOWN = 64 * 1024 };
    InstanceView *view;
    if (!instance_view(context, id, &view, error))
        return false;

    *ret_text = "";
    *ret_size = 0;
    *ret_time = view->instance->launch_time;
    g_autofree char *path = g_build_filename(instance_directory(context->arena, context->cloud, id),
                                             "console.log", NULL);
    autofd fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return true; /* nothing was written yet */
    off_t from = MAX(status.st_size - CONSOLE_SHOWN, 0);
    char *text = arena_alloc(context->arena, CONSOLE_SHOWN);
    ssize_t n = pread(fd, text, CONSOLE_SHOWN, from);
    if (n < 0)
        return trouble_set_errno(error, errno, "cannot read %s", path);
    *ret_text = text;
    *ret_size = (size_t)n;
    *ret_time = (int64_t)status.st_mtim.tv_sec * CLOCK_SECOND;
    return true;
}
