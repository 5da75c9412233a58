/* The renderer. Invariant: rows are rendered in the shape's order, each as its kind says; nothing
 * here knows an action by name. */
#include "api/render.h"

#include "api/xml.h"
#include "base/clock.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of shapes whose names are kept; those beyond are worked out each time. A power of two. */
#define SHAPES_KEPT 64

typedef struct ShapeNames {
    const Shape *shape; /* NULL: free */
    const XmlName *names;
} ShapeNames;

typedef struct Renderer {
    Buffer *xml;
    const char *version;
    bool small_first; /* EC2's elements start with a small letter */
    XmlName item;     /* of lists, where the row does not say */
    bool many;        /* inside a list of several: what is worked out for a shape is kept */
    Arena *arena;     /* of what is kept; NULL until there is any */
    unsigned n_kept;
    ShapeNames kept[SHAPES_KEPT]; /* a hash table by the shape's address */
} Renderer;

static void render_members(Renderer *renderer, const Shape *shape, const void *object);

static inline XmlName field_name(const Renderer *renderer, const Field *field)
{
    return field->out ? xml_name(field->out, false) : xml_name(field->name, renderer->small_first);
}

/* The name of each row's element; size 0: the row is not of this version. */
static const XmlName *work_out_names(Renderer *renderer, const Shape *shape)
{
    if (!renderer->arena)
        renderer->arena = arena_new();
    XmlName *names = arena_alloc(renderer->arena, shape->n_fields * sizeof(XmlName));
    for (size_t i = 0; i < shape->n_fields; i++) {
        const Field *field = &shape->fields[i];
        bool shown = field->kind != FIELD_RENDERED && shape_field_exists(field, renderer->version);
        /* The rows of an embedded shape have names of their own. */
        names[i] = !shown                       ? (XmlName){0}
                   : field->kind == FIELD_EMBED ? xml_name("-", false)
                                                : field_name(renderer, field);
    }
    return names;
}

/* The same, worked out once a reply; NULL when it is not worth that. */
static const XmlName *names_of(Renderer *renderer, const Shape *shape)
{
    if (!renderer->many)
        return NULL;
    size_t at = (uintptr_t)shape / sizeof(Shape) % SHAPES_KEPT;
    while (renderer->kept[at].shape && renderer->kept[at].shape != shape)
        at = (at + 1) % SHAPES_KEPT;
    ShapeNames *kept = &renderer->kept[at];
    if (!kept->shape) {
        if (renderer->n_kept == SHAPES_KEPT - 1) /* one stays free, to end searches */
            return NULL;
        renderer->n_kept++;
        *kept = (ShapeNames){shape, work_out_names(renderer, shape)};
    }
    return kept->names;
}

static inline void render_text(const Renderer *renderer, const Field *field, XmlName name,
                               const char *text)
{
    if (text && *text)
        xml_element(renderer->xml, name, text);
    else if (field->keep)
        xml_empty(renderer->xml, name);
}

#define INT_TEXT_SIZE 24

/* Decimal text of value, at the end of the buffer. */
static const char *int_text(int64_t value, char buffer[INT_TEXT_SIZE])
{
    char *at = buffer + INT_TEXT_SIZE - 1;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    *at = '\0';
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        *--at = '-';
    return at;
}

/* The shortest text that reads back as value, with a point in it: "10.0". */
static const char *double_text(double value, char buffer[G_ASCII_DTOSTR_BUF_SIZE])
{
    g_ascii_formatd(buffer, G_ASCII_DTOSTR_BUF_SIZE - 2, "%.15g", value);
    if (g_ascii_strtod(buffer, NULL) != value)
        g_ascii_formatd(buffer, G_ASCII_DTOSTR_BUF_SIZE - 2, "%.17g", value);
    if (!strpbrk(buffer, ".en"))
        g_strlcat(buffer, ".0", G_ASCII_DTOSTR_BUF_SIZE);
    return buffer;
}

/* "2010-11-22T09:30:05Z" where whole seconds are wanted. */
static const char *time_text(const Field *field, int64_t time, char buffer[CLOCK_TEXT_SIZE])
{
    clock_format(time, buffer);
    char *dot = field->whole ? strchr(buffer, '.') : NULL;
    if (dot)
        memcpy(dot, "Z", sizeof("Z"));
    return buffer;
}

