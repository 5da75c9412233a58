/* Buckets: records, and a record for each configuration that one has.
 *
 * Invariant: the bit of a document is set in its bucket's record exactly while it exists, so that
 * whoever has the bucket need not look for what is not there. */
#include "imagestore/buckets.h"

#include "imagestore/part_sweep.h"
#include <string.h>

static const char *const document_names[DOCUMENT_KINDS] = {
    [DOCUMENT_ACCELERATE] = "accelerate",
    [DOCUMENT_CORS] = "cors",
    [DOCUMENT_ENCRYPTION] = "encryption",
    [DOCUMENT_LIFECYCLE] = "lifecycle",
    [DOCUMENT_LOGGING] = "logging",
    [DOCUMENT_NOTIFICATION] = "notification",
    [DOCUMENT_OBJECT_LOCK] = "object-lock",
    [DOCUMENT_OWNERSHIP] = "ownershipControls",
    [DOCUMENT_POLICY] = "policy",
    [DOCUMENT_PUBLIC_ACCESS_BLOCK] = "publicAccessBlock",
    [DOCUMENT_REPLICATION] = "replication",
    [DOCUMENT_REQUEST_PAYMENT] = "requestPayment",
    [DOCUMENT_TAGGING] = "tagging",
    [DOCUMENT_WEBSITE] = "website",
    [DOCUMENT_LIFECYCLE_SIZE] = "lifecycle-size",
};

const char *document_name(DocumentKind kind)
{
    g_assert(kind < DOCUMENT_KINDS);
    return document_names[kind];
}

#define NAME_SIZE_MIN 3
#define NAME_SIZE_MAX 63

/* Four numbers with dots between them: a Host header could not be told from an address. */
static bool is_ip_address(const char *name)
{
    int numbers = 0;
    for (const char *c = name;; c++) {
        size_t digits = strspn(c, "0123456789");
        if (digits == 0 || digits > 3)
            return false;
        numbers++;
        c += digits;
        if (!*c)
            return numbers == 4;
        if (*c != '.')
            return false;
    }
}

static bool has_reserved_affix(const char *name)
{
    static const char *const prefixes[] = {"xn--", "sthree-", "amzn-s3-demo-"};
    static const char *const suffixes[] = {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"};
    for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        if (g_str_has_prefix(name, prefixes[i]))
            return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        if (g_str_has_suffix(name, suffixes[i]))
            return true;
    }
    return false;
}

bool bucket_name_is_valid(const char *name)
{
    size_t size = strlen(name);
    return size >= NAME_SIZE_MIN && size <= NAME_SIZE_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == size &&
           g_ascii_isalnum(name[0]) && g_ascii_isalnum(name[size - 1]) && !strstr(name, "..") &&
           !is_ip_address(name) && !has_reserved_affix(name);
}

/* Fault: somebody has a bucket of that name. */
static bool check_name_is_free(Txn *txn, Arena *arena, const Bucket *wanted, GError **error)
{
    Bucket *there;
    if (!bucket_get(txn, arena, wanted->name, &there, error))
        return false;
    if (!there)
        return true;
    if (strcmp(there->account_id, wanted->account_id) == 0)
        return fault_set(error, FAULT_BUCKET_ALREADY_OWNED_BY_YOU,
                         "Your previous request to create the named bucket succeeded and you"
                         " already own it.");
    return fault_set(error, FAULT_BUCKET_ALREADY_EXISTS,
                     "The requested bucket name is not available. The bucket namespace is shared"
                     " by all users of the system. Please select a different name and try again.");
}

bool bucket_create(Txn *txn, const Bucket *bucket, GError **error)
{
    if (!bucket_name_is_valid(bucket->name))
        return fault_set(error, FAULT_INVALID_BUCKET_NAME, "The specified bucket is not valid.");
    g_autoptr(Arena) arena = arena_new();
    int64_t n;
    if (!check_name_is_free(txn, arena, bucket, error) ||
        !record_count(txn, COUNT_BUCKETS_OF_ACCOUNT, &n, error, bucket->account_id))
        return false;
    if (n >= BUCKETS_MAX)
        return fault_set(error, FAULT_TOO_MANY_BUCKETS,
                         "You have attempted to create more buckets than allowed");
    Bucket created = {
        .name = bucket->name,
        .account_id = bucket->account_id,
        .region = bucket->region,
        .created = bucket->created,
        .versioning = bucket->object_lock ? "Enabled" : NULL,
        .object_lock = bucket->object_lock,
        .acl = bucket->acl,
        .ownership = bucket->ownership,
    };
    return bucket_insert(txn, &created, error);
}

bool bucket_none(GError **error)
{
    return fault_set(error, FAULT_NO_SUCH_BUCKET, "The specified bucket does not exist");
}

bool bucket_find(Txn *txn, Arena *arena, const char *name, Bucket **ret_bucket, GError **error)
{
    Bucket *bucket;
    if (!bucket_get(txn, arena, name, &bucket, error))
        return false;
    if (!bucket)
        return bucket_none(error);
    *ret_bucket = bucket;
    return true;
}

bool bucket_remove(Blobs *blobs, Txn *txn, const Bucket *bucket, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    void *object;
    if (!record_query_one(txn, arena, QUERY_OBJECTS_IN_BUCKET, &object, error, bucket->name))
        return false;
    if (object)
        return fault_set(error, FAULT_BUCKET_NOT_EMPTY,
                         "The bucket you tried to delete is not empty");
    return part_trash_put_all(blobs, txn, bucket->name, error) &&
           record_change(txn, CHANGE_DELETE_DOCUMENTS_OF_BUCKET, NULL, error, bucket->name) &&
           bucket_delete(txn, bucket->name, error);
}

bool bucket_document_find(Txn *txn, Arena *arena, const Bucket *bucket, DocumentKind kind,
                          const char **ret_body, GError **error)
{
    if (!bucket_has_document(bucket, kind)) {
        *ret_body = NULL;
        return true;
    }
    void *found;
    if (!record_query_one(txn, arena, QUERY_BUCKET_DOCUMENT, &found, error, bucket->name,
                          document_name(kind)))
        return false;
    *ret_body = found ? ((BucketDocument *)found)->body : NULL;
    return true;
}

bool bucket_document_set(Txn *txn, Bucket *bucket, DocumentKind kind, const char *body,
                         GError **error)
{
    const char *name = document_name(kind);
    bool ok =
        body ? bucket_document_put(txn, &(BucketDocument){bucket->name, name, body}, error)
             : record_change(txn, CHANGE_DELETE_BUCKET_DOCUMENT, NULL, error, bucket->name, name);
    if (!ok)
        return false;
    int64_t bit = INT64_C(1) << kind;
    bucket->documents = body ? bucket->documents | bit : bucket->documents & ~bit;
    return bucket_put(txn, bucket, error);
}
