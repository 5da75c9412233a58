/* The text of launch templates.
 *
 * Invariant: what is stored was bound by the shape of the request, so that numbers are numbers and
 * every name is known; nothing is checked again here. */
#include "cloud/launch_template_data.h"

#include "base/fault.h"
#include <stddef.h>
#include <string.h>

static const char *decoded(Arena *arena, const char *from, const char *end)
{
    g_autofree char *plain = g_uri_unescape_segment(from, end, NULL);
    return arena_strdup(arena, plain ? plain : "");
}

List launch_data_members(Arena *arena, const char *data)
{
    List members = {0};
    for (const char *at = data ? data : ""; *at;) {
        const char *end = at + strcspn(at, "&");
        const char *equals = memchr(at, '=', (size_t)(end - at));
        if (equals) {
            DataMember *member = arena_new_struct(arena, DataMember);
            *member = (DataMember){.name = decoded(arena, at, equals),
                                   .value = decoded(arena, equals + 1, end)};
            list_add(&members, arena, member);
        }
        at = *end ? end + 1 : end;
    }
    return members;
}

const char *launch_data_value(Arena *arena, const char *data, const char *name)
{
    List members = launch_data_members(arena, data);
    LIST_EACH (const DataMember *, member, &members)
        if (strcmp(member->name, name) == 0)
            return member->value;
    return NULL;
}

/* "Placement" of "Placement.Tenancy=default": names are never encoded up to there. */
static size_t top_size(const char *pair)
{
    return strcspn(pair, ".=");
}

static bool says(const char *data, const char *top, size_t size)
{
    for (const char *at = data; *at;) {
        if (top_size(at) == size && strncmp(at, top, size) == 0)
            return true;
        at += strcspn(at, "&");
        at += *at == '&';
    }
    return false;
}

const char *launch_data_merge(Arena *arena, const char *data, const char *over)
{
    g_autoptr(GString) merged = g_string_new(over);
    for (const char *at = data; *at;) {
        size_t size = strcspn(at, "&");
        if (!says(over, at, top_size(at))) {
            if (merged->len > 0)
                g_string_append_c(merged, '&');
            g_string_append_len(merged, at, (gssize)size);
        }
        at += size;
        at += *at == '&';
    }
    return arena_strdup(arena, merged->str);
}

/* ---- into a launch ---- */

typedef enum MemberKind { TEXT, NUMBER, TRUTH, CHOICE, PRESENCE } MemberKind;

typedef struct Member {
    const char *name;
    size_t offset;
    MemberKind kind; /* const char *, int64_t, bool, int (0 or 1), bool */
} Member;

static const Member spec_members[] = {
    {"ImageId", offsetof(RunSpec, image_id), TEXT},
    {"InstanceType", offsetof(RunSpec, type), TEXT},
    {"KeyName", offsetof(RunSpec, key_name), TEXT},
    {"UserData", offsetof(RunSpec, user_data), TEXT},
    {"KernelId", offsetof(RunSpec, kernel_id), TEXT},
    {"RamDiskId", offsetof(RunSpec, ramdisk_id), TEXT},
    {"InstanceInitiatedShutdownBehavior", offsetof(RunSpec, shutdown_behavior), TEXT},
    {"DisableApiTermination", offsetof(RunSpec, disable_api_termination), TRUTH},
    {"DisableApiStop", offsetof(RunSpec, disable_api_stop), TRUTH},
    {"EbsOptimized", offsetof(RunSpec, ebs_optimized), TRUTH},
    {"Monitoring.Enabled", offsetof(RunSpec, monitoring), TRUTH},
    {"Placement.AvailabilityZone", offsetof(RunSpec, zone), TEXT},
    {"Placement.Tenancy", offsetof(RunSpec, tenancy), TEXT},
    {"IamInstanceProfile.Arn", offsetof(RunSpec, iam_profile), TEXT},
    {"MetadataOptions.HttpTokens", offsetof(RunSpec, http_tokens), TEXT},
    {"MetadataOptions.HttpEndpoint", offsetof(RunSpec, http_endpoint), TEXT},
    {"MetadataOptions.InstanceMetadataTags", offsetof(RunSpec, http_tags), TEXT},
    {"MetadataOptions.HttpPutResponseHopLimit", offsetof(RunSpec, http_hop_limit), NUMBER},
};

static const Member interface_members[] = {
    {"SubnetId", offsetof(RunSpec, subnet_id), TEXT},
    {"PrivateIpAddress", offsetof(RunSpec, private_address), TEXT},
    {"AssociatePublicIpAddress", offsetof(RunSpec, associate_public_address), CHOICE},
};

static const Member volume_members[] = {
    {"DeviceName", offsetof(RunVolume, device), TEXT},
    {"VirtualName", offsetof(RunVolume, virtual_name), TEXT},
    {"NoDevice", offsetof(RunVolume, no_device), PRESENCE},
    {"Ebs.VolumeSize", offsetof(RunVolume, size_gib), NUMBER},
    {"Ebs.DeleteOnTermination", offsetof(RunVolume, delete_on_termination), CHOICE},
    {"Ebs.VolumeType", offsetof(RunVolume, type), TEXT},
    {"Ebs.Iops", offsetof(RunVolume, iops), NUMBER},
    {"Ebs.Throughput", offsetof(RunVolume, throughput), NUMBER},
    {"Ebs.Encrypted", offsetof(RunVolume, encrypted), TRUTH},
    {"Ebs.SnapshotId", offsetof(RunVolume, snapshot_id), TEXT},
};

