/* TLS contexts: what the options say, put into OpenSSL's SSL_CTX. Invariant: nothing of a context
 * is changed once it is handed out (but OpenSSL's own cache of sessions, and the session kept for a
 * back end), so no lock guards it. */
#include "lb/tls_context.h"

#include "base/digest.h"
#include "base/fault.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

enum {
    SESSIONS_MAX = 4096,    /* kept for clients of TLS 1.2 that use no tickets; about 1 KiB each */
    SESSION_SECONDS = 3600, /* of tickets, too */
    CHAIN_MAX = 16,         /* certificates in a chain */
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SSL_CTX, SSL_CTX_free)

/* The stack of OpenSSL's errors becomes the end of one line. */
static bool set_tls_trouble(GError **error, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    trouble_set(error, reason ? "%s: %s" : "%s", what, reason);
    ERR_clear_error();
    return false;
}

static BIO *text_bio(const char *text)
{
    return BIO_new_mem_buf(text, (int)MIN(strlen(text), INT_MAX));
}

/* An encrypted key must not make the daemon ask at its terminal. */
static int no_password(char *buffer, int size, int writing, void *data)
{
    return -1;
}

static bool use_certificate(SSL_CTX *ssl, const char *pem, GError **error)
{
    g_autoptr(BIO) bio = text_bio(pem);
    g_autoptr(X509) certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    if (!certificate || SSL_CTX_use_certificate(ssl, certificate) != 1)
        return set_tls_trouble(error, "the certificate cannot be used");
    return true;
}

static bool use_chain(SSL_CTX *ssl, const char *pem, GError **error)
{
    if (!pem || !*pem)
        return true;
    g_autoptr(BIO) bio = text_bio(pem);
    for (unsigned n = 0; n < CHAIN_MAX; n++) {
        g_autoptr(X509) certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
        if (!certificate) {
            if (n == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
                return set_tls_trouble(error, "the certificate chain cannot be used");
            ERR_clear_error(); /* no more of them */
            return true;
        }
        if (SSL_CTX_add1_chain_cert(ssl, certificate) != 1)
            return set_tls_trouble(error, "the certificate chain cannot be used");
    }
    return trouble_set(error, "the certificate chain is longer than %u", CHAIN_MAX);
}

static bool use_key(SSL_CTX *ssl, const char *pem, GError **error)
{
    g_autoptr(BIO) bio = text_bio(pem);
    g_autoptr(EVP_PKEY) key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    if (!key)
        return set_tls_trouble(error, "the private key cannot be used");
    if (SSL_CTX_use_PrivateKey(ssl, key) != 1 || SSL_CTX_check_private_key(ssl) != 1)
        return set_tls_trouble(error, "the private key is not the certificate's");
    return true;
}

static bool set_protocols(SSL_CTX *ssl, unsigned protocols, GError **error)
{
    static const struct {
        unsigned bit;
        int version;
        uint64_t off;
    } all[] = {
        {TLS_1_0, TLS1_VERSION, SSL_OP_NO_TLSv1},
        {TLS_1_1, TLS1_1_VERSION, SSL_OP_NO_TLSv1_1},
        {TLS_1_2, TLS1_2_VERSION, SSL_OP_NO_TLSv1_2},
        {TLS_1_3, TLS1_3_VERSION, SSL_OP_NO_TLSv1_3},
    };
    int least = 0, most = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        if (!(protocols & all[i].bit)) {
            SSL_CTX_set_options(ssl, all[i].off);
            continue;
        }
        least = least ? least : all[i].version;
        most = all[i].version;
    }
    if (!least)
        return trouble_set(error, "the policy has no protocol that can be negotiated");
    /* Also against the system's configuration, which may ask for more. */
    if (SSL_CTX_set_min_proto_version(ssl, least) != 1 ||
        SSL_CTX_set_max_proto_version(ssl, most) != 1)
        return set_tls_trouble(error, "the policy's protocols cannot be used");
    return true;
}

/* TLS before 1.2 signs with SHA-1, and so does 1.2 for clients that do not say what else they know
 * (busybox's wget); OpenSSL 3 has that at security level 0 only. What is weak is kept out by the
 * list of ciphers, not by the level. */
static bool set_ciphers(SSL_CTX *ssl, const TlsPolicy *policy, GError **error)
{
    SSL_CTX_set_security_level(ssl, 0);
    if (!policy->ciphers)
        return true;
    g_autofree char *names = g_strjoinv(":", (char **)policy->ciphers);
    if (SSL_CTX_set_cipher_list(ssl, names) != 1)
        return set_tls_trouble(error, "the policy has no cipher that can be negotiated");
    return true;
}

