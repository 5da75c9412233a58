/* CompleteMultipartUpload. */
#include "api/s3/configuration.h"
#include "api/s3/multipart.h"
#include "api/s3/operations.h"
#include "api/s3/put.h"
#include "base/fault.h"
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
        g_autofree char *name = g_ascii_strdown(checksum_name((ChecksumKind)i), -1);
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

static bool check_conditions(S3Call *call, Txn *txn, const Bucket *bucket, GError **error)
{
    const Conditions conditions = {
        .if_match = s3_unquote(call->arena, s3_header(call, "if-match")),
        .if_none_match = s3_unquote(call->arena, s3_header(call, "if-none-match")),
    };
    Object *current;
    if (!conditions.if_match && !conditions.if_none_match)
        return true;
    return object_find_current(txn, call->arena, bucket, call->key, &current, error) &&
           conditions_check_write(&conditions, current, error);
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

static unsigned number_of(const Part *part)
{
    return (unsigned)g_ascii_strtoull(part->number, NULL, 10);
}

static bool is_claimed(const List *claims, const Part *part)
{
    LIST_EACH (const PartClaim *, claim, claims) {
        if (claim->number == number_of(part))
            return true;
    }
    return false;
}

/* Which part it was, for EntityTooSmall. */
static void tell_small_part(S3Call *call, Txn *txn, const Completing *completing)
{
    List parts = {0};
    bool more;
    if (!upload_list_parts(txn, call->arena, completing->upload, 0, PART_NUMBER_MAX, &parts, &more,
                           NULL))
        return;
    LIST_EACH (const Part *, part, &parts) {
        if (part->size >= PART_SIZE_MIN || !is_claimed(&completing->claims, part))
            continue;
        s3_detail(call, "ETag", part->etag);
        s3_detail(call, "MinSizeAllowed", arena_printf(call->arena, "%d", PART_SIZE_MIN));
        s3_detail(call, "ProposedSize", arena_printf(call->arena, "%" G_GINT64_FORMAT, part->size));
        s3_detail(call, "PartNumber", arena_printf(call->arena, "%u", number_of(part)));
        return;
    }
}

static bool complete(S3Call *call, Txn *txn, Completing *completing, Object **ret_object,
                     GError **error)
{
    g_autoptr(GError) why = NULL;
    fill_type(call, completing);
    if (upload_complete(call->s3->blobs, txn, call->arena, completing->upload, &completing->claims,
                        &completing->whole, ret_object, &why))
        return true;
    if (fault_is(why, FAULT_ENTITY_TOO_SMALL))
        tell_small_part(call, txn, completing);
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}

static bool make_object(S3Call *call, Completing *completing, Bucket **ret_bucket,
                        Object **ret_object, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Blobs *blobs = call->s3->blobs;
    Object *object;
    if (!txn_begin(cloud_store(call->s3->cloud), &txn, error) ||
        !bucket_find(txn, call->arena, call->bucket_name, ret_bucket, error) ||
        !s3_upload_find(call, txn, &completing->upload, error) ||
        !check_conditions(call, txn, *ret_bucket, error) ||
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
    return arena_printf(call->arena, "http://%s%s", host ? host : "", call->http->path);
}

bool s3_complete_multipart_upload(S3Call *call, GError **error)
{
    Completing *completing = call->state;
    Bucket *bucket;
    Object *object;
    if (!read_claims(call, &completing->claims, error) ||
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
