/* lb/tls*.c: contexts, policies and the stream, against a peer that is OpenSSL alone. */
#include "tests/unit/lb_tls_fixture.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The other end: a thread with a blocking socket. */
typedef struct Peer {
    GThread *thread;
    int fd;
    SSL_CTX *ctx;
    bool serves; /* else it is the client */
    const char *name;
    SSL_SESSION *session;                     /* to resume; afterwards the one it got */
    int (*talk)(struct Peer *peer, SSL *ssl); /* after the handshake; NULL: nothing */
    int handshake;                            /* SSL_do_handshake's result */
    char version[16], cipher[48], subject[64];
    bool resumed;
    int talked;
    bool cut;  /* ends without close_notify */
    int begin; /* wait_and_read waits for a byte here */
} Peer;

static void note_peer(Peer *peer, SSL *ssl)
{
    g_strlcpy(peer->version, SSL_get_version(ssl), sizeof peer->version);
    g_strlcpy(peer->cipher, SSL_get_cipher_name(ssl), sizeof peer->cipher);
    peer->resumed = SSL_session_reused(ssl);
}

static void *peer_main(void *data)
{
    Peer *peer = data;
    SSL *ssl = SSL_new(peer->ctx);
    SSL_set_fd(ssl, peer->fd);
    if (peer->name)
        SSL_set_tlsext_host_name(ssl, peer->name);
    if (peer->session) {
        SSL_set_session(ssl, peer->session);
        SSL_SESSION_free(peer->session);
        peer->session = NULL;
    }
    peer->handshake = peer->serves ? SSL_accept(ssl) : SSL_connect(ssl);
    if (peer->handshake == 1) {
        note_peer(peer, ssl);
        if (peer->talk)
            peer->talked = peer->talk(peer, ssl);
        if (!peer->serves)
            peer->session = SSL_get1_session(ssl);
        if (!peer->cut)
            SSL_shutdown(ssl);
    }
    close(peer->fd);
    SSL_free(ssl);
    return NULL;
}

static void peer_start(Peer *peer)
{
    peer->thread = g_thread_new("peer", peer_main, peer);
}

static void peer_join(Peer *peer)
{
    g_thread_join(peer->thread);
}

static SSL_CTX *client_ctx(int least, int most)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, least);
    SSL_CTX_set_max_proto_version(ctx, most);
    return ctx;
}

/* What every test has: an arena, a near socket with a stream, a peer at the far one. */
typedef struct Bench {
    Arena *arena;
    int near;
    Peer peer;
    TlsContext *context;
    TlsStream *stream;
} Bench;

static void bench_open(Bench *bench)
{
    *bench = (Bench){.arena = arena_new()};
    test_socket_pair(&bench->near, &bench->peer.fd);
}

/* The peer is the client of context (taken). */
static void bench_serve(Bench *bench, TlsContext *context)
{
    bench->context = context;
    bench->stream = tls_accept(context, bench->near);
    peer_start(&bench->peer);
}

static void bench_connect(Bench *bench, TlsContext *context, const TlsIdentity *identity)
{
    bench->context = context;
    bench->stream = tls_connect(context, bench->near, NULL);
    bench->peer.serves = true;
    bench->peer.ctx = test_openssl_server(identity);
    peer_start(&bench->peer);
}

static void bench_close(Bench *bench)
{
    tls_free(bench->stream);
    close(bench->near);
    peer_join(&bench->peer);
    tls_context_unref(bench->context);
    SSL_CTX_free(bench->peer.ctx);
    SSL_SESSION_free(bench->peer.session);
    arena_free(bench->arena);
}

static int shake(Bench *bench)
{
    return stream_handshake(bench->stream, bench->near);
}

/* ---- the stream ---- */

static int ask(Peer *peer, SSL *ssl)
{
    char answer[32] = "";
    SSL_write(ssl, "question", 8);
    SSL_read(ssl, answer, sizeof answer - 1);
    return strcmp(answer, "answer");
}