static void note_alert(const SSL *ssl, int where, int value)
{
    if (where == SSL_CB_READ_ALERT && (value & 0xff) == SSL_AD_CLOSE_NOTIFY)
        tls_stream_of(ssl)->closed = true;
}

static bool set_common(SSL_CTX *ssl, const TlsPolicy *policy, GError **error)
{
    /* The peer's mere end is told from a close_notify by note_alert; as an error it would end the
     * other direction too, and a client that half-closes so still waits for its answer. */
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ssl, 1); /* one system call a record, not two */
    SSL_CTX_set_info_callback(ssl, note_alert);
    return set_protocols(ssl, policy->protocols, error) && set_ciphers(ssl, policy, error);
}

static bool make_server_ctx(const TlsPolicy *policy, const TlsIdentity *identity, SSL_CTX **ret_ssl,
                            GError **error)
{
    static const unsigned char session_scope[] = "cumulet";
    g_autoptr(SSL_CTX) ssl = SSL_CTX_new(TLS_server_method());
    if (!ssl)
        return set_tls_trouble(error, "no TLS context");
    if (policy->server_order)
        SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_dh_auto(ssl, 1);
    SSL_CTX_set_session_id_context(ssl, session_scope, sizeof session_scope - 1);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_cache_size(ssl, SESSIONS_MAX);
    SSL_CTX_set_timeout(ssl, SESSION_SECONDS);
    if (!set_common(ssl, policy, error) || !use_certificate(ssl, identity->certificate, error) ||
        !use_chain(ssl, identity->chain, error) || !use_key(ssl, identity->key, error))
        return false;
    *ret_ssl = g_steal_pointer(&ssl);
    return true;
}

static bool covers(SSL_CTX *ssl, const char *name)
{
    return X509_check_host(SSL_CTX_get0_certificate(ssl), name, 0, 0, NULL) == 1;
}

/* The first identity whose certificate covers the name that the client asked for. */
static int choose_identity(SSL *ssl, int *alert, void *data)
{
    const TlsContext *context = data;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!name || !context->others->len || covers(context->ssl, name))
        return SSL_TLSEXT_ERR_OK;
    for (unsigned i = 0; i < context->others->len; i++) {
        if (covers(context->others->pdata[i], name)) {
            SSL_set_SSL_CTX(ssl, context->others->pdata[i]);
            break;
        }
    }
    return SSL_TLSEXT_ERR_OK;
}

/* The certificate's own key is all that back-end authentication goes by. */
static int check_public_key(X509_STORE_CTX *store, void *data)
{
    const TlsContext *context = data;
    EVP_PKEY *shown = X509_get0_pubkey(X509_STORE_CTX_get0_cert(store));
    for (unsigned i = 0; shown && i < context->trusted->len; i++) {
        if (EVP_PKEY_eq(shown, context->trusted->pdata[i]) == 1)
            return 1;
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static void replace_session(TlsContext *context, SSL_SESSION *session)
{
    pthread_mutex_lock(&context->lock);
    SSL_SESSION *before = context->session;
    context->session = session;
    pthread_mutex_unlock(&context->lock);
    SSL_SESSION_free(before);
}

/* OpenSSL tells of a new session. An SSL goes on writing into its own, so what other threads are
 * given are copies. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION *copy = SSL_SESSION_dup(session);
    if (copy)
        replace_session(tls_stream_of(ssl)->context, copy);
    return 0;
}

void tls_context_offer_session(TlsContext *context, SSL *ssl)
{
    pthread_mutex_lock(&context->lock);
    SSL_SESSION *copy = context->session ? SSL_SESSION_dup(context->session) : NULL;
    pthread_mutex_unlock(&context->lock);
    if (copy)
        SSL_set_session(ssl, copy); /* one that is of no use is not offered */
    SSL_SESSION_free(copy);
}

void tls_context_forget_session(TlsContext *context)
{
    replace_session(context, NULL);
}

static EVP_PKEY *read_public_key(const char *text)
{
    g_autoptr(BIO) bio = NULL;
    if (strstr(text, "-----BEGIN ")) {
        bio = text_bio(text);
        return PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
    }
    size_t size;
    g_autofree uint8_t *der = NULL;
    if (!base64_decode(text, strlen(text), &der, &size))
        return NULL;
    const unsigned char *at = der;
    g_autoptr(EVP_PKEY) key = d2i_PUBKEY(NULL, &at, (long)size);
    return key && at == der + size ? g_steal_pointer(&key) : NULL;
}

bool tls_public_key_valid(const char *text)
{
    g_autoptr(EVP_PKEY) key = read_public_key(text);
    ERR_clear_error();
    return key != NULL;
}

static void fingerprint_text(GChecksum *sum, const char *text)
{
    /* With its end, so that the borders between texts count. NULL is not "". */
    g_checksum_update(sum, (const guchar *)(text ? "+" : "-"), 1);
    if (text)
        g_checksum_update(sum, (const guchar *)text, (gssize)strlen(text) + 1);
}

static void fingerprint_policy(GChecksum *sum, const TlsPolicy *policy)
{
    guchar bits[2] = {(guchar)policy->protocols, policy->server_order};
    g_checksum_update(sum, bits, sizeof bits);
    for (const char *const *cipher = policy->ciphers; cipher && *cipher; cipher++)
        fingerprint_text(sum, *cipher);
    fingerprint_text(sum, NULL);
}

static const TlsPolicy *policy_or_default(const TlsPolicy *policy)
{
    return policy ? policy : tls_policy_default();
}

static char *fingerprint_server(const TlsServerOptions *options)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    fingerprint_policy(sum, policy_or_default(options->policy));
    LIST_EACH (const TlsIdentity *, identity, &options->identities) {
        fingerprint_text(sum, identity->certificate);
        fingerprint_text(sum, identity->chain);
        fingerprint_text(sum, identity->key);
    }
    return g_strdup(g_checksum_get_string(sum));
}

