/* Condition keys of S3. Invariant: as of api/request_facts.c. */
#include "api/s3/access_facts.h"

#include "api/request_facts.h"
#include <inttypes.h>
#include <string.h>

typedef struct FactRow {
    const char *key, *name;
} FactRow;

static const FactRow headers[] = {
    {"s3:x-amz-acl", "x-amz-acl"},
    {"s3:x-amz-grant-read", "x-amz-grant-read"},
    {"s3:x-amz-grant-write", "x-amz-grant-write"},
    {"s3:x-amz-grant-read-acp", "x-amz-grant-read-acp"},
    {"s3:x-amz-grant-write-acp", "x-amz-grant-write-acp"},
    {"s3:x-amz-grant-full-control", "x-amz-grant-full-control"},
    {"s3:x-amz-copy-source", "x-amz-copy-source"},
    {"s3:x-amz-metadata-directive", "x-amz-metadata-directive"},
    {"s3:x-amz-server-side-encryption", "x-amz-server-side-encryption"},
    {"s3:x-amz-server-side-encryption-aws-kms-key-id",
     "x-amz-server-side-encryption-aws-kms-key-id"},
    {"s3:x-amz-server-side-encryption-customer-algorithm",
     "x-amz-server-side-encryption-customer-algorithm"},
    {"s3:x-amz-storage-class", "x-amz-storage-class"},
    {"s3:x-amz-website-redirect-location", "x-amz-website-redirect-location"},
    {"s3:x-amz-object-ownership", "x-amz-object-ownership"},
    {"s3:x-amz-content-sha256", "x-amz-content-sha256"},
};

static const FactRow parameters[] = {
    {"s3:prefix", "prefix"},
    {"s3:delimiter", "delimiter"},
    {"s3:max-keys", "max-keys"},
    {"s3:VersionId", "versionId"},
};

/* "/bucket/key", "bucket/key?versionId=…", percent-encoded: as policies are written, without. */
static const char *plain_source(Arena *arena, const char *source)
{
    g_autofree char *path = g_strndup(source, strcspn(source, "?"));
    g_autofree char *plain = g_uri_unescape_string(path, NULL);
    const char *text = plain ? plain : path;
    return arena_strdup(arena, *text == '/' ? text + 1 : text);
}

static void add_headers(const S3Call *call, PolicyRequest *request)
{
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        const char *value = s3_header(call, headers[i].name);
        if (value && strcmp(headers[i].name, "x-amz-copy-source") == 0)
            value = plain_source(call->arena, value);
        policy_add_fact(call->arena, request, headers[i].key, value);
    }
}

static void add_signature(const S3Call *call, PolicyRequest *request)
{
    const S3Signature *signature = &call->signature;
    Arena *arena = call->arena;
    if (signature->anonymous)
        return;
    policy_add_fact(arena, request, "s3:authType", signature->auth_type);
    policy_add_fact(arena, request, "s3:signatureversion", signature->version);
    if (signature->time)
        policy_add_fact(
            arena, request, "s3:signatureAge",
            arena_printf(arena, "%" PRId64, MAX(0, s3_now(call) - signature->time) / 1000));
}

/* Tags as in x-amz-tagging: prefix/KEY is the value; keys, if wanted, are one fact more. */
static void add_tags(Arena *arena, const char *tags, const char *prefix, const char *keys,
                     PolicyRequest *request)
{
    Params params = {0};
    if (!tags || !params_decode(&params, arena, tags, strlen(tags), NULL))
        return;
    for (size_t i = 0; i < params.n; i++)
        policy_add_fact(arena, request, arena_printf(arena, "%s/%s", prefix, params.items[i].name),
                        params.items[i].value);
    for (size_t i = 0; keys && i < params.n; i++)
        policy_add_fact(arena, request, keys, params.items[i].name);
}

/* Of retention that is being set: whole days, begun ones count. */
static void add_retention(const S3Call *call, const char *text, PolicyRequest *request)
{
    int64_t until;
    policy_add_fact(call->arena, request, "s3:object-lock-retain-until-date", text);
    if (text && clock_parse(text, &until))
        policy_add_fact(call->arena, request, "s3:object-lock-remaining-retention-days",
                        arena_printf(call->arena, "%" PRId64,
                                     (MAX(0, until - s3_now(call)) + CLOCK_DAY - 1) / CLOCK_DAY));
}

static S3Said said_in_headers(const S3Call *call)
{
    return (S3Said){
        .tags = s3_header(call, "x-amz-tagging"),
        .lock_mode = s3_header(call, "x-amz-object-lock-mode"),
        .retain_until = s3_header(call, "x-amz-object-lock-retain-until-date"),
        .legal_hold = s3_header(call, "x-amz-object-lock-legal-hold"),
    };
}

/* An operation that takes them from its body does not look at the headers, so nor may policies. */
static void add_said(const S3Call *call, PolicyRequest *request)
{
    const S3Said said = call->said ? *call->said : said_in_headers(call);
    Arena *arena = call->arena;
    policy_add_fact(arena, request, "s3:LocationConstraint", said.location);
    policy_add_fact(arena, request, "s3:object-lock-mode", said.lock_mode);
    policy_add_fact(arena, request, "s3:object-lock-legal-hold", said.legal_hold);
    add_retention(call, said.retain_until, request);
    add_tags(arena, said.tags, "s3:RequestObjectTag", "s3:RequestObjectTagKeys", request);
}

void s3_access_facts(const S3Call *call, const Bucket *bucket, const Object *object,
                     PolicyRequest *request)
{
    Arena *arena = call->arena;
    request_facts_add(arena, call->signature.anonymous ? NULL : &call->signature.caller, call->http,
                      call->s3->region, request);
    policy_add_fact(arena, request, "aws:ResourceAccount", bucket ? bucket->account_id : NULL);
    policy_add_fact(arena, request, "s3:ResourceAccount", bucket ? bucket->account_id : NULL);
    add_headers(call, request);
    for (size_t i = 0; i < G_N_ELEMENTS(parameters); i++)
        policy_add_fact(arena, request, parameters[i].key, s3_param(call, parameters[i].name));
    add_signature(call, request);
    add_said(call, request);
    add_tags(arena, object ? object->tags : NULL, "s3:ExistingObjectTag", NULL, request);
}
