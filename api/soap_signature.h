/* The signature of a SOAP request: RSA with SHA-1 or SHA-256 by the key of the X.509 certificate
 * that came along, over exactly two elements, the Body and the Timestamp, in exclusive canonical
 * form. Sources: "XML Signature Syntax and Processing" (W3C), "Web Services Security: X.509
 * Certificate Token Profile 1.0" (OASIS).
 *
 * In two steps, so that no key of a stranger's is reckoned with: first what is claimed, then, when
 * the certificate is known, whether it is true. Pure but for xmlsec's tables. */
#pragma once

#include "api/soap.h"

#define SOAP_MAX_CERTIFICATE 16384 /* bytes of DER */
#define SOAP_MAX_IDS 64
#define SOAP_MAX_PREFIX_LIST 128 /* bytes of a canonicalization's InclusiveNamespaces */

typedef struct SoapClaim {
    const uint8_t *certificate; /* DER */
    size_t certificate_size;
    const char *digest;    /* SHA-256 of that, hexadecimal */
    const char *signature; /* SHA-256 of the signature's bytes, hexadecimal: what is used once */
    int64_t created;       /* µs since the epoch */
    int64_t expires;       /* 0: not said */
} SoapClaim;

/* Called before any verification, by any thread, as often as one likes. */
void soap_signature_init(void);

/* Everything in the arena. Checks also that the signature is of the one form that is understood, so
 * that what soap_claim_verify says is about these two elements. Faults AuthFailure. */
bool soap_claim_read(Arena *arena, const SoapRequest *request, SoapClaim *ret_claim,
                     GError **error);

/* Whether the signature is right. Once a request: its ids are made known. Fault AuthFailure. */
bool soap_claim_verify(Arena *arena, const SoapRequest *request, const SoapClaim *claim,
                       GError **error);
