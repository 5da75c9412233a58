/* Verification by xmlsec, of requests whose form leaves it nothing to choose.
 *
 * Invariants, against signatures that are wrapped around other elements than those that are used:
 * no two elements have the same id; xmlsec knows the ids of two elements only, the request's Body
 * and Timestamp, which api/soap.c found where they belong; both are signed, once, and nothing else;
 * the only transform is exclusive canonicalization; and the key is the one given here, whatever
 * KeyInfo says. */
#include "api/soap_signature.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/fault.h"
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>
#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>

#define DS "http://www.w3.org/2000/09/xmldsig#"
#define EXCLUSIVE "http://www.w3.org/2001/10/xml-exc-c14n#"
#define TOKEN "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlSecDSigCtx, xmlSecDSigCtxDestroy)

static bool refuse(GError **error, const char *why)
{
    return fault_set(error, FAULT_AUTH_FAILURE, "%s", why);
}

static const char *digest_text(Arena *arena, const uint8_t *data, size_t size)
{
    uint8_t sum[SHA256_SIZE];
    char *text = arena_alloc(arena, 2 * sizeof(sum) + 1);
    digest(DIGEST_SHA256, data, size, sum);
    hex_encode(sum, sizeof(sum), text);
    return text;
}

/* ---- ids ---- */

/* So that "#id" is that and no XPointer expression. */
static bool is_plain_id(const char *id)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    return id && *id && !id[strspn(id, plain)];
}

/* Whatever might be taken for an id by somebody; xml:id, which libxml2 knows without being told, is
 * refused. */
static bool collect_ids(GHashTable *ids, xmlNode *element)
{
    for (xmlAttr *at = element->properties; at; at = at->next) {
        if (g_ascii_strcasecmp((const char *)at->name, "id") != 0)
            continue;
        if (at->ns && strcmp((const char *)at->ns->href, (const char *)XML_XML_NAMESPACE) == 0)
            return false;
        if (!g_hash_table_add(ids, (char *)xmlNodeListGetString(element->doc, at->children, 1)) ||
            g_hash_table_size(ids) > SOAP_MAX_IDS)
            return false;
    }
    /* No deeper than SOAP_MAX_DEPTH. */
    for (xmlNode *child = soap_element(element->children); child; child = soap_element(child->next))
        if (!collect_ids(ids, child))
            return false;
    return true;
}

static void free_id(void *id)
{
    xmlFree(id);
}

static guint hash_id(const void *id)
{
    return id ? g_str_hash(id) : 0;
}

static gboolean same_id(const void *one, const void *other)
{
    return g_strcmp0(one, other) == 0;
}

static bool ids_are_unique(const SoapRequest *request)
{
    g_autoptr(GHashTable) ids = g_hash_table_new_full(hash_id, same_id, free_id, NULL);
    return collect_ids(ids, xmlDocGetRootElement(request->document));
}

/* ---- the form of the signature ---- */

/* The elements in parent, at most `most` of them; false when there are more. */
static bool children_of(const xmlNode *parent, xmlNode **children, size_t most, size_t *ret_n)
{
    size_t n = 0;
    for (xmlNode *at = soap_element(parent->children); at; at = soap_element(at->next)) {
        if (n == most)
            return false;
        children[n++] = at;
    }
    *ret_n = n;
    return true;
}

/* Exactly these, of the signature's namespace, in this order. */
static bool holds(const xmlNode *parent, const char *const *names, size_t n, xmlNode **children)
{
    size_t found;
    if (!children_of(parent, children, n, &found) || found != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!soap_is(children[i], DS, names[i]))
            return false;
    return true;
}

static bool has_algorithm(Arena *arena, const xmlNode *method, const char *const *algorithms)
{
    const char *sent = soap_attribute(arena, method, NULL, "Algorithm");
    return sent && g_strv_contains(algorithms, sent);
}

