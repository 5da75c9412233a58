/* CompleteMultipartUpload. */
#include "api/s3/configuration.h"
#include "api/s3/multipart.h"
#include "api/s3/operations.h"
#include "api/s3/put.h"
#include "base/fault.h"
#include "imagestore/part_sweep.h"
#include <string.h>

typedef struct Completing {
    ChecksumClaim whole; /* of the object; CHECKSUM_NONE: the client does not say */
    bool typed;          /* whole.composite is what the client says */
    Upload *upload;
    List claims; /* of PartClaim * */
} Completing;

/* ---- headers ---- */

static bool read_whole(S3Call *call, Completing *completing, GError **error)
{
    completing->whole.kind = CHECKSUM_NONE;
    for (unsigned i = 0; i < CHECKSUM_KINDS; i++) {
        const char *name = checksum_lower_name((ChecksumKind)i);
        const char *value = s3_header(call, arena_printf(call->arena, "x-amz-checksum-%s", name));
        if (value && completing->whole.kind != CHECKSUM_NONE)
            return fault_set(error, FAULT_INVALID_REQUEST,
                             "Expecting a single x-amz-checksum- header. Multiple checksum Types "
                             "are not allowed.");
        if (value)
            completing->whole = (ChecksumClaim){.kind = (ChecksumKind)i, .value = value};
    }
    return true;
}

static bool read_type(const S3Call *call, Completing *completing, GError **error)
{
    const char *type = s3_header(call, "x-amz-checksum-type");
    completing->typed = type != NULL;
    completing->whole.composite = type && strcmp(type, "COMPOSITE") == 0;
    return !type || completing->whole.composite || strcmp(type, "FULL_OBJECT") == 0 ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "Value for x-amz-checksum-type header is invalid.");
}

bool s3_prepare_complete(S3Call *call, GError **error)
{
    Completing *completing = arena_new_struct(call->arena, Completing);
    call->sums_elsewhere = true;
    call->state = completing;
    return read_whole(call, completing, error) && read_type(call, completing, error);
}

/* ---- the document ---- */

static bool add_claim(S3Call *call, List *claims, const XmlNode *node, GError **error)
{
    PartClaim *claim = arena_new_struct(call->arena, PartClaim);
    int64_t number;
    if (!xml_child_int(node, "PartNumber", &number) || number < 1 || number > PART_NUMBER_MAX)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "Part number must be an integer between 1 and 10000, inclusive");
    claim->number = (unsigned)number;
    claim->etag = s3_unquote(call->arena, xml_child_text(node, "ETag"));
    for (unsigned i = 0; i < CHECKSUM_KINDS; i++) {
        char name[32];
        g_snprintf(name, sizeof(name), "Checksum%s", checksum_name((ChecksumKind)i));
        claim->checksums[i] = xml_child_text(node, name);
    }
    list_add(claims, call->arena, claim);
    return true;
}

static bool read_claims(S3Call *call, List *claims, GError **error)
{
    XmlNode *root;
    if (!s3_document_read(call, "CompleteMultipartUpload", &root, error))
        return false;
    XML_EACH (node, root, "Part") {
        if (!add_claim(call, claims, node, error))
            return false;
    }
    return true;
}

/* ---- the object ---- */

/* What the client left open is as the upload has it, or as the value looks. */
static void fill_type(S3Call *call, Completing *completing)
{
    ChecksumClaim wanted = checksum_claim(call->arena, completing->upload->checksum);
    const char *value = completing->whole.value;
    if (completing->typed)
        return;
    completing->whole.composite =
        wanted.kind != CHECKSUM_NONE ? wanted.composite : value && strchr(value, '-');
}

static bool check_size(const S3Call *call, const Object *object, GError **error)
{
    const char *text = s3_header(call, "x-amz-mp-object-size");
    char *end;
    if (!text)
        return true;
    int64_t size = g_ascii_strtoll(text, &end, 10);
    if (!g_ascii_isdigit(*text) || *end)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "The x-amz-mp-object-size header is not a number.");
    return size == object->size ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "The provided 'x-amz-mp-object-size' header does not match what was "
                     "computed.");
}

/* Which part it was, for EntityTooSmall. */
static void tell_small_part(S3Call *call, const Part *part)
{
    s3_detail(call, "ETag", part->etag);
    s3_detail(call, "MinSizeAllowed", arena_printf(call->arena, "%d", PART_SIZE_MIN));
    s3_detail(call, "ProposedSize", arena_printf(call->arena, "%" G_GINT64_FORMAT, part->size));
    s3_detail(call, "PartNumber", arena_printf(call->arena, "%u", part_number(part)));
}

static bool complete(S3Call *call, Txn *txn, Completing *completing, Object **ret_object,
                     GError **error)
{
    const Part *small = NULL;
    fill_type(call, completing);
    if (upload_complete(call->s3->blobs, txn, call->arena, completing->upload, &completing->claims,
                        &completing->whole, ret_object, &small, error))
        return true;
    if (small)
        tell_small_part(call, small);
    return false;
}

/* Of an upload with many parts most of the work, so that no other writer waits for it. */
static bool place_parts(S3Call *call, const Completing *completing, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Store *store = cloud_store(call->s3->cloud);
    Upload *upload;
    if (completing->claims.n <= PARTS_SLICE)
        return true;
    if (!txn_begin_read(store, &txn, error) ||
        !s3_upload_find(call, txn, call->bucket, &upload, error))
        return false;
    g_clear_pointer(&txn, txn_rollback);
    return upload_place_parts(store, upload, &completing->claims, error);
}

static bool make_object(S3Call *call, Completing *completing, Bucket **ret_bucket,
                        Object **ret_object, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Blobs *blobs = call->s3->blobs;
    const Conditions conditions = s3_write_conditions(call);
    Object *object;
    if (!s3_begin_write(call, &txn, ret_bucket, error) ||
        !s3_upload_find(call, txn, *ret_bucket, &completing->upload, error) ||
        !s3_check_write_conditions(call, txn, *ret_bucket, call->key, &conditions, error) ||
        !complete(call, txn, completing, &object, error) || !check_size(call, object, error) ||
        !object_store(blobs, txn, call->arena, *ret_bucket, object, s3_now(call), error) ||
        !txn_commit(&txn, error))
        return false;
    blobs_wake(blobs);
    *ret_object = object;
    return true;
}

static const char *location_of(const S3Call *call)
{
    const char *host = s3_header(call, "host");
    return arena_printf(call->arena, "%s://%s%s", http_scheme(call->http), host ? host : "",
                        call->http->path);
}

bool s3_complete_multipart_upload(S3Call *call, GError **error)
{
    Completing *completing = call->state;
    Bucket *bucket;
    Object *object;
    if (!read_claims(call, &completing->claims, error) || !place_parts(call, completing, error) ||
        !make_object(call, completing, &bucket, &object, error))
        return false;
    s3_put_reply(call, bucket, object);
    Buffer *xml = s3_xml_begin(call, "CompleteMultipartUploadResult");
    s3_xml_text(xml, "Location", location_of(call));
    s3_xml_text(xml, "Bucket", call->bucket_name);
    s3_xml_text(xml, "Key", call->key);
    s3_xml_etag(xml, "ETag", object->etag);
    s3_checksum_xml(call, xml, object->checksum);
    s3_xml_end(call, "CompleteMultipartUploadResult");
    return true;
}
