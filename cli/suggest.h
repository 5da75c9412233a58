/* What somebody may have meant. Pure. */
#pragma once

#include <glib.h>

/* How many single changes (a letter put in, left out, replaced, or two neighbours exchanged) lead
 * from a to b. Both are cut after 63 characters. */
unsigned edit_distance(const char *a, const char *b);

/* The name (of a list that ends with NULL) that word begins, or that is at most a third of its
 * length away from word; the nearest, the first of equals; NULL when none is near. */
const char *suggest(const char *word, const char *const *names);
