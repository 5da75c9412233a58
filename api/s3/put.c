/* Objects as their makers' headers describe them.
 *
 * Invariant: headers are kept byte for byte as they came; only their names are normalised. */
#include "api/s3/put.h"

#include "api/s3/access.h"
#include "api/s3/encryption.h"
#include "api/s3/lifecycle.h"
#include "api/s3/object_lock.h"
#include "api/s3/operations.h"
#include "api/s3/tagging.h"
#include "base/digest.h"
#include "base/fault.h"
#include <string.h>

#define META "x-amz-meta-"
/* Bytes of names, without the prefix, and values: "Working with object metadata". */
#define META_MAX 2048
/* What a line has besides. */
#define META_EXTRA (strlen(META) + strlen(": \n"))

/* ---- headers that are kept ---- */

static const char *const kept[] = {"Cache-Control",    "Content-Disposition", "Content-Encoding",
                                   "Content-Language", "Content-Type",        "Expires",
                                   S3_REDIRECT_HEADER};

/* "aws-chunked" is of the transfer, not of the object. NULL: nothing is left. */
static const char *without_chunked(Arena *arena, const char *encoding)
{
    g_auto(GStrv) parts = g_strsplit(encoding, ",", -1);
    char *rest = NULL;
    for (char **part = parts; *part; part++) {
        char *name = g_strstrip(*part);
        if (*name && g_ascii_strcasecmp(name, "aws-chunked") != 0)
            rest = rest ? arena_printf(arena, "%s,%s", rest, name) : arena_strdup(arena, name);
    }
    return rest;
}

static void add_line(GString *text, const char *name, const char *value)
{
    g_string_append_printf(text, "%s: %s\n", name, value);
}

/* What stands for headers, a form's fields and a presigned URL's parameters, may hold what no
 * header can. */
static bool check_line(S3Call *call, const char *name, const char *value, GError **error)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (!name[strspn(name, token)] && !strpbrk(value, "\r\n"))
        return true;
    s3_detail(call, "ArgumentName", name);
    s3_detail(call, "ArgumentValue", value);
    return fault_set(error, FAULT_INVALID_ARGUMENT, "A header must be a name and one line of text");
}

static bool add_standard(S3Call *call, GString *text, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        const char *value = s3_header(call, kept[i]);
        if (value && strcmp(kept[i], "Content-Encoding") == 0)
            value = without_chunked(call->arena, value);
        if (value && strcmp(kept[i], S3_REDIRECT_HEADER) == 0 && *value != '/' &&
            !g_str_has_prefix(value, "http://") && !g_str_has_prefix(value, "https://"))
            return fault_set(error, FAULT_INVALID_REDIRECT_LOCATION,
                             "The website redirect location must have a prefix of 'http://' or "
                             "'https://' or '/'.");
        if (!value)
            continue;
        if (!check_line(call, kept[i], value, error))
            return false;
        add_line(text, kept[i], value);
    }
    return true;
}

static bool is_first_of_its_name(const HttpRequest *http, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (g_ascii_strcasecmp(http->headers[i].name, http->headers[index].name) == 0)
            return false;
    }
    return true;
}

/* All values of a name, with commas between. */
static void add_user_header(const HttpRequest *http, size_t index, GString *text)
{
    g_autofree char *name = g_ascii_strdown(http->headers[index].name, -1);
    g_string_append_printf(text, "%s: %s", name, http->headers[index].value);
    for (size_t i = index + 1; i < http->n_headers; i++) {
        if (g_ascii_strcasecmp(http->headers[i].name, name) == 0)
            g_string_append_printf(text, ",%s", http->headers[i].value);
    }
    g_string_append_c(text, '\n');
}

static bool add_user(S3Call *call, GString *text, GError **error)
{
    const HttpRequest *http = call->http;
    size_t before = text->len, extra = 0;
    for (size_t i = 0; i < http->n_headers; i++) {
        const Header *header = &http->headers[i];
        if (g_ascii_strncasecmp(header->name, META, strlen(META)) != 0)
            continue;
        if (!check_line(call, header->name, header->value, error))
            return false;
        if (!is_first_of_its_name(http, i))
            continue;
        add_user_header(http, i, text);
        extra += META_EXTRA;
    }
    size_t size = text->len - before - extra;
    if (size <= META_MAX)
        return true;
    s3_detail(call, "Size", arena_printf(call->arena, "%zu", size));
    s3_detail(call, "MaxSizeAllowed", G_STRINGIFY(META_MAX));
    return fault_set(error, FAULT_METADATA_TOO_LARGE,
                     "Your metadata headers exceed the maximum allowed metadata size");
}

