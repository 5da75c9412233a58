/* Envelopes.
 *
 * Invariant: libxml2 sees a text only after `scan` found that it has elements, attributes and text
 * alone, and few enough of them; so there are no declarations to act on, nothing in the tree but
 * elements and text, and no cost beyond the text's own size. Where the scan and libxml2 would
 * disagree the text is not well-formed, and libxml2 stops at the same place. */
#include "api/soap.h"

#include "api/xml.h"
#include "base/fault.h"
#include <libxml/parser.h>
#include <string.h>

#define ENVELOPE "http://schemas.xmlsoap.org/soap/envelope/"
#define DS "http://www.w3.org/2000/09/xmldsig#"

static bool malformed(GError **error, const char *why)
{
    return fault_set(error, FAULT_MALFORMED_XML, "The SOAP request is not valid: %s", why);
}

bool soap_is_meant(const HttpRequest *http)
{
    static const char type[] = "text/xml";
    const char *sent = http_header(http, "content-type");
    if (strcmp(http->method, "POST") != 0 || *http->query || !sent ||
        g_ascii_strncasecmp(sent, type, strlen(type)) != 0)
        return false;
    char behind = sent[strlen(type)];
    return behind == '\0' || behind == ';' || g_ascii_isspace(behind);
}

/* ---- the scan ---- */

typedef struct Scan {
    const char *at, *end;
    unsigned depth, elements;
} Scan;

/* Behind the '<' of a tag; steps behind its '>'. */
static bool scan_tag(Scan *scan)
{
    bool closes = scan->at < scan->end && *scan->at == '/';
    unsigned attributes = 0;
    char before = '<';
    for (; scan->at < scan->end && *scan->at != '>'; scan->at++) {
        before = *scan->at;
        if (before == '=' && ++attributes > SOAP_MAX_ATTRIBUTES)
            return false;
        if (before != '"' && before != '\'')
            continue;
        const char *value = scan->at + 1;
        scan->at = memchr(value, before, (size_t)(scan->end - value));
        if (!scan->at || scan->at - value > SOAP_MAX_ATTRIBUTE_SIZE)
            return false;
    }
    if (scan->at++ == scan->end)
        return false;
    if (closes)
        return scan->depth-- > 0;
    if (++scan->elements > SOAP_MAX_ELEMENTS)
        return false;
    return before == '/' ? scan->depth < SOAP_MAX_DEPTH : ++scan->depth <= SOAP_MAX_DEPTH;
}

/* Steps behind a byte order mark and "<?xml … ?>", which alone may look like an instruction. */
static bool scan_declaration(Scan *scan)
{
    static const char mark[] = "\xef\xbb\xbf", declaration[] = "<?xml ";
    if (g_str_has_prefix(scan->at, mark))
        scan->at += strlen(mark);
    if (!g_str_has_prefix(scan->at, declaration))
        return true;
    const char *end = strstr(scan->at, "?>");
    if (!end || memchr(scan->at + 1, '<', (size_t)(end - scan->at - 1)))
        return false;
    scan->at = end + strlen("?>");
    return true;
}

/* text ends with a NUL. */
static bool scan(const char *text, size_t size)
{
    Scan scan = {.at = text, .end = text + size};
    if (!scan_declaration(&scan))
        return false;
    while ((scan.at = memchr(scan.at, '<', (size_t)(scan.end - scan.at)))) {
        scan.at++;
        if (*scan.at == '!' || *scan.at == '?' || !scan_tag(&scan))
            return false;
    }
    return scan.depth == 0;
}

/* NULL: it is not well-formed, or uses a prefix that it does not declare. */
static xmlDoc *parse(const char *text, size_t size)
{
    const int options =
        XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
    xmlParserCtxt *parser = xmlNewParserCtxt();
    xmlDoc *document =
        parser ? xmlCtxtReadMemory(parser, text, (int)size, NULL, NULL, options) : NULL;
    if (document && !parser->nsWellFormed) {
        xmlFreeDoc(document);
        document = NULL;
    }
    xmlFreeParserCtxt(parser);
    return document;
}

/* ---- the tree ---- */

