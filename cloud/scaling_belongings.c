/* What belongs to a scaling group: suspended processes, collected metrics, tags, notifications,
 * load balancers. Notifications are recorded: nobody is notified. */
#include "cloud/scaling_parts.h"

#include "base/fault.h"
#include "cloud/balancers.h"
#include "cloud/launch_configurations.h"
#include <string.h>

const char *const scaling_metric_names[] = {"GroupMinSize",
                                            "GroupMaxSize",
                                            "GroupDesiredCapacity",
                                            "GroupInServiceInstances",
                                            "GroupPendingInstances",
                                            "GroupStandbyInstances",
                                            "GroupTerminatingInstances",
                                            "GroupTotalInstances",
                                            NULL};

const char *const scaling_termination_names[] = {"AllocationStrategy",
                                                 "ClosestToNextInstanceHour",
                                                 "Default",
                                                 "NewestInstance",
                                                 "OldestInstance",
                                                 "OldestLaunchConfiguration",
                                                 "OldestLaunchTemplate",
                                                 NULL};

const char *const scaling_notification_names[] = {
    "autoscaling:EC2_INSTANCE_LAUNCH",    "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
    "autoscaling:EC2_INSTANCE_TERMINATE", "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
    "autoscaling:TEST_NOTIFICATION",      NULL};

/* ---- processes and metrics ---- */

/* The line of `text` that names a process, "NAME TAB REASON"; NULL: none. */
static const char *line_of(const List *lines, const char *process)
{
    size_t size = strlen(process);
    LIST_EACH (const char *, line, lines)
        if (strncmp(line, process, size) == 0 && line[size] == '\t')
            return line;
    return NULL;
}

bool scaling_is_suspended(Arena *arena, const ScalingGroup *group, const char *process)
{
    List lines = lines_split(arena, group->suspended);
    return line_of(&lines, process);
}

static bool check_names(const List *names, const char *const *known, const char *what,
                        GError **error)
{
    LIST_EACH (const char *, name, names)
        if (!g_strv_contains(known, name))
            return fault_set(error, FAULT_VALIDATION_ERROR, "Invalid %s: [%.100s]", what, name);
    return true;
}

/* What an edit of a group is told. */
typedef struct Edit {
    const List *names;
    bool on;
} Edit;
typedef void (*EditFn)(Context *context, ScalingGroup *group, const Edit *edit);

static bool edit_group(Context *context, const char *name, EditFn fn, const Edit *edit,
                       GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, name, &group, error))
        return false;
    fn(context, group, edit);
    if (!scaling_group_put(txn, group, error) || !txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}

static void edit_processes(Context *context, ScalingGroup *group, const Edit *edit)
{
    List before = lines_split(context->arena, group->suspended), after = {0};
    for (const char *const *process = scaling_process_names; *process; process++) {
        const char *line = line_of(&before, *process);
        if (edit->names->n == 0 || list_has(edit->names, *process))
            line = !edit->on ? NULL
                   : line
                       ? line
                       : arena_printf(context->arena, "%s\tUser suspended at %s", *process,
                                      scaling_time_text(context->arena, cloud_now(context->cloud)));
        if (line)
            list_add(&after, context->arena, line);
    }
    group->suspended = lines_join(context->arena, &after);
    group->failures = group->launch_after = 0;
}

bool scaling_group_suspend(Context *context, const char *name, const List *processes,
                           GError **error)
{
    const Edit edit = {processes, true};
    return check_names(processes, scaling_process_names, "scaling process", error) &&
           edit_group(context, name, edit_processes, &edit, error);
}

bool scaling_group_resume(Context *context, const char *name, const List *processes, GError **error)
{
    const Edit edit = {processes, false};
    return check_names(processes, scaling_process_names, "scaling process", error) &&
           edit_group(context, name, edit_processes, &edit, error);
}

static void edit_metrics(Context *context, ScalingGroup *group, const Edit *edit)
{
    List before = lines_split(context->arena, group->metrics), after = {0};
    for (const char *const *metric = scaling_metric_names; *metric; metric++) {
        bool named = edit->names->n == 0 || list_has(edit->names, *metric);
        if (named ? edit->on : list_has(&before, *metric))
            list_add(&after, context->arena, *metric);
    }
    group->metrics = lines_join(context->arena, &after);
}

bool scaling_group_collect(Context *context, const char *name, const List *metrics,
                           const char *granularity, GError **error)
{
    const Edit edit = {metrics, granularity != NULL};
    if (granularity && strcmp(granularity, "1Minute") != 0)
        return fault_set(error, FAULT_VALIDATION_ERROR, "Granularity must be 1Minute, not %.100s",
                         granularity);
    return check_names(metrics, scaling_metric_names, "metric", error) &&
           edit_group(context, name, edit_metrics, &edit, error);
}

/* ---- tags ---- */

