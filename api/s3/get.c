/* GetObject, HeadObject.
 *
 * Invariant: what is sent is what was stored, byte for byte, headers included; a range costs what
 * it holds, wherever in the object it lies. */
#include "api/s3/lifecycle.h"
#include "api/s3/object_lock.h"
#include "api/s3/operations.h"
#include "api/s3/put.h"
#include "api/s3/range.h"
#include "api/s3/restore.h"
#include "api/s3/tagging.h"
#include "base/fault.h"
#include "imagestore/reader.h"
#include <string.h>

/* What of the object is wanted. */
typedef struct Portion {
    uint64_t first, size;
    bool partial;
    const char *checksum; /* of a part; NULL: of the object */
} Portion;

/* ---- conditions ---- */

static bool check_conditions(S3Call *call, const Object *object, GError **error)
{
    const Conditions conditions = {
        .if_match = s3_unquote(call->arena, s3_header(call, "if-match")),
        .if_none_match = s3_unquote(call->arena, s3_header(call, "if-none-match")),
        .if_modified_since = s3_header_time(call, "if-modified-since"),
        .if_unmodified_since = s3_header_time(call, "if-unmodified-since"),
    };
    return conditions_check_read(&conditions, object, error);
}

/* ---- what to send ---- */

static bool part_portion(S3Call *call, const Object *object, const char *text, Portion *portion,
                         GError **error)
{
    char *end;
    uint64_t number = g_ascii_strtoull(text, &end, 10);
    Part *part;
    if (!g_ascii_isdigit(*text) || *end || number < 1 || number > PART_NUMBER_MAX)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "Part number must be an integer between 1 and 10000, inclusive");
    if (s3_header(call, "range"))
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "Cannot specify both Range header and partNumber query parameter");
    if (!object_find_part(call->txn, call->arena, object, (unsigned)number, &part, error))
        return false;
    if (part)
        *portion = (Portion){(uint64_t)part->offset, (uint64_t)part->size, true, part->checksum};
    portion->partial = portion->size > 0;
    if (object->parts > 0)
        s3_reply_header(call, "x-amz-mp-parts-count",
                        arena_printf(call->arena, "%d", (int)object->parts));
    return true;
}

static bool find_portion(S3Call *call, const Object *object, Portion *portion, GError **error)
{
    const char *number = s3_param(call, "partNumber");
    *portion = (Portion){.size = (uint64_t)object->size};
    if (number)
        return part_portion(call, object, number, portion, error);
    RangeResult result = range_read(s3_header(call, "range"), (uint64_t)object->size,
                                    &portion->first, &portion->size);
    portion->partial = result == RANGE_PART;
    if (result != RANGE_UNSATISFIABLE)
        return true;
    s3_reply_header(call, "Content-Range",
                    arena_printf(call->arena, "bytes */%" G_GINT64_FORMAT, object->size));
    s3_detail(call, "RangeRequested", s3_header(call, "range"));
    s3_detail(call, "ActualObjectSize",
              arena_printf(call->arena, "%" G_GINT64_FORMAT, object->size));
    return fault_set(error, FAULT_INVALID_RANGE, "The requested range is not satisfiable");
}

/* ---- headers ---- */

/* Query parameters that stand in for a header of the object's. */
static const char *const overrides[][2] = {
    {"Cache-Control", "response-cache-control"},
    {"Content-Disposition", "response-content-disposition"},
    {"Content-Encoding", "response-content-encoding"},
    {"Content-Language", "response-content-language"},
    {"Content-Type", "response-content-type"},
    {"Expires", "response-expires"},
};

static const char *override_of(const S3Call *call, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(overrides); i++) {
        if (g_ascii_strcasecmp(overrides[i][0], name) == 0)
            return s3_param(call, overrides[i][1]);
    }
    return NULL;
}

static bool check_overrides(const S3Call *call, GError **error)
{
    if (!call->signature.anonymous)
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(overrides); i++) {
        if (s3_param(call, overrides[i][1]))
            return fault_set(error, FAULT_INVALID_REQUEST,
                             "Request specific response headers cannot be used for anonymous GET "
                             "requests.");
    }
    return true;
}

/* "name: value"; anything else is no header. */
static void reply_line(S3Call *call, char *line)
{
    char *colon = strstr(line, ": ");
    if (!colon)
        return;
    *colon = '\0';
    if (!override_of(call, line))
        s3_reply_header(call, line, colon + 2);
}

/* Those that were kept with the object, but for what the request overrides. */
static void reply_kept(S3Call *call, const Object *object)
{
    char *line = arena_strdup(call->arena, object->headers ? object->headers : "");
    while (*line) {
        char *end = strchrnul(line, '\n'), *next = end + (*end == '\n');
        *end = '\0';
        reply_line(call, line);
        line = next;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(overrides); i++)
        s3_reply_header(call, overrides[i][0], s3_param(call, overrides[i][1]));
}

