/* Access control lists, as records keep them and as requests and replies show them.
 *
 * Kept: a line a grant, "READ id 79a5…", "WRITE group AllUsers", joined by newlines; the owner is
 * the record's account. NULL is the canned ACL "private". Pure. */
#pragma once

#include "base/arena.h"

typedef enum AclPermission {
    ACL_READ = 1,
    ACL_WRITE = 2,
    ACL_READ_ACP = 4,
    ACL_WRITE_ACP = 8,
    ACL_FULL_CONTROL = 15,
} AclPermission;

typedef enum AclGroup {
    ACL_ALL_USERS,
    ACL_AUTHENTICATED_USERS,
    ACL_LOG_DELIVERY,
    ACL_EC2, /* image bundles of EC2 itself: aws-exec-read */
    ACL_NO_GROUP,
} AclGroup;

typedef struct AclGrant {
    AclPermission permission;
    AclGroup group; /* ACL_NO_GROUP: a person */
    const char *id; /* canonical id */
} AclGrant;

typedef struct Acl {
    List grants; /* of AclGrant * */
} Acl;

const char *acl_permission_name(AclPermission permission); /* "FULL_CONTROL" */
bool acl_permission_parse(const char *name, AclPermission *ret_permission);
const char *acl_group_uri(AclGroup group);
bool acl_group_parse(const char *uri, AclGroup *ret_group);

/* text NULL: owner has full control. */
Acl *acl_read(Arena *arena, const char *text, const char *owner_id);
char *acl_write(Arena *arena, const Acl *acl);
void acl_add(Acl *acl, Arena *arena, AclPermission permission, AclGroup group, const char *id);

/* The canned ones: private, public-read, public-read-write, authenticated-read, aws-exec-read,
 * bucket-owner-read, bucket-owner-full-control, log-delivery-write. NULL when there is none of that
 * name. bucket_owner_id NULL: the ACL is the bucket's own. */
Acl *acl_canned(Arena *arena, const char *name, const char *owner_id, const char *bucket_owner_id);

/* What the list lets a caller do: bits of AclPermission. id: of his account, for what is granted to
 * that; NULL: nothing of it is for him. anonymous: he did not sign. ignore_public: what groups are
 * granted does not count. */
unsigned acl_allowed(const Acl *acl, const char *id, bool anonymous, bool ignore_public);
/* Whether it gives anything to all users, or to all authenticated ones. */
bool acl_is_public(const Acl *acl);
