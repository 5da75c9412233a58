/* Tags of any resource of EC2. */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"

/* AWS: "Tag restrictions" in the EC2 user guide. */
#define TAGS_PER_RESOURCE 50
#define TAG_KEY_MAX 127
#define TAG_VALUE_MAX 255

typedef struct TagPair {
    const char *key, *value;
} TagPair;

/* Checks keys and values: no "aws:" prefix, lengths, duplicates. Faults as AWS names them. */
bool tags_check(const List *pairs, GError **error); /* of TagPair * */
/* Sets tags of one resource inside a transaction of the caller; checks the limit. resource_type:
 * "instance". */
bool tags_put(Context *context, Txn *txn, const char *resource_id, const char *resource_type,
              const List *pairs, GError **error);
/* Sets the tags that one resource has of another, too, inside a transaction. */
bool tags_copy(Context *context, Txn *txn, const char *from_id, const char *to_id,
               const char *to_type, GError **error);
/* All tags of the resources named, into a table resource id → List * of Tag *, for rendering a
 * page of them. Free with g_hash_table_unref; the lists live in the arena. */
bool tags_of(Context *context, Txn *txn, const List *resource_ids, GHashTable **ret_tags,
             GError **error);
/* CreateTags and DeleteTags: of several resources, all or none. The resource's kind is told by its
 * id's prefix; one that does not exist is its kind's NotFound fault. A TagPair with value NULL
 * deletes whatever the value. No pairs: deletes all. */
bool tags_create(Context *context, const List *resource_ids, const List *pairs, GError **error);
bool tags_delete(Context *context, const List *resource_ids, const List *pairs, GError **error);
/* Tag * with resource_type, by filters. */
bool tags_find(Context *context, const Page *page, List *list, const char **ret_token,
               GError **error);
