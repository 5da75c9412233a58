/* Launch configurations.
 *
 * Invariant: one is never changed: groups name it, and what is wrong with it shows when an instance
 * is launched by it, as an activity that failed.
 *
 * block_devices: a mapping a line, its members joined by tabs in the order of write_device(). */
#include "cloud/launch_configurations.h"

#include "base/digest.h"
#include "base/fault.h"
#include "base/id.h"
#include "cloud/scaling.h"
#include <inttypes.h>
#include <string.h>

#define DEVICE_MEMBERS 10

const char *lines_join(Arena *arena, const List *lines)
{
    if (lines->n == 0)
        return NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    LIST_EACH (const char *, line, lines) {
        if (text->len > 0)
            g_string_append_c(text, '\n');
        g_string_append(text, line);
    }
    return arena_strdup(arena, text->str);
}

List lines_split(Arena *arena, const char *text)
{
    List lines = {0};
    if (!text || !*text)
        return lines;
    for (const char *at = text; at;) {
        const char *end = strchr(at, '\n');
        list_add(&lines, arena, end ? arena_strndup(arena, at, (size_t)(end - at)) : at);
        at = end ? end + 1 : NULL;
    }
    return lines;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static const char *write_device(Arena *arena, const RunVolume *volume)
{
    return arena_printf(arena, "%s\t%" PRId64 "\t%d\t%s\t%" PRId64 "\t%" PRId64 "\t%d\t%s\t%s\t%d",
                        volume->device, volume->size_gib, volume->delete_on_termination,
                        or_empty(volume->type), volume->iops, volume->throughput, volume->encrypted,
                        or_empty(volume->snapshot_id), or_empty(volume->virtual_name),
                        volume->no_device);
}

static const char *text_or_null(Arena *arena, const char *text)
{
    return *text ? arena_strdup(arena, text) : NULL;
}

List launch_configuration_devices(Arena *arena, const LaunchConfiguration *configuration)
{
    List lines = lines_split(arena, configuration->block_devices), devices = {0};
    LIST_EACH (const char *, line, &lines) {
        g_auto(GStrv) members = g_strsplit(line, "\t", -1);
        if (g_strv_length(members) != DEVICE_MEMBERS)
            continue;
        RunVolume *volume = arena_new_struct(arena, RunVolume);
        *volume = (RunVolume){
            .device = arena_strdup(arena, members[0]),
            .size_gib = g_ascii_strtoll(members[1], NULL, 10),
            .delete_on_termination = (int)g_ascii_strtoll(members[2], NULL, 10),
            .type = text_or_null(arena, members[3]),
            .iops = g_ascii_strtoll(members[4], NULL, 10),
            .throughput = g_ascii_strtoll(members[5], NULL, 10),
            .encrypted = *members[6] == '1',
            .snapshot_id = text_or_null(arena, members[7]),
            .virtual_name = text_or_null(arena, members[8]),
            .no_device = *members[9] == '1',
        };
        list_add(&devices, arena, volume);
    }
    return devices;
}

static bool has_tab_or_line(const char *text)
{
    return text && strpbrk(text, "\t\n");
}

static bool check_devices(const List *devices, GError **error)
{
    LIST_EACH (const RunVolume *, volume, devices)
        if (has_tab_or_line(volume->device) || has_tab_or_line(volume->type) ||
            has_tab_or_line(volume->snapshot_id) || has_tab_or_line(volume->virtual_name))
            return fault_set(error, FAULT_VALIDATION_ERROR, "Invalid block device mapping: %.100s",
                             volume->device);
    return true;
}

/* Raw where that is allowed and it is no base64. */
static bool check_user_data(const LaunchConfigurationSpec *spec, bool *ret_raw, GError **error)
{
    *ret_raw = false;
    if (!spec->user_data || !*spec->user_data)
        return true;
    g_autofree uint8_t *data = NULL;
    size_t size = strlen(spec->user_data);
    bool encoded = base64_decode(spec->user_data, size, &data, &size);
    if (!encoded && !spec->user_data_may_be_raw)
        return fault_set(error, FAULT_VALIDATION_ERROR, "Invalid BASE64 encoding of user data.");
    *ret_raw = !encoded;
    return size <= USER_DATA_MAX || fault_set(error, FAULT_VALIDATION_ERROR,
                                              "User data is limited to %d bytes", USER_DATA_MAX);
}

static bool check_spec(Context *context, Txn *txn, const LaunchConfigurationSpec *spec,
                       bool *ret_raw, GError **error)
{
    void *taken;
    int64_t count;
    if (!scaling_check_name("launchConfigurationName", spec->name, error) ||
        !check_devices(&spec->block_devices, error) || !check_user_data(spec, ret_raw, error))
        return false;
    LIST_EACH (const char *, group, &spec->security_groups)
        if (!*group || has_tab_or_line(group))
            return fault_set(error, FAULT_VALIDATION_ERROR, "Invalid security group: %.100s",
                             group);
    if (!record_query_one(txn, context->arena, QUERY_LAUNCH_CONFIGURATION, &taken, error,
                          context->caller.account_id, spec->name) ||
        !record_count(txn, COUNT_LAUNCH_CONFIGURATIONS_OF_ACCOUNT, &count, error,
                      context->caller.account_id))
        return false;
    if (taken)
        return fault_set(error, FAULT_ALREADY_EXISTS,
                         "Launch Configuration by this name already exists - A launch "
                         "configuration already exists with the name %s",
                         spec->name);
    return count < LAUNCH_CONFIGURATIONS_PER_ACCOUNT ||
           fault_set(error, FAULT_QUOTA_EXCEEDED,
                     "The maximum number of launch configurations (%d) is reached.",
                     LAUNCH_CONFIGURATIONS_PER_ACCOUNT);
}

/* What the instance has and the request does not say. */
static bool take_from_instance(Context *context, Txn *txn, const char *id,
                               LaunchConfiguration *configuration, GError **error)
{
    Instance *instance;
    List groups = {0}, ids = {0}, enis = {0};
    if (!instance_get(txn, context->arena, id, &instance, error))
        return false;
    if (!instance || strcmp(instance->account_id, context->caller.account_id) != 0)
        return fault_set(error, FAULT_VALIDATION_ERROR, "The instance ID '%.100s' does not exist",
                         id);
    if (!record_query(txn, context->arena, QUERY_ENIS_OF_INSTANCE, &enis, error, id))
        return false;
    if (enis.n > 0 && !record_query(txn, context->arena, QUERY_GROUPS_OF_ENI, &groups, error,
                                    ((const Eni *)list_at(&enis, 0))->id))
        return false;
    LIST_EACH (const SecurityGroup *, group, &groups)
        list_add(&ids, context->arena, group->id);
    LaunchConfiguration *c = configuration;
    c->image_id = c->image_id ? c->image_id : instance->image_id;
    c->type = c->type ? c->type : instance->type;
    c->key_name = c->key_name ? c->key_name : instance->key_name;
    c->user_data = c->user_data ? c->user_data : instance->user_data;
    c->kernel_id = c->kernel_id ? c->kernel_id : instance->kernel_id;
    c->ramdisk_id = c->ramdisk_id ? c->ramdisk_id : instance->ramdisk_id;
    c->iam_profile = c->iam_profile ? c->iam_profile : instance->iam_profile;
    if (!c->security_groups)
        c->security_groups = lines_join(context->arena, &ids);
    return true;
}

bool launch_configuration_record(Context *context, Txn *txn, const LaunchConfigurationSpec *spec,
                                 GError **error)
{
    bool raw;
    List devices = {0};
    if (!check_spec(context, txn, spec, &raw, error))
        return false;
    LIST_EACH (const RunVolume *, volume, &spec->block_devices)
        list_add(&devices, context->arena, write_device(context->arena, volume));
    LaunchConfiguration configuration = {
        .account_id = context->caller.account_id,
        .name = spec->name,
        .id = id_new_uuid(context->arena),
        .image_id = spec->image_id,
        .type = spec->type,
        .key_name = spec->key_name,
        .security_groups = lines_join(context->arena, &spec->security_groups),
        .user_data = spec->user_data,
        .user_data_raw = raw,
        .kernel_id = spec->kernel_id,
        .ramdisk_id = spec->ramdisk_id,
        .block_devices = lines_join(context->arena, &devices),
        .monitoring = spec->monitoring != 0,
        .iam_profile = spec->iam_profile,
        .ebs_optimized = spec->ebs_optimized,
        .public_address = spec->public_address,
        .tenancy = spec->tenancy,
        .http_tokens = spec->http_tokens,
        .http_endpoint = spec->http_endpoint,
        .http_hop_limit = spec->http_hop_limit,
        .created = cloud_now(context->cloud),
    };
    if (spec->instance_id &&
        !take_from_instance(context, txn, spec->instance_id, &configuration, error))
        return false;
    if (!configuration.image_id || !configuration.type)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Valid requests must contain either the InstanceID parameter or both the "
                         "ImageId and InstanceType parameters.");
    return launch_configuration_insert(txn, &configuration, error);
}

