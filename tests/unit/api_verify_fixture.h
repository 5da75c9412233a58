/* Checks a signed request, given as text, at a given time; for the tests of the three versions. */
#pragma once

#include "tests/unit/api_fixture.h"
#include "api/signature/verify.h"

static inline bool verify_at(const char *text, int64_t now, Protocol protocol, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Clock) clock = clock_new_manual(now);
    g_autoptr(Verifier) verifier = verifier_new(&fake_keys, clock);
    SignedRequest request;
    Claim claim;
    Caller caller = {0};
    fake_signed(arena, text, &request, &claim);
    bool ok = verifier_check(verifier, arena, &request, &claim, protocol, &caller, error);
    if (ok)
        assert_string_equal(caller.account_id, "123456789012");
    return ok;
}

static inline void assert_verifies(const char *text)
{
    g_autoptr(GError) error = NULL;
    verify_at(text, FAKE_NOW, PROTOCOL_EC2, &error);
    assert_no_error(error);
}

static inline void assert_refuses(const char *text, int64_t now, Protocol protocol, Fault fault,
                                  const char *message)
{
    g_autoptr(GError) error = NULL;
    assert_false(verify_at(text, now, protocol, &error));
    assert_non_null(error);
    assert_string_equal(error->message, message);
    assert_true(fault_is(error, fault));
}

/* text with the first `from` replaced. Free with g_free. */
static inline char *with(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    return g_strdup_printf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

#define WRONG_SIGNATURE                                                                            \
    "The request signature we calculated does not match the signature you provided. Check your "   \
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
#define MINUTES(n) ((n)*60 * CLOCK_SECOND)
