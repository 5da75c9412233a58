/* UploadPart, UploadPartCopy.
 *
 * Invariant: a part has the checksum that its upload needs, whether the client gave it or not, and
 * none of another kind. */
#include "api/s3/copy.h"
#include "api/s3/encryption.h"
#include "api/s3/multipart.h"
#include "api/s3/operations.h"
#include "api/s3/put.h"
#include "base/fault.h"
#include <string.h>

typedef struct PartState {
    unsigned number;
    Upload *upload;
    ChecksumClaim wanted; /* of the upload */
} PartState;

static bool read_number(S3Call *call, unsigned *ret_number, GError **error)
{
    const char *text = s3_param(call, "partNumber");
    char *end = NULL;
    uint64_t number = text ? g_ascii_strtoull(text, &end, 10) : 0;
    if (text && g_ascii_isdigit(*text) && !*end && number >= 1 && number <= PART_NUMBER_MAX) {
        *ret_number = (unsigned)number;
        return true;
    }
    s3_detail(call, "ArgumentName", "partNumber");
    s3_detail(call, "ArgumentValue", text);
    return fault_set(error, FAULT_INVALID_ARGUMENT,
                     "Part number must be an integer between 1 and 10000, inclusive");
}

static bool check_digest(const S3Call *call, const Upload *upload, GError **error)
{
    bool locks = upload->lock_mode || upload->legal_hold;
    return !locks || call->operation->body != S3_BYTES || s3_put_check_digest(call, "Part", error);
}

bool s3_prepare_part(S3Call *call, GError **error)
{
    PartState *state = arena_new_struct(call->arena, PartState);
    if (!read_number(call, &state->number, error) ||
        !s3_upload_find(call, call->txn, call->bucket, &state->upload, error) ||
        !s3_encryption_key(call, state->upload->encryption, state->upload->encryption_key, false,
                           &call->blob.customer_key, error) ||
        !s3_encryption_check_key(call, call->txn, call->bucket, call->blob.customer_key, error) ||
        !check_digest(call, state->upload, error))
        return false;
    state->wanted = checksum_claim(call->arena, state->upload->checksum);
    if (state->wanted.kind != CHECKSUM_NONE)
        call->blob.checksums = 1u << state->wanted.kind;
    call->state = state;
    return true;
}

/* One that the client gave must be of the upload's kind; one of which the object's is composed the
 * client must give. */
static bool check_kind(const S3Call *call, const PartState *state, GError **error)
{
    ChecksumKind wanted = state->wanted.kind, given = call->checksum.kind;
    if (wanted == CHECKSUM_NONE || given == wanted ||
        (given == CHECKSUM_NONE && !state->wanted.composite))
        return true;
    return upload_kinds_differ(wanted, given, error);
}

/* What the part's bytes, in call->bytes, have for a checksum; NULL: none is known. */
static const char *checksum_of(S3Call *call, const PartState *state)
{
    ChecksumClaim claim = call->checksum;
    if (state->wanted.kind != CHECKSUM_NONE) {
        claim.kind = state->wanted.kind;
        claim.value = checksum_text(call->arena, claim.kind, call->bytes->checksums[claim.kind]);
    }
    claim.composite = false;
    return claim.kind == CHECKSUM_NONE ? NULL : checksum_record(call->arena, &claim);
}

/* From call->writer and call->bytes. */
static bool store_part(S3Call *call, const PartState *state, Part *part, GError **error)
{
    *part = (Part){
        .blob_id = call->bytes->id,
        .size = (int64_t)call->bytes->size,
        .etag = s3_etag_of(call->arena, call->bytes, call->blob.customer_key != NULL),
        .checksum = checksum_of(call, state),
        .modified = s3_now(call),
    };
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    Upload *upload;
    if (!s3_begin_write(call, &txn, &bucket, error) ||
        !s3_upload_find(call, txn, bucket, &upload, error) ||
        !blob_writer_keep(call->writer, txn, error) ||
        !upload_put_part(call->s3->blobs, txn, upload, state->number, part, error) ||
        !txn_commit(&txn, error))
        return false;
    blob_writer_kept(call->writer);
    blobs_wake(call->s3->blobs);
    s3_encryption_reply(call, upload->encryption, upload->encryption_key);
    return true;
}

