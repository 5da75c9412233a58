/* The metadata tree. Invariant: directories follow from the leaves; nothing is listed that cannot
 * be read. */
#include "api/imds/tree.h"

#include "cloud/addresses.h"
#include <inttypes.h>
#include <string.h>

typedef struct Builder {
    Arena *arena;
    const Metadata *metadata;
    const char *suffix;
    List leaves;
} Builder;

static void add_labelled(Builder *builder, const char *path, const char *label, const char *value)
{
    if (!value)
        return;
    Leaf *leaf = arena_new_struct(builder->arena, Leaf);
    *leaf = (Leaf){.path = path, .value = value, .label = label};
    list_add(&builder->leaves, builder->arena, leaf);
}

static void add(Builder *builder, const char *name, const char *value)
{
    add_labelled(builder, arena_printf(builder->arena, "meta-data/%s", name), NULL, value);
}

static const char *public_name(Builder *builder, const char *address)
{
    return address ? address_public_name(builder->arena, address, builder->suffix) : NULL;
}

static const char *number(Builder *builder, int64_t value)
{
    return arena_printf(builder->arena, "%" PRId64, value);
}

static const char *group_lines(Builder *builder, bool ids)
{
    GString *lines = g_string_new(NULL);
    LIST_EACH (const SecurityGroup *, group, &builder->metadata->view->groups)
        g_string_append_printf(lines, "%s%s", lines->len ? "\n" : "",
                               ids ? group->id : group->name);
    const char *text = arena_strdup(builder->arena, lines->str);
    g_string_free(lines, TRUE);
    return text;
}

static void add_block_devices(Builder *builder)
{
    const char *root = builder->metadata->view->instance->root_device_name;
    add(builder, "block-device-mapping/ami", root);
    unsigned n = 0;
    LIST_EACH (const Volume *, volume, &builder->metadata->view->volumes)
        if (g_strcmp0(volume->device, root) != 0)
            add(builder, arena_printf(builder->arena, "block-device-mapping/ebs%u", ++n),
                volume->device);
    LIST_EACH (const InstanceDisk *, disk, &builder->metadata->disks)
        if (disk->virtual_name)
            add(builder,
                arena_printf(builder->arena, "block-device-mapping/%s", disk->virtual_name),
                disk->device);
    add(builder, "block-device-mapping/root", root);
}

static void add_interface(Builder *builder, const Eni *eni)
{
    const Metadata *metadata = builder->metadata;
    const char *base = arena_printf(builder->arena, "network/interfaces/macs/%s", eni->mac);
    const char *public_address = eni->public_ip;
    const struct {
        const char *name, *value;
    } rows[] = {
        {"device-number", number(builder, eni->device_index)},
        {"interface-id", eni->id},
        {"ipv4-associations/", NULL},
        {"local-hostname", address_private_name(builder->arena, eni->private_ip)},
        {"local-ipv4s", eni->private_ip},
        {"mac", eni->mac},
        {"network-card-index", "0"},
        {"owner-id", eni->account_id},
        {"public-hostname", public_name(builder, public_address)},
        {"public-ipv4s", public_address},
        {"security-group-ids", group_lines(builder, true)},
        {"security-groups", group_lines(builder, false)},
        {"subnet-id", eni->subnet_id},
        {"subnet-ipv4-cidr-block", metadata->subnet ? metadata->subnet->cidr : NULL},
        {"vpc-id", eni->vpc_id},
        {"vpc-ipv4-cidr-block", metadata->vpc ? metadata->vpc->cidr : NULL},
        {"vpc-ipv4-cidr-blocks", metadata->vpc ? metadata->vpc->cidr : NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].value)
            add(builder, arena_printf(builder->arena, "%s/%s", base, rows[i].name), rows[i].value);
        else if (public_address && strcmp(rows[i].name, "ipv4-associations/") == 0)
            add(builder,
                arena_printf(builder->arena, "%s/ipv4-associations/%s", base, public_address),
                eni->private_ip);
    }
}

static void add_place(Builder *builder)
{
    const Instance *instance = builder->metadata->view->instance;
    const Zone *zone = builder->metadata->zone;
    add(builder, "placement/availability-zone", instance->zone);
    if (zone) {
        add(builder, "placement/availability-zone-id", zone->id);
        add(builder, "placement/region", zone->region);
    }
}

