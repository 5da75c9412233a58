/* CopyObject.
 *
 * Invariant: a copy whose bytes stay the same shares the blob of its source; all others are read
 * and written again with bounded memory. */
#include "api/s3/copy.h"

#include "api/s3/access.h"
#include "api/s3/operations.h"
#include "api/s3/restore.h"
#include "base/digest.h"
#include "base/fault.h"
#include "imagestore/reader.h"
#include <string.h>

#define COPY_BLOCK (128 * 1024)

/* ---- the source ---- */

typedef struct SourceName {
    const char *bucket, *key, *version_id;
} SourceName;

static bool bad_source(GError **error)
{
    return fault_set(error, FAULT_INVALID_ARGUMENT,
                     "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
}

/* "/bucket/key?versionId=…", percent-encoded; the key may hold anything. */
static bool read_name(S3Call *call, SourceName *ret_name, GError **error)
{
    char *text = arena_strdup(call->arena, s3_header(call, "x-amz-copy-source"));
    char *version = strstr(text, "?versionId=");
    if (version) {
        *version = '\0';
        version += strlen("?versionId=");
    }
    g_autofree char *decoded = g_uri_unescape_string(text, NULL);
    if (!decoded || !g_utf8_validate(decoded, -1, NULL))
        return bad_source(error);
    char *bucket = arena_strdup(call->arena, decoded + (*decoded == '/'));
    char *slash = strchr(bucket, '/');
    if (!slash || slash == bucket || !slash[1])
        return bad_source(error);
    *slash = '\0';
    *ret_name = (SourceName){bucket, slash + 1, version};
    return true;
}

static bool check_conditions(S3Call *call, const Object *object, GError **error)
{
    const Conditions conditions = {
        .if_match = s3_unquote(call->arena, s3_header(call, "x-amz-copy-source-if-match")),
        .if_none_match =
            s3_unquote(call->arena, s3_header(call, "x-amz-copy-source-if-none-match")),
        .if_modified_since = s3_header_time(call, "x-amz-copy-source-if-modified-since"),
        .if_unmodified_since = s3_header_time(call, "x-amz-copy-source-if-unmodified-since"),
    };
    g_autoptr(GError) why = NULL;
    if (conditions_check_read(&conditions, object, &why))
        return true;
    /* What would be "not modified" to a reader fails a copy. */
    return fault_set(error, FAULT_PRECONDITION_FAILED,
                     "At least one of the pre-conditions you specified did not hold");
}

static bool check_owner(const S3Call *call, const Bucket *bucket, GError **error)
{
    const char *owner = s3_header(call, "x-amz-source-expected-bucket-owner");
    return !owner || strcmp(owner, bucket->account_id) == 0 ||
           fault_set(error, FAULT_ACCESS_DENIED, "Access Denied");
}

bool copy_source_find(S3Call *call, Txn *txn, CopySource *ret_source, GError **error)
{
    SourceName name = {0};
    Bucket *bucket;
    Object *object = NULL;
    g_autoptr(GError) missing = NULL;
    if (!read_name(call, &name, error) ||
        !bucket_find(txn, call->arena, name.bucket, &bucket, error) ||
        !check_owner(call, bucket, error))
        return false;
    object_find(txn, call->arena, bucket, name.key, name.version_id, &object, &missing);
    const char *action = name.version_id ? "s3:GetObjectVersion" : "s3:GetObject";
    if (!s3_check_access_to(call, txn, action, bucket, name.key, object, S3_ACL_OBJECT, ACL_READ,
                            error))
        return false;
    if (missing) {
        g_propagate_error(error, g_steal_pointer(&missing));
        return false;
    }
    if (object->is_marker && name.version_id)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The source of a copy request may not specifically refer to a delete "
                         "marker by version id.");
    if (object->is_marker)
        return fault_set(error, FAULT_NO_SUCH_KEY, "The specified key does not exist.");
    *ret_source = (CopySource){.bucket = bucket, .object = object};
    return check_conditions(call, object, error) && s3_restore_check(call, object, error) &&
           s3_encryption_key(call, object->encryption, object->encryption_key, true,
                             &ret_source->customer_key, error);
}

/* ---- bytes ---- */

/* Lets a worker wait for its writer. */
typedef struct Gate {
    GMutex lock;
    GCond opened;
    bool open;
} Gate;

