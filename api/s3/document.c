/* XML bodies as trees. libxml2's SAX interface builds the tree in the arena; a DOCTYPE stops it
 * before a single declaration is read, so that there are no entities to expand but XML's own five.
 * Invariant: a parsed node has children or text, never both. */
#include "api/s3/document.h"

#include "api/xml.h"
#include "base/clock.h"
#include "base/fault.h"
#include <errno.h>
#include <libxml/parserInternals.h>
#include <string.h>

#define NAMESPACE "http://s3.amazonaws.com/doc/2006-03-01/"

bool s3_malformed_xml(GError **error)
{
    return fault_set(error, FAULT_MALFORMED_XML,
                     "The XML you provided was not well-formed or did not validate against our "
                     "published schema");
}

typedef struct Builder {
    Arena *arena;
    xmlParserCtxt *parser;
    GString *text; /* since the last tag */
    XmlNode *root;
    XmlNode *path[XML_MAX_DEPTH]; /* the open elements */
    XmlNode *last[XML_MAX_DEPTH]; /* their last children */
    unsigned depth;
    unsigned nodes;
    bool refused;
} Builder;

static void refuse(Builder *builder)
{
    builder->refused = true;
    xmlStopParser(builder->parser);
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static void append(Builder *builder, XmlNode *node)
{
    if (builder->depth == 0) {
        builder->root = node;
        return;
    }
    XmlNode **last = &builder->last[builder->depth - 1];
    if (*last)
        (*last)->next = node;
    else
        builder->path[builder->depth - 1]->child = node;
    *last = node;
}

/* attributes: five pointers each: name, prefix, namespace, start and end of the value. */
static const char *type_of(Arena *arena, int n, const xmlChar **attributes)
{
    for (int i = 0; i < n; i++, attributes += 5) {
        if (strcmp((const char *)attributes[0], "type") == 0 && attributes[1])
            return arena_strndup(arena, (const char *)attributes[3],
                                 (size_t)(attributes[4] - attributes[3]));
    }
    return NULL;
}

static void start_element(void *data, const xmlChar *name, const xmlChar *prefix,
                          const xmlChar *uri, int n_namespaces, const xmlChar **namespaces,
                          int n_attributes, int n_defaulted, const xmlChar **attributes)
{
    Builder *builder = data;
    if (builder->refused)
        return;
    if (builder->depth == XML_MAX_DEPTH || ++builder->nodes > XML_MAX_NODES ||
        !is_blank(builder->text->str)) {
        refuse(builder);
        return;
    }
    XmlNode *node = arena_new_struct(builder->arena, XmlNode);
    node->name = arena_strdup(builder->arena, (const char *)name);
    node->text = "";
    node->type = type_of(builder->arena, n_attributes, attributes);
    append(builder, node);
    builder->path[builder->depth] = node;
    builder->last[builder->depth++] = NULL;
    g_string_truncate(builder->text, 0);
}

static void end_element(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    Builder *builder = data;
    if (builder->refused)
        return;
    XmlNode *node = builder->path[--builder->depth];
    if (!node->child)
        node->text = arena_strndup(builder->arena, builder->text->str, builder->text->len);
    else if (!is_blank(builder->text->str))
        refuse(builder);
    g_string_truncate(builder->text, 0);
}

static void add_characters(void *data, const xmlChar *text, int size)
{
    Builder *builder = data;
    if (!builder->refused)
        g_string_append_len(builder->text, (const char *)text, size);
}

static void refuse_doctype(void *data, const xmlChar *name, const xmlChar *external,
                           const xmlChar *system)
{
    refuse(data);
}

static void ignore_error(void *data, xmlError *error)
{
}

static const xmlSAXHandler handler = {
    .initialized = XML_SAX2_MAGIC,
    .internalSubset = refuse_doctype,
    .startElementNs = start_element,
    .endElementNs = end_element,
    .characters = add_characters,
    .ignorableWhitespace = add_characters,
    .cdataBlock = add_characters,
    .serror = ignore_error,
};

bool xml_parse(Arena *arena, const char *text, size_t size, XmlNode **ret_root, GError **error)
{
    /* Only UTF-8, whatever the declaration says: so nothing is converted. No NUL, where libxml2
     * would stop. */
    if (size == 0 || size > INT_MAX || !g_utf8_validate(text, (gssize)size, NULL))
        return s3_malformed_xml(error);
    Builder builder = {.arena = arena, .parser = xmlCreateMemoryParserCtxt(text, (int)size)};
    if (!builder.parser)
        return s3_malformed_xml(error);
    builder.text = g_string_new(NULL);
    xmlCtxtUseOptions(builder.parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    *builder.parser->sax = handler;
    builder.parser->userData = &builder;
    xmlParseDocument(builder.parser);
    bool good = builder.parser->wellFormed && !builder.refused && builder.root;
    if (builder.parser->myDoc)
        xmlFreeDoc(builder.parser->myDoc);
    xmlFreeParserCtxt(builder.parser);
    g_string_free(builder.text, TRUE);
    if (!good)
        return s3_malformed_xml(error);
    *ret_root = builder.root;
    return true;
}

static const XmlNode *first_named(const XmlNode *node, const char *name)
{
    while (node && strcmp(node->name, name) != 0)
        node = node->next;
    return node;
}

const XmlNode *xml_child(const XmlNode *node, const char *name)
{
    return node ? first_named(node->child, name) : NULL;
}

const char *xml_child_text(const XmlNode *node, const char *name)
{
    const XmlNode *child = xml_child(node, name);
    return child ? child->text : NULL;
}

const XmlNode *xml_next(const XmlNode *node)
{
    return first_named(node->next, node->name);
}

/* The text without the white space around it, which XML Schema drops from all that is no string. */
static char *collapsed(const char *text)
{
    return g_strstrip(g_strdup(text));
}

static bool read_int(const char *text, int64_t *ret_value)
{
    g_autofree char *number = collapsed(text);
    char *end;
    if (!g_ascii_isdigit(number[number[0] == '-' || number[0] == '+']))
        return false;
    errno = 0;
    int64_t value = g_ascii_strtoll(number, &end, 10);
    if (errno || *end)
        return false;
    *ret_value = value;
    return true;
}

static bool read_bool(const char *text, bool *ret_value)
{
    g_autofree char *word = collapsed(text);
    bool value = g_ascii_strcasecmp(word, "true") == 0 || strcmp(word, "1") == 0;
    if (!value && g_ascii_strcasecmp(word, "false") != 0 && strcmp(word, "0") != 0)
        return false;
    *ret_value = value;
    return true;
}

static bool read_time(const char *text, int64_t *ret_time)
{
    g_autofree char *time = collapsed(text);
    if (clock_parse(time, ret_time))
        return true;
    g_autofree char *midnight = g_strconcat(time, "T00:00:00Z", NULL);
    return clock_parse(midnight, ret_time);
}

bool xml_child_int(const XmlNode *node, const char *name, int64_t *ret_value)
{
    const char *text = xml_child_text(node, name);
    return text && read_int(text, ret_value);
}

bool xml_child_is_true(const XmlNode *node, const char *name)
{
    const char *text = xml_child_text(node, name);
    bool value;
    return text && read_bool(text, &value) && value;
}

bool xml_child_time(const XmlNode *node, const char *name, int64_t *ret_time)
{
    const char *text = xml_child_text(node, name);
    return text && read_time(text, ret_time);
}

XmlNode *xml_add(Arena *arena, XmlNode *node, const char *name, const char *text)
{
    XmlNode **end = &node->child;
    while (*end)
        end = &(*end)->next;
    *end = arena_new_struct(arena, XmlNode);
    (*end)->name = name;
    (*end)->text = text;
    return *end;
}

/* The tables. */

#define VALUES(...)                                                                                \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define MANY ELEMENT_MANY
#define REQUIRED 1, 1
#define OPTIONAL 0, 1
#define ANY(most) 0, most
#define AT_LEAST_ONE(most) 1, most

#define GROUP(Name) static const Element elements_##Name[] = {
#define DOCUMENT(Name) GROUP(Name)
#define ALIAS(Name, Root)
#define TEXT(name, ...) {name, ELEMENT_TEXT, __VA_ARGS__, NULL, NULL},
#define INT(name, ...) {name, ELEMENT_INT, __VA_ARGS__, NULL, NULL},
#define BOOL(name, ...) {name, ELEMENT_BOOL, __VA_ARGS__, NULL, NULL},
#define TIME(name, ...) {name, ELEMENT_TIME, __VA_ARGS__, NULL, NULL},
#define ENUM(name, often, ...) {name, ELEMENT_ENUM, often, VALUES(__VA_ARGS__), NULL},
#define TYPE(...) {"type", ELEMENT_TYPE, REQUIRED, VALUES(__VA_ARGS__), NULL},
#define STRUCT(name, often, Name) {name, ELEMENT_STRUCT, often, NULL, elements_##Name},
#define END(Name)                                                                                  \
    {                                                                                              \
        NULL                                                                                       \
    }                                                                                              \
    }                                                                                              \
    ;
#include "api/s3/documents.def"
#undef GROUP
#undef DOCUMENT
#undef ALIAS
#undef TEXT
#undef INT
#undef BOOL
#undef TIME
#undef ENUM
#undef TYPE
#undef STRUCT
#undef END

const DocumentSchema document_schemas[] = {
#define GROUP(Name)
#define DOCUMENT(Name) {#Name, #Name, elements_##Name},
#define ALIAS(Name, Root) {#Name, #Root, elements_##Name},
#define TEXT(...)
#define INT(...)
#define BOOL(...)
#define TIME(...)
#define ENUM(...)
#define TYPE(...)
#define STRUCT(...)
#define END(Name)
#include "api/s3/documents.def"
    {NULL},
};

static bool is_one_of(const char *text, const char *const *values)
{
    while (*values && strcmp(text, *values) != 0)
        values++;
    return *values != NULL;
}

static bool children_fit(const XmlNode *node, const Element *elements);

static bool node_fits(const XmlNode *node, const Element *element)
{
    int64_t number;
    bool truth;
    if (element->kind == ELEMENT_STRUCT)
        return is_blank(node->text) && children_fit(node, element->children);
    if (node->child)
        return false;
    switch (element->kind) {
    case ELEMENT_ENUM:
        return is_one_of(node->text, element->values);
    case ELEMENT_INT:
        return read_int(node->text, &number);
    case ELEMENT_BOOL:
        return read_bool(node->text, &truth);
    case ELEMENT_TIME:
        return read_time(node->text, &number);
    default:
        return true;
    }
}

static bool count_fits(const XmlNode *node, const Element *element)
{
    if (element->kind == ELEMENT_TYPE)
        return node->type && is_one_of(node->type, element->values);
    size_t n = 0;
    XML_EACH (child, node, element->name)
        n++;
    return n >= element->min && (n <= element->max || element->max == ELEMENT_MANY);
}

static bool children_fit(const XmlNode *node, const Element *elements)
{
    for (const XmlNode *child = node->child; child; child = child->next) {
        const Element *element = elements;
        while (element->name &&
               (element->kind == ELEMENT_TYPE || strcmp(element->name, child->name) != 0))
            element++;
        if (!element->name || !node_fits(child, element))
            return false;
    }
    for (const Element *element = elements; element->name; element++) {
        if (!count_fits(node, element))
            return false;
    }
    return true;
}

bool document_check(const XmlNode *root, const char *schema, GError **error)
{
    for (const DocumentSchema *s = document_schemas; s->name; s++) {
        if (strcmp(s->name, schema) != 0 || strcmp(s->root, root->name) != 0)
            continue;
        if (is_blank(root->text) && children_fit(root, s->children))
            return true;
    }
    return s3_malformed_xml(error);
}

static void write_start(Buffer *out, const XmlNode *node)
{
    buffer_add_char(out, '<');
    buffer_add_text(out, node->name);
    if (node->type) {
        buffer_add_text(out, " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                             "xsi:type=\"");
        xml_text(out, node->type);
        buffer_add_char(out, '"');
    }
}

static void write_rest(Buffer *out, const XmlNode *node)
{
    if (!node->child && !*node->text) {
        buffer_add_text(out, "/>");
        return;
    }
    buffer_add_char(out, '>');
    xml_text(out, node->text);
    for (const XmlNode *child = node->child; child; child = child->next) {
        write_start(out, child);
        write_rest(out, child);
    }
    xml_close(out, xml_name(node->name, false));
}

void document_write(Buffer *out, const XmlNode *root)
{
    buffer_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    write_start(out, root);
    buffer_add_text(out, " xmlns=\"" NAMESPACE "\"");
    write_rest(out, root);
}
