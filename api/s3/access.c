/* Authorisation. Source: "How Amazon S3 authorizes a request" (Amazon S3 User Guide).
 *
 *     user context      a user's own account lets him: his policies, or what belongs to the account
 *                       lets him by itself (the bucket's policy, an ACL that is for everybody);
 *                       root needs nothing
 *     bucket context    the bucket's owner does not forbid it; and lets a stranger, by policy or
 *                       the bucket's ACL
 *     object context    an object of somebody else's in the bucket: its owner lets others, by the
 *                       object's ACL
 *
 * Invariants: an explicit deny wins over everything, but for the bucket owner's root, who can
 * always mend the bucket's policy; the owner of a bucket without a policy, as root, is let through
 * without anything being read. */
#include "api/s3/access.h"

#include "api/s3/access_facts.h"
#include "api/s3/requester.h"
#include "base/fault.h"
#include "cloud/iam.h"
#include "cloud/known_policies.h"
#include <string.h>

/* What is to be decided. */
typedef struct Question {
    S3Call *call;
    Txn *txn;
    const char *action;
    const Bucket *bucket; /* NULL: none, or one that is to be made */
    const char *key;
    const Object *object; /* NULL: the bucket itself, or it is not there */
    S3AclOf acl_of;
    unsigned acl;
} Question;

static bool deny(GError **error)
{
    return fault_set(error, FAULT_ACCESS_DENIED, "Access Denied");
}

/* ---- who is who ---- */

static bool is_anonymous(const Question *question)
{
    return question->call->signature.anonymous;
}

static bool is_of_account(const Question *question, const char *account_id)
{
    return !is_anonymous(question) &&
           strcmp(question->call->signature.caller.account_id, account_id) == 0;
}

static bool is_user(const Question *question)
{
    return !is_anonymous(question) && caller_user_name(&question->call->signature.caller);
}

/* Who owns what is asked for. NULL: nobody but the caller (a bucket to be made, all his buckets).
 */
static const char *owner_of(const Question *question)
{
    if (!question->bucket)
        return NULL;
    return question->acl_of == S3_ACL_OBJECT && question->object && s3_acls_count(question->bucket)
               ? question->object->account_id
               : question->bucket->account_id;
}

static bool is_missing(const Question *question)
{
    return question->acl_of == S3_ACL_OBJECT && (!question->object || question->object->is_marker);
}

/* ---- policies ---- */

static const char *resource_of(const Question *question)
{
    Arena *arena = question->call->arena;
    const char *bucket = question->bucket ? question->bucket->name : question->call->bucket_name;
    if (!bucket)
        return "arn:aws:s3:::*";
    return question->key ? arena_printf(arena, "arn:aws:s3:::%s/%s", bucket, question->key)
                         : arena_printf(arena, "arn:aws:s3:::%s", bucket);
}

static void make_request(const Question *question, PolicyRequest *ret_request)
{
    const S3Call *call = question->call;
    *ret_request = (PolicyRequest){
        .action = question->action,
        .resource = resource_of(question),
        .now = s3_now(call),
        .canonical_id = is_anonymous(question) ? NULL : call->caller_id,
        .named = is_user(question) && question->bucket &&
                 is_of_account(question, question->bucket->account_id),
    };
    s3_access_facts(call, question->bucket, question->object, ret_request);
}

/* Its own owner's root must be able to mend a policy that shuts everybody out. */
static bool is_always_allowed(const Question *question)
{
    static const char *const actions[] = {"s3:GetBucketPolicy", "s3:PutBucketPolicy",
                                          "s3:DeleteBucketPolicy", NULL};
    return !is_user(question) && is_of_account(question, question->bucket->account_id) &&
           g_strv_contains(actions, question->action);
}

static bool ask_bucket_policy(const Question *question, const PolicyRequest *request,
                              PolicyDecision *ret_decision, GError **error)
{
    const Bucket *bucket = question->bucket;
    *ret_decision = POLICY_SILENT;
    if (!bucket || !bucket_has_document(bucket, DOCUMENT_POLICY))
        return true;
    const char *text;
    g_autoptr(KnownPolicy) known = NULL;
    if (!bucket_document_find(question->txn, question->call->arena, bucket, DOCUMENT_POLICY, &text,
                              error))
        return false;
    if (!text)
        return true;
    if (!known_policies_read(cloud_known_policies(question->call->s3->cloud), text,
                             POLICY_OF_RESOURCE, &known, error))
        return false;
    const Policy *policy = known_policy(known);
    PolicyDecision decision = policy_evaluate(policy, request);
    bool restricted = bucket->public_access_block & PUBLIC_ACCESS_RESTRICT_BUCKETS;
    if (decision == POLICY_DENY && is_always_allowed(question))
        decision = POLICY_SILENT;
    else if (decision == POLICY_ALLOW && restricted && policy_is_public(policy) &&
             !is_of_account(question, bucket->account_id))
        decision = POLICY_SILENT;
    *ret_decision = decision;
    return true;
}