static bool has_type(const S3Call *call, const Object *object)
{
    return override_of(call, "Content-Type") ||
           object_header(call->arena, object->headers, "Content-Type");
}

static void reply_identity(S3Call *call, const Object *object)
{
    s3_reply_header(call, "ETag", arena_printf(call->arena, "\"%s\"", object->etag));
    s3_reply_header(call, "Last-Modified", s3_http_date(call->arena, object->modified));
    if (call->bucket->versioning)
        s3_reply_header(call, "x-amz-version-id", object->version_id);
}

static void reply_headers(S3Call *call, const Object *object, const Portion *portion)
{
    reply_kept(call, object);
    if (!has_type(call, object))
        s3_reply_header(call, "Content-Type", "binary/octet-stream");
    s3_reply_header(call, "Accept-Ranges", "bytes");
    s3_reply_header(call, "x-amz-storage-class", object->storage_class);
    s3_encryption_reply(call, object->encryption, object->encryption_key);
    s3_lock_reply(call, object);
    if (object->is_latest)
        s3_expiration_reply(call, call->bucket, object);
    unsigned tags = s3_tags_count(object->tags);
    if (tags > 0)
        s3_reply_header(call, "x-amz-tagging-count", arena_printf(call->arena, "%u", tags));
    const char *mode = s3_header(call, "x-amz-checksum-mode");
    if (mode && g_ascii_strcasecmp(mode, "ENABLED") == 0) {
        if (portion->checksum || !portion->partial)
            s3_checksum_reply(call, portion->checksum ? portion->checksum : object->checksum);
    }
    if (portion->partial)
        s3_reply_header(
            call, "Content-Range",
            arena_printf(call->arena,
                         "bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/%" G_GINT64_FORMAT,
                         portion->first, portion->first + portion->size - 1, object->size));
}

/* ---- the body ---- */

static ssize_t read_body(void *data, char *buffer, size_t most)
{
    g_autoptr(GError) error = NULL;
    size_t size;
    if (object_reader_read(data, buffer, most, &size, &error))
        return (ssize_t)size;
    g_warning("an object could not be read to its end: %s", error->message);
    return -1;
}

static void free_reader(void *data)
{
    object_reader_free(data);
}

static bool send_portion(S3Call *call, const Object *object, const Portion *portion,
                         const uint8_t *key, GError **error)
{
    HttpReply *reply = call->reply;
    ObjectReader *reader;
    if (!object_reader_open(call->s3->blobs, call->txn, object, portion->first, portion->size, key,
                            &reader, error))
        return false;
    reply->size = portion->size;
    if (object_reader_take_data(reader, &reply->body.data, &reply->body.size)) {
        reply->body.capacity = reply->body.size;
    } else if (object_reader_take_file(reader, &reply->fd, &reply->offset)) {
        reply->kind = BODY_FILE;
    } else {
        reply->kind = BODY_SOURCE;
        reply->source = (BodySource){read_body, free_reader, reader};
        return true;
    }
    object_reader_free(reader);
    return true;
}

/* A delete marker is told, but is no object. */
static bool check_marker(S3Call *call, const Object *object, GError **error)
{
    if (!object->is_marker)
        return true;
    s3_reply_header(call, "x-amz-delete-marker", "true");
    s3_reply_header(call, "x-amz-version-id", object->version_id);
    if (call->version_id) {
        s3_reply_header(call, "Last-Modified", s3_http_date(call->arena, object->modified));
        call->reply->allow = "DELETE";
        s3_detail(call, "Method", call->http->method);
        s3_detail(call, "ResourceType", "DeleteMarker");
        return s3_method_not_allowed(error);
    }
    s3_detail(call, "Key", call->key);
    return fault_set(error, FAULT_NO_SUCH_KEY, "The specified key does not exist.");
}

static bool show(S3Call *call, bool body, GError **error)
{
    const Object *object = call->object;
    Portion portion;
    const uint8_t *key;
    if (!check_marker(call, object, error) || !check_overrides(call, error) ||
        !s3_encryption_key(call, object->encryption, object->encryption_key, false, &key, error))
        return false;
    reply_identity(call, object);
    if (!check_conditions(call, object, error) || !find_portion(call, object, &portion, error))
        return false;
    if (!body) {
        call->reply->kind = BODY_LENGTH;
        call->reply->size = portion.size;
    } else if (!s3_restore_check(call, object, error) ||
               !send_portion(call, object, &portion, key, error)) {
        return false;
    }
    reply_headers(call, object, &portion);
    call->reply->status = portion.partial ? 206 : 200;
    return true;
}

bool s3_get_object(S3Call *call, GError **error)
{
    return show(call, true, error);
}

bool s3_head_object(S3Call *call, GError **error)
{
    return show(call, false, error);
}
