/* cloud/authority.c: made once, kept secret, and what it issues is trusted by who trusts it. */
#include "cloud/authority.h"

#include "base/file.h"
#include "tests/unit/unit.h"
#include <openssl/x509v3.h>
#include <sys/stat.h>

typedef struct Bench {
    char *state;
    Arena *arena;
    Authority *authority;
} Bench;

static void make_directory(const char *state, const char *name)
{
    g_autofree char *path = g_build_filename(state, name, NULL);
    assert_true(file_make_directory(path, NULL));
}

static void open_again(Bench *b)
{
    g_autoptr(GError) error = NULL;
    g_clear_pointer(&b->authority, authority_close);
    if (!authority_open(b->state, &b->authority, &error))
        fail_msg("%s", error->message);
}

static void bench_open(Bench *b)
{
    *b = (Bench){.state = g_dir_make_tmp("cumulet-XXXXXX", NULL), .arena = arena_new()};
    make_directory(b->state, "secrets");
    make_directory(b->state, "certificates");
    open_again(b);
}

static void bench_close(Bench *b)
{
    authority_close(b->authority);
    arena_free(b->arena);
    assert_true(file_remove_tree(b->state, NULL));
    g_free(b->state);
}

static char *read_text(const Bench *b, const char *name)
{
    g_autofree char *path = g_build_filename(b->state, name, NULL);
    char *text;
    assert_true(file_read(path, 65536, &text, NULL, NULL));
    return text;
}

static void it_is_made_once_and_the_same_ever_after(void **state)
{
    Bench b;
    bench_open(&b);
    g_autofree char *first = g_strdup(authority_certificate(b.authority));
    open_again(&b);
    assert_string_equal(authority_certificate(b.authority), first);
    bench_close(&b);
}

static void key_is_the_owners_and_the_certificate_everybodys(void **state)
{
    Bench b;
    struct stat status;
    bench_open(&b);
    g_autofree char *secret = g_build_filename(b.state, "secrets/authority.pem", NULL);
    assert_int_equal(stat(secret, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    g_autofree char *published = read_text(&b, AUTHORITY_CERTIFICATE);
    assert_string_equal(published, authority_certificate(b.authority));
    assert_null(strstr(published, "PRIVATE"));
    bench_close(&b);
}

static void published_certificate_is_put_back(void **state)
{
    Bench b;
    bench_open(&b);
    g_autofree char *path = g_build_filename(b.state, AUTHORITY_CERTIFICATE, NULL);
    assert_true(file_write(path, "other", 5, 0644, NULL));
    open_again(&b);
    g_autofree char *published = read_text(&b, AUTHORITY_CERTIFICATE);
    assert_string_equal(published, authority_certificate(b.authority));
    bench_close(&b);
}

static void damaged_key_is_refused_with_a_way_out(void **state)
{
    Bench b;
    Authority *none = NULL;
    g_autoptr(GError) error = NULL;
    bench_open(&b);
    g_autofree char *path = g_build_filename(b.state, "secrets/authority.pem", NULL);
    assert_true(file_write(path, "damaged", 7, 0600, NULL));
    assert_false(authority_open(b.state, &none, &error));
    assert_null(none);
    assert_non_null(strstr(error->message, "remove it to have it made anew"));
    bench_close(&b);
}

/* A certificate for names, comma-separated. */
static X509 *issue(Bench *b, const char *names, unsigned days)
{
    List list = {0};
    X509Pair pair;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) parts = g_strsplit(names, ",", -1);
    for (char **name = parts; *name; name++)
        list_add(&list, b->arena, arena_strdup(b->arena, *name));
    if (!authority_issue(b->authority, b->arena, &list, days, &pair, &error))
        fail_msg("%s", error->message);
    X509 *certificate = x509_read_one(pair.certificate_pem);
    assert_non_null(certificate);
    return certificate;
}

/* What a client does that trusts this authority and no other. */
static bool is_trusted(const Bench *b, X509 *certificate, const char *host)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    g_autoptr(X509) root = x509_read_one(authority_certificate(b->authority));
    X509_STORE_add_cert(store, root);
    X509_STORE_CTX_init(context, store, certificate, NULL);
    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    if (host[0] >= '0' && host[0] <= '9')
        X509_VERIFY_PARAM_set1_ip_asc(param, host);
    else
        X509_VERIFY_PARAM_set1_host(param, host, 0);
    bool trusted = X509_verify_cert(context) == 1;
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return trusted;
}

