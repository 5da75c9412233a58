/* Server-side encryption in headers. */
#include "api/s3/sse.h"

#include "base/digest.h"
#include "base/fault.h"
#include <string.h>

#define SSE "x-amz-server-side-encryption"

typedef struct CustomerKey {
    const uint8_t *key; /* NULL: none was given */
    const char *md5;
} CustomerKey;

static bool decode_key(S3Call *call, const char *text, const char *md5, CustomerKey *ret_key,
                       GError **error)
{
    g_autofree uint8_t *data = NULL;
    size_t size;
    if (!base64_decode(text, strlen(text), &data, &size) || size != BLOB_CUSTOMER_KEY_SIZE)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "The secret key was invalid for the specified algorithm.");
    uint8_t hash[MD5_SIZE];
    digest(DIGEST_MD5, data, size, hash);
    g_autofree char *own = g_base64_encode(hash, sizeof(hash));
    if (strcmp(own, md5) != 0)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "The calculated MD5 hash of the key did not match the hash that was "
                         "provided.");
    *ret_key = (CustomerKey){arena_memdup(call->arena, data, size), md5};
    return true;
}

static bool read_customer_key(S3Call *call, bool copy_source, CustomerKey *ret_key, GError **error)
{
    const char *prefix =
        copy_source ? "x-amz-copy-source-server-side-encryption-customer-" : SSE "-customer-";
    const char *algorithm = s3_header(call, arena_printf(call->arena, "%salgorithm", prefix));
    const char *key = s3_header(call, arena_printf(call->arena, "%skey", prefix));
    const char *md5 = s3_header(call, arena_printf(call->arena, "%skey-MD5", prefix));
    *ret_key = (CustomerKey){0};
    if (!algorithm && !key && !md5)
        return true;
    if (!algorithm)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "Requests specifying Server Side Encryption with Customer provided keys "
                         "must provide a valid encryption algorithm.");
    if (strcmp(algorithm, "AES256") != 0)
        return fault_set(error, FAULT_INVALID_ENCRYPTION_ALGORITHM,
                         "The Encryption request you specified is not valid. Supported value: "
                         "AES256.");
    if (!key)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "Requests specifying Server Side Encryption with Customer provided keys "
                         "must provide an appropriate secret key.");
    if (!md5)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "Requests specifying Server Side Encryption with Customer provided keys "
                         "must provide the client calculated MD5 of the secret key.");
    return decode_key(call, key, md5, ret_key, error);
}

static bool is_known(const char *kind)
{
    return strcmp(kind, "AES256") == 0 || strcmp(kind, "aws:kms") == 0 ||
           strcmp(kind, "aws:kms:dsse") == 0;
}

bool s3_encryption_read(S3Call *call, S3Encryption *ret_encryption, GError **error)
{
    CustomerKey customer;
    if (!read_customer_key(call, false, &customer, error))
        return false;
    const char *kind = s3_header(call, SSE);
    const char *key_id = s3_header(call, SSE "-aws-kms-key-id");
    if (kind && !is_known(kind))
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "The encryption method specified is not supported");
    if (key_id && (!kind || strcmp(kind, "AES256") == 0))
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "Server Side Encryption with AWS KMS managed key requires HTTP header " SSE
                         " : aws:kms");
    if (customer.key && kind)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "Server Side Encryption with Customer provided key is incompatible with "
                         "the encryption method specified");
    *ret_encryption = customer.key ? (S3Encryption){"customer", customer.md5, customer.key}
                                   : (S3Encryption){kind, key_id, NULL};
    return true;
}

bool s3_encryption_key(S3Call *call, const char *kind, const char *key_md5, bool copy_source,
                       const uint8_t **ret_key, GError **error)
{
    CustomerKey customer;
    if (!read_customer_key(call, copy_source, &customer, error))
        return false;
    bool needed = kind && strcmp(kind, "customer") == 0;
    if (needed && !customer.key)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The object was stored using a form of Server Side Encryption. The "
                         "correct parameters must be provided to retrieve the object.");
    if (!needed && customer.key)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The encryption parameters are not applicable to this object.");
    if (needed && strcmp(customer.md5, key_md5) != 0)
        return fault_set(error, FAULT_ACCESS_DENIED, "Access Denied");
    *ret_key = customer.key;
    return true;
}

void s3_encryption_reply(S3Call *call, const char *kind, const char *key)
{
    if (kind && strcmp(kind, "customer") == 0) {
        s3_reply_header(call, SSE "-customer-algorithm", "AES256");
        s3_reply_header(call, SSE "-customer-key-MD5", key);
        return;
    }
    /* Objects of which nothing was said are encrypted by S3 itself. */
    s3_reply_header(call, SSE, kind ? kind : "AES256");
    s3_reply_header(call, SSE "-aws-kms-key-id", key);
}
