/* What lb/tls_context.c and lb/tls.c share. */
#pragma once

#include "lb/tls.h"
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

struct TlsContext {
    _Atomic unsigned references;
    SSL_CTX *ssl;         /* a server's first identity; a client's only one */
    GPtrArray *others;    /* of SSL_CTX *: a server's further identities */
    GPtrArray *trusted;   /* of EVP_PKEY *: a client's; empty: everybody */
    char *fingerprint;    /* of the options that it was made of */
    pthread_mutex_t lock; /* guards session */
    SSL_SESSION *session; /* a client's, to be offered next: a copy that no SSL has; NULL: none */
};

struct TlsStream {
    SSL *ssl;
    TlsContext *context;
    unsigned wants;      /* EPOLLIN or EPOLLOUT */
    bool closed;         /* the peer's close_notify came */
    bool failed;         /* for good: nothing more may be asked of ssl */
    const char *failure; /* static; NULL: not known */
};

/* Has a client's SSL offer the session that is kept, if there is one. */
void tls_context_offer_session(TlsContext *context, SSL *ssl);
/* A handshake failed: the next one is to be a full one. */
void tls_context_forget_session(TlsContext *context);

/* The stream of an SSL made by lb/tls.c. */
static inline TlsStream *tls_stream_of(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}
