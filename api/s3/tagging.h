/* Tags of objects: in the x-amz-tagging header, as documents, as Object.tags keeps them. */
#pragma once

#include "api/s3/document.h"
#include "api/s3/s3.h"

#define OBJECT_TAGS_MAX 10
#define BUCKET_TAGS_MAX 50
#define TAG_KEY_MAX 128 /* characters */
#define TAG_VALUE_MAX 256

/* "k=v&k2=v2" (x-amz-tagging), checked, as Object.tags keeps it; NULL or empty text: NULL. Faults
 * InvalidTag, InvalidArgument. */
bool s3_tags_from_header(S3Call *call, const char *text, const char **ret_tags, GError **error);
/* How many there are. Pure. */
unsigned s3_tags_count(const char *tags);

/* The <Tag>s in a node, checked, as Object.tags keeps them; none: NULL. Faults InvalidTag,
 * BadRequest (more than most). Pure. */
bool s3_tags_from_document(Arena *arena, const XmlNode *tag_set, unsigned most,
                           const char **ret_tags, GError **error);
/* "k=v" of one tag, in the one form in which they are kept. Pure. */
char *s3_tag_text(Arena *arena, const char *key, const char *value);
