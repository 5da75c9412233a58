/* cloud/certificate_login.h: what is refused, and for how long a question is remembered. The wire
 * is tests/client/test_classic_certificates.py's. */
#include "tests/unit/cloud_fixture.h"

#include "base/login_text.h"
#include "cloud/accounts.h"
#include "cloud/certificate_login.h"
#include "cloud/signing_certificates.h"
#include "cloud/x509_files.h"

#define NOW (INT64_C(1700000000) * CLOCK_SECOND)
#define NONCE "0123456789abcdef"

typedef struct Login {
    CloudFixture *fixture;
    Clock *wall;
    CertificateLogins *logins;
    X509Pair pair;
    AccessKey *key;
} Login;

static Login *login_open(CloudFixture *fixture)
{
    Arena *arena = fixture->context.arena;
    Login *login = arena_new_struct(arena, Login);
    login->fixture = fixture;
    login->wall = clock_new_manual(NOW);
    login->logins = certificate_logins_new(fixture->cloud, login->wall);
    login->key = access_key_new(arena, ACCOUNT, NULL, NOW);
    assert_works(x509_make_pair(arena, "a test", &login->pair, error));
    return login;
}

static void login_close(Login *login)
{
    certificate_logins_free(login->logins);
    clock_free(login->wall);
}

/* Registers the certificate for the account's root, and the key. */
static void enroll(Login *login, bool active)
{
    Arena *arena = login->fixture->context.arena;
    g_autoptr(X509) certificate = x509_read_one(login->pair.certificate_pem);
    SigningCertificate *record =
        signing_certificate_new(arena, ACCOUNT, NULL, "CERTIFICATE", login->pair.certificate_pem,
                                x509_digest_hex(arena, certificate), NOW);
    record->active = active;
    g_autoptr(Txn) txn = NULL;
    assert_works(txn_begin(cloud_store(login->fixture->cloud), &txn, error));
    assert_works(signing_certificate_insert(txn, record, error));
    assert_works(access_key_insert(txn, login->key, error));
    assert_works(txn_commit(&txn, error));
}