static void open_gate(void *data)
{
    Gate *gate = data;
    g_mutex_lock(&gate->lock);
    gate->open = true;
    g_cond_signal(&gate->opened);
    g_mutex_unlock(&gate->lock);
}

static void wait_at_gate(Gate *gate)
{
    g_mutex_lock(&gate->lock);
    while (!gate->open)
        g_cond_wait(&gate->opened, &gate->lock);
    gate->open = false;
    g_mutex_unlock(&gate->lock);
}

static bool pump(ObjectReader *reader, BlobWriter *writer, Gate *gate, GError **error)
{
    g_autofree char *block = g_malloc(COPY_BLOCK);
    size_t size;
    for (;;) {
        if (!object_reader_read(reader, block, COPY_BLOCK, &size, error))
            return false;
        if (size == 0)
            return true;
        if (!blob_writer_add(writer, block, size))
            wait_at_gate(gate);
    }
}

bool copy_source_bytes(S3Call *call, const CopySource *source, uint64_t offset, uint64_t size,
                       GError **error)
{
    g_autoptr(ObjectReader) reader = NULL;
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(call->s3->cloud), &txn, error) ||
        !object_reader_open(call->s3->blobs, txn, source->object, offset, size,
                            source->customer_key, &reader, error))
        return false;
    txn_rollback(g_steal_pointer(&txn));

    Gate gate = {.open = false};
    g_mutex_init(&gate.lock);
    g_cond_init(&gate.opened);
    call->blob.ready = open_gate;
    call->blob.ready_data = &gate;
    call->writer = blob_writer_new(call->s3->blobs, &call->blob);
    bool ok = pump(reader, call->writer, &gate, error) &&
              blob_writer_finish(call->writer, &call->bytes, error);
    if (!ok)
        blob_writer_free(g_steal_pointer(&call->writer));
    g_mutex_clear(&gate.lock);
    g_cond_clear(&gate.opened);
    return ok;
}

/* ---- CopyObject ---- */

typedef struct Copy {
    CopySource source;
    S3Put *put;
    ChecksumKind checksum; /* asked for; CHECKSUM_NONE: the source's stays */
    bool replaces_metadata, replaces_tags, shares;
} Copy;

static bool read_directive(const S3Call *call, const char *name, bool *ret_replace, GError **error)
{
    const char *text = s3_header(call, name);
    *ret_replace = text && strcmp(text, "REPLACE") == 0;
    return !text || *ret_replace || strcmp(text, "COPY") == 0 ||
           fault_set(error, FAULT_INVALID_ARGUMENT, "Unknown %s directive.",
                     strstr(name, "tagging") ? "tagging" : "metadata");
}

bool s3_checksum_asked(const S3Call *call, ChecksumKind *ret_kind, GError **error)
{
    const char *name = s3_header(call, "x-amz-checksum-algorithm");
    *ret_kind = CHECKSUM_NONE;
    return !name || checksum_parse(name, ret_kind) ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "Checksum algorithm provided is unsupported. Please try again with any of the "
                     "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
}

static bool check_onto_itself(const S3Call *call, const Copy *copy, GError **error)
{
    const Object *from = copy->source.object, *to = &copy->put->object;
    bool itself = from->is_latest && strcmp(from->bucket, call->bucket_name) == 0 &&
                  strcmp(from->key, call->key) == 0;
    bool changes = copy->replaces_metadata || copy->replaces_tags || copy->put->encryption.kind ||
                   g_strcmp0(from->storage_class, to->storage_class) != 0 ||
                   s3_header(call, S3_REDIRECT_HEADER) || copy->checksum != CHECKSUM_NONE;
    return !itself || changes ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "This copy request is illegal because it is trying to copy an object to "
                     "itself without changing the object's metadata, storage class, website "
                     "redirect location or encryption attributes.");
}

static bool find_source(S3Call *call, Copy *copy, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(call->s3->cloud), &txn, error) ||
        !copy_source_find(call, txn, &copy->source, error))
        return false;
    return copy->source.object->size <= PART_SIZE_MAX ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "The specified copy source is larger than the maximum allowable size for a "
                     "copy source: %" G_GINT64_FORMAT,
                     PART_SIZE_MAX);
}

/* The source's, without what a restoration added; where a website redirects to is the request's to
 * say. */
