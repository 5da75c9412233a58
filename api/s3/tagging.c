/* Tags of objects and buckets. Invariant: what Object.tags keeps is percent-encoded in one way, so
 * that equal tags are equal text. */
#include "api/s3/tagging.h"

#include "api/s3/configuration.h"
#include "api/s3/operations.h"
#include "base/fault.h"
#include <string.h>

typedef struct TagList {
    const char *keys[BUCKET_TAGS_MAX];
    const char *values[BUCKET_TAGS_MAX];
    unsigned n, most;
} TagList;

char *s3_tag_text(Arena *arena, const char *key, const char *value)
{
    g_autofree char *escaped_key = g_uri_escape_string(key, NULL, FALSE);
    g_autofree char *escaped_value = g_uri_escape_string(value, NULL, FALSE);
    return arena_printf(arena, "%s=%s", escaped_key, escaped_value);
}

static char *list_text(Arena *arena, const TagList *list)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < list->n; i++) {
        g_string_append(text, i ? "&" : "");
        g_string_append(text, s3_tag_text(arena, list->keys[i], list->values[i]));
    }
    return list->n ? arena_strdup(arena, text->str) : NULL;
}

static bool is_separator(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);
    return type == G_UNICODE_SPACE_SEPARATOR || type == G_UNICODE_LINE_SEPARATOR ||
           type == G_UNICODE_PARAGRAPH_SEPARATOR;
}

/* Letters, numbers and separators of any script, and + - = . _ : / @ (S3Tag, Amazon S3 API
 * Reference). */
static bool has_tag_characters(const char *text)
{
    for (; *text; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);
        if (!g_unichar_isalnum(c) && !is_separator(c) && !(c < 128 && strchr("+-=._:/@", (int)c)))
            return false;
    }
    return true;
}

static bool is_tag_text(const char *text, long min, long max)
{
    long size = g_utf8_strlen(text, -1);
    return size >= min && size <= max && has_tag_characters(text);
}

static bool tag_check(const char *key, const char *value, GError **error)
{
    if (!is_tag_text(key, 1, TAG_KEY_MAX))
        return fault_set(error, FAULT_INVALID_TAG, "The TagKey you have provided is invalid");
    if (!is_tag_text(value, 0, TAG_VALUE_MAX))
        return fault_set(error, FAULT_INVALID_TAG, "The TagValue you have provided is invalid");
    if (g_ascii_strncasecmp(key, "aws:", strlen("aws:")) == 0)
        return fault_set(error, FAULT_INVALID_TAG,
                         "System tags cannot be added/updated by requester");
    return true;
}

static bool has_key(const TagList *list, const char *key)
{
    for (unsigned i = 0; i < list->n; i++) {
        if (strcmp(list->keys[i], key) == 0)
            return true;
    }
    return false;
}

static bool tag_add(TagList *list, const char *key, const char *value, GError **error)
{
    if (!tag_check(key, value, error))
        return false;
    if (has_key(list, key))
        return fault_set(error, FAULT_INVALID_TAG,
                         "Cannot provide multiple Tags with the same key");
    if (list->n == list->most)
        return list->most == OBJECT_TAGS_MAX
                   ? fault_set(error, FAULT_BAD_REQUEST, "Object tags cannot be greater than %u",
                               list->most)
                   : fault_set(error, FAULT_BAD_REQUEST,
                               "Bucket tag count cannot be greater than %u", list->most);
    list->keys[list->n] = key;
    list->values[list->n++] = value;
    return true;
}

bool s3_tags_from_document(Arena *arena, const XmlNode *tag_set, unsigned most,
                           const char **ret_tags, GError **error)
{
    TagList list = {.most = most};
    XML_EACH (tag, tag_set, "Tag") {
        if (!tag_add(&list, xml_child_text(tag, "Key"), xml_child_text(tag, "Value"), error))
            return false;
    }
    *ret_tags = list_text(arena, &list);
    return true;
}

static bool header_fault(GError **error)
{
    return fault_set(error, FAULT_INVALID_ARGUMENT,
                     "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL "
                     "query parameters without tag name duplicates.");
}

bool s3_tags_from_header(S3Call *call, const char *text, const char **ret_tags, GError **error)
{
    Params params = {0};
    TagList list = {.most = OBJECT_TAGS_MAX};
    if (text && !params_decode(&params, call->arena, text, strlen(text), NULL))
        return header_fault(error);
    for (size_t i = 0; i < params.n; i++) {
        const Param *param = &params.items[i];
        if (has_key(&list, param->name))
            return header_fault(error);
        if (!tag_add(&list, param->name, param->value, error))
            return false;
    }
    *ret_tags = list_text(call->arena, &list);
    return true;
}

unsigned s3_tags_count(const char *tags)
{
    if (!tags || !*tags)
        return 0;
    unsigned n = 1;
    for (; *tags; tags++)
        n += *tags == '&';
    return n;
}

bool s3_tagging_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error)
{
    const char *tags;
    return s3_tags_from_document(call->arena, xml_child(root, "TagSet"), BUCKET_TAGS_MAX, &tags,
                                 error);
}

/* ---- of objects ---- */

bool s3_get_object_tagging(S3Call *call, GError **error)
{
    Params params = {0};
    if (!s3_object_shown(call, error))
        return false;
    const char *tags = call->object->tags;
    if (tags && !params_decode(&params, call->arena, tags, strlen(tags), error))
        return false;
    Buffer *xml = s3_xml_begin(call, "Tagging");
    s3_xml_open(xml, "TagSet");
    for (size_t i = 0; i < params.n; i++) {
        s3_xml_open(xml, "Tag");
        s3_xml_text(xml, "Key", params.items[i].name);
        s3_xml_text(xml, "Value", params.items[i].value);
        s3_xml_close(xml, "Tag");
    }
    s3_xml_close(xml, "TagSet");
    s3_xml_end(call, "Tagging");
    return true;
}

static bool change_tags(S3Call *call, Txn *txn, const Bucket *bucket, Object *object,
                        const void *data, GError **error)
{
    object->tags = data;
    return true;
}

bool s3_put_object_tagging(S3Call *call, GError **error)
{
    XmlNode *root;
    const char *tags;
    if (!s3_document_read(call, "Tagging", &root, error) ||
        !s3_tags_from_document(call->arena, xml_child(root, "TagSet"), OBJECT_TAGS_MAX, &tags,
                               error) ||
        !s3_object_change(call, change_tags, tags, error))
        return false;
    s3_reply_empty(call, 200);
    return true;
}

bool s3_delete_object_tagging(S3Call *call, GError **error)
{
    if (!s3_object_change(call, change_tags, NULL, error))
        return false;
    s3_reply_empty(call, 204);
    return true;
}