static void bytes_pass_both_ways(void **state)
{
    Bench b;
    char got[32] = "";
    bench_open(&b);
    b.peer.ctx = client_ctx(TLS1_2_VERSION, TLS1_2_VERSION);
    b.peer.talk = ask;
    bench_serve(&b, test_server(b.arena, test_identity(b.arena, TEST_EC, "a.test"), NULL));
    assert_int_equal(stream_read(b.stream, b.near, got, sizeof got), 8);
    assert_string_equal(got, "question");
    stream_write_all(b.stream, b.near, "answer", 6);
    assert_int_equal(stream_read(b.stream, b.near, got, sizeof got), 0);
    assert_false(tls_truncated(b.stream));
    assert_string_equal(tls_protocol(b.stream), "TLSv1.2");
    assert_string_equal(tls_cipher(b.stream), "ECDHE-ECDSA-AES128-GCM-SHA256");
    bench_close(&b);
    assert_int_equal(b.peer.talked, 0);
}

static int leave(Peer *peer, SSL *ssl)
{
    peer->cut = true;
    return 0;
}

static void stream_that_is_cut_is_told_from_one_that_ended(void **state)
{
    Bench b;
    char got[32];
    bench_open(&b);
    b.peer.ctx = client_ctx(TLS1_2_VERSION, TLS1_2_VERSION);
    b.peer.talk = leave;
    bench_serve(&b, test_server(b.arena, test_identity(b.arena, TEST_EC, "a.test"), NULL));
    assert_int_equal(stream_read(b.stream, b.near, got, sizeof got), 0);
    assert_true(tls_truncated(b.stream));
    bench_close(&b);
}

static int say_end_and_read(Peer *peer, SSL *ssl)
{
    char answer[32] = "";
    SSL_shutdown(ssl);
    SSL_read(ssl, answer, sizeof answer - 1);
    return strcmp(answer, "late answer");
}

static void half_closed_stream_still_gets_its_answer(void **state)
{
    Bench b;
    char got[32];
    bench_open(&b);
    b.peer.ctx = client_ctx(TLS1_2_VERSION, TLS1_2_VERSION);
    b.peer.talk = say_end_and_read;
    bench_serve(&b, test_server(b.arena, test_identity(b.arena, TEST_EC, "a.test"), NULL));
    assert_int_equal(stream_read(b.stream, b.near, got, sizeof got), 0);
    stream_write_all(b.stream, b.near, "late answer", 11);
    bench_close(&b);
    assert_int_equal(b.peer.talked, 0);
}

static int read_to_end(Peer *peer, SSL *ssl)
{
    char got[4096];
    int sum = 0, n;
    while ((n = SSL_read(ssl, got, sizeof got)) > 0)
        sum += n;
    bool ended = SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN;
    SSL_write(ssl, "thanks", 6);
    return ended ? sum : -1;
}

static void after_shutdown_what_the_peer_says_is_still_read(void **state)
{
    Bench b;
    char got[32] = "";
    bench_open(&b);
    b.peer.ctx = client_ctx(TLS1_3_VERSION, TLS1_3_VERSION);
    b.peer.talk = read_to_end;
    bench_serve(
        &b, test_server(b.arena, test_identity(b.arena, TEST_EC, "a.test"), tls_policy_modern()));
    assert_int_equal(shake(&b), 0);
    stream_write_all(b.stream, b.near, "bytes", 5);
    assert_int_equal(tls_shutdown(b.stream), 0);
    assert_int_equal(stream_read(b.stream, b.near, got, sizeof got), 6);
    assert_string_equal(got, "thanks");
    bench_close(&b);
    assert_int_equal(b.peer.talked, 5);
}

static int wait_and_read(Peer *peer, SSL *ssl)
{
    char byte;
    return read(peer->begin, &byte, 1) == 1 ? read_to_end(peer, ssl) : -1;
}

/* Much more than the socket holds, taken late: writes are partial, and the retried ones come from
 * another place in memory. */
static void large_amounts_pass_through_a_full_socket(void **state)
{
    enum { SIZE = 3 << 20, PIECE = 100000 };
    Bench b;
    bench_open(&b);
    b.peer.ctx = client_ctx(TLS1_2_VERSION, TLS1_2_VERSION);
    int begin[2];
    assert_int_equal(pipe(begin), 0);
    b.peer.begin = begin[0];
    b.peer.talk = wait_and_read;
    bench_serve(&b, test_server(b.arena, test_identity(b.arena, TEST_EC, "a.test"), NULL));
    bool was_full = false;
    for (size_t at = 0; at < SIZE;) {
        size_t n = MIN((size_t)PIECE, SIZE - at);
        g_autofree char *piece = g_malloc0(n);
        ssize_t r = tls_write(b.stream, piece, n);
        if (r == -EAGAIN) {
            if (tls_wants(b.stream) == EPOLLOUT && !was_full) {
                was_full = true;
                assert_int_equal(write(begin[1], "", 1), 1);
            }
            wait_for(b.near, tls_wants(b.stream) == EPOLLOUT ? POLLOUT : POLLIN);
            continue;
        }
        assert_true(r > 0);
        at += (size_t)r;
    }
    assert_true(was_full);
    assert_int_equal(tls_shutdown(b.stream), 0);
    shutdown(b.near, SHUT_WR);
    char got[32];
    assert_int_equal(stream_read(b.stream, b.near, got, sizeof got), 6);
    bench_close(&b);
    close(begin[0]);
    close(begin[1]);
    assert_int_equal(b.peer.talked, SIZE);
}

