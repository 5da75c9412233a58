/* See the header. */
#include "api/s3/upload_policy.h"

#include "api/s3/post_policy.h"
#include "base/digest.h"
#include "base/fault.h"
#include "cloud/accounts.h"
#include <string.h>

#define BUNDLE_ACL "ec2-bundle-read"

static bool check_signature(const UploadPolicy *policy, const AccessKey *key, GError **error)
{
    uint8_t digest[SHA1_SIZE];
    digest_hmac(DIGEST_SHA1, key->secret, strlen(key->secret), policy->text, strlen(policy->text),
                digest);
    g_autofree char *expected = g_base64_encode(digest, sizeof(digest));
    return constant_time_equal(expected, policy->signature) ||
           fault_set(error, FAULT_AUTH_FAILURE,
                     "The signature of the upload policy was not made with the secret of %.100s",
                     policy->access_key_id);
}

static bool decode(Arena *arena, const UploadPolicy *policy, const char **ret_json, GError **error)
{
    g_autofree uint8_t *json = NULL;
    size_t size;
    if (!base64_decode(policy->text, strlen(policy->text), &json, &size) ||
        memchr(json, '\0', size))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "The upload policy is not Base64 of JSON");
    *ret_json = arena_strndup(arena, (const char *)json, size);
    return true;
}

/* In EC2's words. */
static bool refuse(GError **error, GError *reason)
{
    if (reason->domain == FAULT_DOMAIN) {
        fault_set(error,
                  fault_is(reason, FAULT_ACCESS_DENIED) ? FAULT_AUTH_FAILURE
                                                        : FAULT_INVALID_PARAMETER_VALUE,
                  "The upload policy: %s", reason->message);
        g_error_free(reason);
    } else {
        g_propagate_error(error, reason);
    }
    return false;
}

static bool check_policy(const Call *call, const char *json, const char *bucket, const char *prefix,
                         GError **error)
{
    g_autoptr(GError) reason = NULL;
    Param items[] = {{.name = "acl", .value = BUNDLE_ACL}, {.name = "key", .value = prefix}};
    const Params fields = {items, G_N_ELEMENTS(items)};
    PostPolicySize size;
    return post_policy_check(call->context.arena, json, &fields, bucket,
                             cloud_now(call->context.cloud), &size, &reason) ||
           refuse(error, g_steal_pointer(&reason));
}

bool s3_check_upload_policy(const Call *call, const UploadPolicy *policy, const char *bucket,
                            const char *prefix, Caller *ret_signer, GError **error)
{
    Arena *arena = call->context.arena;
    Cloud *cloud = call->context.cloud;
    AccessKey *key;
    const char *json;
    if (!account_find_key(cloud, arena, policy->access_key_id, &key, error))
        return false;
    if (!key)
        return fault_set(error, FAULT_AUTH_FAILURE, "There is no access key %.100s",
                         policy->access_key_id);
    return check_signature(policy, key, error) && decode(arena, policy, &json, error) &&
           check_policy(call, json, bucket, prefix, error) &&
           account_caller(cloud, arena, key, ret_signer, error);
}
