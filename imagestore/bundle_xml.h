/* The XML of manifests as libxml2's tree, strictly read: UTF-8, no document type and so no entities
 * but XML's own five, no comments, CDATA sections or instructions; few levels and elements. Nothing
 * outside is ever read. Thread-safe. Errors: BUNDLE_ERROR_MANIFEST. */
#pragma once

#include "imagestore/bundle_manifest.h"
#include <libxml/tree.h>

static inline void bundle_xml_free(xmlDoc **document)
{
    if (*document)
        xmlFreeDoc(*document);
}
/* A document that is freed at scope end; initialise with NULL. */
#define autoxml __attribute__((cleanup(bundle_xml_free))) xmlDoc

bool bundle_xml_parse(const char *text, size_t size, xmlDoc **ret_document, GError **error);

/* The next element among node and its siblings with this name (NULL: any); NULL without. */
const xmlNode *bundle_xml_find(const xmlNode *node, const char *name);

/* The one child element of that name; *ret_child NULL: there is none. Two are an error. */
bool bundle_xml_child(const xmlNode *parent, const char *name, const xmlNode **ret_child,
                      GError **error);
/* The same; it must be there. */
bool bundle_xml_need(const xmlNode *parent, const char *name, const xmlNode **ret_child,
                     GError **error);

/* The text of an element without elements and without the white space around it: some, and no more
 * than BUNDLE_XML_MAX_TEXT bytes. */
#define BUNDLE_XML_MAX_TEXT 4096
bool bundle_xml_text(Arena *arena, const xmlNode *element, const char **ret_text, GError **error);
/* Of a child, which must be there; or may be missing or empty, then NULL. */
bool bundle_xml_need_text(Arena *arena, const xmlNode *parent, const char *name,
                          const char **ret_text, GError **error);
bool bundle_xml_child_text(Arena *arena, const xmlNode *parent, const char *name,
                           const char **ret_text, GError **error);
/* An attribute's value; NULL without. */
const char *bundle_xml_attribute(Arena *arena, const xmlNode *element, const char *name);