static void handshake_says_what_it_waits_for(void **state)
{
    Bench b;
    bench_open(&b);
    g_autoptr(TlsContext) context =
        test_server(b.arena, test_identity(b.arena, TEST_EC, "a.test"), NULL);
    g_autoptr(TlsStream) stream = tls_accept(context, b.near);
    assert_int_equal(tls_handshake(stream), -EAGAIN);
    assert_int_equal(tls_wants(stream), EPOLLIN);
    assert_string_equal(tls_protocol(stream), "-");
    assert_string_equal(tls_cipher(stream), "-");
    close(b.peer.fd);
    close(b.near);
    arena_free(b.arena);
}

static void peer_that_speaks_no_tls_is_a_protocol_error(void **state)
{
    Bench b;
    bench_open(&b);
    g_autoptr(TlsContext) context =
        test_server(b.arena, test_identity(b.arena, TEST_EC, "a.test"), NULL);
    g_autoptr(TlsStream) stream = tls_accept(context, b.near);
    send_text(b.peer.fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(stream_handshake(stream, b.near), -EPROTO);
    assert_string_equal(tls_failure(stream), "http request");
    assert_int_equal(tls_handshake(stream), -EPROTO);
    close(b.peer.fd);
    close(b.near);
    arena_free(b.arena);
}

static void peer_that_leaves_in_the_handshake_is_a_reset(void **state)
{
    Bench b;
    char got[8];
    bench_open(&b);
    g_autoptr(TlsContext) context =
        test_server(b.arena, test_identity(b.arena, TEST_EC, "a.test"), NULL);
    g_autoptr(TlsStream) stream = tls_accept(context, b.near);
    close(b.peer.fd);
    assert_int_equal(stream_read(stream, b.near, got, sizeof got), -ECONNRESET);
    assert_int_equal(tls_shutdown(stream), -EPROTO);
    close(b.near);
    arena_free(b.arena);
}

/* ---- policies ---- */

/* Whether a client of that version gets in. */
static bool gets_in(const TlsIdentity *identity, const TlsPolicy *policy, int version)
{
    Bench b;
    bench_open(&b);
    b.peer.ctx = client_ctx(version, version);
    bench_serve(&b, test_server(b.arena, identity, policy));
    int r = shake(&b);
    assert_true(r == 0 || r == -EPROTO);
    bench_close(&b);
    return r == 0;
}

static void policies_allow_their_protocols_and_no_others(void **state)
{
    static const struct {
        const char *policy;
        bool tls_1_0, tls_1_1, tls_1_2;
    } cases[] = {
        {"ELBSecurityPolicy-2016-08", true, true, true},
        {"ELBSecurityPolicy-TLS-1-1-2017-01", false, true, true},
        {"ELBSecurityPolicy-TLS-1-2-2017-01", false, false, true},
        {"ELBSecurityPolicy-2015-05", true, true, true},
        {"ELBSecurityPolicy-2014-01", true, true, true},
        {"ELBSecurityPolicy-2011-08", true, false, false},
    };
    g_autoptr(Arena) arena = arena_new();
    const TlsIdentity *identity = test_identity(arena, TEST_RSA, "a.test");
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const TlsPolicy *policy = tls_policy_find(cases[i].policy);
        assert_non_null(policy);
        assert_int_equal(gets_in(identity, policy, TLS1_VERSION), cases[i].tls_1_0);
        assert_int_equal(gets_in(identity, policy, TLS1_1_VERSION), cases[i].tls_1_1);
        assert_int_equal(gets_in(identity, policy, TLS1_2_VERSION), cases[i].tls_1_2);
        assert_false(gets_in(identity, policy, TLS1_3_VERSION));
    }
    assert_true(gets_in(identity, tls_policy_modern(), TLS1_3_VERSION));
    assert_false(gets_in(identity, tls_policy_modern(), TLS1_1_VERSION));
}