static char *fingerprint_client(const TlsClientOptions *options)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    fingerprint_policy(sum, policy_or_default(options->policy));
    LIST_EACH (const char *, key, &options->public_keys)
        fingerprint_text(sum, key);
    return g_strdup(g_checksum_get_string(sum));
}

static TlsContext *context_new(char *fingerprint)
{
    TlsContext *context = g_new0(TlsContext, 1);
    atomic_init(&context->references, 1);
    context->others = g_ptr_array_new_with_free_func((GDestroyNotify)SSL_CTX_free);
    context->trusted = g_ptr_array_new_with_free_func((GDestroyNotify)EVP_PKEY_free);
    context->fingerprint = fingerprint;
    pthread_mutex_init(&context->lock, NULL);
    return context;
}

TlsContext *tls_context_ref(TlsContext *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void tls_context_unref(TlsContext *context)
{
    if (!context || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(context->ssl);
    g_ptr_array_unref(context->others);
    g_ptr_array_unref(context->trusted);
    g_free(context->fingerprint);
    SSL_SESSION_free(context->session);
    pthread_mutex_destroy(&context->lock);
    g_free(context);
}

bool tls_server_new(const TlsServerOptions *options, TlsContext **ret_context, GError **error)
{
    g_autoptr(TlsContext) context = context_new(fingerprint_server(options));
    const TlsPolicy *policy = policy_or_default(options->policy);
    if (!options->identities.n)
        return trouble_set(error, "there is no certificate");
    LIST_EACH (const TlsIdentity *, identity, &options->identities) {
        SSL_CTX *ssl = NULL;
        if (!make_server_ctx(policy, identity, &ssl, error))
            return false;
        if (context->ssl)
            g_ptr_array_add(context->others, ssl);
        else
            context->ssl = ssl;
    }
    SSL_CTX_set_tlsext_servername_callback(context->ssl, choose_identity);
    SSL_CTX_set_tlsext_servername_arg(context->ssl, context);
    *ret_context = g_steal_pointer(&context);
    return true;
}

bool tls_client_new(const TlsClientOptions *options, TlsContext **ret_context, GError **error)
{
    g_autoptr(TlsContext) context = context_new(fingerprint_client(options));
    context->ssl = SSL_CTX_new(TLS_client_method());
    if (!context->ssl)
        return set_tls_trouble(error, "no TLS context");
    if (!set_common(context->ssl, policy_or_default(options->policy), error))
        return false;
    SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
    if (options->one_server) {
        SSL_CTX_set_session_cache_mode(context->ssl,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context->ssl, keep_session);
    }
    LIST_EACH (const char *, text, &options->public_keys) {
        EVP_PKEY *key = read_public_key(text);
        if (!key)
            return set_tls_trouble(error, "a public key for back ends cannot be read");
        g_ptr_array_add(context->trusted, key);
    }
    if (context->trusted->len) {
        SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(context->ssl, check_public_key, context);
    }
    *ret_context = g_steal_pointer(&context);
    return true;
}

bool tls_server_matches(const TlsContext *context, const TlsServerOptions *options)
{
    g_autofree char *fingerprint = fingerprint_server(options);
    return strcmp(context->fingerprint, fingerprint) == 0;
}

bool tls_client_matches(const TlsContext *context, const TlsClientOptions *options)
{
    g_autofree char *fingerprint = fingerprint_client(options);
    return strcmp(context->fingerprint, fingerprint) == 0;
}