bool launch_configuration_create(Context *context, const LaunchConfigurationSpec *spec,
                                 GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin(cloud_store(context->cloud), &txn, error) &&
           launch_configuration_record(context, txn, spec, error) && txn_commit(&txn, error);
}

bool launch_configuration_find_one(Context *context, Txn *txn, const char *name,
                                   LaunchConfiguration **ret_configuration, GError **error)
{
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_LAUNCH_CONFIGURATION, &found, error,
                          context->caller.account_id, name))
        return false;
    *ret_configuration = found;
    return found || fault_set(error, FAULT_VALIDATION_ERROR,
                              "Launch configuration name not found - Launch configuration %.255s "
                              "not found",
                              name);
}

bool launch_configuration_remove(Context *context, const char *name, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    LaunchConfiguration *configuration;
    int64_t users;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !launch_configuration_find_one(context, txn, name, &configuration, error) ||
        !record_count(txn, COUNT_SCALING_GROUPS_WITH_CONFIGURATION, &users, error,
                      context->caller.account_id, name))
        return false;
    if (users > 0)
        return fault_set(error, FAULT_RESOURCE_IN_USE,
                         "Cannot delete launch configuration %s because it is attached to an "
                         "AutoScalingGroup",
                         name);
    return record_change(txn, CHANGE_DELETE_LAUNCH_CONFIGURATION, NULL, error,
                         context->caller.account_id, name) &&
           txn_commit(&txn, error);
}