static bool ask_own_policies(const Question *question, const PolicyRequest *request,
                             PolicyDecision *ret_decision, GError **error)
{
    S3Call *call = question->call;
    *ret_decision = POLICY_SILENT;
    return is_anonymous(question) ||
           iam_evaluate(call->s3->cloud, question->txn, call->arena, &call->signature.caller,
                        request, ret_decision, error);
}

/* ---- ACLs ---- */

/* The bucket's ACL lets nobody else destroy a version: who may write there could undo what it keeps
 * versions for. */
static bool is_beyond_acls(const Question *question)
{
    return strcmp(question->action, "s3:DeleteObjectVersion") == 0;
}

/* What is granted to a user's account is for it to hand on: it counts for strangers, whose own
 * policies have been asked, and not for the owner's users. */
static bool ask_acl(const Question *question, bool *ret_allowed, GError **error)
{
    S3Call *call = question->call;
    const Bucket *bucket = question->bucket;
    *ret_allowed = false;
    if (!bucket || question->acl_of == S3_ACL_NOBODY || is_missing(question) ||
        !s3_acls_count(bucket) || is_beyond_acls(question))
        return true;
    const char *owner = owner_of(question), *owner_id, *owner_name;
    if (!s3_account_identity(call, question->txn, owner, &owner_id, &owner_name, error))
        return false;
    const char *text = question->acl_of == S3_ACL_OBJECT ? question->object->acl : bucket->acl;
    const Acl *acl = acl_read(call->arena, text, owner_id);
    const char *id = is_of_account(question, owner) ? NULL : call->caller_id;
    unsigned allowed = acl_allowed(acl, id, is_anonymous(question),
                                   bucket->public_access_block & PUBLIC_ACCESS_IGNORE_ACLS);
    *ret_allowed = question->acl && (allowed & question->acl) == question->acl;
    return true;
}

/* ---- deciding ---- */

/* Some policy is asked. */
static bool has_policies(const Question *question)
{
    return is_user(question) ||
           (question->bucket && bucket_has_document(question->bucket, DOCUMENT_POLICY));
}

/* Nothing can be in the owner's way. */
static bool is_plainly_allowed(const Question *question)
{
    if (is_anonymous(question) || is_user(question))
        return false;
    return !question->bucket || (is_of_account(question, question->bucket->account_id) &&
                                 !bucket_has_document(question->bucket, DOCUMENT_POLICY) &&
                                 is_of_account(question, owner_of(question)));
}

static bool decide(const Question *question, bool *ret_denied, bool *ret_allowed, GError **error)
{
    *ret_denied = false;
    *ret_allowed = is_plainly_allowed(question);
    if (*ret_allowed)
        return true;
    PolicyRequest request = {0};
    PolicyDecision by_bucket, by_own;
    bool by_acl;
    if (has_policies(question))
        make_request(question, &request);
    if (!ask_bucket_policy(question, &request, &by_bucket, error) ||
        !ask_own_policies(question, &request, &by_own, error) || !ask_acl(question, &by_acl, error))
        return false;
    *ret_denied = by_bucket == POLICY_DENY || by_own == POLICY_DENY;
    if (*ret_denied)
        return true;

    const char *owner = owner_of(question);
    /* A bucket's policy speaks for its owner, not for the owners of objects in it. */
    bool speaks = owner && strcmp(owner, question->bucket->account_id) == 0;
    bool granted = by_acl || (speaks && by_bucket == POLICY_ALLOW);
    if (is_anonymous(question))
        *ret_allowed = granted;
    else if (!owner || is_of_account(question, owner))
        *ret_allowed = by_own == POLICY_ALLOW || granted;
    else
        *ret_allowed = by_own == POLICY_ALLOW && granted;
    return true;
}

/* Who may list the bucket may know that something is not in it. */
static bool may_know_missing(const Question *question, bool *ret_may, GError **error)
{
    Question list = *question;
    bool denied;
    list.action = "s3:ListBucket";
    list.key = NULL;
    list.object = NULL;
    list.acl_of = S3_ACL_BUCKET;
    list.acl = ACL_READ;
    return decide(&list, &denied, ret_may, error);
}

