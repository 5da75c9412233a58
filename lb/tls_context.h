/* What lb/tls_context.c and lb/tls.c share. */
#pragma once

#include "lb/tls.h"
#include <openssl/ssl.h>
#include <stdatomic.h>

struct TlsContext {
    _Atomic unsigned references;
    SSL_CTX *ssl;       /* a server's first identity; a client's only one */
    GPtrArray *others;  /* of SSL_CTX *: a server's further identities */
    GPtrArray *trusted; /* of EVP_PKEY *: a client's; empty: everybody */
    char *fingerprint;  /* of the options that it was made of */
};

struct TlsStream {
    SSL *ssl;
    TlsContext *context;
    unsigned wants;      /* EPOLLIN or EPOLLOUT */
    bool closed;         /* the peer's close_notify came */
    bool failed;         /* for good: nothing more may be asked of ssl */
    const char *failure; /* static; NULL: not known */
};

/* The stream of an SSL made by lb/tls.c. */
static inline TlsStream *tls_stream_of(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}