static void every_predefined_policy_makes_a_context(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const TlsIdentity *identity = test_identity(arena, TEST_RSA, "a.test");
    unsigned n = 0;
    for (const TlsPolicy *policy = tls_policies(); policy->name; policy++, n++) {
        TlsContext *context = test_server(arena, identity, policy);
        tls_context_unref(context);
        assert_ptr_equal(tls_policy_find(policy->name), policy);
        for (const char *const *cipher = policy->ciphers; *cipher; cipher++)
            assert_true(g_strv_contains(tls_policy_ciphers(), *cipher));
    }
    assert_int_equal(n, 9);
    assert_null(tls_policy_find("ELBSecurityPolicy-1999-01"));
    assert_string_equal(tls_policy_default()->name, "ELBSecurityPolicy-2016-08");
}

/* What such clients leave to the server is SHA-1. */
static void client_of_tls_1_2_that_knows_sha_1_only_gets_in(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const TlsIdentity *identity = test_identity(arena, TEST_EC, "a.test");
    const TlsPolicy *const policies[] = {tls_policy_find("ELBSecurityPolicy-TLS-1-2-2017-01"),
                                         tls_policy_modern()};
    for (size_t i = 0; i < G_N_ELEMENTS(policies); i++) {
        Bench b;
        bench_open(&b);
        b.peer.ctx = client_ctx(TLS1_2_VERSION, TLS1_2_VERSION);
        assert_int_equal(SSL_CTX_set1_sigalgs_list(b.peer.ctx, "ECDSA+SHA1:RSA+SHA1"), 1);
        bench_serve(&b, test_server(b.arena, identity, policies[i]));
        assert_int_equal(shake(&b), 0);
        bench_close(&b);
    }
}

