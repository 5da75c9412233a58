/* GetObjectAttributes. */
#include "api/s3/access.h"
#include "api/s3/configuration.h"
#include "api/s3/listing.h"
#include "api/s3/operations.h"
#include "api/s3/put.h"
#include "base/fault.h"
#include <string.h>

typedef enum Attribute {
    ATTRIBUTE_ETAG,
    ATTRIBUTE_CHECKSUM,
    ATTRIBUTE_PARTS,
    ATTRIBUTE_CLASS,
    ATTRIBUTE_SIZE,
    ATTRIBUTES,
} Attribute;

static const char *const names[] = {
    [ATTRIBUTE_ETAG] = "ETag",         [ATTRIBUTE_CHECKSUM] = "Checksum",
    [ATTRIBUTE_PARTS] = "ObjectParts", [ATTRIBUTE_CLASS] = "StorageClass",
    [ATTRIBUTE_SIZE] = "ObjectSize",
};

#define has(wanted, attribute) (((wanted) >> (attribute)&1) != 0)

static bool bad_attributes(S3Call *call, const char *value, GError **error)
{
    s3_detail(call, "ArgumentName", "x-amz-object-attributes");
    s3_detail(call, "ArgumentValue", value);
    return fault_set(error, FAULT_INVALID_ARGUMENT, "Invalid attribute name specified.");
}

/* "ETag,ObjectSize", or the header several times. */
static bool add_attributes(S3Call *call, const char *text, unsigned *wanted, GError **error)
{
    g_auto(GStrv) split = g_strsplit(text, ",", -1);
    for (char **item = split; *item; item++) {
        const char *name = g_strstrip(*item);
        unsigned i = 0;
        while (i < ATTRIBUTES && strcmp(names[i], name) != 0)
            i++;
        if (i == ATTRIBUTES)
            return bad_attributes(call, text, error);
        *wanted |= 1u << i;
    }
    return true;
}

static bool read_attributes(S3Call *call, unsigned *ret_wanted, GError **error)
{
    const HttpRequest *http = call->http;
    *ret_wanted = 0;
    for (size_t i = 0; i < http->n_headers; i++) {
        if (http_header_is(&http->headers[i], "x-amz-object-attributes") &&
            !add_attributes(call, http->headers[i].value, ret_wanted, error))
            return false;
    }
    return *ret_wanted != 0 || bad_attributes(call, NULL, error);
}

/* Without a version a delete marker is just no object. */
static bool check_marker(S3Call *call, GError **error)
{
    if (call->version_id || !call->object->is_marker)
        return s3_object_shown(call, error);
    s3_reply_header(call, "x-amz-delete-marker", "true");
    s3_reply_header(call, "x-amz-version-id", call->object->version_id);
    s3_detail(call, "Key", call->key);
    return fault_set(error, FAULT_NO_SUCH_KEY, "The specified key does not exist.");
}

/* To know of an object is to be allowed to read it. */
static bool check_read(S3Call *call, GError **error)
{
    const char *action = call->version_id ? "s3:GetObjectVersion" : "s3:GetObject";
    return s3_check_access_to(call, call->txn, action, call->bucket, call->key, call->object,
                              S3_ACL_OBJECT, ACL_READ, error);
}

static bool check_key(S3Call *call, GError **error)
{
    const Object *object = call->object;
    const uint8_t *key;
    return s3_encryption_key(call, object->encryption, object->encryption_key, false, &key, error);
}

/* ---- parts ---- */

typedef struct PartPage {
    List parts;
    int64_t limit, after;
    bool more;
} PartPage;

static bool header_page(S3Call *call, PartPage *page, GError **error)
{
    const char *limit = s3_header(call, "x-amz-max-parts");
    return s3_page_size_of(call, "x-amz-max-parts", limit, &page->limit, error) &&
           s3_part_marker(call, s3_header(call, "x-amz-part-number-marker"), &page->after, error);
}

/* Of an object in one piece there are none to tell. */
static bool load_parts(S3Call *call, PartPage *page, GError **error)
{
    const Object *object = call->object;
    return header_page(call, page, error) &&
           object_list_parts(call->txn, call->arena, object, (unsigned)page->after, page->limit,
                             &page->parts, &page->more, error);
}

static void show_part(S3Call *call, Buffer *xml, const Part *part)
{
    s3_xml_open(xml, "Part");
    s3_xml_int(xml, "PartNumber", part_number(part));
    s3_xml_int(xml, "Size", part->size);
    s3_xml_checksum_value(call, xml, part->checksum);
    s3_xml_close(xml, "Part");
}

/* Single parts are only told of objects with a checksum. */
static void show_parts(S3Call *call, Buffer *xml, const PartPage *page)
{
    const Object *object = call->object;
    if (!object->upload_id)
        return;
    s3_xml_open(xml, "ObjectParts");
    s3_xml_int(xml, "PartsCount", object->parts);
    if (object->checksum) {
        const Part *last = page->parts.n > 0 ? list_at(&page->parts, page->parts.n - 1) : NULL;
        s3_xml_int(xml, "PartNumberMarker", page->after);
        s3_xml_int(xml, "NextPartNumberMarker", last ? part_number(last) : 0);
        s3_xml_int(xml, "MaxParts", page->limit);
        s3_xml_bool(xml, "IsTruncated", page->more);
        LIST_EACH (const Part *, part, &page->parts)
            show_part(call, xml, part);
    }
    s3_xml_close(xml, "ObjectParts");
}

/* ---- all of it ---- */

static void show_checksum(S3Call *call, Buffer *xml)
{
    if (!call->object->checksum)
        return;
    s3_xml_open(xml, "Checksum");
    s3_checksum_xml(call, xml, call->object->checksum);
    s3_xml_close(xml, "Checksum");
}

bool s3_get_object_attributes(S3Call *call, GError **error)
{
    unsigned wanted;
    PartPage page = {.after = 0};
    const Object *object = call->object;
    if (!read_attributes(call, &wanted, error) || !check_read(call, error) ||
        !check_marker(call, error) || !check_key(call, error) || !load_parts(call, &page, error))
        return false;
    s3_reply_header(call, "Last-Modified", s3_http_date(call->arena, object->modified));
    Buffer *xml = s3_xml_begin(call, "GetObjectAttributesResponse");
    if (has(wanted, ATTRIBUTE_ETAG))
        s3_xml_text(xml, "ETag", object->etag); /* here without quotes */
    if (has(wanted, ATTRIBUTE_CHECKSUM))
        show_checksum(call, xml);
    if (has(wanted, ATTRIBUTE_PARTS))
        show_parts(call, xml, &page);
    if (has(wanted, ATTRIBUTE_CLASS))
        s3_xml_text(xml, "StorageClass", storage_class_name(object->storage_class));
    if (has(wanted, ATTRIBUTE_SIZE))
        s3_xml_int(xml, "ObjectSize", object->size);
    s3_xml_end(call, "GetObjectAttributesResponse");
    return true;
}
