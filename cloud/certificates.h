/* X.509 certificates with which images are bundled: the cloud's own and those of accounts.
 *
 * A bundle is encrypted to "EC2", which is this cloud: STATE/secrets/ec2.pem holds its private key
 * and its certificate, which everybody may have. Its manifest is signed by a user, whose
 * certificate is a SigningCertificate (cloud/signing_certificates.h). The root of the first account
 * has a pair that the cloud made: STATE/certificates/pk-ID.pem and cert-ID.pem, beside EC2's
 * certificate, cert-ec2.pem.
 *
 * Invariant: a pair's files are whole before its record is there, and are removed after it went; so
 * files without a record are what a killed daemon left, and the next one removes them.
 *
 * Thread-safe. A key takes a good part of a second to make: those of the cloud's own are made by a
 * thread that certificates_start() begins, or by who needs them before. */
#pragma once

#include "cloud/cloud.h"
#include "cloud/x509_files.h"

/* Where the pairs are, under the state directory. */
#define CERTIFICATES_DIRECTORY "certificates"

/* EC2's; all of it in the arena. Secret but for the certificate. */
typedef struct Ec2Key {
    const char *path;            /* of the file that holds both, mode 0600 */
    const char *private_key_pem; /* PKCS#8, RSA of 2048 bits */
    const char *certificate_pem;
} Ec2Key;

/* Makes it unless it is there. Waits for the making, so not for event threads; the calling thread
 * has no transaction. */
bool certificates_ec2(Cloud *cloud, Arena *arena, Ec2Key *ret_key, GError **error);
/* EC2's certificate in PEM, once it was made or read; NULL before. Never waits. For the cloud's
 * life. */
const char *certificates_ec2_public(Cloud *cloud);

/* The active certificates of an account, PEM (const char *), its root's and its users': whose
 * signatures under a manifest count as the account's. Added to *list. The calling thread has no
 * transaction. */
bool certificates_of(Cloud *cloud, Arena *arena, const char *account_id, List *list,
                     GError **error);

/* A certificate of the first account's root, and its files (paths, in the arena; NULL: the cloud
 * does not have them, since somebody else made it). */
typedef struct RootCertificate {
    const SigningCertificate *record;
    const char *private_key_path, *certificate_path;
} RootCertificate;

/* RootCertificate *, the oldest first, added to *list. Waits until the cloud's own are made. */
bool certificates_list(Cloud *cloud, Arena *arena, List *list, GError **error);
/* "STATE/certificates/cert-ec2.pem" */
const char *certificates_ec2_file(Cloud *cloud, Arena *arena);
/* Makes and registers a new pair for the first account's root; those that the cloud made before go,
 * with their files. Fault LimitExceeded: there is no room, since all of the root's certificates
 * were uploaded. */
bool certificates_replace(Cloud *cloud, Arena *arena, GError **error);
/* Makes and registers a pair for another account's root; its private key is nowhere but in
 * *ret_pair. A good part of a second. Fault LimitExceeded. */
bool certificates_make(Cloud *cloud, Arena *arena, const char *account_id, const char **ret_id,
                       X509Pair *ret_pair, GError **error);
/* Removes the files of a certificate that is no longer registered, if the cloud has any. */
void certificates_remove_files(Cloud *cloud, const char *id);

/* Of cloud_open and cloud_close. */
struct Certificates *certificates_new(Cloud *cloud);
void certificates_free(struct Certificates *certificates); /* NULL is fine; waits for the thread */
/* Begins to make what is missing. Once, when the daemon serves. */
void certificates_start(Cloud *cloud);
