/* Writes XML 1.0 into a Buffer. Names are ours and correct; text may hold any bytes: what XML
 * cannot carry (control characters, bad UTF-8) becomes U+FFFD, so a document is always
 * well-formed. */
#pragma once

#include "api/buffer.h"
#include <stdbool.h>

/* An element's name; small_first shows its first letter in lower case. 16 bytes, so that it goes
 * by value in registers: half of the renderer's speed. */
typedef struct XmlName {
    const char *text;
    unsigned size;
    char first;
} XmlName;
G_STATIC_ASSERT(sizeof(XmlName) == 16);

static inline XmlName xml_name(const char *text, bool small_first)
{
    return (XmlName){text, (unsigned)strlen(text), small_first ? g_ascii_tolower(*text) : *text};
}

void xml_open(Buffer *xml, XmlName name);  /* <name> */
void xml_close(Buffer *xml, XmlName name); /* </name> */
void xml_empty(Buffer *xml, XmlName name); /* <name/> */
void xml_text(Buffer *xml, const char *text);
void xml_element(Buffer *xml, XmlName name, const char *text); /* <name>text</name> */