static bool check(const Question *question, GError **error)
{
    bool denied, allowed;
    if (!decide(question, &denied, &allowed, error) ||
        (!denied && is_missing(question) && !may_know_missing(question, &allowed, error)))
        return false;
    if (denied || !allowed)
        return deny(error);
    return s3_requester_check(question->call, question->txn, question->bucket, error);
}

bool s3_check_access_to(S3Call *call, Txn *txn, const char *action, const Bucket *bucket,
                        const char *key, const Object *object, S3AclOf acl_of, unsigned acl,
                        GError **error)
{
    const Question question = {call, txn, action, bucket, key, object, acl_of, acl};
    return check(&question, error);
}

/* ---- the request's own operation ---- */

typedef struct Extra {
    const char *header, *action; /* what a header asks for needs a permission of its own */
    bool by_acl;                 /* which comes with that of writing, if an ACL gave it */
} Extra;

static const Extra extras_of_objects[] = {
    {"x-amz-acl", "s3:PutObjectAcl", true},
    {"x-amz-grant-read", "s3:PutObjectAcl", true},
    {"x-amz-grant-read-acp", "s3:PutObjectAcl", true},
    {"x-amz-grant-write-acp", "s3:PutObjectAcl", true},
    {"x-amz-grant-full-control", "s3:PutObjectAcl", true},
    {"x-amz-tagging", "s3:PutObjectTagging", false},
    {"x-amz-object-lock-mode", "s3:PutObjectRetention", false},
    {"x-amz-object-lock-legal-hold", "s3:PutObjectLegalHold", false},
    {NULL},
};

static const Extra extras_of_buckets[] = {
    {"x-amz-acl", "s3:PutBucketAcl", false},
    {"x-amz-grant-read", "s3:PutBucketAcl", false},
    {"x-amz-grant-write", "s3:PutBucketAcl", false},
    {"x-amz-grant-read-acp", "s3:PutBucketAcl", false},
    {"x-amz-grant-write-acp", "s3:PutBucketAcl", false},
    {"x-amz-grant-full-control", "s3:PutBucketAcl", false},
    {"x-amz-bucket-object-lock-enabled", "s3:PutBucketObjectLockConfiguration", false},
    {"x-amz-object-ownership", "s3:PutBucketOwnershipControls", false},
    {NULL},
};

static bool check_extras(const Question *question, GError **error)
{
    const Extra *extra = strcmp(question->action, "s3:PutObject") == 0      ? extras_of_objects
                         : strcmp(question->action, "s3:CreateBucket") == 0 ? extras_of_buckets
                                                                            : NULL;
    for (; extra && extra->header; extra++) {
        Question more = *question;
        more.action = extra->action;
        if (!extra->by_acl)
            more.acl_of = S3_ACL_NOBODY;
        if (s3_header(question->call, extra->header) && !check(&more, error))
            return false;
    }
    return true;
}

static Question question_of(S3Call *call, Txn *txn)
{
    const S3Operation *operation = call->operation;
    bool version = call->version_id && operation->version_action;
    return (Question){
        .call = call,
        .txn = txn,
        .action = version ? operation->version_action : operation->action,
        .bucket = call->bucket,
        .key = call->key,
        .object = call->object,
        .acl_of = operation->acl_of,
        .acl = operation->acl,
    };
}

/* What is done to an object's tags or lock is nothing that its ACL allows, but policies may ask for
 * its tags. */
static bool find_described(Question *question, GError **error)
{
    const S3Call *call = question->call;
    Object *object;
    g_autoptr(GError) missing = NULL;
    if (question->acl_of != S3_ACL_NOBODY || !question->key || !has_policies(question))
        return true;
    if (object_find(question->txn, call->arena, question->bucket, call->key, call->version_id,
                    &object, &missing)) {
        question->object = object;
        return true;
    }
    if (missing->domain == FAULT_DOMAIN)
        return true;
    g_propagate_error(error, g_steal_pointer(&missing));
    return false;
}

static bool check_all(Question *question, GError **error)
{
    return find_described(question, error) && check(question, error) &&
           check_extras(question, error);
}

bool s3_check_access(S3Call *call, Txn *txn, GError **error)
{
    Question question = question_of(call, txn);
    call->undecided = s3_body_says(call->operation) && has_policies(&question);
    return !question.action || call->undecided || check_all(&question, error);
}

bool s3_check_access_of_body(S3Call *call, Txn *txn, GError **error)
{
    g_assert(call->undecided);
    Question question = question_of(call, txn);
    s3_body_read_said(call);
    call->undecided = false;
    return check_all(&question, error);
}