static void set_member(const Member *members, size_t n, const char *name, const char *value,
                       void *object)
{
    for (size_t i = 0; i < n; i++) {
        void *at = (char *)object + members[i].offset;
        if (strcmp(members[i].name, name) != 0)
            continue;
        switch (members[i].kind) {
        case TEXT:
            if (*value)
                *(const char **)at = value;
            break;
        case NUMBER:
            *(int64_t *)at = g_ascii_strtoll(value, NULL, 10);
            break;
        case TRUTH:
            *(bool *)at = strcmp(value, "true") == 0;
            break;
        case CHOICE:
            *(int *)at = strcmp(value, "true") == 0;
            break;
        case PRESENCE:
            *(bool *)at = true;
            break;
        }
    }
}

/* The index and what is behind it, of "NetworkInterface.1.SubnetId" in the list NetworkInterface.
 */
static bool in_list(const char *name, const char *list, size_t *ret_index, const char **ret_rest)
{
    size_t size = strlen(list);
    char *end;
    if (strncmp(name, list, size) != 0 || name[size] != '.')
        return false;
    *ret_index = (size_t)g_ascii_strtoull(name + size + 1, &end, 10);
    *ret_rest = *end == '.' ? end + 1 : end;
    return true;
}

/* What is read so far. */
typedef struct Reader {
    Context *context;
    RunSpec *spec;
    size_t interfaces, tag_list;
    bool special_interface, plain_groups;
    List *tags; /* those that the tag specification at hand is about; NULL: of no interest */
} Reader;

static void use_volume(Reader *reader, size_t index, const char *rest, const char *value)
{
    Arena *arena = reader->context->arena;
    List *volumes = &reader->spec->volumes;
    while (volumes->n < index) {
        RunVolume *volume = arena_new_struct(arena, RunVolume);
        volume->delete_on_termination = -1;
        list_add(volumes, arena, volume);
    }
    RunVolume *volume = list_at(volumes, index - 1);
    set_member(volume_members, G_N_ELEMENTS(volume_members), rest, value, volume);
    if (g_str_has_prefix(rest, "Ebs."))
        volume->virtual_name = NULL;
}

static void use_interface(Reader *reader, size_t index, const char *rest, const char *value)
{
    const char *unused;
    size_t group;
    reader->interfaces = MAX(reader->interfaces, index);
    if (strcmp(rest, "NetworkInterfaceId") == 0 ||
        (strcmp(rest, "DeviceIndex") == 0 && strcmp(value, "0") != 0))
        reader->special_interface = true;
    if (in_list(rest, "SecurityGroupId", &group, &unused))
        list_add(&reader->spec->group_ids, reader->context->arena, value);
    else
        set_member(interface_members, G_N_ELEMENTS(interface_members), rest, value, reader->spec);
}

/* ResourceType stands before the tags. */
static void use_tag(Reader *reader, size_t index, const char *rest, const char *value)
{
    RunSpec *spec = reader->spec;
    const char *part;
    size_t unused;
    if (index != reader->tag_list)
        reader->tags = NULL;
    reader->tag_list = index;
    if (strcmp(rest, "ResourceType") == 0) {
        reader->tags = strcmp(value, "instance") == 0            ? &spec->instance_tags
                       : strcmp(value, "volume") == 0            ? &spec->volume_tags
                       : strcmp(value, "network-interface") == 0 ? &spec->eni_tags
                                                                 : NULL;
    } else if (reader->tags && in_list(rest, "Tag", &unused, &part)) {
        if (strcmp(part, "Key") == 0) {
            TagPair *pair = arena_new_struct(reader->context->arena, TagPair);
            *pair = (TagPair){.key = value, .value = ""};
            list_add(reader->tags, reader->context->arena, pair);
        } else if (reader->tags->n > 0) {
            ((TagPair *)list_at(reader->tags, reader->tags->n - 1))->value = value;
        }
    }
}

static void use_member(Reader *reader, const char *name, const char *value)
{
    Context *context = reader->context;
    RunSpec *spec = reader->spec;
    const char *rest;
    size_t index;
    if (in_list(name, "BlockDeviceMapping", &index, &rest)) {
        use_volume(reader, index, rest, value);
    } else if (in_list(name, "NetworkInterface", &index, &rest)) {
        use_interface(reader, index, rest, value);
    } else if (in_list(name, "TagSpecification", &index, &rest)) {
        use_tag(reader, index, rest, value);
    } else if (in_list(name, "SecurityGroupId", &index, &rest)) {
        list_add(&spec->group_ids, context->arena, value);
        reader->plain_groups = true;
    } else if (in_list(name, "SecurityGroup", &index, &rest)) {
        list_add(&spec->group_names, context->arena, value);
        reader->plain_groups = true;
    } else if (strcmp(name, "IamInstanceProfile.Name") == 0 && *value) {
        spec->iam_profile = arena_printf(context->arena, "arn:aws:iam::%s:instance-profile/%s",
                                         context->caller.account_id, value);
    } else {
        set_member(spec_members, G_N_ELEMENTS(spec_members), name, value, spec);
    }
}

bool launch_data_use(Context *context, const char *data, RunSpec *spec, bool *ret_has_interface,
                     GError **error)
{
    Reader reader = {.context = context, .spec = spec};
    List members = launch_data_members(context->arena, data);
    LIST_EACH (const DataMember *, member, &members)
        use_member(&reader, member->name, member->value);
    if (reader.interfaces > 1 || reader.special_interface)
        return fault_set(error, FAULT_UNSUPPORTED_OPERATION,
                         "Instances are launched with one new network interface, device index 0.");
    if (reader.interfaces > 0 && reader.plain_groups)
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                         "Network interfaces and an instance-level security groups may not be "
                         "specified on the same request");
    *ret_has_interface = reader.interfaces > 0;
    return true;
}
