/* The stream: OpenSSL's results in the terms of an edge-triggered loop.
 *
 * Invariants: OpenSSL's queue of errors, the thread's own, is empty when a verb begins, or what an
 * earlier stream left would be taken for this one's; and after a failure nothing more is asked of
 * the SSL, as its manual demands. */
#include "lb/tls.h"

#include "lb/tls_context.h"
#include <errno.h>
#include <openssl/err.h>
#include <sys/epoll.h>

static TlsStream *stream_new(TlsContext *context, int fd)
{
    TlsStream *stream = g_new0(TlsStream, 1);
    stream->wants = EPOLLIN;
    stream->ssl = SSL_new(context->ssl);
    if (!stream->ssl || SSL_set_fd(stream->ssl, fd) != 1) {
        SSL_free(stream->ssl);
        g_free(stream);
        return NULL;
    }
    stream->context = tls_context_ref(context);
    SSL_set_app_data(stream->ssl, stream);
    return stream;
}

TlsStream *tls_accept(TlsContext *context, int fd)
{
    TlsStream *stream = stream_new(context, fd);
    if (stream)
        SSL_set_accept_state(stream->ssl);
    return stream;
}

TlsStream *tls_connect(TlsContext *context, int fd, const char *name)
{
    TlsStream *stream = stream_new(context, fd);
    if (!stream)
        return NULL;
    SSL_set_connect_state(stream->ssl);
    tls_context_offer_session(context, stream->ssl);
    if (name && SSL_set_tlsext_host_name(stream->ssl, name) != 1)
        g_clear_pointer(&stream, tls_free);
    return stream;
}

void tls_free(TlsStream *stream)
{
    if (!stream)
        return;
    /* Else OpenSSL forgets the session, as of a connection that was cut: most clients just close.
     */
    if (!stream->failed)
        SSL_set_shutdown(stream->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(stream->ssl);
    tls_context_unref(stream->context);
    g_free(stream);
}

static int fail(TlsStream *stream, int error)
{
    stream->failed = true;
    stream->failure = ERR_reason_error_string(ERR_peek_error());
    if (!SSL_is_server(stream->ssl) && !SSL_is_init_finished(stream->ssl))
        tls_context_forget_session(stream->context);
    if (SSL_get_verify_result(stream->ssl) == X509_V_ERR_CERT_REJECTED)
        stream->failure = "the public key is none of those that are trusted";
    ERR_clear_error();
    return -error;
}

/* What result, which a call of OpenSSL just gave, means: 0 (the peer's orderly end) or -errno. */
static int translate(TlsStream *stream, int result)
{
    int system = errno;
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        stream->wants = EPOLLIN;
        return -EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        stream->wants = EPOLLOUT;
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return fail(stream, system ? system : ECONNRESET);
    default:
        return fail(stream, EPROTO);
    }
}

/* Before each call of OpenSSL. */
static bool may_go_on(const TlsStream *stream)
{
    ERR_clear_error();
    errno = 0;
    return !stream->failed;
}

int tls_handshake(TlsStream *stream)
{
    if (!may_go_on(stream))
        return -EPROTO;
    int r = SSL_do_handshake(stream->ssl);
    if (r == 1)
        return 0;
    int status = translate(stream, r);
    return status < 0 ? status : fail(stream, ECONNRESET); /* it left in the middle */
}

ssize_t tls_read(TlsStream *stream, void *bytes, size_t n)
{
    size_t got;
    if (!may_go_on(stream))
        return -EPROTO;
    int r = SSL_read_ex(stream->ssl, bytes, n, &got);
    if (r == 1)
        return (ssize_t)got;
    int status = translate(stream, r);
    return status == 0 && !SSL_is_init_finished(stream->ssl) ? fail(stream, ECONNRESET) : status;
}

ssize_t tls_write(TlsStream *stream, const void *bytes, size_t n)
{
    size_t taken;
    if (!may_go_on(stream))
        return -EPROTO;
    int r = SSL_write_ex(stream->ssl, bytes, n, &taken);
    if (r == 1)
        return (ssize_t)taken;
    int status = translate(stream, r);
    return status < 0 ? status : fail(stream, EPIPE);
}

int tls_shutdown(TlsStream *stream)
{
    if (!may_go_on(stream))
        return -EPROTO;
    if (!SSL_is_init_finished(stream->ssl))
        return fail(stream, EPROTO);
    int r = SSL_shutdown(stream->ssl);
    return r >= 0 ? 0 : translate(stream, r); /* 0: sent, and the peer's did not come yet */
}

unsigned tls_wants(const TlsStream *stream)
{
    return stream->wants;
}

bool tls_has_pending(const TlsStream *stream)
{
    return SSL_has_pending(stream->ssl) == 1;
}

bool tls_truncated(const TlsStream *stream)
{
    return !stream->closed;
}

const char *tls_protocol(const TlsStream *stream)
{
    return SSL_is_init_finished(stream->ssl) ? SSL_get_version(stream->ssl) : "-";
}

const char *tls_cipher(const TlsStream *stream)
{
    return SSL_is_init_finished(stream->ssl) ? SSL_get_cipher_name(stream->ssl) : "-";
}

bool tls_resumed(const TlsStream *stream)
{
    return SSL_session_reused(stream->ssl) == 1;
}

const char *tls_failure(const TlsStream *stream)
{
    return stream->failure ? stream->failure : "the connection failed";
}
