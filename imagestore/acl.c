/* Access control lists. Sources: "Access control list (ACL) overview" (Amazon S3 User Guide).
 *
 * Invariant: what acl_write wrote acl_read reads to the same grants; a line it does not know gives
 * nothing to anybody. */
#include "imagestore/acl.h"

#include <string.h>

static const struct {
    AclPermission permission;
    const char *name;
} permissions[] = {
    {ACL_READ, "READ"},
    {ACL_WRITE, "WRITE"},
    {ACL_READ_ACP, "READ_ACP"},
    {ACL_WRITE_ACP, "WRITE_ACP"},
    {ACL_FULL_CONTROL, "FULL_CONTROL"},
};

/* What AWS shows for ACL_EC2 is a user of its own, who is nobody here: hence a URI of ours. */
static const struct {
    const char *name, *uri;
} groups[] = {
    [ACL_ALL_USERS] = {"AllUsers", "http://acs.amazonaws.com/groups/global/AllUsers"},
    [ACL_AUTHENTICATED_USERS] = {"AuthenticatedUsers",
                                 "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"},
    [ACL_LOG_DELIVERY] = {"LogDelivery", "http://acs.amazonaws.com/groups/s3/LogDelivery"},
    [ACL_EC2] = {"EC2", "http://acs.amazonaws.com/groups/ec2/EC2"},
};

const char *acl_permission_name(AclPermission permission)
{
    for (size_t i = 0; i < G_N_ELEMENTS(permissions); i++) {
        if (permissions[i].permission == permission)
            return permissions[i].name;
    }
    g_assert_not_reached();
}

bool acl_permission_parse(const char *name, AclPermission *ret_permission)
{
    for (size_t i = 0; i < G_N_ELEMENTS(permissions); i++) {
        if (strcmp(permissions[i].name, name) == 0) {
            *ret_permission = permissions[i].permission;
            return true;
        }
    }
    return false;
}

const char *acl_group_uri(AclGroup group)
{
    g_assert(group < G_N_ELEMENTS(groups));
    return groups[group].uri;
}

bool acl_group_parse(const char *uri, AclGroup *ret_group)
{
    for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
        if (strcmp(groups[i].uri, uri) == 0) {
            *ret_group = (AclGroup)i;
            return true;
        }
    }
    return false;
}

static bool parse_group_name(const char *name, AclGroup *ret_group)
{
    for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
        if (strcmp(groups[i].name, name) == 0) {
            *ret_group = (AclGroup)i;
            return true;
        }
    }
    return false;
}

void acl_add(Acl *acl, Arena *arena, AclPermission permission, AclGroup group, const char *id)
{
    AclGrant grant = {permission, group, group == ACL_NO_GROUP ? id : NULL};
    list_add(&acl->grants, arena, arena_memdup(arena, &grant, sizeof(grant)));
}

/* "READ id 79a5…" */
static void read_line(Acl *acl, Arena *arena, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 3);
    AclPermission permission;
    AclGroup group;
    if (g_strv_length(words) != 3 || !acl_permission_parse(words[0], &permission))
        return;
    if (strcmp(words[1], "id") == 0)
        acl_add(acl, arena, permission, ACL_NO_GROUP, arena_strdup(arena, words[2]));
    else if (strcmp(words[1], "group") == 0 && parse_group_name(words[2], &group))
        acl_add(acl, arena, permission, group, NULL);
}

