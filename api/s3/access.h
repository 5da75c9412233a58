/* Whether a caller may do what he asks: bucket policy, the caller's own policies, ACLs, public
 * access block, ownership controls; explicit deny first. */
#pragma once

#include "api/s3/s3.h"

/* Faults AccessDenied; those of finding bucket or object are the caller's (call->bucket and, for
 * operations with S3_ACL_OBJECT, call->object have been read; object NULL: it is not there, and
 * NoSuchKey is only told to who may list the bucket). Where policies may ask what the body says,
 * nothing is refused yet and call->undecided is set. The transaction reads. */
bool s3_check_access(S3Call *call, Txn *txn, GError **error);
/* Decides what was undecided, when call->document is there and before it does anything. */
bool s3_check_access_of_body(S3Call *call, Txn *txn, GError **error);

/* The same for another action on another resource, as copying needs of its source. object NULL:
 * the bucket itself, or an object that is not there. */
bool s3_check_access_to(S3Call *call, Txn *txn, const char *action, const Bucket *bucket,
                        const char *key, const Object *object, S3AclOf acl_of, unsigned acl,
                        GError **error);

/* Whether ACLs say anything in that bucket: not where its ownership controls give all to its owner.
 */
static inline bool s3_acls_count(const Bucket *bucket)
{
    return g_strcmp0(bucket->ownership, "BucketOwnerEnforced") != 0;
}

/* The ACL that a request's headers ask for (x-amz-acl, x-amz-grant-*), or that its document is;
 * *ret_acl NULL: none was given. Faults InvalidArgument, MalformedACLError,
 * UnresolvableGrantByEmailAddress, AccessControlListNotSupported (ownership is enforced),
 * AccessDenied (a public ACL is blocked). owner: the account that the ACL is for. */
bool s3_acl_from_headers(S3Call *call, Txn *txn, const Bucket *bucket, const char *owner_account_id,
                         bool of_object, const char **ret_acl, GError **error);
bool s3_acl_from_document(S3Call *call, Txn *txn, const Bucket *bucket,
                          const char *owner_account_id, bool of_object, const char **ret_acl,
                          GError **error);
