/* See lb_tls_fixture.h. */
#include "tests/unit/lb_tls_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static const char *bio_text(Arena *arena, BIO *bio)
{
    char *data;
    long size = BIO_get_mem_data(bio, &data);
    const char *text = arena_strndup(arena, data, (size_t)size);
    BIO_free(bio);
    return text;
}

static void add_names(X509 *certificate, const char *names)
{
    g_auto(GStrv) parts = g_strsplit(names, ",", -1);
    g_autoptr(GString) value = g_string_new(NULL);
    for (char **name = parts; *name; name++)
        g_string_append_printf(value, "%sDNS:%s", value->len ? "," : "", *name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value->str);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

TlsIdentity *test_identity(Arena *arena, TestKey kind, const char *names)
{
    EVP_PKEY *key = kind == TEST_RSA ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    assert_non_null(key);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_set_pubkey(certificate, key);
    add_names(certificate, names);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    BIO *certificate_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(certificate_bio, certificate);
    PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
    TlsIdentity *identity = arena_new_struct(arena, TlsIdentity);
    *identity = (TlsIdentity){.certificate = bio_text(arena, certificate_bio),
                              .key = bio_text(arena, key_bio)};
    X509_free(certificate);
    EVP_PKEY_free(key);
    return identity;
}

static EVP_PKEY *read_key(const TlsIdentity *identity)
{
    BIO *bio = BIO_new_mem_buf(identity->key, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(key);
    return key;
}

const char *test_public_key(Arena *arena, const TlsIdentity *identity)
{
    EVP_PKEY *key = read_key(identity);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    EVP_PKEY_free(key);
    return bio_text(arena, bio);
}

TlsContext *test_server(Arena *arena, const TlsIdentity *identity, const TlsPolicy *policy)
{
    g_autoptr(GError) error = NULL;
    TlsServerOptions options = {.policy = policy};
    TlsContext *context;
    list_add(&options.identities, arena, identity);
    if (!tls_server_new(&options, &context, &error))
        fail_msg("%s", error->message);
    return context;
}

SSL_CTX *test_openssl_server(const TlsIdentity *identity)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    BIO *bio = BIO_new_mem_buf(identity->certificate, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_PKEY *key = read_key(identity);
    assert_int_equal(SSL_CTX_use_certificate(ctx, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
    BIO_free(bio);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ctx;
}

void test_socket_pair(int *ret_near, int *ret_far)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    *ret_near = pair[0];
    *ret_far = pair[1];
}

static void wait_for_stream(TlsStream *stream, int fd)
{
    wait_for(fd, tls_wants(stream) == EPOLLOUT ? POLLOUT : POLLIN);
}

int stream_handshake(TlsStream *stream, int fd)
{
    int r;
    while ((r = tls_handshake(stream)) == -EAGAIN)
        wait_for_stream(stream, fd);
    return r;
}

ssize_t stream_read(TlsStream *stream, int fd, void *bytes, size_t n)
{
    ssize_t r;
    while ((r = tls_read(stream, bytes, n)) == -EAGAIN)
        wait_for_stream(stream, fd);
    return r;
}

void stream_write_all(TlsStream *stream, int fd, const void *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t r = tls_write(stream, (const char *)bytes + at, n - at);
        if (r == -EAGAIN) {
            wait_for_stream(stream, fd);
            continue;
        }
        assert_true(r > 0);
        at += (size_t)r;
    }
}