/* The items of a list of texts, numbers or times. */
static void render_items(const Renderer *renderer, const Field *field, XmlName item,
                         const List *list)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    LIST_EACH (const void *, value, list) {
        if (field->kind == FIELD_STRINGS)
            xml_element(renderer->xml, item, value);
        else if (field->kind == FIELD_DOUBLES)
            xml_element(renderer->xml, item, double_text(*(const double *)value, text));
        else
            xml_element(renderer->xml, item, time_text(field, *(const int64_t *)value, text));
    }
}

static void render_list(const Renderer *renderer, const Field *field, XmlName name,
                        const List *strings)
{
    if (strings->n == 0) {
        if (field->keep)
            xml_empty(renderer->xml, name);
        return;
    }
    bool flat = field->item && !*field->item;
    XmlName item = flat ? name : field->item ? xml_name(field->item, false) : renderer->item;
    if (!flat)
        xml_open(renderer->xml, name);
    render_items(renderer, field, item, strings);
    if (!flat)
        xml_close(renderer->xml, name);
}

static void render_objects(Renderer *renderer, const Field *field, XmlName name,
                           const List *objects)
{
    if (objects->n == 0) {
        if (field->keep)
            xml_empty(renderer->xml, name);
        return;
    }
    bool flat = field->item && !*field->item;
    XmlName item = flat ? name : field->item ? xml_name(field->item, false) : renderer->item;
    const Shape *shape = field->shape();
    bool many = renderer->many;
    renderer->many = many || objects->n > 1;
    if (!flat)
        xml_open(renderer->xml, name);
    LIST_EACH (const void *, object, objects) {
        xml_open(renderer->xml, item);
        render_members(renderer, shape, object);
        xml_close(renderer->xml, item);
    }
    renderer->many = many;
    if (!flat)
        xml_close(renderer->xml, name);
}

static void render_object(Renderer *renderer, const Field *field, XmlName name, const void *object)
{
    if (object) {
        xml_open(renderer->xml, name);
        render_members(renderer, field->shape(), object);
        xml_close(renderer->xml, name);
    } else if (field->keep) {
        xml_empty(renderer->xml, name);
    }
}

static inline void render_member(Renderer *renderer, const Field *field, XmlName name,
                                 const void *member)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    G_STATIC_ASSERT(sizeof(text) >= INT_TEXT_SIZE && sizeof(text) >= CLOCK_TEXT_SIZE);

    switch (field->kind) {
    case FIELD_STRING:
        render_text(renderer, field, name, *(const char *const *)member);
        break;
    case FIELD_INT: {
        int64_t value = *(const int64_t *)member;
        render_text(renderer, field, name, value == ABSENT ? NULL : int_text(value, text));
        break;
    }
    case FIELD_BOOL: {
        int value = *(const int *)member;
        render_text(renderer, field, name, value == ABSENT_BOOL ? NULL : value ? "true" : "false");
        break;
    }
    case FIELD_DOUBLE: {
        double value = *(const double *)member;
        render_text(renderer, field, name, isnan(value) ? NULL : double_text(value, text));
        break;
    }
    case FIELD_TIME: {
        int64_t value = *(const int64_t *)member;
        render_text(renderer, field, name, value == 0 ? NULL : time_text(field, value, text));
        break;
    }
    case FIELD_STRINGS:
    case FIELD_DOUBLES:
    case FIELD_TIMES:
        render_list(renderer, field, name, member);
        break;
    case FIELD_STRUCT:
        render_object(renderer, field, name, *(const void *const *)member);
        break;
    case FIELD_STRUCTS:
        render_objects(renderer, field, name, member);
        break;
    case FIELD_EMBED:
        render_members(renderer, field->shape(), member);
        break;
    case FIELD_RENDERED:
        break;
    }
}

static void render_all(Renderer *renderer, const Shape *shape, const void *object)
{
    const XmlName *names = names_of(renderer, shape);
    for (size_t i = 0; i < shape->n_fields; i++) {
        const Field *field = &shape->fields[i];
        const void *member = (const char *)object + field->offset;
        if (names) {
            if (names[i].size)
                render_member(renderer, field, names[i], member);
        } else if (shape_field_exists(field, renderer->version)) {
            XmlName name = {0};
            if (field->kind != FIELD_EMBED && field->kind != FIELD_RENDERED)
                name = field_name(renderer, field);
            render_member(renderer, field, name, member);
        }
    }
}

