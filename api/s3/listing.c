/* ListObjects, in both versions. Invariant: a page holds at most as many keys and prefixes as
 * asked, and the next one goes on exactly behind them. */
#include "api/s3/listing.h"

#include "api/s3/operations.h"
#include "api/signature/canonical.h"
#include "base/digest.h"
#include "base/fault.h"
#include <string.h>

static bool bad_argument(S3Call *call, const char *name, const char *value, const char *problem,
                         GError **error)
{
    s3_detail(call, "ArgumentName", name);
    s3_detail(call, "ArgumentValue", value);
    return fault_set(error, FAULT_INVALID_ARGUMENT, "%s", problem);
}

bool s3_page_size_of(S3Call *call, const char *name, const char *text, int64_t *ret_limit,
                     GError **error)
{
    *ret_limit = LIST_PAGE;
    if (!text || !*text)
        return true;
    char *end;
    int64_t limit = g_ascii_strtoll(text, &end, 10);
    if (*end)
        return bad_argument(
            call, name, text,
            arena_printf(call->arena, "Provided %s not an integer or within integer range", name),
            error);
    if (limit < 0 || limit > INT32_MAX)
        return bad_argument(call, name, text,
                            arena_printf(call->arena,
                                         "Argument %s must be an integer between 0 and 2147483647",
                                         name),
                            error);
    *ret_limit = MIN(limit, LIST_PAGE);
    return true;
}

bool s3_page_size(S3Call *call, const char *name, int64_t *ret_limit, GError **error)
{
    return s3_page_size_of(call, name, s3_param(call, name), ret_limit, error);
}

bool s3_part_marker(S3Call *call, const char *text, int64_t *ret_after, GError **error)
{
    char *end;
    *ret_after = 0;
    if (!text || !*text)
        return true;
    int64_t after = g_ascii_strtoll(text, &end, 10);
    if (*end || after < 0 || after > INT32_MAX)
        return bad_argument(call, "part-number-marker", text,
                            "Provided part-number-marker not an integer or within integer range",
                            error);
    *ret_after = after;
    return true;
}

const char *s3_list_text(const S3Call *call, const char *name)
{
    const char *text = s3_param(call, name);
    return text && *text ? text : NULL;
}

bool s3_list_encoding(S3Call *call, bool *ret_url, GError **error)
{
    const char *text = s3_param(call, "encoding-type");
    *ret_url = text && strcmp(text, "url") == 0;
    return !text || *ret_url ||
           bad_argument(call, "encoding-type", text, "Invalid Encoding Method specified in Request",
                        error);
}

void s3_xml_key(Buffer *xml, const char *name, const char *text, bool url)
{
    if (!text)
        return;
    s3_xml_open(xml, name);
    if (url)
        canonical_encode(xml, text, strlen(text), true);
    else
        xml_text(xml, text);
    s3_xml_close(xml, name);
}

void s3_xml_prefix(Buffer *xml, const char *prefix, bool url)
{
    s3_xml_open(xml, "CommonPrefixes");
    s3_xml_key(xml, "Prefix", prefix, url);
    s3_xml_close(xml, "CommonPrefixes");
}

bool s3_xml_listed_owner(S3Call *call, Buffer *xml, S3Owner *last, const char *account_id,
                         GError **error)
{
    if (!last->account_id || strcmp(last->account_id, account_id) != 0) {
        if (!s3_account_identity(call, call->txn, account_id, &last->id, &last->name, error))
            return false;
        last->account_id = account_id;
    }
    s3_xml_identity(xml, "Owner", last->id, last->name);
    return true;
}

void s3_xml_checksum_kind(S3Call *call, Buffer *xml, const char *checksum)
{
    ChecksumClaim claim = checksum_claim(call->arena, checksum);
    if (claim.kind == CHECKSUM_NONE)
        return;
    s3_xml_text(xml, "ChecksumAlgorithm", checksum_name(claim.kind));
    s3_xml_text(xml, "ChecksumType", claim.composite ? "COMPOSITE" : "FULL_OBJECT");
}

/* ---- tokens ---- */

char *s3_token_new(Arena *arena, const char *text)
{
    g_autofree char *token = g_base64_encode((const guchar *)text, strlen(text));
    return arena_printf(arena, "1%s", token);
}

bool s3_token_read(S3Call *call, const char *token, const char **ret_text, GError **error)
{
    g_autofree uint8_t *data = NULL;
    size_t size;
    if (*token == '1' && base64_decode(token + 1, strlen(token + 1), &data, &size) &&
        g_utf8_validate((const char *)data, (gssize)size, NULL)) {
        *ret_text = arena_strndup(call->arena, (const char *)data, size);
        return true;
    }
    s3_detail(call, "ArgumentName", "continuation-token");
    return fault_set(error, FAULT_INVALID_ARGUMENT, "The continuation token provided is incorrect");
}