bool scaling_check_tags(const List *tags, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    LIST_EACH (const ScalingTagSpec *, tag, tags) {
        if (g_utf8_strlen(tag->key, -1) > TAG_KEY_MAX + 1 ||
            (tag->value && g_utf8_strlen(tag->value, -1) > TAG_VALUE_MAX + 1))
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "The tag key or value is too long: %.128s", tag->key);
        if (g_ascii_strncasecmp(tag->key, "aws:", 4) == 0)
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "Tag keys starting with 'aws:' are reserved for internal use");
        if (!g_hash_table_add(seen,
                              g_strdup_printf("%s\n%s", tag->group ? tag->group : "", tag->key)))
            return fault_set(error, FAULT_VALIDATION_ERROR, "Duplicate tag key: %.128s", tag->key);
    }
    return tags->n <= TAGS_PER_RESOURCE ||
           fault_set(error, FAULT_QUOTA_EXCEEDED, "A group may have up to %d tags",
                     TAGS_PER_RESOURCE);
}

static bool tag_group(Context *context, Txn *txn, const ScalingTagSpec *tag, GError **error)
{
    ScalingGroup *group;
    List tags = {0};
    if (!tag->group)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The ResourceId and ResourceType of a tag must be specified");
    if (!scaling_group_find_one(context, txn, tag->group, &group, error))
        return false;
    const ScalingTag kept = {
        .account_id = group->account_id,
        .group_name = group->name,
        .key = tag->key,
        .value = tag->value ? tag->value : "",
        .propagate = tag->propagate,
    };
    if (!scaling_tag_put(txn, &kept, error) ||
        !record_query(txn, context->arena, QUERY_SCALING_TAGS_OF_GROUP, &tags, error,
                      group->account_id, group->name))
        return false;
    return tags.n <= TAGS_PER_RESOURCE ||
           fault_set(error, FAULT_QUOTA_EXCEEDED, "A group may have up to %d tags",
                     TAGS_PER_RESOURCE);
}

bool scaling_tags_put(Context *context, const List *tags, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!scaling_check_tags(tags, error) || !txn_begin(cloud_store(context->cloud), &txn, error))
        return false;
    LIST_EACH (const ScalingTagSpec *, tag, tags)
        if (!tag_group(context, txn, tag, error))
            return false;
    return txn_commit(&txn, error);
}

bool scaling_tags_remove(Context *context, const List *tags, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud_store(context->cloud), &txn, error))
        return false;
    LIST_EACH (const ScalingTagSpec *, tag, tags) {
        ScalingGroup *group;
        if (!scaling_group_find_one(context, txn, tag->group ? tag->group : "", &group, error) ||
            !record_change(txn, CHANGE_DELETE_SCALING_TAG, NULL, error, group->account_id,
                           group->name, tag->key))
            return false;
    }
    return txn_commit(&txn, error);
}

/* A filter's column of a tag; NULL: there is no such filter. */
static const char *tag_column(const ScalingTag *tag, const char *filter)
{
    if (strcmp(filter, "auto-scaling-group") == 0)
        return tag->group_name;
    if (strcmp(filter, "key") == 0)
        return tag->key;
    if (strcmp(filter, "value") == 0)
        return tag->value;
    if (strcmp(filter, "propagate-at-launch") == 0)
        return tag->propagate ? "true" : "false";
    return NULL;
}

bool scaling_tags_find(Context *context, const List *filters, List *list, GError **error)
{
    static const ScalingTag any = {.group_name = "", .key = "", .value = ""};
    g_autoptr(Txn) txn = NULL;
    List all = {0};
    LIST_EACH (const FindFilter *, named, filters)
        if (!tag_column(&any, named->name))
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "Filter type %.100s is not correct. Allowed Filter types are: "
                             "auto-scaling-group, key, value, propagate-at-launch",
                             named->name);
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !record_query(txn, context->arena, QUERY_SCALING_TAGS_OF_ACCOUNT, &all, error,
                      context->caller.account_id) ||
        !txn_commit(&txn, error))
        return false;
    LIST_EACH (const ScalingTag *, tag, &all) {
        bool matches = true;
        LIST_EACH (const FindFilter *, filter, filters)
            matches = matches && list_has(&filter->values, tag_column(tag, filter->name));
        if (matches)
            list_add(list, context->arena, tag);
    }
    return true;
}

/* ---- notifications ---- */