/* NULL: the object is not one to be remembered. */
static Rendered *rendered_of(const Shape *shape, const void *object)
{
    /* The first row of a shape is the first member of its structure. */
    return shape->n_fields > 0 && shape->fields->kind == FIELD_RENDERED ? *(Rendered *const *)object
                                                                        : NULL;
}

static void render_members(Renderer *renderer, const Shape *shape, const void *object)
{
    Rendered *rendered = rendered_of(shape, object);
    if (rendered && rendered->xml) {
        buffer_add(renderer->xml, rendered->xml, rendered->size);
        return;
    }
    size_t at = renderer->xml->size;
    render_all(renderer, shape, object);
    if (rendered) {
        rendered->at = at;
        rendered->size = renderer->xml->size - at;
    }
}

static void add_declaration(Buffer *xml)
{
    buffer_add_text(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

/* The service's namespace with the version where it has %s. */
static void add_namespace(Buffer *xml, const Service *service, const char *version)
{
    const char *hole = strstr(service->xmlns, "%s");
    buffer_add_text(xml, " xmlns=\"");
    if (hole) {
        buffer_add(xml, service->xmlns, (size_t)(hole - service->xmlns));
        xml_text(xml, version);
        hole += 2;
    }
    buffer_add_text(xml, hole ? hole : service->xmlns);
    buffer_add_char(xml, '"');
}

void render_reply(Buffer *xml, const Service *service, const char *action, const Shape *shape,
                  const char *version, const char *request_id, const void *reply)
{
    if (service->protocol == PROTOCOL_EC2)
        add_declaration(xml);
    render_response(xml, service, action, shape, version, request_id, reply);
}

void render_response(Buffer *xml, const Service *service, const char *action, const Shape *shape,
                     const char *version, const char *request_id, const void *reply)
{
    bool ec2 = service->protocol == PROTOCOL_EC2;
    Renderer renderer = {
        .xml = xml,
        .version = version,
        .small_first = ec2,
        .item = xml_name(ec2 ? "item" : "member", false),
    };

    buffer_add_char(xml, '<');
    buffer_add_text(xml, action);
    buffer_add_text(xml, "Response");
    add_namespace(xml, service, version);
    buffer_add_char(xml, '>');

    if (ec2) {
        xml_element(xml, xml_name("requestId", false), request_id);
        render_members(&renderer, shape, reply);
    } else {
        if (shape->n_fields > 0) {
            buffer_add_char(xml, '<');
            buffer_add_text(xml, action);
            buffer_add_text(xml, "Result>");
            render_members(&renderer, shape, reply);
            buffer_add_text(xml, "</");
            buffer_add_text(xml, action);
            buffer_add_text(xml, "Result>");
        } else if (service->always_result) {
            buffer_add_char(xml, '<');
            buffer_add_text(xml, action);
            buffer_add_text(xml, "Result/>");
        }
        buffer_add_text(xml, "<ResponseMetadata>");
        xml_element(xml, xml_name("RequestId", false), request_id);
        buffer_add_text(xml, "</ResponseMetadata>");
    }
    buffer_add_text(xml, "</");
    buffer_add_text(xml, action);
    buffer_add_text(xml, "Response>");
    arena_free(renderer.arena);
}

void render_error(Buffer *xml, const Service *service, const char *version, const char *request_id,
                  unsigned status, const char *code, const char *message)
{
    bool ec2 = service && service->protocol == PROTOCOL_EC2;
    if (ec2) {
        add_declaration(xml);
        buffer_add_text(xml, "<Response><Errors><Error>");
    } else {
        buffer_add_text(xml, "<ErrorResponse");
        if (service && version)
            add_namespace(xml, service, version);
        buffer_add_text(xml, "><Error>");
        xml_element(xml, xml_name("Type", false), status >= 500 ? "Receiver" : "Sender");
    }
    xml_element(xml, xml_name("Code", false), code);
    xml_element(xml, xml_name("Message", false), message);
    buffer_add_text(xml, ec2 ? "</Error></Errors>" : "</Error>");
    xml_element(xml, xml_name(ec2 ? "RequestID" : "RequestId", false), request_id);
    buffer_add_text(xml, ec2 ? "</Response>" : "</ErrorResponse>");
}