/* Which cipher comes out when the client prefers the other order. */
static void chosen_cipher(const TlsIdentity *identity, bool server_order, char *out, size_t size)
{
    static const char *const ciphers[] = {"EXP-KRB5-RC4-MD5", "AES256-SHA", "AES128-SHA", NULL};
    TlsPolicy policy = {"own", TLS_1_2, server_order, ciphers};
    Bench b;
    bench_open(&b);
    b.peer.ctx = client_ctx(TLS1_2_VERSION, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(b.peer.ctx, "AES128-SHA:AES256-SHA");
    bench_serve(&b, test_server(b.arena, identity, &policy));
    assert_int_equal(shake(&b), 0);
    g_strlcpy(out, tls_cipher(b.stream), size);
    bench_close(&b);
}

static void order_of_ciphers_is_the_policys_or_the_clients(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const TlsIdentity *identity = test_identity(arena, TEST_RSA, "a.test");
    char cipher[48];
    chosen_cipher(identity, true, cipher, sizeof cipher);
    assert_string_equal(cipher, "AES256-SHA");
    chosen_cipher(identity, false, cipher, sizeof cipher);
    assert_string_equal(cipher, "AES128-SHA");
}

static void expect_no_server(const TlsServerOptions *options, const char *text)
{
    g_autoptr(GError) error = NULL;
    TlsContext *context = NULL;
    assert_false(tls_server_new(options, &context, &error));
    assert_null(context);
    if (!strstr(error->message, text))
        fail_msg("%s", error->message);
}

static void options_of_no_use_are_refused_with_a_reason(void **state)
{
    static const char *const none[] = {"EXP-KRB5-RC4-MD5", NULL};
    TlsPolicy no_cipher = {"own", TLS_1_2, true, none};
    TlsPolicy no_protocol = {"own", TLS_SSL_3, true, NULL};
    g_autoptr(Arena) arena = arena_new();
    const TlsIdentity *good = test_identity(arena, TEST_EC, "a.test");
    const TlsIdentity *other = test_identity(arena, TEST_EC, "a.test");
    TlsIdentity identity = *good;
    TlsServerOptions options = {0};
    expect_no_server(&options, "there is no certificate");
    list_add(&options.identities, arena, &identity);
    identity.certificate = "no PEM";
    expect_no_server(&options, "the certificate cannot be used");
    identity = *good;
    identity.key = other->key;
    expect_no_server(&options, "the private key is not the certificate's");
    identity.key = "no PEM";
    expect_no_server(&options, "the private key cannot be used");
    identity = *good;
    identity.chain = "no PEM";
    expect_no_server(&options, "the certificate chain cannot be used");
    identity = *good;
    options.policy = &no_cipher;
    expect_no_server(&options, "no cipher");
    options.policy = &no_protocol;
    expect_no_server(&options, "no protocol");
}

/* ---- names, sessions, options ---- */

static bool has_subject_name(SSL *ssl, const char *name)
{
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    bool has = X509_check_host(certificate, name, 0, 0, NULL) == 1;
    X509_free(certificate);
    return has;
}

static int note_name(Peer *peer, SSL *ssl)
{
    const char *const names[] = {"a.test", "x.b.test"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (has_subject_name(ssl, names[i]))
            g_strlcpy(peer->subject, names[i], sizeof peer->subject);
    }
    return 0;
}

static void expect_identity(TlsContext *context, const char *asked, const char *shown)
{
    Bench b;
    bench_open(&b);
    b.peer.ctx = client_ctx(TLS1_2_VERSION, TLS1_2_VERSION);
    b.peer.name = asked;
    b.peer.talk = note_name;
    bench_serve(&b, tls_context_ref(context));
    assert_int_equal(shake(&b), 0);
    bench_close(&b);
    assert_string_equal(b.peer.subject, shown);
}

static void name_asked_for_chooses_the_certificate(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(TlsContext) context = NULL;
    TlsServerOptions options = {0};
    list_add(&options.identities, arena, test_identity(arena, TEST_EC, "a.test"));
    list_add(&options.identities, arena, test_identity(arena, TEST_EC, "c.test,*.b.test"));
    assert_true(tls_server_new(&options, &context, NULL));
    expect_identity(context, "a.test", "a.test");
    expect_identity(context, "x.b.test", "x.b.test");
    expect_identity(context, "c.test", "x.b.test");
    expect_identity(context, "x.y.b.test", "a.test");
    expect_identity(context, "unknown.test", "a.test");
    expect_identity(context, NULL, "a.test");
}

/* One connection of a client that offers session (taken); gives the new one. */
static SSL_SESSION *connect_again(TlsContext *context, SSL_CTX *ctx, SSL_SESSION *session,
                                  bool expect_resumed)
{
    Bench b;
    char got[8];
    bench_open(&b);
    SSL_CTX_up_ref(ctx);
    b.peer.ctx = ctx;
    b.peer.session = session;
    b.peer.talk = ask;
    bench_serve(&b, tls_context_ref(context));
    stream_read(b.stream, b.near, got, sizeof got);
    stream_write_all(b.stream, b.near, "answer", 6);
    assert_int_equal(tls_resumed(b.stream), expect_resumed);
    assert_int_equal(stream_read(b.stream, b.near, got, sizeof got), 0);
    peer_join(&b.peer);
    SSL_SESSION *result = g_steal_pointer(&b.peer.session);
    assert_int_equal(b.peer.resumed, expect_resumed);
    tls_free(b.stream);
    close(b.near);
    tls_context_unref(b.context);
    SSL_CTX_free(b.peer.ctx);
    arena_free(b.arena);
    return result;
}

static void expect_resumption(int version, uint64_t options)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(TlsContext) context =
        test_server(arena, test_identity(arena, TEST_EC, "a.test"),
                    version == TLS1_3_VERSION ? tls_policy_modern() : NULL);
    SSL_CTX *ctx = client_ctx(version, version);
    SSL_CTX_set_options(ctx, options);
    SSL_SESSION *session = connect_again(context, ctx, NULL, false);
    session = connect_again(context, ctx, session, true);
    SSL_SESSION_free(session);
    SSL_CTX_free(ctx);
}

static void sessions_are_resumed_by_ticket(void **state)
{
    expect_resumption(TLS1_2_VERSION, 0);
    expect_resumption(TLS1_3_VERSION, 0);
}

static void sessions_are_resumed_from_the_cache(void **state)
{
    expect_resumption(TLS1_2_VERSION, SSL_OP_NO_TICKET);
}

static void context_matches_what_it_was_made_of(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    TlsIdentity *identity = test_identity(arena, TEST_EC, "a.test");
    g_autoptr(TlsContext) context = test_server(arena, identity, NULL);
    TlsIdentity copy = {.certificate = arena_strdup(arena, identity->certificate),
                        .key = arena_strdup(arena, identity->key)};
    TlsServerOptions options = {.policy = tls_policy_default()};
    list_add(&options.identities, arena, &copy);
    assert_true(tls_server_matches(context, &options));
    options.policy = tls_policy_modern();
    assert_false(tls_server_matches(context, &options));
    options.policy = NULL;
    copy.chain = "";
    assert_false(tls_server_matches(context, &options));
}

