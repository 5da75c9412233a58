/* Signing certificates of IAM: users' and roots' X.509 certificates. Verbs of one transaction each.
 * user NULL: the caller. Who may do it is the caller's to check. */
#pragma once

#include "cloud/cloud.h"

/* "IAM and AWS STS quotas" (IAM User Guide). */
#define SIGNING_CERTIFICATES_PER_USER 2

/* body: PEM. Faults NoSuchEntity, LimitExceeded, MalformedCertificate (it cannot be read),
 * InvalidCertificate (not of an RSA key, or not valid at this time), DuplicateCertificate (the
 * account has it already). */
bool signing_certificate_upload(const Context *context, const char *user, const char *body,
                                SigningCertificate **ret_certificate, GError **error);
bool signing_certificates_list(const Context *context, const char *user, List *list,
                               GError **error);
/* Fault NoSuchEntity. */
bool signing_certificate_set_active(const Context *context, const char *user, const char *id,
                                    bool active, GError **error);
bool signing_certificate_remove(const Context *context, const char *user, const char *id,
                                GError **error);

/* Of one user (NULL: the root) of an account, inside a transaction. */
bool signing_certificates_of(Txn *txn, Arena *arena, const char *account_id, const char *user,
                             List *list, GError **error);
/* A record that is not in the store yet. */
SigningCertificate *signing_certificate_new(Arena *arena, const char *account_id, const char *user,
                                            const char *id, const char *body, const char *digest,
                                            int64_t now);