xmlNode *soap_element(xmlNode *node)
{
    while (node && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

bool soap_is(const xmlNode *element, const char *xmlns, const char *name)
{
    return element && element->ns && strcmp((const char *)element->name, name) == 0 &&
           strcmp((const char *)element->ns->href, xmlns) == 0;
}

static const char *take(Arena *arena, xmlChar *text)
{
    const char *copy = text ? arena_strdup(arena, (const char *)text) : NULL;
    xmlFree(text);
    return copy;
}

const char *soap_text(Arena *arena, const xmlNode *element)
{
    return soap_element(element->children) ? NULL : take(arena, xmlNodeGetContent(element));
}

const char *soap_attribute(Arena *arena, const xmlNode *element, const char *xmlns,
                           const char *name)
{
    return take(arena, xmlns ? xmlGetNsProp(element, (const xmlChar *)name, (const xmlChar *)xmlns)
                             : xmlGetNoNsProp(element, (const xmlChar *)name));
}

/* ---- the parts ---- */

static bool read_security(SoapRequest *request, xmlNode *security, GError **error)
{
    for (xmlNode *at = soap_element(security->children); at; at = soap_element(at->next)) {
        xmlNode **part = soap_is(at, SOAP_WSU, "Timestamp")              ? &request->timestamp
                         : soap_is(at, SOAP_WSSE, "BinarySecurityToken") ? &request->token
                         : soap_is(at, DS, "Signature")                  ? &request->signature
                                                                         : NULL;
        if (!part || *part)
            return malformed(error, "the Security header holds something twice or of another kind "
                                    "than Timestamp, BinarySecurityToken and Signature");
        *part = at;
    }
    if (!request->timestamp || !request->token || !request->signature)
        return fault_set(error, FAULT_AUTH_FAILURE,
                         "The Security header must hold a Timestamp, a BinarySecurityToken and a "
                         "Signature");
    return true;
}

/* Other blocks are passed over, unless their sender insists. */
static bool read_header(Arena *arena, SoapRequest *request, xmlNode *header, GError **error)
{
    xmlNode *security = NULL;
    for (xmlNode *at = soap_element(header->children); at; at = soap_element(at->next)) {
        bool is_security = soap_is(at, SOAP_WSSE, "Security");
        const char *must = soap_attribute(arena, at, ENVELOPE, "mustUnderstand");
        if (is_security && security)
            return malformed(error, "there is more than one Security header");
        if (!is_security && g_strcmp0(must, "1") == 0)
            return malformed(error, "a header must be understood that is not understood here");
        if (is_security)
            security = at;
    }
    if (!security)
        return fault_set(error, FAULT_AUTH_FAILURE, "The request has no Security header");
    return read_security(request, security, error);
}

static bool read_envelope(Arena *arena, SoapRequest *request, GError **error)
{
    xmlNode *root = xmlDocGetRootElement(request->document);
    if (!soap_is(root, ENVELOPE, "Envelope"))
        return malformed(error, "it must be an Envelope of SOAP 1.1");
    xmlNode *header = soap_element(root->children);
    if (!soap_is(header, ENVELOPE, "Header"))
        return fault_set(error, FAULT_AUTH_FAILURE, "The request has no Security header");
    request->body = soap_element(header->next);
    if (!soap_is(request->body, ENVELOPE, "Body") || soap_element(request->body->next))
        return malformed(error, "the Envelope must hold one Header and one Body");
    request->operation = soap_element(request->body->children);
    if (!request->operation || !request->operation->ns || soap_element(request->operation->next))
        return malformed(error, "the Body must hold one element, in a namespace");
    request->action = arena_strdup(arena, (const char *)request->operation->name);
    request->xmlns = arena_strdup(arena, (const char *)request->operation->ns->href);
    return read_header(arena, request, header, error);
}

bool soap_read(Arena *arena, const char *text, size_t size, SoapRequest *ret_request,
               GError **error)
{
    *ret_request = (SoapRequest){0};
    if (size > SOAP_MAX_SIZE)
        return malformed(error, "it is too large");
    /* Only UTF-8, whatever the declaration says; no NUL, where libxml2 would stop. */
    const char *copy = arena_strndup(arena, text ? text : "", size);
    if (size == 0 || !g_utf8_validate(copy, (gssize)size, NULL) || !scan(copy, size) ||
        !(ret_request->document = parse(copy, size)))
        return malformed(error, "it is not well-formed, too large, or has other things than "
                                "elements and text");
    return read_envelope(arena, ret_request, error);
}

void soap_request_clear(SoapRequest *request)
{
    if (request->document)
        xmlFreeDoc(request->document);
    *request = (SoapRequest){0};
}

const Service *soap_service(const Service *const *services, Arena *arena, const char *xmlns,
                            const char **ret_version)
{
    for (; *services; services++) {
        const Service *service = *services;
        size_t before = strcspn(service->xmlns, "%");
        if (!service->soap || strncmp(xmlns, service->xmlns, before) != 0)
            continue;
        size_t size = strcspn(xmlns + before, "/");
        *ret_version = arena_strndup(arena, xmlns + before, size);
        if (strcmp(xmlns + before + size, "/") == 0)
            return service;
    }
    return NULL;
}

/* ---- replies ---- */

void soap_begin(Buffer *xml)
{
    buffer_add_text(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                         "<soap:Envelope xmlns:soap=\"" ENVELOPE "\"><soap:Body>");
}

void soap_end(Buffer *xml)
{
    buffer_add_text(xml, "</soap:Body></soap:Envelope>");
}

void soap_fault(Buffer *xml, unsigned status, const char *code, const char *message,
                const char *request_id)
{
    g_autofree char *whole = g_strdup_printf("%s.%s", status < 500 ? "Client" : "Server", code);
    soap_begin(xml);
    buffer_add_text(xml, "<soap:Fault>");
    xml_element(xml, xml_name("faultcode", false), whole);
    xml_element(xml, xml_name("faultstring", false), message);
    buffer_add_text(xml, "<detail>");
    xml_element(xml, xml_name("RequestID", false), request_id);
    buffer_add_text(xml, "</detail></soap:Fault>");
    soap_end(xml);
}
