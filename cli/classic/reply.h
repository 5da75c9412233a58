/* What a service answered, and the lines that a tool makes of it. */
#pragma once

#include "base/arena.h"

#include <libxml/tree.h>

typedef xmlNode Element;
typedef struct Form Form;

/* Lines of a reply: one for each element at `at`, with their inner lines after each.
 *
 * columns holds "TITLE=path" separated by spaces. A title that begins with '+' stands only in long
 * lists. A path is
 *
 *     a/b         the text of the first b in a
 *     a/item/b*   the texts of all of them, joined by commas
 *     .           the element's own text
 *     p|q         p, or q where p is empty
 *     'text       that text
 *     $Name       a parameter of the request
 *     ../a        a of the element around
 *     ?p:yes:no   one of two texts: no when p is empty or "false"
 *     text@p      text before p's text, when there is one
 *     ~p          a time, as "2009-11-13 14:40:00"
 *     a/b{k=p,l=q}  "{k=…,l=…}" for each b; "$p=q" takes the key from there
 */
typedef struct Line {
    const char *word; /* "INSTANCE"; NULL: the line has no such first column */
    const char *at;   /* path from the enclosing element; "": itself, NULL: the end of the table */
    const char *columns; /* NULL: no line, only the inner ones */
    const struct Line *inside;
} Line;

/* Parses an answer. Neither the network nor entities are used. The document is for xmlFreeDoc. */
bool reply_parse(const char *body, xmlDoc **ret_document, GError **error);
/* Where an action's results stand: the element "…Result", or the document's root. */
const Element *reply_result(xmlDoc *document);

/* The first element at a path; NULL: there is none. */
const Element *element_at(const Element *from, const char *path);
/* All of them: const Element *, added to list. */
void elements_at(Arena *arena, const Element *from, const char *path, List *list);
/* Its text, control characters replaced; "" without. element may be NULL. */
const char *element_text(Arena *arena, const Element *element);
/* The text of the first element at a path. */
const char *text_at(Arena *arena, const Element *from, const char *path);
/* What a column's path (see above) says; "" when that is nothing. form may be NULL in tests. */
const char *column_text(const Form *form, Arena *arena, const Element *from, const char *path);
