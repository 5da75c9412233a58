/* Verification of a POST form's fields: what is signed is the policy's text, in base64 as it was
 * sent. Invariant: no policy leaves here believed whose text the key's owner did not sign; times
 * are the policy's own matter. */
#include "api/signature/s3_signature.h"

#include "api/signature/verifier.h"
#include "base/fault.h"
#include <openssl/crypto.h>
#include <string.h>

static bool read_policy(Arena *arena, const char *text, const char **ret_policy, GError **error)
{
    g_autofree uint8_t *data = NULL;
    size_t size;
    if (!base64_decode(text, strlen(text), &data, &size) || memchr(data, '\0', size) ||
        !g_utf8_validate((const char *)data, (gssize)size, NULL))
        return fault_set(error, FAULT_INVALID_POLICY_DOCUMENT,
                         "Invalid Policy: the policy is not base64-encoded UTF-8 text.");
    *ret_policy = arena_strndup(arena, (const char *)data, size);
    return true;
}

static bool refuse_absent(const char *name, GError **error)
{
    return fault_set(error, FAULT_INVALID_ARGUMENT,
                     "Bucket POST must contain a field named '%s'.  If it is specified, please "
                     "check the order of the fields.",
                     name);
}

static bool read_v2_form(const Params *fields, Claim *ret_claim, GError **error)
{
    Claim claim = {.form = SIGNATURE_V2,
                   .digest = DIGEST_SHA1,
                   .access_key_id = params_get(fields, "awsaccesskeyid"),
                   .signature = params_get(fields, "signature")};
    if (!claim.access_key_id)
        return refuse_absent("AWSAccessKeyId", error);
    if (!claim.signature)
        return refuse_absent("signature", error);
    *ret_claim = claim;
    return true;
}

static bool read_v4_form(Arena *arena, const Params *fields, Claim *ret_claim, GError **error)
{
    Claim claim;
    claim_read_form(arena, fields, &claim);
    if (claim.problem == SIGNATURE_FINE) {
        *ret_claim = claim;
        return true;
    }
    if (claim.flaw == FLAW_COMPONENT)
        return refuse_absent(claim.flawed, error);
    return fault_set(error, FAULT_INVALID_ARGUMENT, "%s", claim.detail);
}

static bool form_is_right(Verifier *verifier, Arena *arena, const Claim *claim, const char *secret,
                          const char *text)
{
    if (claim->form == SIGNATURE_V2)
        return signature_is_mac(claim, secret, text, strlen(text));
    uint8_t key[SHA256_SIZE];
    bool cached = key_cache_get(verifier->cache, arena, claim, secret, key);
    bool right = sigv4_is_mac(claim->signature, key, text, strlen(text));
    if (right && !cached)
        key_cache_put(verifier->cache, arena, claim, secret, key);
    OPENSSL_cleanse(key, sizeof(key));
    return right;
}

static bool believe(Verifier *verifier, Arena *arena, const Claim *claim, const char *text,
                    S3Signature *ret_signature, GError **error)
{
    const Credential *credential = NULL;
    if (!verifier->keys.find(verifier->keys.data, arena, claim->access_key_id, &credential, error))
        return false;
    if (!credential)
        return fault_set(error, FAULT_INVALID_ACCESS_KEY_ID,
                         "The AWS Access Key Id you provided does not exist in our records.");
    if (!form_is_right(verifier, arena, claim, credential->secret, text))
        return fault_set(error, FAULT_SIGNATURE_DOES_NOT_MATCH, S3_WRONG_SIGNATURE);
    bool version2 = claim->form == SIGNATURE_V2;
    *ret_signature = (S3Signature){.caller = credential->caller,
                                   .form = claim->form,
                                   .version2 = version2,
                                   .payload = S3_PAYLOAD_UNSIGNED,
                                   .time = claim->time,
                                   .auth_type = "POST",
                                   .version = version2 ? "AWS" : "AWS4-HMAC-SHA256"};
    return true;
}

bool verifier_check_form(Verifier *verifier, Arena *arena, const Params *fields,
                         S3Signature *ret_signature, const char **ret_policy, GError **error)
{
    const char *text = params_get(fields, "policy");
    if (!text) {
        *ret_signature = (S3Signature){.anonymous = true, .payload = S3_PAYLOAD_UNSIGNED};
        *ret_policy = NULL;
        return true;
    }
    bool version4 = params_get(fields, "x-amz-algorithm") ||
                    params_get(fields, "x-amz-signature") || params_get(fields, "x-amz-credential");
    Claim claim;
    const char *policy = NULL;
    if (!(version4 ? read_v4_form(arena, fields, &claim, error)
                   : read_v2_form(fields, &claim, error)) ||
        !read_policy(arena, text, &policy, error))
        return false;
    if (params_get(fields, "x-amz-security-token"))
        return fault_set(error, FAULT_S3_INVALID_TOKEN,
                         "The provided token is malformed or otherwise invalid.");
    if (!believe(verifier, arena, &claim, text, ret_signature, error))
        return false;
    *ret_policy = policy;
    return true;
}