bool scaling_notifications_put(Context *context, const char *name, const char *topic,
                               const List *types, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    int64_t topics;
    if (!check_names(types, scaling_notification_names, "notification type", error) ||
        !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, name, &group, error) ||
        !record_change(txn, CHANGE_DELETE_SCALING_NOTIFICATIONS_TO, NULL, error, group->account_id,
                       group->name, topic))
        return false;
    LIST_EACH (const char *, type, types) {
        const ScalingNotification wanted = {
            .account_id = group->account_id,
            .group_name = group->name,
            .topic = topic,
            .type = type,
        };
        if (!scaling_notification_put(txn, &wanted, error))
            return false;
    }
    if (!record_count(txn, COUNT_SCALING_TOPICS, &topics, error, group->account_id, group->name))
        return false;
    return topics <= SCALING_TOPICS_PER_GROUP
               ? txn_commit(&txn, error)
               : fault_set(error, FAULT_QUOTA_EXCEEDED, "A group may have up to %d topics",
                           SCALING_TOPICS_PER_GROUP);
}

bool scaling_notifications_remove(Context *context, const char *name, const char *topic,
                                  GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    int64_t removed;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, name, &group, error) ||
        !record_change(txn, CHANGE_DELETE_SCALING_NOTIFICATIONS_TO, &removed, error,
                       group->account_id, group->name, topic))
        return false;
    return removed == 0
               ? fault_set(error, FAULT_VALIDATION_ERROR,
                           "Notification configuration doesn't exist for topic %.255s", topic)
               : txn_commit(&txn, error);
}

bool scaling_notifications_find(Context *context, const List *names, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List all = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !record_query(txn, context->arena, QUERY_SCALING_NOTIFICATIONS_OF_ACCOUNT, &all, error,
                      context->caller.account_id) ||
        !txn_commit(&txn, error))
        return false;
    LIST_EACH (const ScalingNotification *, one, &all)
        if (names->n == 0 || list_has(names, one->group_name))
            list_add(list, context->arena, one);
    return true;
}

/* ---- load balancers ---- */

bool scaling_check_balancers(Context *context, const List *balancers, GError **error)
{
    LIST_EACH (const char *, name, balancers) {
        BalancerView *unused;
        g_autoptr(GError) why = NULL;
        if (balancer_find_one(context, name, &unused, &why))
            continue;
        if (why->domain == FAULT_DOMAIN)
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "Provided Load Balancers may not be valid. Please ensure they exist "
                             "and try again.");
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
    return balancers->n <= SCALING_BALANCERS_PER_GROUP ||
           fault_set(error, FAULT_QUOTA_EXCEEDED, "A group may have up to %d load balancers",
                     SCALING_BALANCERS_PER_GROUP);
}

static bool set_balancers(Context *context, const char *name, const List *balancers, bool removing,
                          GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    List all = {0}, names = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, name, &group, error) ||
        !record_query(txn, context->arena, QUERY_SCALING_BALANCERS_OF_GROUP, &all, error,
                      group->account_id, group->name))
        return false;
    LIST_EACH (const ScalingBalancer *, had, &all)
        list_add(&names, context->arena, had->balancer);
    LIST_EACH (const char *, balancer, balancers) {
        const ScalingBalancer attached = {
            .account_id = group->account_id,
            .group_name = group->name,
            .balancer = balancer,
            .removing = removing,
        };
        if (removing && !list_has(&names, balancer))
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "Trying to remove Load Balancers that are not part of the group");
        if (!scaling_balancer_put(txn, &attached, error))
            return false;
    }
    if (!txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}

bool scaling_balancers_attach(Context *context, const char *name, const List *balancers,
                              GError **error)
{
    return scaling_check_balancers(context, balancers, error) &&
           set_balancers(context, name, balancers, false, error);
}

bool scaling_balancers_detach(Context *context, const char *name, const List *balancers,
                              GError **error)
{
    return set_balancers(context, name, balancers, true, error);
}

/* Every member in service is registered with it. */
static bool is_registered(Context *context, const char *balancer, const List *members)
{
    BalancerView *view;
    List ids = {0};
    if (!balancer_find_one(context, balancer, &view, NULL))
        return false;
    LIST_EACH (const BalancerInstance *, registered, &view->instances)
        list_add(&ids, context->arena, registered->instance_id);
    LIST_EACH (const ScalingInstance *, member, members)
        if (member->state == LIFECYCLE_IN_SERVICE && !list_has(&ids, member->instance_id))
            return false;
    return true;
}

bool scaling_balancers_find(Context *context, const char *name, List *ret_views, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    List all = {0}, members = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, name, &group, error) ||
        !record_query(txn, context->arena, QUERY_SCALING_BALANCERS_OF_GROUP, &all, error,
                      group->account_id, group->name) ||
        !scaling_members(txn, context->arena, group, &members, error) || !txn_commit(&txn, error))
        return false;
    LIST_EACH (const ScalingBalancer *, attached, &all) {
        ScalingBalancerView *view = arena_new_struct(context->arena, ScalingBalancerView);
        view->name = attached->balancer;
        view->state = attached->removing                                     ? "Removing"
                      : is_registered(context, attached->balancer, &members) ? "Added"
                                                                             : "Adding";
        list_add(ret_views, context->arena, view);
    }
    return true;
}