static const char *sign(Login *login, int64_t time, const char *nonce)
{
    Arena *arena = login->fixture->context.arena;
    EVP_PKEY *key = x509_read_key(login->pair.private_key_pem);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const char *text = login_text(arena, login->pair.certificate_pem, time, nonce);
    uint8_t signature[512];
    size_t size = sizeof(signature);
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(
        EVP_DigestSign(context, signature, &size, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    g_autofree char *base64 = g_base64_encode(signature, size);
    return arena_strdup(arena, base64);
}

/* Asks with a time so many seconds from NOW. */
static bool ask(Login *login, int64_t seconds, const char *nonce, const AccessKey **ret_key,
                GError **error)
{
    int64_t time = NOW / CLOCK_SECOND + seconds;
    const CertificateLogin question = {
        .certificate = login->pair.certificate_pem,
        .time = time,
        .nonce = nonce,
        .signature = sign(login, time, nonce),
    };
    return certificate_login(login->logins, login->fixture->context.arena, &question, ret_key,
                             error);
}

static void the_users_key_is_told_once(void **state)
{
    Login *login = login_open(*state);
    const AccessKey *key = NULL;
    enroll(login, true);
    assert_works(ask(login, 0, NONCE, &key, error));
    assert_string_equal(key->id, login->key->id);
    assert_fault(ask(login, 0, NONCE, &key, error), FAULT_AUTH_FAILURE, "answered already");
    assert_works(ask(login, 0, NONCE "1", &key, error));
    login_close(login);
}

/* A question from the future is remembered until its own time is too old. */
static void a_question_is_remembered_while_its_time_is_accepted(void **state)
{
    Login *login = login_open(*state);
    const AccessKey *key = NULL;
    enroll(login, true);
    assert_works(ask(login, 299, NONCE, &key, error));
    clock_advance(login->wall, 598 * CLOCK_SECOND);
    assert_fault(ask(login, 299, NONCE, &key, error), FAULT_AUTH_FAILURE, "answered already");
    clock_advance(login->wall, 3 * CLOCK_SECOND);
    assert_fault(ask(login, 299, NONCE, &key, error), FAULT_REQUEST_EXPIRED, "300 seconds");
    assert_works(ask(login, 601, NONCE, &key, error));
    login_close(login);
}

static void times_that_are_off_are_refused(void **state)
{
    static const int64_t seconds[] = {-301, 301, INT64_C(1) << 60, -(INT64_C(1) << 60)};
    Login *login = login_open(*state);
    const AccessKey *key = NULL;
    enroll(login, true);
    for (size_t i = 0; i < G_N_ELEMENTS(seconds); i++)
        assert_fault(ask(login, seconds[i], NONCE, &key, error), FAULT_REQUEST_EXPIRED, "");
    assert_works(ask(login, -300, NONCE "a", &key, error));
    assert_works(ask(login, 300, NONCE "b", &key, error));
    login_close(login);
}

static void what_is_not_registered_or_not_active_is_refused(void **state)
{
    Login *login = login_open(*state);
    const AccessKey *key = NULL;
    assert_fault(ask(login, 0, NONCE, &key, error), FAULT_AUTH_FAILURE, "not registered");
    enroll(login, false);
    assert_fault(ask(login, 0, NONCE, &key, error), FAULT_AUTH_FAILURE, "not active");
    login_close(login);
}

static void only_active_keys_are_told(void **state)
{
    Login *login = login_open(*state);
    const AccessKey *key = NULL;
    login->key->active = false;
    enroll(login, true);
    assert_fault(ask(login, 0, NONCE, &key, error), FAULT_AUTH_FAILURE, "no active access key");
    login_close(login);
}

/* Registers a certificate that stopped being valid an hour ago, or one of a user. */
static const char *enroll_other(Login *login, const char *user, bool expired)
{
    Arena *arena = login->fixture->context.arena;
    EVP_PKEY *key = x509_read_key(login->pair.private_key_pem);
    g_autoptr(X509) certificate = x509_self_sign(key, "another");
    if (expired)
        X509_gmtime_adj(X509_getm_notAfter(certificate), -3600);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    EVP_PKEY_free(key);
    const char *digest = x509_digest_hex(arena, certificate);
    SigningCertificate *record =
        signing_certificate_new(arena, ACCOUNT, user, user ? "USERS" : "ANOTHER",
                                x509_certificate_pem(arena, certificate), digest, NOW);
    g_autoptr(Txn) txn = NULL;
    assert_works(txn_begin(cloud_store(login->fixture->cloud), &txn, error));
    assert_works(signing_certificate_insert(txn, record, error));
    assert_works(txn_commit(&txn, error));
    return digest;
}

static void a_certificate_stands_for_its_owner(void **state)
{
    CloudFixture *fixture = *state;
    Arena *arena = fixture->context.arena;
    Login *login = login_open(fixture);
    Caller caller;
    enroll(login, true);
    g_autoptr(X509) certificate = x509_read_one(login->pair.certificate_pem);
    const char *digest = x509_digest_hex(arena, certificate);
    assert_works(certificate_caller(fixture->cloud, arena, digest, &caller, error));
    assert_string_equal(caller.account_id, ACCOUNT);
    assert_string_equal(caller.arn, "arn:aws:iam::" ACCOUNT ":root");
    assert_string_equal(caller.user_id, ACCOUNT);
    assert_null(caller.access_key_id);
    digest = enroll_other(login, "somebody", false);
    assert_works(certificate_caller(fixture->cloud, arena, digest, &caller, error));
    assert_string_equal(caller.arn, "arn:aws:iam::" ACCOUNT ":user/somebody");
    login_close(login);
}

static void certificates_that_stand_for_nobody(void **state)
{
    CloudFixture *fixture = *state;
    Arena *arena = fixture->context.arena;
    Login *login = login_open(fixture);
    Caller caller;
    g_autoptr(X509) certificate = x509_read_one(login->pair.certificate_pem);
    const char *digest = x509_digest_hex(arena, certificate);
    assert_fault(certificate_caller(fixture->cloud, arena, digest, &caller, error),
                 FAULT_AUTH_FAILURE, "not registered");
    enroll(login, false);
    assert_fault(certificate_caller(fixture->cloud, arena, digest, &caller, error),
                 FAULT_AUTH_FAILURE, "not active");
    digest = enroll_other(login, NULL, true);
    assert_fault(certificate_caller(fixture->cloud, arena, digest, &caller, error),
                 FAULT_AUTH_FAILURE, "has expired");
    login_close(login);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cloud_test(the_users_key_is_told_once),
        cloud_test(a_question_is_remembered_while_its_time_is_accepted),
        cloud_test(times_that_are_off_are_refused),
        cloud_test(what_is_not_registered_or_not_active_is_refused),
        cloud_test(only_active_keys_are_told),
        cloud_test(a_certificate_stands_for_its_owner),
        cloud_test(certificates_that_stand_for_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
