/* Buckets as such: list, create, delete, head, location. */
#include "api/s3/access.h"
#include "api/s3/document.h"
#include "api/s3/operations.h"
#include "base/fault.h"
#include <string.h>

#define HOME "us-east-1" /* the region that has no location constraint */
#define BUCKETS_PAGE 10000

/* ---- ListBuckets ---- */

typedef struct BucketPage {
    int64_t limit;
    const char *prefix, *after, *region;
} BucketPage;

static bool read_page(S3Call *call, BucketPage *page, GError **error)
{
    const char *most = s3_param(call, "max-buckets");
    const char *token = s3_param(call, "continuation-token");
    *page = (BucketPage){.limit = BUCKETS_PAGE,
                         .prefix = s3_param(call, "prefix"),
                         .region = s3_param(call, "bucket-region")};
    if (most) {
        char *end;
        page->limit = g_ascii_strtoll(most, &end, 10);
        if (!*most || *end || page->limit < 1 || page->limit > BUCKETS_PAGE)
            return fault_set(error, FAULT_INVALID_ARGUMENT,
                             "Argument max-buckets must be an integer between 1 and 10000");
    }
    return !token || s3_token_read(call, token, &page->after, error);
}

static bool is_on_page(const Bucket *bucket, const BucketPage *page)
{
    return (!page->prefix || g_str_has_prefix(bucket->name, page->prefix)) &&
           (!page->after || strcmp(bucket->name, page->after) > 0) &&
           (!page->region || strcmp(bucket->region, page->region) == 0);
}

static void show_bucket(Buffer *xml, const Bucket *bucket, bool region)
{
    s3_xml_open(xml, "Bucket");
    s3_xml_text(xml, "Name", bucket->name);
    s3_xml_time(xml, "CreationDate", bucket->created);
    if (region)
        s3_xml_text(xml, "BucketRegion", bucket->region);
    s3_xml_close(xml, "Bucket");
}

bool s3_list_buckets(S3Call *call, GError **error)
{
    List buckets = {0};
    BucketPage page;
    const char *account = call->signature.caller.account_id;
    if (!read_page(call, &page, error) ||
        !record_query(call->txn, call->arena, QUERY_BUCKETS_OF_ACCOUNT, &buckets, error, account))
        return false;
    Buffer *xml = s3_xml_begin(call, "ListAllMyBucketsResult");
    if (!s3_xml_owner(call, call->txn, xml, account, error))
        return false;
    bool paged = call->params.n > 0;
    const char *last = NULL, *next = NULL;
    int64_t n = 0;
    s3_xml_open(xml, "Buckets");
    LIST_EACH (const Bucket *, bucket, &buckets) {
        if (next || !is_on_page(bucket, &page))
            continue;
        if (n++ == page.limit) {
            next = last;
            continue;
        }
        show_bucket(xml, bucket, paged);
        last = bucket->name;
    }
    s3_xml_close(xml, "Buckets");
    s3_xml_text(xml, "Prefix", page.prefix);
    if (next)
        s3_xml_text(xml, "ContinuationToken", s3_token_new(call->arena, next));
    s3_xml_end(call, "ListAllMyBucketsResult");
    return true;
}

/* ---- CreateBucket ---- */

/* "eu-west-1", "us-gov-west-1", and the one that is older than these names. */
static bool is_region(const char *name)
{
    if (strcmp(name, "EU") == 0)
        return true;
    const char *end = strrchr(name, '-');
    if (!end || end - name < 4 || !g_ascii_isdigit(end[1]) || end[2])
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz-") == (size_t)(end - name) + 1 &&
           name[2] == '-';
}