bool s3_upload_part(S3Call *call, GError **error)
{
    const PartState *state = call->state;
    Part part;
    if (!check_kind(call, state, error) || !store_part(call, state, &part, error))
        return false;
    s3_reply_header(call, "ETag", arena_printf(call->arena, "\"%s\"", part.etag));
    s3_checksum_reply(call, part.checksum);
    s3_reply_empty(call, 200);
    return true;
}

/* ---- UploadPartCopy ---- */

static bool bad_range(S3Call *call, const char *text, GError **error)
{
    s3_detail(call, "ArgumentName", "x-amz-copy-source-range");
    s3_detail(call, "ArgumentValue", text);
    return fault_set(error, FAULT_INVALID_ARGUMENT,
                     "The x-amz-copy-source-range value must be of the form bytes=first-last where "
                     "first and last are the zero-based offsets of the first and last bytes to "
                     "copy");
}

static bool read_digits(const char **text, uint64_t *ret_value)
{
    char *end;
    if (!g_ascii_isdigit(**text))
        return false;
    *ret_value = g_ascii_strtoull(*text, &end, 10);
    *text = end;
    return true;
}

/* "bytes=0-9": both must be given, and be in the object. */
static bool read_range(S3Call *call, int64_t total, uint64_t *ret_first, uint64_t *ret_size,
                       GError **error)
{
    const char *text = s3_header(call, "x-amz-copy-source-range");
    *ret_first = 0;
    *ret_size = (uint64_t)total;
    if (!text)
        return true;
    uint64_t first, last;
    const char *rest = text + strlen("bytes=");
    if (!g_str_has_prefix(text, "bytes=") || !read_digits(&rest, &first) || *rest++ != '-' ||
        !read_digits(&rest, &last) || *rest || last < first)
        return bad_range(call, text, error);
    if (last >= (uint64_t)total)
        return fault_set(
            error, FAULT_INVALID_ARGUMENT,
            "Range specified is not valid for source object of size: %" G_GINT64_FORMAT, total);
    *ret_first = first;
    *ret_size = last - first + 1;
    return true;
}

static bool copy_bytes(S3Call *call, CopySource *source, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(call->s3->cloud), &txn, error) ||
        !copy_source_find(call, txn, source, error))
        return false;
    txn_rollback(g_steal_pointer(&txn));
    uint64_t first, size;
    if (!read_range(call, source->object->size, &first, &size, error))
        return false;
    if (size > (uint64_t)PART_SIZE_MAX)
        return fault_set(
            error, FAULT_INVALID_REQUEST,
            "The specified copy source is larger than the maximum allowable size for a "
            "copy source: %" G_GINT64_FORMAT,
            PART_SIZE_MAX);
    bool adds_checksum = call->blob.checksums == 0;
    if (adds_checksum)
        call->blob.checksums = 1u << S3_DEFAULT_CHECKSUM;
    if (!copy_source_bytes(call, source, first, size, error))
        return false;
    if (adds_checksum)
        s3_checksum_add_default(call);
    return true;
}

bool s3_upload_part_copy(S3Call *call, GError **error)
{
    const PartState *state = call->state;
    CopySource source;
    Part part;
    call->checksum.kind = CHECKSUM_NONE;
    if (!copy_bytes(call, &source, error) || !store_part(call, state, &part, error))
        return false;
    if (source.bucket->versioning)
        s3_reply_header(call, "x-amz-copy-source-version-id", source.object->version_id);
    Buffer *xml = s3_xml_begin(call, "CopyPartResult");
    s3_xml_time(xml, "LastModified", part.modified);
    s3_xml_etag(xml, "ETag", part.etag);
    s3_xml_checksum_value(call, xml, part.checksum);
    s3_xml_end(call, "CopyPartResult");
    return true;
}
