/* Server certificates of IAM: what HTTPS and SSL listeners of load balancers show. Verbs of one
 * transaction each; who may do it is the caller's to check.
 *
 * Private keys are kept in the database as they came; its directory is readable by its owner alone
 * (mode 0700), as its files are. They are never told again.
 *
 * Faults: NoSuchEntity, EntityAlreadyExists (names differ in more than case), LimitExceeded,
 * MalformedCertificate, KeyPairMismatch, DeleteConflict, InvalidInput, ValidationError. */
#pragma once

#include "cloud/cloud.h"

/* "IAM and AWS STS quotas" (IAM User Guide). */
#define SERVER_CERTIFICATES_PER_ACCOUNT 20
#define SERVER_CERTIFICATE_TAGS 50
#define SERVER_CERTIFICATE_NAME_MAX 128

/* The certificate with that ARN: name, arn, body, chain and private_key in PEM; *ret_certificate is
 * NULL when there is none. Whether it is the caller's account's is for the caller to check
 * (account_id). */
bool server_certificate_by_arn(Txn *txn, Arena *arena, const char *arn,
                               ServerCertificate **ret_certificate, GError **error);
/* Whether a listener of a load balancer shows it: then it cannot be deleted. */
bool server_certificate_in_use(Txn *txn, const ServerCertificate *certificate, bool *ret_used,
                               GError **error);

/* chain, path: may be NULL. tags: of ServerCertificateTag *, without their certificate_id. */
typedef struct ServerCertificateSpec {
    const char *name, *path, *body, *private_key, *chain;
    List tags;
} ServerCertificateSpec;
bool server_certificate_upload(const Context *context, const ServerCertificateSpec *spec,
                               ServerCertificate **ret_certificate, GError **error);
/* new_name, new_path: NULL: as it is. Listeners that show it go on with its new ARN. */
bool server_certificate_rename(const Context *context, const char *name, const char *new_name,
                               const char *new_path, GError **error);
/* *tags (may be NULL) gets ServerCertificateTag *. */
bool server_certificate_find(const Context *context, const char *name,
                             ServerCertificate **ret_certificate, List *tags, GError **error);
/* By name. path_prefix: may be NULL. */
bool server_certificates_list(const Context *context, const char *path_prefix, List *list,
                              GError **error);
bool server_certificate_remove(const Context *context, const char *name, GError **error);
/* tags: of ServerCertificateTag *; keys: of const char *; those that are not there are fine. */
bool server_certificate_tag_add(const Context *context, const char *name, const List *tags,
                                GError **error);
bool server_certificate_untag(const Context *context, const char *name, const List *keys,
                              GError **error);
/* The ARN of the certificate of that name, or, where there is none, of one that would be made with
 * that path (NULL: "/"). */
bool server_certificate_find_arn(Txn *txn, Arena *arena, const char *account_id, const char *path,
                                 const char *name, const char **ret_arn, GError **error);
