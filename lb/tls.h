/* TLS of the data plane, over OpenSSL: contexts (what a listener shows, what is asked of a back
 * end), and a stream over a non-blocking socket that says what it waits for, as an edge-triggered
 * loop needs it.
 *
 * A TlsContext is immutable once made and counted: any thread may make streams of it, and a stream
 * holds it. A TlsStream belongs to one thread at a time. Neither knows a loop. Bytes pass without a
 * lock; a handshake may take OpenSSL's (its tables of algorithms, and the cache of sessions for
 * clients of TLS 1.2 that use no tickets) and that of the session kept for one server.
 *
 * The library writes with write(2): SIGPIPE has to be blocked or ignored in the calling thread, as
 * it is in the relay's. */
#pragma once

#include "base/arena.h"
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Policies: what is negotiated. The predefined ones are those of the ELB documentation
 * ("Predefined SSL security policies for Classic Load Balancers"). */
enum {
    TLS_SSL_3 = 1 << 0, /* OpenSSL is built without it: accepted in a policy, never negotiated */
    TLS_1_0 = 1 << 1,
    TLS_1_1 = 1 << 2,
    TLS_1_2 = 1 << 3,
    TLS_1_3 = 1 << 4, /* in no policy of classic ELB; for the daemon's own endpoint */
};

typedef struct TlsPolicy {
    const char *name;
    unsigned protocols;         /* TLS_1_0, ... */
    bool server_order;          /* the list's order decides, not the client's */
    const char *const *ciphers; /* OpenSSL's names (which ELB uses too), NULL at the end; unknown
                                 * ones and those this OpenSSL lacks are passed over. NULL:
                                 * OpenSSL's default list */
} TlsPolicy;

/* All predefined policies, newest first, ended by one without a name. */
const TlsPolicy *tls_policies(void);
/* By name; NULL: there is none. */
const TlsPolicy *tls_policy_find(const char *name);
/* What ELB uses when a listener names no policy: ELBSecurityPolicy-2016-08. */
const TlsPolicy *tls_policy_default(void);
/* The policy of the daemon's own endpoint: TLS 1.2 and 1.3, OpenSSL's default ciphers. */
const TlsPolicy *tls_policy_modern(void);
/* The cipher names that a custom policy may switch, in ELB's order of preference; NULL at the end.
 */
const char *const *tls_policy_ciphers(void);

/* PEM texts. */
typedef struct TlsIdentity {
    const char *certificate;
    const char *chain; /* the authorities between it and the root; NULL: none */
    const char *key;   /* not encrypted */
} TlsIdentity;

typedef struct TlsContext TlsContext;

typedef struct TlsServerOptions {
    List identities; /* of const TlsIdentity *: the first is shown to whoever asks for no name or
                      * one that no other's names cover (wildcards as RFC 6125 has them) */
    const TlsPolicy *policy; /* NULL: the default. Not kept */
} TlsServerOptions;

typedef struct TlsClientOptions {
    const TlsPolicy *policy; /* NULL: the default. Not kept */
    List public_keys;        /* of const char *: PEM, or the base64 between its lines as ELB's
                              * PublicKeyPolicyType holds it. The server's certificate must have one of
                              * these keys; empty: any certificate is taken, as ELB does */
    bool one_server; /* all streams go to the same one: what it was agreed with last is offered to
                      * it again, which spares both the costly half of a handshake */
} TlsClientOptions;

/* Both fail with a trouble (base/fault.h) whose text says what of the options is of no use: a
 * certificate that does not parse, a key that is not the certificate's, no cipher left, ... */
bool tls_server_new(const TlsServerOptions *options, TlsContext **ret_context, GError **error);
bool tls_client_new(const TlsClientOptions *options, TlsContext **ret_context, GError **error);
TlsContext *tls_context_ref(TlsContext *context);
void tls_context_unref(TlsContext *context); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TlsContext, tls_context_unref)

/* Whether the context was made of such options (one_server aside): it need not be made anew, and
 * clients may go on with the sessions that they have. */
bool tls_server_matches(const TlsContext *context, const TlsServerOptions *options);
bool tls_client_matches(const TlsContext *context, const TlsClientOptions *options);

/* A key as TlsClientOptions takes it: whether it can be read. */
bool tls_public_key_valid(const char *text);

typedef struct TlsStream TlsStream;

/* Over a connected socket (or one whose connect() is done), which stays the caller's: close it
 * after tls_free. No byte is sent or read yet. NULL: no memory. */
TlsStream *tls_accept(TlsContext *context, int fd);
/* name: sent as SNI; NULL: none, as ELB does towards instances. */
TlsStream *tls_connect(TlsContext *context, int fd, const char *name);
/* NULL is fine. Sends nothing: see tls_shutdown. */
void tls_free(TlsStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TlsStream, tls_free)

/* The verbs. Each gives -EAGAIN when the socket has to become readable or writable first: which,
 * tls_wants() says (EPOLLIN or EPOLLOUT). Beware: it may be the other than the verb's own (a
 * handshake reads and writes; a read may have to answer). Call the same verb again when the loop
 * tells of that event: with an edge-triggered loop, -EAGAIN with EPOLLIN means that the promise
 * READABLE is used up, with EPOLLOUT that WRITABLE is, and nothing else says so: bytes may wait
 * inside the stream while the socket is empty, so read until -EAGAIN, not until a short count.
 *
 * Other failures are final: -ECONNRESET and the like from the socket, -EPROTO when the peer's TLS
 * is (or its certificate is not the one asked for); tls_failure() has the words. */

/* 0: done. read and write do it too when it was not. */
int tls_handshake(TlsStream *stream);
/* How many bytes came, up to one record's (16 KiB) a call; 0: the stream's end. */
ssize_t tls_read(TlsStream *stream, void *bytes, size_t n);
/* How many were taken, up to one record's a call. n > 0. After -EAGAIN the next call has to offer
 * the same bytes, at least as many; they may have moved. */
ssize_t tls_write(TlsStream *stream, const void *bytes, size_t n);
/* Says that no more is written (close_notify); reading goes on, as after shutdown(SHUT_WR), which
 * the caller does itself if the peer is to see a FIN. 0 or -errno. Nothing may be held by a write.
 */
int tls_shutdown(TlsStream *stream);

unsigned tls_wants(const TlsStream *stream); /* EPOLLIN or EPOLLOUT; after -EAGAIN */
/* The stream holds bytes that came, perhaps no whole record: tls_read before waiting for the
 * socket. */
bool tls_has_pending(const TlsStream *stream);
/* After tls_read gave 0: the peer closed the connection without saying that it was done, so
 * somebody may have cut it. What only ends with the connection is not to be taken as whole. */
bool tls_truncated(const TlsStream *stream);

/* For access logs and the like; after the handshake, else "-". Static strings. */
const char *tls_protocol(const TlsStream *stream); /* "TLSv1.2" */
const char *tls_cipher(const TlsStream *stream);   /* "ECDHE-RSA-AES128-GCM-SHA256" */
bool tls_resumed(const TlsStream *stream);
/* Why a verb failed with -EPROTO, in OpenSSL's words. Valid as long as the stream. */
const char *tls_failure(const TlsStream *stream);
