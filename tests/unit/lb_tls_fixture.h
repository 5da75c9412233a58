/* What tests of TLS in lb/ share: certificates made on the spot, and a peer that is OpenSSL's own
 * blocking API in a thread, so that both sides do not have the same mistake. */
#pragma once

#include "lb/tls.h"
#include "tests/unit/lb_fixture.h"
#include <openssl/ssl.h>

/* Self-signed, for these names (a comma between two: "a.test,*.b.test"); texts in arena. key: an EC
 * one, or RSA, which takes longer. */
typedef enum TestKey { TEST_EC, TEST_RSA } TestKey;
TlsIdentity *test_identity(Arena *arena, TestKey key, const char *names);
/* The public key of the identity, PEM. */
const char *test_public_key(Arena *arena, const TlsIdentity *identity);
/* A context of an identity; one with a policy. */
TlsContext *test_server(Arena *arena, const TlsIdentity *identity, const TlsPolicy *policy);
/* OpenSSL's own server context with that identity. */
SSL_CTX *test_openssl_server(const TlsIdentity *identity);

/* A pair of connected sockets: near is non-blocking, far is not. */
void test_socket_pair(int *ret_near, int *ret_far);

/* Does a verb again until it gives something else than -EAGAIN; waits for what the stream wants. */
int stream_handshake(TlsStream *stream, int fd);
ssize_t stream_read(TlsStream *stream, int fd, void *bytes, size_t n);
void stream_write_all(TlsStream *stream, int fd, const void *bytes, size_t n);