/* ---- back ends ---- */

static TlsContext *client_trusting(Arena *arena, const char *key)
{
    TlsClientOptions options = {0};
    TlsContext *context;
    if (key)
        list_add(&options.public_keys, arena, key);
    assert_true(tls_client_new(&options, &context, NULL));
    return context;
}

static void any_back_end_is_taken_when_no_key_is_asked_for(void **state)
{
    Bench b;
    bench_open(&b);
    bench_connect(&b, client_trusting(b.arena, NULL), test_identity(b.arena, TEST_EC, "a.test"));
    assert_int_equal(shake(&b), 0);
    bench_close(&b);
}

static void back_end_with_the_trusted_key_is_taken(void **state)
{
    Bench b;
    bench_open(&b);
    const TlsIdentity *identity = test_identity(b.arena, TEST_EC, "a.test");
    const char *key = test_public_key(b.arena, identity);
    bench_connect(&b, client_trusting(b.arena, key), identity);
    assert_int_equal(shake(&b), 0);
    bench_close(&b);
}

static void back_end_with_another_key_is_refused(void **state)
{
    Bench b;
    bench_open(&b);
    const char *key = test_public_key(b.arena, test_identity(b.arena, TEST_EC, "a.test"));
    bench_connect(&b, client_trusting(b.arena, key), test_identity(b.arena, TEST_EC, "a.test"));
    assert_int_equal(shake(&b), -EPROTO);
    assert_string_equal(tls_failure(b.stream), "the public key is none of those that are trusted");
    bench_close(&b);
    assert_int_not_equal(b.peer.handshake, 1);
}

static void public_keys_are_read_with_and_without_their_lines(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *pem = test_public_key(arena, test_identity(arena, TEST_EC, "a.test"));
    assert_true(tls_public_key_valid(pem));
    const char *begin = strchr(pem, '\n') + 1;
    const char *bare = arena_strndup(arena, begin, (size_t)(strstr(begin, "-----END") - begin));
    assert_true(tls_public_key_valid(bare));
    assert_false(tls_public_key_valid(bare + 4));
    assert_false(tls_public_key_valid("no key"));
    assert_false(tls_public_key_valid(""));
    TlsClientOptions options = {0};
    g_autoptr(GError) error = NULL;
    TlsContext *context = NULL;
    list_add(&options.public_keys, arena, "no key");
    assert_false(tls_client_new(&options, &context, &error));
    assert_non_null(strstr(error->message, "public key"));
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_pass_both_ways),
        cmocka_unit_test(stream_that_is_cut_is_told_from_one_that_ended),
        cmocka_unit_test(half_closed_stream_still_gets_its_answer),
        cmocka_unit_test(after_shutdown_what_the_peer_says_is_still_read),
        cmocka_unit_test(large_amounts_pass_through_a_full_socket),
        cmocka_unit_test(handshake_says_what_it_waits_for),
        cmocka_unit_test(peer_that_speaks_no_tls_is_a_protocol_error),
        cmocka_unit_test(peer_that_leaves_in_the_handshake_is_a_reset),
        cmocka_unit_test(policies_allow_their_protocols_and_no_others),
        cmocka_unit_test(client_of_tls_1_2_that_knows_sha_1_only_gets_in),
        cmocka_unit_test(every_predefined_policy_makes_a_context),
        cmocka_unit_test(order_of_ciphers_is_the_policys_or_the_clients),
        cmocka_unit_test(options_of_no_use_are_refused_with_a_reason),
        cmocka_unit_test(name_asked_for_chooses_the_certificate),
        cmocka_unit_test(sessions_are_resumed_by_ticket),
        cmocka_unit_test(sessions_are_resumed_from_the_cache),
        cmocka_unit_test(context_matches_what_it_was_made_of),
        cmocka_unit_test(any_back_end_is_taken_when_no_key_is_asked_for),
        cmocka_unit_test(back_end_with_the_trusted_key_is_taken),
        cmocka_unit_test(back_end_with_another_key_is_refused),
        cmocka_unit_test(public_keys_are_read_with_and_without_their_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
