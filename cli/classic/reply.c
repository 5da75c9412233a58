/* Replies by libxml2: trees of elements, found by paths. Names are compared without namespaces,
 * which change with every version of an API. */
#include "cli/classic/reply.h"
#include "base/fault.h"
#include "cli/classic/form.h"
#include "cli/text.h"

#include <libxml/parser.h>
#include <string.h>

/* What is wrong with an answer is said once, by us. */
static void say_nothing(void *context, const char *message, ...)
{
}

bool reply_parse(const char *body, xmlDoc **ret_document, GError **error)
{
    xmlSetGenericErrorFunc(NULL, say_nothing);
    xmlDoc *document = strlen(body) > G_MAXINT
                           ? NULL
                           : xmlReadMemory(body, (int)strlen(body), NULL, NULL,
                                           XML_PARSE_NONET | XML_PARSE_NOERROR |
                                               XML_PARSE_NOWARNING | XML_PARSE_HUGE);
    if (!document || !xmlDocGetRootElement(document)) {
        xmlFreeDoc(document);
        return trouble_set(error, "the answer is no XML document");
    }
    *ret_document = document;
    return true;
}

const Element *reply_result(xmlDoc *document)
{
    const Element *root = xmlDocGetRootElement(document);
    for (const Element *child = root->children; child; child = child->next)
        if (child->type == XML_ELEMENT_NODE &&
            g_str_has_suffix((const char *)child->name, "Result"))
            return child;
    return root;
}

/* Whether the element has the name that path begins with, length characters long. */
static bool is_named(const Element *element, const char *path, size_t length)
{
    const char *name = (const char *)element->name;
    return element->type == XML_ELEMENT_NODE && strncmp(name, path, length) == 0 && !name[length];
}

void elements_at(Arena *arena, const Element *from, const char *path, List *list)
{
    if (!*path || strcmp(path, ".") == 0) {
        list_add(list, arena, from);
        return;
    }
    size_t length = strcspn(path, "/");
    for (const Element *child = from->children; child; child = child->next)
        if (is_named(child, path, length))
            elements_at(arena, child, path + length + (path[length] == '/'), list);
}

const Element *element_at(const Element *from, const char *path)
{
    if (!*path || strcmp(path, ".") == 0)
        return from;
    if (g_str_has_prefix(path, "../"))
        return from->parent ? element_at(from->parent, path + 3) : NULL;
    size_t length = strcspn(path, "/");
    for (const Element *child = from->children; child; child = child->next) {
        const Element *found = is_named(child, path, length)
                                   ? element_at(child, path + length + (path[length] == '/'))
                                   : NULL;
        if (found)
            return found;
    }
    return NULL;
}

const char *element_text(Arena *arena, const Element *element)
{
    xmlChar *content = element ? xmlNodeGetContent((const xmlNode *)element) : NULL;
    g_autofree char *stripped = g_strdup(content ? (const char *)content : "");
    xmlFree(content);
    return text_printable(arena, g_strstrip(stripped));
}

const char *text_at(Arena *arena, const Element *from, const char *path)
{
    return element_text(arena, element_at(from, path));
}

/* ---- columns ---- */

static const char *joined(Arena *arena, const Element *from, const char *path)
{
    List elements = {0};
    elements_at(arena, from, path, &elements);
    g_autoptr(GString) text = g_string_new(NULL);
    LIST_EACH (const Element *, element, &elements) {
        const char *one = element_text(arena, element);
        if (*one && text->len)
            g_string_append_c(text, ',');
        g_string_append(text, one);
    }
    return arena_strdup(arena, text->str);
}

/* "{k=…,l=…}" of one element, by "k=p,l=q". Members that are not there are left out. */
static void add_structure(const Form *form, Arena *arena, const Element *element,
                          const char *members, GString *out)
{
    g_auto(GStrv) parts = g_strsplit(members, ",", -1);
    const char *separator = out->len ? ",{" : "{";
    for (size_t i = 0; parts[i]; i++) {
        char *path = strchr(parts[i], '=');
        g_assert(path);
        *path++ = '\0';
        const char *value = column_text(form, arena, element, path);
        const char *key = parts[i];
        if (*key == '$')
            key = text_at(arena, element, key + 1);
        if (!*value)
            continue;
        g_string_append_printf(out, "%s%s=%s", separator, key, value);
        separator = ",";
    }
    if (*separator == ',' && separator[1] == '\0')
        g_string_append_c(out, '}');
}

static const char *structures(const Form *form, Arena *arena, const Element *from, const char *path,
                              const char *brace)
{
    List elements = {0};
    elements_at(arena, from, arena_strndup(arena, path, (size_t)(brace - path)), &elements);
    const char *members = arena_strndup(arena, brace + 1, strlen(brace + 1) - 1);
    g_autoptr(GString) text = g_string_new(NULL);
    LIST_EACH (const Element *, element, &elements)
        add_structure(form, arena, element, members, text);
    return arena_strdup(arena, text->str);
}

/* "2009-11-13T14:40:00.000Z" without its letters. */
static const char *plain_time(Arena *arena, const char *text)
{
    if (strlen(text) < 19 || text[10] != 'T')
        return text;
    char *time = arena_strndup(arena, text, 19);
    time[10] = ' ';
    return time;
}

/* "path:yes:no": yes when its text is neither empty nor "false". */
static const char *choice(Arena *arena, const Element *from, const char *path)
{
    size_t length = strcspn(path, ":");
    const char *yes = path + length + 1;
    const char *no = yes + strcspn(yes, ":") + 1;
    const char *text = text_at(arena, from, arena_strndup(arena, path, length));
    return *text && strcmp(text, "false") != 0 ? arena_strndup(arena, yes, (size_t)(no - yes - 1))
                                               : no;
}

static const char *prefixed(Arena *arena, const Element *from, const char *path, const char *at)
{
    const char *text = text_at(arena, from, at + 1);
    return *text ? arena_printf(arena, "%.*s%s", (int)(at - path), path, text) : "";
}

static const char *first_of(const Form *form, Arena *arena, const Element *from, const char *path,
                            const char *bar)
{
    const char *text =
        column_text(form, arena, from, arena_strndup(arena, path, (size_t)(bar - path)));
    return *text ? text : column_text(form, arena, from, bar + 1);
}

const char *column_text(const Form *form, Arena *arena, const Element *from, const char *path)
{
    const char *brace = strchr(path, '{');
    if (brace)
        return structures(form, arena, from, path, brace);
    const char *bar = strchr(path, '|');
    if (bar)
        return first_of(form, arena, from, path, bar);
    if (*path == '\'')
        return path + 1;
    if (*path == '$')
        return form_param(form, path + 1);
    if (*path == '?')
        return choice(arena, from, path + 1);
    if (*path == '~')
        return plain_time(arena, text_at(arena, from, path + 1));
    const char *at = strchr(path, '@');
    if (at)
        return prefixed(arena, from, path, at);
    size_t length = strlen(path);
    if (length > 0 && path[length - 1] == '*')
        return joined(arena, from, arena_strndup(arena, path, length - 1));
    return *path ? text_at(arena, from, path) : "";
}
