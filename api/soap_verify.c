/* Who signed a SOAP request. Invariant: a signature that was right is remembered for as long as its
 * request's time would be accepted; signatures that were not right are not remembered. */
#include "api/soap_verify.h"

#include "api/soap_signature.h"
#include "base/fault.h"
#include "base/used_once.h"

struct SoapVerifier {
    CertificateSource certificates;
    Clock *clock;
    UsedOnce *signatures;
};

SoapVerifier *soap_verifier_new(const CertificateSource *certificates, Clock *clock)
{
    soap_signature_init();
    SoapVerifier *verifier = g_new0(SoapVerifier, 1);
    verifier->certificates = *certificates;
    verifier->clock = clock;
    verifier->signatures = used_once_new(SOAP_MOST_REMEMBERED);
    return verifier;
}

void soap_verifier_free(SoapVerifier *verifier)
{
    if (!verifier)
        return;
    used_once_free(verifier->signatures);
    g_free(verifier);
}

static bool check_time(const SoapClaim *claim, int64_t now, GError **error)
{
    if (claim->created > now + SOAP_LIFETIME)
        return fault_set(error, FAULT_REQUEST_EXPIRED,
                         "The request's Timestamp was created in the future");
    bool expired = claim->expires && (claim->expires <= now || claim->expires < claim->created);
    return (!expired && claim->created >= now - SOAP_LIFETIME) ||
           fault_set(error, FAULT_REQUEST_EXPIRED, "The request's Timestamp has expired");
}

static bool check_first(SoapVerifier *verifier, const SoapClaim *claim, int64_t now, GError **error)
{
    switch (used_once_take(verifier->signatures, claim->signature, now,
                           claim->created + SOAP_LIFETIME)) {
    case USED_ONCE_FRESH:
        return true;
    case USED_ONCE_AGAIN:
        return fault_set(error, FAULT_AUTH_FAILURE, "This request was answered already");
    case USED_ONCE_FULL:
        return fault_set(error, FAULT_AUTH_FAILURE, "Too many such requests at this time");
    }
    g_assert_not_reached();
}

bool soap_verifier_check(SoapVerifier *verifier, Arena *arena, const SoapRequest *request,
                         Caller *ret_caller, GError **error)
{
    const CertificateSource *certificates = &verifier->certificates;
    int64_t now = clock_now(verifier->clock);
    SoapClaim claim;
    Caller caller;
    if (!soap_claim_read(arena, request, &claim, error) || !check_time(&claim, now, error) ||
        !certificates->find(certificates->data, arena, claim.digest, &caller, error) ||
        !soap_claim_verify(arena, request, &claim, error) ||
        !check_first(verifier, &claim, now, error))
        return false;
    *ret_caller = caller;
    return true;
}