Acl *acl_read(Arena *arena, const char *text, const char *owner_id)
{
    Acl *acl = arena_new_struct(arena, Acl);
    if (!text) {
        acl_add(acl, arena, ACL_FULL_CONTROL, ACL_NO_GROUP, owner_id);
        return acl;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        read_line(acl, arena, *line);
    return acl;
}

char *acl_write(Arena *arena, const Acl *acl)
{
    g_autoptr(GString) text = g_string_new(NULL);
    LIST_EACH (const AclGrant *, grant, &acl->grants) {
        bool person = grant->group == ACL_NO_GROUP;
        g_string_append_printf(text, "%s%s %s %s", text->len > 0 ? "\n" : "",
                               acl_permission_name(grant->permission), person ? "id" : "group",
                               person ? grant->id : groups[grant->group].name);
    }
    return arena_strdup(arena, text->str);
}

/* What a canned ACL gives besides full control for the owner. */
typedef struct CannedGrant {
    const char *name;
    AclPermission permission; /* 0: nothing */
    AclGroup group;           /* ACL_NO_GROUP: the bucket's owner */
    bool of_buckets, of_objects;
} CannedGrant;

static const CannedGrant canned[] = {
    {"private", 0, ACL_NO_GROUP, true, true},
    {"public-read", ACL_READ, ACL_ALL_USERS, true, true},
    {"public-read-write", ACL_READ, ACL_ALL_USERS, true, true},
    {"public-read-write", ACL_WRITE, ACL_ALL_USERS, true, true},
    {"authenticated-read", ACL_READ, ACL_AUTHENTICATED_USERS, true, true},
    {"aws-exec-read", ACL_READ, ACL_EC2, true, true},
    {"bucket-owner-read", ACL_READ, ACL_NO_GROUP, true, true},
    {"bucket-owner-full-control", ACL_FULL_CONTROL, ACL_NO_GROUP, true, true},
    {"log-delivery-write", ACL_WRITE, ACL_LOG_DELIVERY, true, false},
    {"log-delivery-write", ACL_READ_ACP, ACL_LOG_DELIVERY, true, false},
};

static void add_canned(Acl *acl, Arena *arena, const CannedGrant *grant, const char *owner_id,
                       const char *bucket_owner_id)
{
    if (grant->permission == 0)
        return;
    if (grant->group != ACL_NO_GROUP)
        acl_add(acl, arena, grant->permission, grant->group, NULL);
    else if (bucket_owner_id && strcmp(bucket_owner_id, owner_id) != 0)
        acl_add(acl, arena, grant->permission, ACL_NO_GROUP, bucket_owner_id);
}

Acl *acl_canned(Arena *arena, const char *name, const char *owner_id, const char *bucket_owner_id)
{
    Acl *acl = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(canned); i++) {
        const CannedGrant *grant = &canned[i];
        if (strcmp(grant->name, name) != 0 ||
            !(bucket_owner_id ? grant->of_objects : grant->of_buckets))
            continue;
        if (!acl) {
            acl = arena_new_struct(arena, Acl);
            acl_add(acl, arena, ACL_FULL_CONTROL, ACL_NO_GROUP, owner_id);
        }
        add_canned(acl, arena, grant, owner_id, bucket_owner_id);
    }
    return acl;
}

static bool is_for(const AclGrant *grant, const char *id, bool anonymous, bool ignore_public)
{
    switch (grant->group) {
    case ACL_ALL_USERS:
        return !ignore_public;
    case ACL_AUTHENTICATED_USERS:
        return !ignore_public && !anonymous;
    case ACL_NO_GROUP:
        return id && strcmp(grant->id, id) == 0;
    case ACL_LOG_DELIVERY:
    case ACL_EC2:
        return false;
    }
    g_assert_not_reached();
}

unsigned acl_allowed(const Acl *acl, const char *id, bool anonymous, bool ignore_public)
{
    unsigned allowed = 0;
    LIST_EACH (const AclGrant *, grant, &acl->grants) {
        if (is_for(grant, id, anonymous, ignore_public))
            allowed |= grant->permission;
    }
    return allowed;
}

bool acl_is_public(const Acl *acl)
{
    LIST_EACH (const AclGrant *, grant, &acl->grants) {
        if (grant->group == ACL_ALL_USERS || grant->group == ACL_AUTHENTICATED_USERS)
            return true;
    }
    return false;
}
