/* XML bodies: read into a tree, checked against tables, and written again in one form.
 *
 * The tables (api/s3/documents.def) say for each document its elements, how often each may come,
 * and what its text may be; tests/client compares them with botocore's models. Total: any bytes may
 * come in; no entity is ever expanded and nothing outside is ever read. Pure; thread-safe. */
#pragma once

#include "api/buffer.h"
#include "base/arena.h"
#include <stdint.h>

typedef struct XmlNode XmlNode;
struct XmlNode {
    const char *name; /* without prefix */
    const char *text; /* of a leaf, white space kept; "" without */
    const char *type; /* attribute xsi:type; NULL: none */
    XmlNode *child, *next;
};

#define XML_MAX_DEPTH 16
#define XML_MAX_NODES 120000 /* 10,000 parts with all that a part can have */

/* Fault MalformedXML, in AWS's words. */
bool s3_malformed_xml(GError **error);
/* The root element, whatever namespace it is in. Fault MalformedXML: not well-formed, text between
 * elements, a DOCTYPE, too deep, too much of it. */
bool xml_parse(Arena *arena, const char *text, size_t size, XmlNode **ret_root, GError **error);

/* The first child of that name; NULL without, or without node. */
const XmlNode *xml_child(const XmlNode *node, const char *name);
/* Its text; NULL without. */
const char *xml_child_text(const XmlNode *node, const char *name);
/* Its text as a number, of a checked document: false without, or when it is none. */
bool xml_child_int(const XmlNode *node, const char *name, int64_t *ret_value);
/* Its text is true. */
bool xml_child_is_true(const XmlNode *node, const char *name);
/* Its text as a time; false without, or when it is none. A date alone is its midnight. */
bool xml_child_time(const XmlNode *node, const char *name, int64_t *ret_time);
/* The next sibling of the same name. */
const XmlNode *xml_next(const XmlNode *node);

/* XML_EACH (rule, root, "Rule"): every child of that name; a loop head, nothing else. */
#define XML_EACH(item, node, name)                                                                 \
    for (const XmlNode *item = xml_child(node, name); item; item = xml_next(item))

/* Adds a leaf to a node, behind its other children, and returns it. */
XmlNode *xml_add(Arena *arena, XmlNode *node, const char *name, const char *text);

typedef enum ElementKind {
    ELEMENT_TEXT,
    ELEMENT_ENUM,
    ELEMENT_INT,
    ELEMENT_BOOL,
    ELEMENT_TIME,
    ELEMENT_STRUCT,
    ELEMENT_TYPE, /* no element: the attribute xsi:type */
} ElementKind;

#define ELEMENT_MANY UINT16_MAX

typedef struct Element Element;
struct Element {
    const char *name; /* NULL ends a table */
    ElementKind kind;
    uint16_t min, max;         /* how often */
    const char *const *values; /* ELEMENT_ENUM, ELEMENT_TYPE */
    const Element *children;   /* ELEMENT_STRUCT */
};

typedef struct DocumentSchema {
    const char *name;
    const char *root;
    const Element *children;
} DocumentSchema;

/* Ends with a row without a name. */
extern const DocumentSchema document_schemas[];

/* Checks a root against the schema of that name (its root element: "CORSConfiguration"): every
 * element known, there as often as it must and may be, in range, one of its values. Fault
 * MalformedXML. */
bool document_check(const XmlNode *root, const char *schema, GError **error);
/* Writes it with S3's namespace on the root, without white space between elements. */
void document_write(Buffer *out, const XmlNode *root);
