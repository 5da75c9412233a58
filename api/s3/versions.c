/* ListObjectVersions. Invariant: as in listing.c; no version is left out because one that a marker
 * names is gone. */
#include "api/s3/listing.h"
#include "api/s3/operations.h"
#include "base/fault.h"
#include <string.h>

typedef struct VersionPage {
    S3Call *call;
    Buffer *xml;
    ObjectScan scan;
    const char *after_version; /* version-id-marker */
    bool url, more;
    List items;
    S3Owner owner;
} VersionPage;

static bool bad_marker(S3Call *call, const char *value, const char *why, GError **error)
{
    s3_detail(call, "ArgumentName", "version-id-marker");
    s3_detail(call, "ArgumentValue", value);
    return fault_set(error, FAULT_INVALID_ARGUMENT, "%s", why);
}

/* Where the null version stands. One that is gone stood nobody knows where: all versions of the key
 * come once more. */
static bool find_null_rank(VersionPage *page, GError **error)
{
    S3Call *call = page->call;
    Object *object;
    g_autoptr(GError) why = NULL;
    page->scan.after_rank = "";
    if (object_find(call->txn, call->arena, call->bucket, page->scan.after, "null", &object, &why))
        page->scan.after_rank = object->rank;
    if (!why || fault_is(why, FAULT_NO_SUCH_S3_VERSION))
        return true;
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}

static bool find_rank(VersionPage *page, GError **error)
{
    S3Call *call = page->call;
    if (strcmp(page->after_version, "null") == 0)
        return find_null_rank(page, error);
    return object_rank_of_version(call->arena, page->after_version, &page->scan.after_rank) ||
           bad_marker(call, page->after_version, "Invalid version id specified", error);
}

static bool read_marker(VersionPage *page, GError **error)
{
    S3Call *call = page->call;
    const char *version = s3_param(call, "version-id-marker");
    page->scan.after = s3_list_text(call, "key-marker");
    page->after_version = version;
    if (!version)
        return true;
    if (!page->scan.after)
        return bad_marker(call, version,
                          "A version-id marker cannot be specified without a key marker.", error);
    if (!*version)
        return bad_marker(call, version, "A version-id marker cannot be empty.", error);
    return find_rank(page, error);
}

static bool load_page(VersionPage *page, GError **error)
{
    S3Call *call = page->call;
    page->scan.bucket = call->bucket_name;
    page->scan.versions = true;
    page->scan.prefix = s3_list_text(call, "prefix");
    page->scan.delimiter = s3_list_text(call, "delimiter");
    return s3_page_size(call, "max-keys", &page->scan.limit, error) &&
           s3_list_encoding(call, &page->url, error) && read_marker(page, error) &&
           object_list(call->txn, call->arena, &page->scan, &page->items, &page->more, error);
}

static bool show_version(VersionPage *page, const Object *object, GError **error)
{
    Buffer *xml = page->xml;
    const char *element = object->is_marker ? "DeleteMarker" : "Version";
    s3_xml_open(xml, element);
    s3_xml_key(xml, "Key", object->key, page->url);
    s3_xml_text(xml, "VersionId", object->version_id);
    s3_xml_bool(xml, "IsLatest", object->is_latest);
    s3_xml_time(xml, "LastModified", object->modified);
    if (!object->is_marker) {
        s3_xml_etag(xml, "ETag", object->etag);
        s3_xml_checksum_kind(page->call, xml, object->checksum);
        s3_xml_int(xml, "Size", object->size);
    }
    if (!s3_xml_listed_owner(page->call, xml, &page->owner, object->account_id, error))
        return false;
    if (!object->is_marker)
        s3_xml_text(xml, "StorageClass", storage_class_name(object->storage_class));
    s3_xml_close(xml, element);
    return true;
}

static void show_markers(VersionPage *page)
{
    Buffer *xml = page->xml;
    s3_xml_text(xml, "Name", page->call->bucket_name);
    s3_xml_key(xml, "Prefix", page->scan.prefix ? page->scan.prefix : "", page->url);
    s3_xml_key(xml, "KeyMarker", page->scan.after ? page->scan.after : "", page->url);
    s3_xml_text(xml, "VersionIdMarker", page->after_version ? page->after_version : "");
    if (page->more) {
        const ObjectListItem *last = list_at(&page->items, page->items.n - 1);
        s3_xml_key(xml, "NextKeyMarker", last->object ? last->object->key : last->prefix,
                   page->url);
        s3_xml_text(xml, "NextVersionIdMarker", last->object ? last->object->version_id : NULL);
    }
    s3_xml_key(xml, "Delimiter", page->scan.delimiter, page->url);
    s3_xml_int(xml, "MaxKeys", page->scan.limit);
    s3_xml_text(xml, "EncodingType", page->url ? "url" : NULL);
    s3_xml_bool(xml, "IsTruncated", page->more);
}

bool s3_list_object_versions(S3Call *call, GError **error)
{
    VersionPage page = {.call = call};
    if (!load_page(&page, error))
        return false;
    page.xml = s3_xml_begin(call, "ListVersionsResult");
    show_markers(&page);
    LIST_EACH (const ObjectListItem *, item, &page.items) {
        if (item->object && !show_version(&page, item->object, error))
            return false;
    }
    LIST_EACH (const ObjectListItem *, item, &page.items) {
        if (!item->object)
            s3_xml_prefix(page.xml, item->prefix, page.url);
    }
    s3_xml_end(call, "ListVersionsResult");
    return true;
}
