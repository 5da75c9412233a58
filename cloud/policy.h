/* The policy language of IAM and S3: documents are read once and evaluated against a request.
 *
 * An explicit Deny wins, then an Allow; else nothing is said. Pure: any text may come in. Sources:
 * "IAM JSON policy elements reference", "Policy evaluation logic" (IAM User Guide). */
#pragma once

#include "base/arena.h"
#include <stdint.h>

typedef enum PolicyDecision { POLICY_SILENT, POLICY_ALLOW, POLICY_DENY } PolicyDecision;

typedef enum PolicyKind {
    POLICY_OF_RESOURCE, /* has a Principal */
    POLICY_OF_IDENTITY, /* has none */
} PolicyKind;

#define POLICY_MAX_SIZE 20480 /* bytes; a bucket's, which are the largest */

typedef struct Policy Policy;

/* Everything in the arena; the text is not needed any more. Fault MalformedPolicy (of a resource)
 * or MalformedPolicyDocument (of an identity) with AWS's sentence for what is wrong. */
bool policy_read(Arena *arena, const char *json, PolicyKind kind, Policy **ret_policy,
                 GError **error);

/* A condition key and its values: "aws:SourceIp" → "127.0.0.1". */
typedef struct PolicyFact {
    const char *key; /* in any case */
    List values;     /* of const char * */
} PolicyFact;

typedef struct PolicyRequest {
    const char *action;     /* "s3:GetObject" */
    const char *resource;   /* "arn:aws:s3:::bucket/key" */
    const char *account_id; /* who asks; NULL: anonymous */
    const char *arn;        /* of who asks; NULL: anonymous */
    const char *user_id;
    const char *canonical_id;
    /* What is allowed to the whole account does not count: it only leaves it to the account, whose
     * user asks, to allow it to him. */
    bool named;
    List facts; /* of PolicyFact * */
    int64_t now;
} PolicyRequest;

/* Adds a fact; a second value of a key where it was added last goes to the same fact. NULL value:
 * nothing. key must live as long as the arena. */
void policy_add_fact(Arena *arena, PolicyRequest *request, const char *key, const char *value);
/* Adds those that follow from who asks and when: aws:userid, aws:username, aws:PrincipalArn,
 * aws:PrincipalAccount, aws:PrincipalType, aws:CurrentTime, aws:EpochTime. */
void policy_add_caller_facts(Arena *arena, PolicyRequest *request);

/* Thread-safe: several may evaluate one policy at the same time. */
PolicyDecision policy_evaluate(const Policy *policy, const PolicyRequest *request);

/* Whether it allows something to everybody without a condition that narrows who that is, as S3's
 * public access block means it. */
bool policy_is_public(const Policy *policy);
/* What S3 asks of a bucket's policy: every resource of every statement is, or begins with, this ARN
 * (the bucket's own), every action is one of S3's and is for one of the resources. Fault
 * MalformedPolicy. */
bool policy_check_resources(const Policy *policy, const char *arn, GError **error);