/* Each of them is looked up for each element. */
static bool is_short_list(Arena *arena, const xmlNode *element)
{
    const char *list = soap_attribute(arena, element, NULL, "PrefixList");
    return soap_is(element, EXCLUSIVE, "InclusiveNamespaces") &&
           (!list || strlen(list) <= SOAP_MAX_PREFIX_LIST);
}

/* Exclusive canonicalization, with no more to it than a list of prefixes. */
static bool is_exclusive(Arena *arena, const xmlNode *method)
{
    static const char *const algorithms[] = {EXCLUSIVE, NULL};
    xmlNode *more;
    size_t n;
    return has_algorithm(arena, method, algorithms) && children_of(method, &more, 1, &n) &&
           (n == 0 || is_short_list(arena, more));
}

static bool check_reference(Arena *arena, const xmlNode *reference, GError **error)
{
    static const char *const names[] = {"Transforms", "DigestMethod", "DigestValue"};
    static const char *const transform[] = {"Transform"};
    static const char *const digests[] = {DS "sha1", "http://www.w3.org/2001/04/xmlenc#sha256",
                                          NULL};
    xmlNode *parts[3], *only;
    if (!holds(reference, names, 3, parts) || !holds(parts[0], transform, 1, &only) ||
        !is_exclusive(arena, only))
        return refuse(error, "Each reference of the signature must have one transform, which is "
                             "exclusive canonicalization");
    return has_algorithm(arena, parts[1], digests) ||
           refuse(error, "The digests of the signature must be SHA-1 or SHA-256");
}

static bool refers_to(Arena *arena, const xmlNode *reference, const char *id)
{
    const char *uri = soap_attribute(arena, reference, NULL, "URI");
    return uri && *uri == '#' && strcmp(uri + 1, id) == 0;
}

/* Two references: one to the Body, one to the Timestamp. */
static bool check_references(Arena *arena, const SoapRequest *request, xmlNode *const *references,
                             GError **error)
{
    const char *body = soap_attribute(arena, request->body, SOAP_WSU, "Id");
    const char *time = soap_attribute(arena, request->timestamp, SOAP_WSU, "Id");
    if (!is_plain_id(body) || !is_plain_id(time) || !ids_are_unique(request))
        return fault_set(error, FAULT_AUTH_FAILURE,
                         "Body and Timestamp must have ids, no id may be there twice, and no more "
                         "than %d may be there",
                         SOAP_MAX_IDS);
    size_t first = refers_to(arena, references[0], body) ? 0 : 1;
    if (!refers_to(arena, references[first], body) ||
        !refers_to(arena, references[1 - first], time))
        return refuse(error, "The signature must be of the Body and the Timestamp");
    return check_reference(arena, references[0], error) &&
           check_reference(arena, references[1], error);
}

