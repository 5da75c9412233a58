/* SOAP 1.1, as the EC2 API tools of 2009 to 2013 spoke it with an X.509 key: the envelope of a
 * request, read into its parts, and that of a reply, written around what the Query protocol
 * answers. Source: "Simple Object Access Protocol (SOAP) 1.1" (W3C Note), "Web Services Security:
 * SOAP Message Security 1.0" (OASIS).
 *
 * What is read is a plain tree: no DTD, comments, CDATA or processing instructions, bounded in
 * size, depth, elements and attributes. Nothing of it is believed before api/soap_verify.h did.
 *
 * The bounds are well above what clients send, and so narrow for the sake of canonical forms: they
 * repeat the declaration of a namespace at each element that uses it, and look each one up. */
#pragma once

#include "api/action.h"
#include "api/buffer.h"
#include "api/http.h"
#include <libxml/tree.h>

#define SOAP_MAX_SIZE (256 * 1024)
#define SOAP_MAX_DEPTH 16
#define SOAP_MAX_ELEMENTS 5000
#define SOAP_MAX_ATTRIBUTES 32       /* of one element, declarations of namespaces included */
#define SOAP_MAX_ATTRIBUTE_SIZE 1024 /* bytes of its value, as written */

#define SOAP_WSU                                                                                   \
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
#define SOAP_WSSE                                                                                  \
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"

/* Each part is the only one of its kind, and where it belongs. */
typedef struct SoapRequest {
    xmlDoc *document;   /* owned; NULL: nothing was read */
    xmlNode *timestamp; /* Envelope/Header/Security/Timestamp */
    xmlNode *token;     /* …/BinarySecurityToken */
    xmlNode *signature; /* …/Signature */
    xmlNode *body;      /* Envelope/Body */
    xmlNode *operation; /* what is in the body */
    const char *action; /* in the arena, as all that follows: the operation's name */
    const char *xmlns;  /* its namespace */
} SoapRequest;

/* A POST of text/xml without parameters in its address. */
bool soap_is_meant(const HttpRequest *http);

/* Clear *ret_request even after a failure. Fault MalformedXML. */
bool soap_read(Arena *arena, const char *text, size_t size, SoapRequest *ret_request,
               GError **error);
void soap_request_clear(SoapRequest *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SoapRequest, soap_request_clear)

/* The service that is spoken to in that namespace, and the version in it; NULL: none that has
 * SOAP. */
const Service *soap_service(const Service *const *services, Arena *arena, const char *xmlns,
                            const char **ret_version);

/* ---- the tree ---- */

/* The first element at or behind a node; NULL without. */
xmlNode *soap_element(xmlNode *node);
bool soap_is(const xmlNode *element, const char *xmlns, const char *name);
/* Its text, in the arena; NULL when there are elements in it. */
const char *soap_text(Arena *arena, const xmlNode *element);
/* An attribute in the arena, or NULL; xmlns NULL: of no namespace. */
const char *soap_attribute(Arena *arena, const xmlNode *element, const char *xmlns,
                           const char *name);

/* ---- replies ---- */

void soap_begin(Buffer *xml); /* the reply's own element comes between the two */
void soap_end(Buffer *xml);
/* "Client.InvalidAMIID.NotFound" for a status below 500, else "Server.…". */
void soap_fault(Buffer *xml, unsigned status, const char *code, const char *message,
                const char *request_id);