static void add_key(Builder *builder)
{
    const KeyPair *key = builder->metadata->key;
    if (!key)
        return;
    const char *line = arena_printf(builder->arena, "%s %s\n", key->public_key, key->name);
    /* Listed as "0=NAME", read as "0/openssh-key". */
    add_labelled(builder, "meta-data/public-keys/0/openssh-key",
                 arena_printf(builder->arena, "0=%s", key->name), line);
}

static void add_tags(Builder *builder)
{
    const InstanceView *view = builder->metadata->view;
    if (g_strcmp0(view->instance->http_tags, "enabled") != 0 || !view->tags)
        return;
    LIST_EACH (const Tag *, tag, view->tags)
        add(builder, arena_printf(builder->arena, "tags/instance/%s", tag->key), tag->value);
}

List imds_leaves(Arena *arena, const Metadata *metadata, const char *dns_suffix)
{
    Builder builder = {.arena = arena, .metadata = metadata, .suffix = dns_suffix};
    const Instance *instance = metadata->view->instance;
    const char *local = address_private_name(arena, instance->private_ip);

    add(&builder, "ami-id", instance->image_id);
    add(&builder, "ami-launch-index", number(&builder, instance->launch_index));
    add(&builder, "ami-manifest-path",
        metadata->image && g_strcmp0(instance->root_device_type, "instance-store") == 0
            ? metadata->image->location
            : "(unknown)");
    add_block_devices(&builder);
    add(&builder, "events/maintenance/history", "[]");
    add(&builder, "events/maintenance/scheduled", "[]");
    add(&builder, "hostname", local);
    add(&builder, "instance-action", "none");
    add(&builder, "instance-id", instance->id);
    add(&builder, "instance-life-cycle", "on-demand");
    add(&builder, "instance-type", instance->type);
    add(&builder, "kernel-id", instance->kernel_id);
    add(&builder, "local-hostname", local);
    add(&builder, "local-ipv4", instance->private_ip);
    add(&builder, "mac", metadata->eni ? metadata->eni->mac : NULL);
    add(&builder, "metrics/vhostmd", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    LIST_EACH (const Eni *, eni, &metadata->view->enis)
        add_interface(&builder, eni);
    add_place(&builder);
    add(&builder, "profile", "default-hvm");
    add(&builder, "public-hostname", public_name(&builder, instance->public_ip));
    add(&builder, "public-ipv4", instance->public_ip);
    add_key(&builder);
    add(&builder, "ramdisk-id", instance->ramdisk_id);
    add(&builder, "reservation-id", instance->reservation_id);
    add(&builder, "security-groups", group_lines(&builder, false));
    add(&builder, "services/domain", "amazonaws.com");
    add(&builder, "services/partition", "aws");
    add_tags(&builder);
    /* Its bytes may be anything: imds.c sends them. Here it is for listings. */
    if (instance->user_data)
        add_labelled(&builder, "user-data", NULL, "");
    return builder.leaves;
}

/* The entry of a directory (its path without a slash at its end) that leads to the leaf, or NULL
 * when the leaf is not in it. */
static const char *entry_of(Arena *arena, const Leaf *leaf, const char *directory)
{
    size_t n = strlen(directory);
    if (strncmp(leaf->path, directory, n) != 0 || (n > 0 && leaf->path[n] != '/'))
        return NULL;
    const char *rest = leaf->path + n + (n > 0);
    const char *slash = strchr(rest, '/');
    if (!slash)
        return rest;
    if (leaf->label && g_str_has_suffix(directory, "public-keys"))
        return leaf->label;
    return arena_strndup(arena, rest, (size_t)(slash - rest) + 1);
}

const char *imds_show(Arena *arena, const List *leaves, const char *path)
{
    g_autofree char *clean = g_strdup(path);
    size_t n = strlen(clean);
    while (n > 0 && clean[n - 1] == '/')
        clean[--n] = '\0';

    LIST_EACH (const Leaf *, leaf, leaves)
        if (strcmp(leaf->path, clean) == 0)
            return leaf->value;

    g_autoptr(GString) listing = g_string_new(NULL);
    const char *last = NULL;
    LIST_EACH (const Leaf *, member, leaves) {
        const char *entry = entry_of(arena, member, clean);
        if (!entry || g_strcmp0(entry, last) == 0) /* leaves of one directory are neighbours */
            continue;
        g_string_append_printf(listing, "%s%s", listing->len ? "\n" : "", entry);
        last = entry;
    }
    return listing->len ? arena_strdup(arena, listing->str) : NULL;
}