static bool read_location(S3Call *call, const char **ret_region, GError **error)
{
    *ret_region = NULL;
    if (call->document_size == 0)
        return true;
    XmlNode *root;
    if (!xml_parse(call->arena, call->document, call->document_size, &root, error))
        return false;
    /* Tools of 2010 say CreateBucketConstraint, and mean the same. */
    if (strcmp(root->name, "CreateBucketConstraint") != 0 &&
        !document_check(root, "CreateBucketConfiguration", error))
        return false;
    const char *region = xml_child_text(root, "LocationConstraint");
    if (!region || !*region)
        return true;
    if (!is_region(region) || strcmp(region, HOME) == 0) {
        s3_detail(call, "LocationConstraint", region);
        return fault_set(error, FAULT_INVALID_LOCATION_CONSTRAINT,
                         "The specified location-constraint is not valid");
    }
    *ret_region = region;
    return true;
}

static bool read_ownership(const S3Call *call, const char **ret_ownership, GError **error)
{
    static const char *const known[] = {"BucketOwnerPreferred", "ObjectWriter",
                                        "BucketOwnerEnforced", NULL};
    *ret_ownership = s3_header(call, "x-amz-object-ownership");
    return !*ret_ownership || g_strv_contains(known, *ret_ownership) ||
           fault_set(error, FAULT_INVALID_ARGUMENT, "Invalid x-amz-object-ownership header: %.100s",
                     *ret_ownership);
}

static bool read_new_bucket(S3Call *call, Bucket *bucket, GError **error)
{
    const char *region;
    if (!read_location(call, &region, error) || !read_ownership(call, &bucket->ownership, error))
        return false;
    const char *lock = s3_header(call, "x-amz-bucket-object-lock-enabled");
    bucket->name = call->bucket_name;
    bucket->account_id = call->signature.caller.account_id;
    bucket->region = region ? region : call->s3->region;
    bucket->created = s3_now(call);
    bucket->object_lock = lock && g_ascii_strcasecmp(lock, "true") == 0;
    return true;
}

/* As in us-east-1 always: who has the bucket already may make it again. */
static bool is_there_already(const Bucket *bucket, GError **error)
{
    if (!fault_is(*error, FAULT_BUCKET_ALREADY_OWNED_BY_YOU) || strcmp(bucket->region, HOME) != 0)
        return false;
    g_clear_error(error);
    return true;
}

static bool make_bucket(S3Call *call, Bucket *bucket, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud_store(call->s3->cloud), &txn, error) ||
        !s3_acl_from_headers(call, txn, bucket, bucket->account_id, false, &bucket->acl, error) ||
        !bucket_create(txn, bucket, error))
        return false;
    return txn_commit(&txn, error);
}

bool s3_create_bucket(S3Call *call, GError **error)
{
    Bucket bucket = {0};
    GError *refusal = NULL;
    if (call->signature.anonymous)
        return fault_set(error, FAULT_ACCESS_DENIED, "Access Denied");
    if (!read_new_bucket(call, &bucket, error))
        return false;
    if (!make_bucket(call, &bucket, &refusal) && !is_there_already(&bucket, &refusal)) {
        s3_detail(call, "BucketName", bucket.name);
        g_propagate_error(error, refusal);
        return false;
    }
    s3_reply_header(call, "Location", arena_printf(call->arena, "/%s", bucket.name));
    s3_reply_empty(call, 200);
    return true;
}

/* ---- the others ---- */

bool s3_delete_bucket(S3Call *call, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    s3_detail(call, "BucketName", call->bucket_name);
    if (!s3_begin_write(call, &txn, &bucket, error) ||
        !bucket_remove(call->s3->blobs, txn, bucket, error) || !txn_commit(&txn, error))
        return false;
    blobs_wake(call->s3->blobs);
    s3_reply_empty(call, 204);
    return true;
}

bool s3_head_bucket(S3Call *call, GError **error)
{
    s3_reply_header(call, "x-amz-bucket-region", call->bucket->region);
    s3_reply_header(call, "x-amz-access-point-alias", "false");
    call->reply->content_type = "application/xml";
    s3_reply_empty(call, 200);
    return true;
}

bool s3_get_bucket_location(S3Call *call, GError **error)
{
    const char *region = call->bucket->region;
    Buffer *xml = s3_xml_begin(call, "LocationConstraint");
    if (strcmp(region, HOME) != 0)
        xml_text(xml, region);
    s3_xml_end(call, "LocationConstraint");
    return true;
}