bool s3_headers_read(S3Call *call, const char **ret_headers, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (!add_standard(call, text, error) || !add_user(call, text, error))
        return false;
    *ret_headers = text->len ? arena_strndup(call->arena, text->str, text->len) : NULL;
    return true;
}

/* ---- the rest of what they say ---- */

static const char *const classes[] = {"STANDARD",
                                      "REDUCED_REDUNDANCY",
                                      "STANDARD_IA",
                                      "ONEZONE_IA",
                                      "INTELLIGENT_TIERING",
                                      "GLACIER",
                                      "DEEP_ARCHIVE",
                                      "GLACIER_IR",
                                      "EXPRESS_ONEZONE",
                                      "OUTPOSTS",
                                      "SNOW",
                                      NULL};

static bool read_class(const S3Call *call, const char **ret_class, GError **error)
{
    const char *class = s3_header(call, "x-amz-storage-class");
    if (!class || strcmp(class, "STANDARD") == 0)
        return true;
    if (!g_strv_contains(classes, class))
        return fault_set(error, FAULT_INVALID_STORAGE_CLASS,
                         "The storage class you specified is not valid");
    *ret_class = class;
    return true;
}

const char *s3_unquote(Arena *arena, const char *etag)
{
    if (!etag || !strchr(etag, '"'))
        return etag;
    char *plain = arena_strdup(arena, etag), *to = plain;
    for (; *etag; etag++) {
        if (*etag != '"')
            *to++ = *etag;
    }
    *to = '\0';
    return plain;
}

Conditions s3_write_conditions(const S3Call *call)
{
    return (Conditions){
        .if_match = s3_unquote(call->arena, s3_header(call, "if-match")),
        .if_none_match = s3_unquote(call->arena, s3_header(call, "if-none-match")),
    };
}

bool s3_check_write_conditions(S3Call *call, Txn *txn, const Bucket *bucket, const char *key,
                               const Conditions *conditions, GError **error)
{
    Object *current;
    if (!conditions->if_match && !conditions->if_none_match)
        return true;
    return object_find_current(txn, call->arena, bucket, key, &current, error) &&
           (!conditions->if_match || s3_check_access_to(call, txn, "s3:GetObject", bucket, key,
                                                        current, S3_ACL_OBJECT, ACL_READ, error)) &&
           conditions_check_write(conditions, current, error);
}

bool s3_put_read(S3Call *call, S3Put **ret_put, GError **error)
{
    S3Put *put = arena_new_struct(call->arena, S3Put);
    Object *object = &put->object;
    object->key = call->key;
    if (!s3_headers_read(call, &object->headers, error) ||
        !read_class(call, &object->storage_class, error) ||
        !s3_tags_from_header(call, s3_header(call, "x-amz-tagging"), &object->tags, error) ||
        !s3_encryption_read(call, &put->encryption, error) ||
        !s3_encryption_check_key(call, call->txn, call->bucket, put->encryption.customer_key,
                                 error) ||
        !s3_lock_from_headers(call, call->txn, object, error))
        return false;
    object->encryption = put->encryption.kind;
    object->encryption_key = put->encryption.key;
    if (!put->encryption.kind && bucket_has_document(call->bucket, DOCUMENT_ENCRYPTION) &&
        !s3_encryption_default(call, call->txn, call->bucket, &object->encryption,
                               &object->encryption_key, error))
        return false;
    call->blob.customer_key = put->encryption.customer_key;
    put->conditions = s3_write_conditions(call);
    *ret_put = put;
    return true;
}

static bool has_checksum(const S3Call *call)
{
    const char *trailer = s3_header(call, "x-amz-trailer");
    if (trailer && g_str_has_prefix(trailer, "x-amz-checksum-"))
        return true;
    for (unsigned i = 0; i < CHECKSUM_KINDS; i++) {
        char name[40];
        g_snprintf(name, sizeof(name), "x-amz-checksum-%s", checksum_name((ChecksumKind)i));
        if (s3_header(call, name))
            return true;
    }
    return false;
}

