/* Strict XML over libxml2's SAX interface, which here builds libxml2's own tree.
 *
 * Invariant: what a manifest does not have stops the parser where it begins, so that no declaration
 * of a document type is ever looked at. */
#include "imagestore/bundle_xml.h"

#include <libxml/SAX2.h>
#include <libxml/parserInternals.h>
#include <string.h>

#define MAX_DEPTH 8
#define MAX_ELEMENTS (4 * BUNDLE_MAX_PARTS) /* three a part, and room for the rest */

typedef struct Limits {
    const char *refused; /* why; NULL: not */
    unsigned elements;
} Limits;

static void refuse(void *data, const char *why)
{
    xmlParserCtxt *parser = data;
    Limits *limits = parser->_private;
    if (!limits->refused)
        limits->refused = why;
    xmlStopParser(parser);
}

static void refuse_doctype(void *data, const xmlChar *name, const xmlChar *external,
                           const xmlChar *system)
{
    refuse(data, "has a document type");
}

static void refuse_comment(void *data, const xmlChar *text)
{
    refuse(data, "has a comment");
}

static void refuse_instruction(void *data, const xmlChar *target, const xmlChar *text)
{
    refuse(data, "has a processing instruction");
}

static void refuse_cdata(void *data, const xmlChar *text, int size)
{
    refuse(data, "has a CDATA section");
}

static void start_element(void *data, const xmlChar *name, const xmlChar *prefix,
                          const xmlChar *uri, int n_namespaces, const xmlChar **namespaces,
                          int n_attributes, int n_defaulted, const xmlChar **attributes)
{
    xmlParserCtxt *parser = data;
    Limits *limits = parser->_private;
    if (++limits->elements > MAX_ELEMENTS || parser->nodeNr >= MAX_DEPTH) {
        refuse(parser, "has too many elements, or too deep ones");
        return;
    }
    xmlSAX2StartElementNs(data, name, prefix, uri, n_namespaces, namespaces, n_attributes,
                          n_defaulted, attributes);
}

static void ignore_error(void *data, xmlError *error)
{
}

static void set_handlers(xmlSAXHandler *sax)
{
    sax->internalSubset = refuse_doctype;
    sax->comment = refuse_comment;
    sax->processingInstruction = refuse_instruction;
    sax->cdataBlock = refuse_cdata;
    sax->startElementNs = start_element;
    sax->serror = ignore_error;
    sax->error = NULL;
    sax->warning = NULL;
}

bool bundle_xml_parse(const char *text, size_t size, xmlDoc **ret_document, GError **error)
{
    if (size > BUNDLE_MAX_MANIFEST)
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "it has more than %d bytes",
                                BUNDLE_MAX_MANIFEST);
    /* Only UTF-8, whatever the declaration says: so nothing is converted. No NUL, where libxml2
     * would stop. */
    if (size == 0 || !g_utf8_validate(text, (gssize)size, NULL))
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "it is not an XML document in UTF-8");
    Limits limits = {0};
    xmlParserCtxt *parser = xmlCreateMemoryParserCtxt(text, (int)size);
    g_assert(parser);
    xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    set_handlers(parser->sax);
    parser->_private = &limits;
    xmlParseDocument(parser);
    autoxml *document = parser->myDoc;
    bool good = parser->wellFormed && !limits.refused && document && xmlDocGetRootElement(document);
    xmlFreeParserCtxt(parser);
    if (limits.refused)
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "it %s, which no manifest has",
                                limits.refused);
    if (!good)
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "it is not well-formed XML");
    *ret_document = g_steal_pointer(&document);
    return true;
}

const xmlNode *bundle_xml_find(const xmlNode *node, const char *name)
{
    while (node && (node->type != XML_ELEMENT_NODE ||
                    (name && strcmp((const char *)node->name, name) != 0)))
        node = node->next;
    return node;
}

bool bundle_xml_child(const xmlNode *parent, const char *name, const xmlNode **ret_child,
                      GError **error)
{
    const xmlNode *child = bundle_xml_find(parent->children, name);
    if (child && bundle_xml_find(child->next, name))
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "its %s has more than one %s",
                                (const char *)parent->name, name);
    *ret_child = child;
    return true;
}

bool bundle_xml_need(const xmlNode *parent, const char *name, const xmlNode **ret_child,
                     GError **error)
{
    const xmlNode *child;
    if (!bundle_xml_child(parent, name, &child, error))
        return false;
    if (!child)
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "its %s has no %s",
                                (const char *)parent->name, name);
    *ret_child = child;
    return true;
}

/* The trimmed text, maybe none. */
static bool read_text(Arena *arena, const xmlNode *element, const char **ret_text, GError **error)
{
    if (bundle_xml_find(element->children, NULL))
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "its %s is not a text",
                                (const char *)element->name);
    xmlChar *content = xmlNodeGetContent(element);
    char *text = content ? g_strstrip((char *)content) : NULL;
    bool fits = text && strlen(text) <= BUNDLE_XML_MAX_TEXT;
    if (fits)
        *ret_text = arena_strdup(arena, text);
    xmlFree(content);
    return fits || bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "its %s has more than %d bytes",
                                    (const char *)element->name, BUNDLE_XML_MAX_TEXT);
}

bool bundle_xml_text(Arena *arena, const xmlNode *element, const char **ret_text, GError **error)
{
    const char *text;
    if (!read_text(arena, element, &text, error))
        return false;
    if (!*text)
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "its %s is empty",
                                (const char *)element->name);
    *ret_text = text;
    return true;
}

bool bundle_xml_need_text(Arena *arena, const xmlNode *parent, const char *name,
                          const char **ret_text, GError **error)
{
    const xmlNode *child;
    return bundle_xml_need(parent, name, &child, error) &&
           bundle_xml_text(arena, child, ret_text, error);
}

bool bundle_xml_child_text(Arena *arena, const xmlNode *parent, const char *name,
                           const char **ret_text, GError **error)
{
    const xmlNode *child;
    const char *text = NULL;
    if (!bundle_xml_child(parent, name, &child, error) ||
        (child && !read_text(arena, child, &text, error)))
        return false;
    *ret_text = text && *text ? text : NULL;
    return true;
}

const char *bundle_xml_attribute(Arena *arena, const xmlNode *element, const char *name)
{
    xmlChar *value = xmlGetNoNsProp(element, (const xmlChar *)name);
    const char *copy = arena_strdup(arena, (const char *)value);
    if (value)
        xmlFree(value);
    return copy;
}