static bool check_signed_info(Arena *arena, const SoapRequest *request, const xmlNode *info,
                              GError **error)
{
    static const char *const names[] = {"CanonicalizationMethod", "SignatureMethod", "Reference",
                                        "Reference"};
    static const char *const methods[] = {
        DS "rsa-sha1", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", NULL};
    xmlNode *parts[4];
    if (!holds(info, names, 4, parts))
        return refuse(error, "The signature must be of the Body and the Timestamp");
    if (!is_exclusive(arena, parts[0]))
        return refuse(error, "The signature's canonicalization must be the exclusive one");
    if (!has_algorithm(arena, parts[1], methods) || soap_element(parts[1]->children))
        return refuse(error, "The signature must be RSA with SHA-1 or SHA-256");
    return check_references(arena, request, parts + 2, error);
}

/* KeyInfo/SecurityTokenReference/Reference leads to the token. */
static bool check_key_info(Arena *arena, const SoapRequest *request, const xmlNode *info,
                           GError **error)
{
    const char *id = soap_attribute(arena, request->token, SOAP_WSU, "Id");
    xmlNode *holder, *reference;
    size_t n;
    return (children_of(info, &holder, 1, &n) && n == 1 &&
            soap_is(holder, SOAP_WSSE, "SecurityTokenReference") &&
            children_of(holder, &reference, 1, &n) && n == 1 &&
            soap_is(reference, SOAP_WSSE, "Reference") && id && refers_to(arena, reference, id)) ||
           refuse(error, "The signature's key must be that of the BinarySecurityToken");
}

static bool read_value(Arena *arena, const xmlNode *value, SoapClaim *claim, GError **error)
{
    g_autofree uint8_t *bytes = NULL;
    size_t size;
    const char *text = soap_text(arena, value);
    if (!text || !base64_decode(text, strlen(text), &bytes, &size) || size == 0)
        return refuse(error, "The signature's value must be base64");
    claim->signature = digest_text(arena, bytes, size);
    return true;
}

static bool read_signature(Arena *arena, const SoapRequest *request, SoapClaim *claim,
                           GError **error)
{
    static const char *const names[] = {"SignedInfo", "SignatureValue", "KeyInfo"};
    xmlNode *parts[3];
    if (!holds(request->signature, names, 3, parts))
        return refuse(error, "The Signature must hold SignedInfo, SignatureValue and KeyInfo");
    return check_signed_info(arena, request, parts[0], error) &&
           check_key_info(arena, request, parts[2], error) &&
           read_value(arena, parts[1], claim, error);
}

/* ---- token and times ---- */

static bool read_token(Arena *arena, const xmlNode *token, SoapClaim *claim, GError **error)
{
    const char *type = soap_attribute(arena, token, NULL, "ValueType");
    const char *encoding = soap_attribute(arena, token, NULL, "EncodingType");
    if (g_strcmp0(type, TOKEN "x509-token-profile-1.0#X509v3") != 0 ||
        (encoding && strcmp(encoding, TOKEN "soap-message-security-1.0#Base64Binary") != 0))
        return refuse(error, "The BinarySecurityToken must be an X.509 certificate in base64");
    g_autofree uint8_t *bytes = NULL;
    size_t size;
    const char *text = soap_text(arena, token);
    if (!text || !base64_decode(text, strlen(text), &bytes, &size) || size == 0 ||
        size > SOAP_MAX_CERTIFICATE)
        return refuse(error, "The BinarySecurityToken must be an X.509 certificate in base64");
    claim->certificate = arena_memdup(arena, bytes, size);
    claim->certificate_size = size;
    claim->digest = digest_text(arena, bytes, size);
    return true;
}

static bool read_time(Arena *arena, const xmlNode *element, int64_t *ret_time)
{
    const char *text = soap_text(arena, element);
    return text && clock_parse(text, ret_time);
}

static bool read_timestamp(Arena *arena, const xmlNode *timestamp, SoapClaim *claim, GError **error)
{
    xmlNode *times[2];
    size_t n;
    return (children_of(timestamp, times, 2, &n) && n > 0 &&
            soap_is(times[0], SOAP_WSU, "Created") && read_time(arena, times[0], &claim->created) &&
            (n == 1 || (soap_is(times[1], SOAP_WSU, "Expires") &&
                        read_time(arena, times[1], &claim->expires)))) ||
           refuse(error, "The Timestamp must hold Created and may hold Expires, times like "
                         "2010-11-22T09:30:05Z");
}

bool soap_claim_read(Arena *arena, const SoapRequest *request, SoapClaim *ret_claim, GError **error)
{
    SoapClaim claim = {0};
    if (!read_timestamp(arena, request->timestamp, &claim, error) ||
        !read_token(arena, request->token, &claim, error) ||
        !read_signature(arena, request, &claim, error))
        return false;
    *ret_claim = claim;
    return true;
}

/* ---- verification ---- */

static void init_xmlsec(void)
{
    xmlInitParser();
    if (xmlSecInit() < 0 || xmlSecCryptoAppInit(NULL) < 0 || xmlSecCryptoInit() < 0)
        g_error("xmlsec cannot be initialised");
    /* What a stranger sends is no matter for the log. After the initialisation, which sets it. */
    xmlSecErrorsSetCallback(NULL);
}

void soap_signature_init(void)
{
    static gsize done;
    if (g_once_init_enter(&done)) {
        init_xmlsec();
        g_once_init_leave(&done, 1);
    }
}

/* The public key of a certificate, as xmlsec wants it; NULL when it is none of RSA. */
static xmlSecKey *read_key(const SoapClaim *claim)
{
    const unsigned char *at = claim->certificate;
    g_autoptr(X509) certificate = d2i_X509(NULL, &at, (long)claim->certificate_size);
    EVP_PKEY *key = certificate && at == claim->certificate + claim->certificate_size
                        ? X509_get_pubkey(certificate)
                        : NULL;
    ERR_clear_error();
    if (!key || !EVP_PKEY_is_a(key, "RSA")) {
        EVP_PKEY_free(key);
        return NULL;
    }
    xmlSecKeyData *data = xmlSecOpenSSLEvpKeyAdopt(key);
    if (!data) {
        EVP_PKEY_free(key);
        return NULL;
    }
    xmlSecKey *made = xmlSecKeyCreate();
    if (made && xmlSecKeySetValue(made, data) == 0)
        return made;
    xmlSecKeyDataDestroy(data);
    if (made)
        xmlSecKeyDestroy(made);
    return NULL;
}

static bool allow(xmlSecDSigCtx *context)
{
    context->enabledReferenceUris = xmlSecTransformUriTypeSameDocument;
    return xmlSecDSigCtxEnableSignatureTransform(context, xmlSecTransformExclC14NId) == 0 &&
           xmlSecDSigCtxEnableSignatureTransform(context, xmlSecTransformRsaSha1Id) == 0 &&
           xmlSecDSigCtxEnableSignatureTransform(context, xmlSecTransformRsaSha256Id) == 0 &&
           xmlSecDSigCtxEnableReferenceTransform(context, xmlSecTransformExclC14NId) == 0 &&
           xmlSecDSigCtxEnableReferenceTransform(context, xmlSecTransformSha1Id) == 0 &&
           xmlSecDSigCtxEnableReferenceTransform(context, xmlSecTransformSha256Id) == 0;
}

static bool make_known(xmlNode *element)
{
    xmlAttr *id = xmlHasNsProp(element, (const xmlChar *)"Id", (const xmlChar *)SOAP_WSU);
    xmlChar *value = id ? xmlNodeListGetString(element->doc, id->children, 1) : NULL;
    bool known = value && xmlAddID(NULL, element->doc, value, id);
    xmlFree(value);
    return known;
}

static bool verifies(xmlSecDSigCtx *context, const SoapRequest *request)
{
    bool right = make_known(request->body) && make_known(request->timestamp) &&
                 xmlSecDSigCtxVerify(context, request->signature) == 0 &&
                 context->status == xmlSecDSigStatusSucceeded &&
                 xmlSecPtrListGetSize(&context->signedInfoReferences) == 2;
    ERR_clear_error();
    return right;
}

bool soap_claim_verify(Arena *arena, const SoapRequest *request, const SoapClaim *claim,
                       GError **error)
{
    xmlSecKey *key = read_key(claim);
    if (!key)
        return refuse(error, "The BinarySecurityToken must be the certificate of an RSA key");
    g_autoptr(xmlSecDSigCtx) context = xmlSecDSigCtxCreate(NULL);
    if (!context || !allow(context)) {
        xmlSecKeyDestroy(key);
        return trouble_set(error, "xmlsec cannot verify signatures");
    }
    context->signKey = key; /* goes with it */
    return verifies(context, request) ||
           refuse(error, "The signature is not of the certificate's key, or not of this request");
}
