/* ListParts, ListMultipartUploads. Invariant: as in listing.c. */
#include "api/s3/listing.h"
#include "api/s3/multipart.h"
#include "api/s3/operations.h"
#include "api/s3/put.h"
#include "base/fault.h"

static void show_initiator(Buffer *xml, const Upload *upload)
{
    s3_xml_identity(xml, "Initiator", upload->initiator, upload->initiator_name);
}

/* ---- ListParts ---- */

static void show_part(S3Call *call, Buffer *xml, const Part *part)
{
    s3_xml_open(xml, "Part");
    s3_xml_int(xml, "PartNumber", part_number(part));
    s3_xml_time(xml, "LastModified", part->modified);
    s3_xml_etag(xml, "ETag", part->etag);
    s3_xml_int(xml, "Size", part->size);
    s3_xml_checksum_value(call, xml, part->checksum);
    s3_xml_close(xml, "Part");
}

bool s3_list_parts(S3Call *call, GError **error)
{
    Upload *upload;
    List parts = {0};
    S3Owner owner = {0};
    int64_t limit, after;
    bool more;
    if (!s3_page_size(call, "max-parts", &limit, error) ||
        !s3_part_marker(call, s3_param(call, "part-number-marker"), &after, error) ||
        !s3_upload_find(call, call->txn, call->bucket, &upload, error) ||
        !upload_list_parts(call->txn, call->arena, upload, (unsigned)after, limit, &parts, &more,
                           error))
        return false;
    Buffer *xml = s3_xml_begin(call, "ListPartsResult");
    s3_xml_text(xml, "Bucket", call->bucket_name);
    s3_xml_text(xml, "Key", call->key);
    s3_xml_text(xml, "UploadId", upload->id);
    show_initiator(xml, upload);
    if (!s3_xml_listed_owner(call, xml, &owner, upload->account_id, error))
        return false;
    s3_xml_text(xml, "StorageClass", storage_class_name(upload->storage_class));
    s3_xml_checksum_kind(call, xml, upload->checksum);
    s3_xml_int(xml, "PartNumberMarker", after);
    s3_xml_int(xml, "NextPartNumberMarker",
               parts.n > 0 ? part_number(list_at(&parts, parts.n - 1)) : 0);
    s3_xml_int(xml, "MaxParts", limit);
    s3_xml_bool(xml, "IsTruncated", more);
    LIST_EACH (const Part *, part, &parts)
        show_part(call, xml, part);
    s3_xml_end(call, "ListPartsResult");
    return true;
}

/* ---- ListMultipartUploads ---- */

typedef struct UploadPage {
    S3Call *call;
    Buffer *xml;
    UploadScan scan;
    bool url, more;
    List items;
    S3Owner owner;
} UploadPage;

static bool load_page(UploadPage *page, GError **error)
{
    S3Call *call = page->call;
    page->scan.bucket = call->bucket_name;
    page->scan.prefix = s3_list_text(call, "prefix");
    page->scan.delimiter = s3_list_text(call, "delimiter");
    page->scan.after = s3_list_text(call, "key-marker");
    /* It says nothing without a key. */
    page->scan.after_upload = page->scan.after ? s3_list_text(call, "upload-id-marker") : NULL;
    return s3_page_size(call, "max-uploads", &page->scan.limit, error) &&
           s3_list_encoding(call, &page->url, error) &&
           upload_list(call->txn, call->arena, &page->scan, &page->items, &page->more, error);
}

static bool show_upload(UploadPage *page, const Upload *upload, GError **error)
{
    Buffer *xml = page->xml;
    s3_xml_open(xml, "Upload");
    s3_xml_key(xml, "Key", upload->key, page->url);
    s3_xml_text(xml, "UploadId", upload->id);
    show_initiator(xml, upload);
    if (!s3_xml_listed_owner(page->call, xml, &page->owner, upload->account_id, error))
        return false;
    s3_xml_text(xml, "StorageClass", storage_class_name(upload->storage_class));
    s3_xml_time(xml, "Initiated", upload->created);
    s3_xml_checksum_kind(page->call, xml, upload->checksum);
    s3_xml_close(xml, "Upload");
    return true;
}

static void show_markers(UploadPage *page)
{
    Buffer *xml = page->xml;
    s3_xml_text(xml, "Bucket", page->call->bucket_name);
    s3_xml_key(xml, "KeyMarker", page->scan.after ? page->scan.after : "", page->url);
    s3_xml_text(xml, "UploadIdMarker", page->scan.after_upload ? page->scan.after_upload : "");
    if (page->more) {
        const UploadListItem *last = list_at(&page->items, page->items.n - 1);
        s3_xml_key(xml, "NextKeyMarker", last->upload ? last->upload->key : last->prefix,
                   page->url);
        s3_xml_text(xml, "NextUploadIdMarker", last->upload ? last->upload->id : "");
    }
    s3_xml_key(xml, "Prefix", page->scan.prefix ? page->scan.prefix : "", page->url);
    s3_xml_key(xml, "Delimiter", page->scan.delimiter, page->url);
    s3_xml_text(xml, "EncodingType", page->url ? "url" : NULL);
    s3_xml_int(xml, "MaxUploads", page->scan.limit);
    s3_xml_bool(xml, "IsTruncated", page->more);
}

bool s3_list_multipart_uploads(S3Call *call, GError **error)
{
    UploadPage page = {.call = call};
    if (!load_page(&page, error))
        return false;
    page.xml = s3_xml_begin(call, "ListMultipartUploadsResult");
    show_markers(&page);
    LIST_EACH (const UploadListItem *, item, &page.items) {
        if (item->upload && !show_upload(&page, item->upload, error))
            return false;
    }
    LIST_EACH (const UploadListItem *, item, &page.items) {
        if (!item->upload)
            s3_xml_prefix(page.xml, item->prefix, page.url);
    }
    s3_xml_end(call, "ListMultipartUploadsResult");
    return true;
}
