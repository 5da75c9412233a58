/* The access key of a user who has only an X.509 key and its registered certificate, as tools of
 * 2009 were set up. The question is signed with the key (base/login_text.h): RSA with SHA-256.
 *
 * Invariant: a question is answered once: its nonce is remembered for as long as its time would be
 * accepted. Only what is signed by a registered certificate is remembered.
 *
 * Thread-safe. */
#pragma once

#include "base/clock.h"
#include "cloud/cloud.h"

/* How far a question's time may be from ours, as for EC2's signed requests. */
#define CERTIFICATE_LOGIN_SKEW_S 300
#define CERTIFICATE_LOGIN_NONCES_MAX 100000

typedef struct CertificateLogins CertificateLogins;

/* wall tells the real time, since clients sign with theirs. Both are borrowed. */
CertificateLogins *certificate_logins_new(Cloud *cloud, Clock *wall);
void certificate_logins_free(CertificateLogins *logins); /* NULL is fine */

/* What is asked with; all of it as it came. */
typedef struct CertificateLogin {
    const char *certificate; /* PEM */
    int64_t time;            /* seconds since the epoch */
    const char *nonce;       /* 16 to 64 letters and digits */
    const char *signature;   /* base64 */
} CertificateLogin;

/* The oldest active key of the certificate's user. Faults RequestExpired: the time is too far off;
 * AuthFailure: the certificate is not registered, not active or not valid, the signature is not
 * its key's, the nonce was used, or the user has no active key. The calling thread has no
 * transaction. */
bool certificate_login(CertificateLogins *logins, Arena *arena, const CertificateLogin *login,
                       const AccessKey **ret_key, GError **error);

/* Who signs with a registered certificate, told by the SHA-256 of its DER in hexadecimal; without
 * an access key. Fault AuthFailure as above. The calling thread has no transaction; only reads. */
bool certificate_caller(Cloud *cloud, Arena *arena, const char *digest, Caller *ret_caller,
                        GError **error);
