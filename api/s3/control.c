/* Tags of buckets by S3 Control.
 *
 * Invariant: there is one set of tags, the document of PutBucketTagging; what this writes is as
 * checked and in the same form, and a bucket without tags has no document. */
#include "api/s3/control.h"

#include "api/s3/configuration.h"
#include "api/s3/operations.h"
#include "api/s3/tagging.h"
#include "base/fault.h"
#include <string.h>

bool s3_control_check_bucket(const S3Call *call, GError **error)
{
    const S3ControlAddress *address = call->control;
    const Bucket *bucket = call->bucket;
    const Caller *caller = &call->signature.caller;
    /* TagResource: "… or the requester's account ID". */
    bool owner = strcmp(address->caller_says, bucket->account_id) == 0;
    bool own = !call->signature.anonymous && strcmp(address->caller_says, caller->account_id) == 0;
    bool of_arn = !*address->account_id || strcmp(address->account_id, bucket->account_id) == 0;
    if (!(owner || own) || !of_arn)
        return fault_set(error, FAULT_ACCESS_DENIED, "Access Denied");
    return !*address->region || strcmp(address->region, bucket->region) == 0 || bucket_none(error);
}

/* ---- the kept document ---- */

static const XmlNode *tag_set_of(const XmlNode *root)
{
    return xml_child(root, "TagSet");
}

/* A document without tags; *ret_set is where they go. */
static XmlNode *new_tagging(Arena *arena, XmlNode **ret_set)
{
    XmlNode *root = arena_new_struct(arena, XmlNode);
    *root = (XmlNode){.name = "Tagging", .text = ""};
    *ret_set = xml_add(arena, root, "TagSet", "");
    return root;
}

static void add_tag(Arena *arena, XmlNode *set, const char *key, const char *value)
{
    XmlNode *tag = xml_add(arena, set, "Tag", "");
    xml_add(arena, tag, "Key", key);
    xml_add(arena, tag, "Value", value);
}

static const XmlNode *find_tag(const XmlNode *tags, const char *key)
{
    XML_EACH (tag, tags, "Tag") {
        if (strcmp(xml_child_text(tag, "Key"), key) == 0)
            return tag;
    }
    return NULL;
}

static unsigned count_tags(const XmlNode *tags)
{
    unsigned n = 0;
    XML_EACH (tag, tags, "Tag")
        n++;
    return n;
}

static bool check_count(const XmlNode *tags, GError **error)
{
    return count_tags(tags) <= BUCKET_TAGS_MAX ||
           fault_set(error, FAULT_TOO_MANY_TAGS, "The number of tags exceeds the limit of %u tags.",
                     BUCKET_TAGS_MAX);
}

/* ---- list ---- */

bool s3_list_tags_for_resource(S3Call *call, GError **error)
{
    XmlNode *root;
    if (!s3_configuration_find(call, call->txn, call->bucket, DOCUMENT_TAGGING, &root, error))
        return false;
    Buffer *xml = s3_xml_begin(call, "ListTagsForResourceResult");
    s3_xml_open(xml, "Tags");
    XML_EACH (tag, tag_set_of(root), "Tag") {
        s3_xml_open(xml, "Tag");
        s3_xml_text(xml, "Key", xml_child_text(tag, "Key"));
        s3_xml_text(xml, "Value", xml_child_text(tag, "Value"));
        s3_xml_close(xml, "Tag");
    }
    s3_xml_close(xml, "Tags");
    s3_xml_end(call, "ListTagsForResourceResult");
    return true;
}

/* ---- tag: values of keys that are there change in place ---- */

static bool merge_tags(S3Call *call, const XmlNode *old, const void *data, XmlNode **ret_new,
                       GError **error)
{
    const XmlNode *asked = data, *kept = tag_set_of(old);
    XmlNode *set, *root = new_tagging(call->arena, &set);
    XML_EACH (tag, kept, "Tag") {
        const char *key = xml_child_text(tag, "Key");
        const XmlNode *newer = find_tag(asked, key);
        add_tag(call->arena, set, key, xml_child_text(newer ? newer : tag, "Value"));
    }
    XML_EACH (tag, asked, "Tag") {
        const char *key = xml_child_text(tag, "Key");
        if (!find_tag(kept, key))
            add_tag(call->arena, set, key, xml_child_text(tag, "Value"));
    }
    *ret_new = set->child ? root : NULL;
    return check_count(set, error);
}

bool s3_tag_resource(S3Call *call, GError **error)
{
    XmlNode *root;
    const char *checked;
    if (!s3_document_read(call, "TagResourceRequest", &root, error))
        return false;
    const XmlNode *tags = xml_child(root, "Tags");
    if (!check_count(tags, error) ||
        !s3_tags_from_document(call->arena, tags, BUCKET_TAGS_MAX, &checked, error) ||
        !s3_configuration_change(call, DOCUMENT_TAGGING, merge_tags, tags, error))
        return false;
    s3_reply_empty(call, 204);
    return true;
}

/* ---- untag: keys that are not there are no mistake ---- */

static bool is_to_go(const S3Call *call, const char *key)
{
    for (size_t i = 0; i < call->params.n; i++) {
        const Param *param = &call->params.items[i];
        if (strcmp(param->name, "tagKeys") == 0 && strcmp(param->value, key) == 0)
            return true;
    }
    return false;
}

static bool take_tags(S3Call *call, const XmlNode *old, const void *data, XmlNode **ret_new,
                      GError **error)
{
    XmlNode *set, *root = new_tagging(call->arena, &set);
    XML_EACH (tag, tag_set_of(old), "Tag") {
        const char *key = xml_child_text(tag, "Key");
        if (!is_to_go(call, key))
            add_tag(call->arena, set, key, xml_child_text(tag, "Value"));
    }
    *ret_new = set->child ? root : NULL;
    return true;
}

bool s3_untag_resource(S3Call *call, GError **error)
{
    if (!s3_configuration_change(call, DOCUMENT_TAGGING, take_tags, NULL, error))
        return false;
    s3_reply_empty(call, 204);
    return true;
}
