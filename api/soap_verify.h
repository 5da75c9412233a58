/* Believes a SOAP request, or says why not: its time, its certificate, its signature, and that it
 * comes for the first time, in this order. Thread-safe. */
#pragma once

#include "api/soap.h"
#include "base/clock.h"

/* A request is taken from its Created on for so long, by a clock that may be as much ahead of the
 * client's or behind it, and never after its Expires. */
#define SOAP_LIFETIME (300 * CLOCK_SECOND)
/* Of requests within that time. */
#define SOAP_MOST_REMEMBERED 100000

/* Whose certificate that is, by the SHA-256 of its DER in hexadecimal. Fault AuthFailure:
 * nobody's, or it is not active or not valid. Called from event threads: only reads. find NULL:
 * there is no SOAP. */
typedef struct CertificateSource {
    bool (*find)(void *data, Arena *arena, const char *digest, Caller *ret_caller, GError **error);
    void *data;
} CertificateSource;

typedef struct SoapVerifier SoapVerifier;

/* clock tells the real time, since clients sign with theirs. Borrowed. */
SoapVerifier *soap_verifier_new(const CertificateSource *certificates, Clock *clock);
void soap_verifier_free(SoapVerifier *verifier); /* NULL is fine */

/* *ret_caller lives in the arena. Once a request. Faults RequestExpired, AuthFailure. */
bool soap_verifier_check(SoapVerifier *verifier, Arena *arena, const SoapRequest *request,
                         Caller *ret_caller, GError **error);
