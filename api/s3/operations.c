/* Which operation a request means. Invariant: a query parameter that selects an operation is never
 * overlooked: with one that is not in the table the request fails, instead of doing what it would
 * without. */
#include "api/s3/operations.h"

#define OPERATION(Name, function, method_name, level_name, subresource_name, header_name,          \
                  action_name, version_action_name, acl_name, acl_bits, body_name, kind_name,      \
                  prepare_function)                                                                \
    {                                                                                              \
        .name = #Name,                                                                             \
        .method = (method_name),                                                                   \
        .level = S3_##level_name,                                                                  \
        .subresource = (subresource_name),                                                         \
        .header = (header_name),                                                                   \
        .action = (action_name),                                                                   \
        .version_action = (version_action_name),                                                   \
        .acl_of = S3_ACL_##acl_name,                                                               \
        .acl = (acl_bits),                                                                         \
        .body = S3_##body_name,                                                                    \
        .kind = (kind_name),                                                                       \
        .prepare = (prepare_function),                                                             \
        .handle = s3_##function,                                                                   \
    },
const S3Operation s3_operations[] = {
#include "api/s3/operations.def"
};
static const S3Operation control_operations[] = {
#include "api/s3/control.def"
};
#undef OPERATION
const size_t s3_n_operations = G_N_ELEMENTS(s3_operations);

static const char *const subresources[] = {"accelerate",
                                           "acl",
                                           "analytics",
                                           "attributes",
                                           "cors",
                                           "delete",
                                           "encryption",
                                           "intelligent-tiering",
                                           "inventory",
                                           "legal-hold",
                                           "lifecycle",
                                           "location",
                                           "logging",
                                           "metadataTable",
                                           "metrics",
                                           "notification",
                                           "object-lock",
                                           "ownershipControls",
                                           "policy",
                                           "policyStatus",
                                           "publicAccessBlock",
                                           "replication",
                                           "requestPayment",
                                           "restore",
                                           "retention",
                                           "select",
                                           "session",
                                           "tagging",
                                           "torrent",
                                           "uploadId",
                                           "uploads",
                                           "versioning",
                                           "versions",
                                           "website",
                                           NULL};

bool s3_is_subresource(const char *name)
{
    /* Most names are those of a presigned URL: their first letter tells. */
    for (const char *const *known = subresources; *known; known++) {
        if (**known == *name && strcmp(*known, name) == 0)
            return true;
    }
    return false;
}

static S3Level level_of(const S3Call *call)
{
    return call->key ? S3_OBJECT : call->bucket_name ? S3_BUCKET : S3_SERVICE;
}

static bool fits(const S3Operation *operation, const S3Call *call, bool has_subresource)
{
    if (operation->level != level_of(call) || strcmp(operation->method, call->http->method) != 0)
        return false;
    if (operation->header && !s3_header(call, operation->header))
        return false;
    return operation->subresource ? s3_param(call, operation->subresource) != NULL
                                  : !has_subresource;
}

static const S3Operation *find_control_operation(const S3Call *call, GError **error)
{
    for (size_t i = 0; call->bucket_name && i < G_N_ELEMENTS(control_operations); i++) {
        if (strcmp(control_operations[i].method, call->http->method) == 0)
            return &control_operations[i];
    }
    if (call->bucket_name)
        s3_method_not_allowed(error);
    else
        s3_not_implemented(error);
    return NULL;
}

const S3Operation *s3_operation_find(const S3Call *call, GError **error)
{
    if (call->control)
        return find_control_operation(call, error);
    const char *subresource = NULL;
    for (size_t i = 0; !subresource && i < call->params.n; i++) {
        if (s3_is_subresource(call->params.items[i].name))
            subresource = call->params.items[i].name;
    }
    bool known = !subresource;
    for (size_t i = 0; i < s3_n_operations; i++) {
        const S3Operation *operation = &s3_operations[i];
        if (fits(operation, call, subresource != NULL))
            return operation;
        known |= operation->subresource && subresource &&
                 strcmp(operation->subresource, subresource) == 0;
    }
    if (known)
        s3_method_not_allowed(error);
    else
        s3_not_implemented(error);
    return NULL;
}