bool launch_configurations_find(Context *context, const List *names, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List all = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !record_query(txn, context->arena, QUERY_LAUNCH_CONFIGURATIONS_OF_ACCOUNT, &all, error,
                      context->caller.account_id) ||
        !txn_commit(&txn, error))
        return false;
    LIST_EACH (const LaunchConfiguration *, configuration, &all)
        if (names->n == 0 || list_has(names, configuration->name))
            list_add(list, context->arena, configuration);
    return true;
}

static const char *user_data_of(Arena *arena, const LaunchConfiguration *configuration)
{
    const char *text = configuration->user_data;
    if (!text || !configuration->user_data_raw)
        return text;
    g_autofree char *encoded = g_base64_encode((const uint8_t *)text, strlen(text));
    return arena_strdup(arena, encoded);
}

RunSpec launch_configuration_run_spec(Context *context, const LaunchConfiguration *configuration)
{
    const char *profile = configuration->iam_profile;
    RunSpec spec = {
        .image_id = configuration->image_id,
        .type = configuration->type,
        .min_count = 1,
        .max_count = 1,
        .key_name = configuration->key_name,
        .user_data = user_data_of(context->arena, configuration),
        .kernel_id = configuration->kernel_id,
        .ramdisk_id = configuration->ramdisk_id,
        .associate_public_address = (int)configuration->public_address,
        .tenancy = configuration->tenancy,
        .monitoring = configuration->monitoring,
        .ebs_optimized = configuration->ebs_optimized == 1,
        .http_tokens = configuration->http_tokens,
        .http_endpoint = configuration->http_endpoint,
        .http_hop_limit = configuration->http_hop_limit,
        .volumes = launch_configuration_devices(context->arena, configuration),
    };
    if (profile)
        spec.iam_profile = g_str_has_prefix(profile, "arn:")
                               ? profile
                               : arena_printf(context->arena, "arn:aws:iam::%s:instance-profile/%s",
                                              configuration->account_id, profile);
    List groups = lines_split(context->arena, configuration->security_groups);
    LIST_EACH (const char *, group, &groups)
        list_add(g_str_has_prefix(group, "sg-") ? &spec.group_ids : &spec.group_names,
                 context->arena, group);
    return spec;
}

const char *launch_configuration_arn(Context *context, const LaunchConfiguration *configuration)
{
    return arena_printf(context->arena,
                        "arn:aws:autoscaling:%s:%s:launchConfiguration:%s:launchConfigurationName/"
                        "%s",
                        context->region, configuration->account_id, configuration->id,
                        configuration->name);
}