/* ---- a page ---- */

typedef struct ObjectPage {
    S3Call *call;
    Buffer *xml;
    ObjectScan scan;
    bool url, owners, more;
    List items;
    S3Owner owner;
} ObjectPage;

static bool read_page(ObjectPage *page, GError **error)
{
    S3Call *call = page->call;
    page->scan.bucket = call->bucket_name;
    page->scan.prefix = s3_list_text(call, "prefix");
    page->scan.delimiter = s3_list_text(call, "delimiter");
    return s3_page_size(call, "max-keys", &page->scan.limit, error) &&
           s3_list_encoding(call, &page->url, error);
}

static bool load_page(ObjectPage *page, GError **error)
{
    return object_list(page->call->txn, page->call->arena, &page->scan, &page->items, &page->more,
                       error);
}

/* Where the next page begins. */
static const char *last_of(const ObjectPage *page)
{
    if (!page->more || page->items.n == 0)
        return NULL;
    const ObjectListItem *item = list_at(&page->items, page->items.n - 1);
    return item->object ? item->object->key : item->prefix;
}

static bool show_object(ObjectPage *page, const Object *object, GError **error)
{
    Buffer *xml = page->xml;
    s3_xml_open(xml, "Contents");
    s3_xml_key(xml, "Key", object->key, page->url);
    s3_xml_time(xml, "LastModified", object->modified);
    s3_xml_etag(xml, "ETag", object->etag);
    s3_xml_checksum_kind(page->call, xml, object->checksum);
    s3_xml_int(xml, "Size", object->size);
    if (page->owners &&
        !s3_xml_listed_owner(page->call, xml, &page->owner, object->account_id, error))
        return false;
    s3_xml_text(xml, "StorageClass", storage_class_name(object->storage_class));
    s3_xml_close(xml, "Contents");
    return true;
}

static bool show_items(ObjectPage *page, GError **error)
{
    LIST_EACH (const ObjectListItem *, item, &page->items) {
        if (item->object && !show_object(page, item->object, error))
            return false;
    }
    LIST_EACH (const ObjectListItem *, item, &page->items) {
        if (!item->object)
            s3_xml_prefix(page->xml, item->prefix, page->url);
    }
    return true;
}

static void show_request(ObjectPage *page)
{
    Buffer *xml = page->xml;
    s3_xml_text(xml, "Name", page->call->bucket_name);
    s3_xml_key(xml, "Prefix", page->scan.prefix ? page->scan.prefix : "", page->url);
    s3_xml_key(xml, "Delimiter", page->scan.delimiter, page->url);
    s3_xml_int(xml, "MaxKeys", page->scan.limit);
    s3_xml_text(xml, "EncodingType", page->url ? "url" : NULL);
    s3_xml_bool(xml, "IsTruncated", page->more);
}

bool s3_list_objects(S3Call *call, GError **error)
{
    ObjectPage page = {.call = call, .owners = true};
    const char *marker = s3_param(call, "marker");
    page.scan.after = marker && *marker ? marker : NULL;
    if (!read_page(&page, error) || !load_page(&page, error))
        return false;
    page.xml = s3_xml_begin(call, "ListBucketResult");
    show_request(&page);
    s3_xml_key(page.xml, "Marker", marker ? marker : "", page.url);
    if (page.scan.delimiter)
        s3_xml_key(page.xml, "NextMarker", last_of(&page), page.url);
    if (!show_items(&page, error))
        return false;
    s3_xml_end(call, "ListBucketResult");
    return true;
}

bool s3_list_objects_v2(S3Call *call, GError **error)
{
    const char *type = s3_param(call, "list-type");
    if (strcmp(type, "2") != 0)
        return bad_argument(call, "list-type", type, "Invalid List Type specified in Request",
                            error);
    ObjectPage page = {.call = call};
    const char *start = s3_param(call, "start-after");
    const char *token = s3_param(call, "continuation-token");
    const char *owners = s3_param(call, "fetch-owner");
    page.owners = owners && g_ascii_strcasecmp(owners, "true") == 0;
    page.scan.after = start && *start ? start : NULL;
    if ((token && !s3_token_read(call, token, &page.scan.after, error)) ||
        !read_page(&page, error) || !load_page(&page, error))
        return false;
    page.xml = s3_xml_begin(call, "ListBucketResult");
    show_request(&page);
    s3_xml_int(page.xml, "KeyCount", (int64_t)page.items.n);
    s3_xml_text(page.xml, "ContinuationToken", token);
    const char *last = last_of(&page);
    if (last)
        s3_xml_text(page.xml, "NextContinuationToken", s3_token_new(call->arena, last));
    s3_xml_key(page.xml, "StartAfter", start, page.url);
    if (!show_items(&page, error))
        return false;
    s3_xml_end(call, "ListBucketResult");
    return true;
}