static const char *inherited_headers(const S3Call *call, const Object *from)
{
    Arena *arena = call->arena;
    const char *headers = object_headers_without(arena, from->headers, RESTORE_HEADER);
    const char *redirect = s3_header(call, S3_REDIRECT_HEADER);
    headers = object_headers_without(arena, headers, S3_REDIRECT_HEADER);
    return redirect ? arena_printf(arena, "%s" S3_REDIRECT_HEADER ": %s\n", headers ? headers : "",
                                   redirect)
                    : headers;
}

static void inherit(const S3Call *call, Copy *copy)
{
    const Object *from = copy->source.object;
    Object *to = &copy->put->object;
    if (!copy->replaces_metadata)
        to->headers = inherited_headers(call, from);
    if (!copy->replaces_tags)
        to->tags = from->tags;
    ChecksumKind kind = copy->checksum;
    bool encrypted = copy->source.customer_key || copy->put->encryption.customer_key;
    copy->shares = from->blob_id && !encrypted && kind == CHECKSUM_NONE;
}

static bool make_bytes(S3Call *call, Copy *copy, GError **error)
{
    const Object *from = copy->source.object;
    Object *to = &copy->put->object;
    to->size = from->size;
    if (copy->shares) {
        to->blob_id = from->blob_id;
        to->etag = from->etag;
        to->checksum = from->checksum;
        return true;
    }
    ChecksumClaim claim = checksum_claim(call->arena, from->checksum);
    if (copy->checksum != CHECKSUM_NONE)
        claim.kind = copy->checksum;
    if (claim.kind == CHECKSUM_NONE)
        claim.kind = S3_DEFAULT_CHECKSUM;
    call->blob.checksums = 1u << claim.kind;
    if (!copy_source_bytes(call, &copy->source, 0, (uint64_t)from->size, error))
        return false;
    to->blob_id = call->bytes->id;
    to->etag = s3_etag_of(call->arena, call->bytes, copy->put->encryption.customer_key != NULL);
    claim.value = checksum_text(call->arena, claim.kind, call->bytes->checksums[claim.kind]);
    claim.composite = false;
    to->checksum = checksum_record(call->arena, &claim);
    return true;
}

/* The source may be gone by now, with its blob. */
static bool keep_bytes(S3Call *call, Txn *txn, const Copy *copy, bool *ret_gone, GError **error)
{
    *ret_gone = false;
    if (!copy->shares)
        return blob_writer_keep(call->writer, txn, error);
    Blob *blob;
    if (!blob_get(txn, call->arena, copy->source.object->blob_id, &blob, error))
        return false;
    *ret_gone = !blob;
    return blob && blob_ref(txn, blob->id, error);
}

static bool store_copy(S3Call *call, Copy *copy, Bucket **ret_bucket, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    bool gone;
    if (!s3_begin_write(call, &txn, ret_bucket, error))
        return false;
    if (!keep_bytes(call, txn, copy, &gone, error))
        return gone && fault_set(error, FAULT_NO_SUCH_KEY, "The specified key does not exist.");
    if (!s3_put_store(call, txn, *ret_bucket, copy->put, error) || !txn_commit(&txn, error))
        return false;
    if (call->writer)
        blob_writer_kept(call->writer);
    blobs_wake(call->s3->blobs);
    return true;
}

static void reply(S3Call *call, const Copy *copy, const Bucket *bucket)
{
    const Object *from = copy->source.object, *to = &copy->put->object;
    if (copy->source.bucket->versioning)
        s3_reply_header(call, "x-amz-copy-source-version-id", from->version_id);
    s3_put_reply(call, bucket, to);
    Buffer *xml = s3_xml_begin(call, "CopyObjectResult");
    s3_xml_time(xml, "LastModified", to->modified);
    s3_xml_etag(xml, "ETag", to->etag);
    s3_checksum_xml(call, xml, to->checksum);
    s3_xml_end(call, "CopyObjectResult");
}

bool s3_copy_object(S3Call *call, GError **error)
{
    Copy copy = {.put = call->state};
    Bucket *bucket;
    if (!read_directive(call, "x-amz-metadata-directive", &copy.replaces_metadata, error) ||
        !read_directive(call, "x-amz-tagging-directive", &copy.replaces_tags, error) ||
        !s3_checksum_asked(call, &copy.checksum, error) || !find_source(call, &copy, error) ||
        !check_onto_itself(call, &copy, error))
        return false;
    inherit(call, &copy);
    if (!make_bytes(call, &copy, error) || !store_copy(call, &copy, &bucket, error))
        return false;
    reply(call, &copy, bucket);
    return true;
}