static void issued_certificates_are_trusted_for_their_names(void **state)
{
    Bench b;
    bench_open(&b);
    g_autoptr(X509) certificate = issue(&b, "localhost,127.0.0.1,*.a.test", 30);
    assert_true(is_trusted(&b, certificate, "localhost"));
    assert_true(is_trusted(&b, certificate, "127.0.0.1"));
    assert_true(is_trusted(&b, certificate, "x.a.test"));
    assert_false(is_trusted(&b, certificate, "127.0.0.2"));
    assert_false(is_trusted(&b, certificate, "a.test"));
    assert_false(is_trusted(&b, certificate, "x.y.a.test"));
    assert_false(is_trusted(&b, certificate, "other.test"));
    bench_close(&b);
}

static void another_clouds_certificates_are_not_trusted(void **state)
{
    Bench b, other;
    bench_open(&b);
    bench_open(&other);
    g_autoptr(X509) certificate = issue(&other, "localhost", 30);
    assert_false(is_trusted(&b, certificate, "localhost"));
    bench_close(&other);
    bench_close(&b);
}

static void issued_certificates_last_as_long_as_asked(void **state)
{
    Bench b;
    bench_open(&b);
    g_autoptr(X509) certificate = issue(&b, "localhost", 30);
    int64_t left = x509_expires(certificate) / 1000000 - g_get_real_time() / 1000000;
    assert_true(left > 28 * 86400 && left < 31 * 86400);
    assert_true(x509_is_valid_now(certificate));
    bench_close(&b);
}

static void issued_certificates_cannot_issue(void **state)
{
    Bench b;
    bench_open(&b);
    g_autoptr(X509) certificate = issue(&b, "localhost", 30);
    assert_int_equal(X509_check_ca(certificate), 0);
    bench_close(&b);
}

static void aws_endpoints_are_covered(void **state)
{
    static const char *const hosts[] = {
        "s3.amazonaws.com",
        "bucket.s3.amazonaws.com",
        "bucket.s3.eu-west-1.amazonaws.com",
        "bucket.s3-eu-west-1.amazonaws.com",
        "bucket.s3.dualstack.us-east-1.amazonaws.com",
        "ec2.us-east-1.amazonaws.com",
        "elasticloadbalancing.us-west-2.amazonaws.com",
        "iam.amazonaws.com",
        "amazonaws.com",
    };
    Bench b;
    List names = {0};
    X509Pair pair;
    bench_open(&b);
    authority_add_endpoint_names(b.arena, &names);
    assert_true(authority_issue(b.authority, b.arena, &names, 30, &pair, NULL));
    g_autoptr(X509) certificate = x509_read_one(pair.certificate_pem);
    for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++)
        assert_true(is_trusted(&b, certificate, hosts[i]));
    assert_false(is_trusted(&b, certificate, "example.com"));
    bench_close(&b);
}

static void names_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {"", "a b", "a,IP:127.0.0.1", "*.", "a\n", "DNS:a"};
    Bench b;
    bench_open(&b);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        List names = {0};
        X509Pair pair;
        g_autoptr(GError) error = NULL;
        list_add(&names, b.arena, bad[i]);
        assert_false(authority_issue(b.authority, b.arena, &names, 30, &pair, &error));
        assert_non_null(error);
    }
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_made_once_and_the_same_ever_after),
        cmocka_unit_test(key_is_the_owners_and_the_certificate_everybodys),
        cmocka_unit_test(published_certificate_is_put_back),
        cmocka_unit_test(damaged_key_is_refused_with_a_way_out),
        cmocka_unit_test(issued_certificates_are_trusted_for_their_names),
        cmocka_unit_test(another_clouds_certificates_are_not_trusted),
        cmocka_unit_test(issued_certificates_last_as_long_as_asked),
        cmocka_unit_test(issued_certificates_cannot_issue),
        cmocka_unit_test(aws_endpoints_are_covered),
        cmocka_unit_test(names_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