bool s3_put_check_digest(const S3Call *call, const char *what, GError **error)
{
    return s3_header(call, "content-md5") || has_checksum(call) ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "Content-MD5 OR x-amz-checksum- HTTP header is required for Put %s requests "
                     "with Object Lock parameters",
                     what);
}

bool s3_prepare_put(S3Call *call, GError **error)
{
    S3Put *put;
    if (!s3_put_read(call, &put, error))
        return false;
    const Object *object = &put->object;
    if (call->operation->body == S3_BYTES && (object->lock_mode || object->legal_hold) &&
        !s3_put_check_digest(call, "Object", error))
        return false;
    call->state = put;
    return true;
}

/* The writer, unless ownership controls give what he writes to the bucket's owner. */
const char *s3_put_owner(const S3Call *call, const Bucket *bucket)
{
    if (call->signature.anonymous || !s3_acls_count(bucket))
        return bucket->account_id;
    const char *acl = s3_header(call, "x-amz-acl");
    if (g_strcmp0(bucket->ownership, "BucketOwnerPreferred") == 0 &&
        g_strcmp0(acl, "bucket-owner-full-control") == 0)
        return bucket->account_id;
    return call->signature.caller.account_id;
}

bool s3_put_store(S3Call *call, Txn *txn, const Bucket *bucket, S3Put *put, GError **error)
{
    Object *object = &put->object;
    object->account_id = s3_put_owner(call, bucket);
    if (!s3_acl_from_headers(call, txn, bucket, object->account_id, true, &object->acl, error))
        return false;
    return s3_check_write_conditions(call, txn, bucket, call->key, &put->conditions, error) &&
           object_store(call->s3->blobs, txn, call->arena, bucket, object, s3_now(call), error);
}

/* ---- replies ---- */

void s3_put_reply(S3Call *call, const Bucket *bucket, const Object *object)
{
    if (bucket->versioning)
        s3_reply_header(call, "x-amz-version-id", object->version_id);
    s3_encryption_reply(call, object->encryption, object->encryption_key);
    s3_expiration_reply(call, bucket, object);
}

void s3_checksum_add_default(S3Call *call)
{
    call->checksum = (ChecksumClaim){
        .kind = S3_DEFAULT_CHECKSUM,
        .value = checksum_text(call->arena, S3_DEFAULT_CHECKSUM,
                               call->bytes->checksums[S3_DEFAULT_CHECKSUM]),
    };
}

void s3_checksum_reply(S3Call *call, const char *checksum)
{
    ChecksumClaim claim = checksum_claim(call->arena, checksum);
    if (claim.kind == CHECKSUM_NONE || !claim.value)
        return;
    s3_reply_header(call,
                    arena_printf(call->arena, "x-amz-checksum-%s", checksum_lower_name(claim.kind)),
                    claim.value);
    s3_reply_header(call, "x-amz-checksum-type", claim.composite ? "COMPOSITE" : "FULL_OBJECT");
}

void s3_xml_checksum_value(S3Call *call, Buffer *xml, const char *checksum)
{
    ChecksumClaim claim = checksum_claim(call->arena, checksum);
    if (claim.kind != CHECKSUM_NONE)
        s3_xml_text(xml, arena_printf(call->arena, "Checksum%s", checksum_name(claim.kind)),
                    claim.value);
}

void s3_checksum_xml(S3Call *call, Buffer *xml, const char *checksum)
{
    ChecksumClaim claim = checksum_claim(call->arena, checksum);
    s3_xml_checksum_value(call, xml, checksum);
    if (claim.kind != CHECKSUM_NONE && claim.value)
        s3_xml_text(xml, "ChecksumType", claim.composite ? "COMPOSITE" : "FULL_OBJECT");
}

const char *s3_etag_of(Arena *arena, const BlobResult *bytes, bool encrypted)
{
    char *hex = arena_alloc(arena, 2 * MD5_SIZE + 1);
    hex_encode(encrypted ? bytes->stored_md5 : bytes->md5, MD5_SIZE, hex);
    return hex;
}
