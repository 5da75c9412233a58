/* Checks a request to S3, given as text, at a given time; for the tests of its signatures. The
 * examples with DOC_KEY are published, those with FAKE_KEY were made with botocore 1.29 at
 * FAKE_NOW. */
#pragma once

#include "tests/unit/api_fixture.h"
#include "api/s3/operations.h"
#include "api/signature/s3_signature.h"

#define DOC_KEY "AKIAIOSFODNN7EXAMPLE"
#define DOC_2013 INT64_C(1369353600000000) /* 2013-05-24T00:00:00Z */
#define DOC_2007 INT64_C(1175024202000000) /* 2007-03-27T19:36:42Z */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MINUTES(n) ((n)*60 * CLOCK_SECOND)

static inline bool find_key(void *data, Arena *arena, const char *id,
                            const Credential **ret_credential, GError **error)
{
    static const Credential documented = {
        .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        .caller = {.account_id = "111122223333", .access_key_id = DOC_KEY}};
    if (strcmp(id, DOC_KEY) == 0) {
        *ret_credential = &documented;
        return true;
    }
    return fake_keys.find(data, arena, id, ret_credential, error);
}

typedef struct Outcome {
    Arena *arena;
    bool ok;
    GError *error;
    S3Signature signature;
    List details;
} Outcome;

static inline void outcome_clear(Outcome *outcome)
{
    arena_free(outcome->arena);
    g_clear_error(&outcome->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

static inline Outcome check_at(const char *text, int64_t now, const char *virtual_bucket)
{
    Outcome outcome = {.arena = arena_new()};
    g_autoptr(Clock) clock = clock_new_manual(now);
    const KeySource keys = {find_key, NULL};
    g_autoptr(Verifier) verifier = verifier_new(&keys, clock);
    SignedRequest request;
    Claim claim;
    fake_signed(outcome.arena, text, &request, &claim);
    const S3Target target = {.virtual_bucket = virtual_bucket,
                             .selects_operation = s3_is_subresource};
    outcome.ok = verifier_check_s3(verifier, outcome.arena, &request, &target, &outcome.signature,
                                   &outcome.details, &outcome.error);
    assert_true(outcome.ok == !outcome.error);
    return outcome;
}

static inline void assert_believed_at(const char *text, int64_t now, const char *virtual_bucket,
                                      const char *account)
{
    g_auto(Outcome) outcome = check_at(text, now, virtual_bucket);
    assert_no_error(outcome.error);
    assert_false(outcome.signature.anonymous);
    assert_string_equal(outcome.signature.caller.account_id, account);
}

static inline void assert_2013(const char *text)
{
    assert_believed_at(text, DOC_2013, "examplebucket", "111122223333");
}

static inline void assert_now(const char *text)
{
    assert_believed_at(text, FAKE_NOW, NULL, "123456789012");
}

static inline const char *value_of(const Outcome *outcome, const char *name)
{
    LIST_EACH (const SignatureDetail *, detail, &outcome->details) {
        if (strcmp(detail->name, name) == 0)
            return detail->value;
    }
    return NULL;
}

static inline void assert_refused(const char *text, int64_t now, Fault fault, const char *words)
{
    g_auto(Outcome) outcome = check_at(text, now, NULL);
    assert_non_null(outcome.error);
    assert_string_equal(outcome.error->message, words);
    assert_true(fault_is(outcome.error, fault));
}

/* text with the first `from` replaced. Free with g_free. */
static inline char *with(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    return g_strdup_printf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

#define WRONG                                                                                      \
    "The request signature we calculated does not match the signature you provided. Check your "   \
    "key and signing method."
#define UNSIGNED_HEADERS "There were headers present in the request which were not signed"
