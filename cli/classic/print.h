/* A tool's output. */
#pragma once

#include "cli/classic/form.h"

/* The lines of a reply, as the form's options want them, added to out. */
void print_lines(const Form *form, const Element *result, const Line *lines, GString *out);

/* One line of EC2's tools: words and columns (const char *), separated by tabs. */
void print_plain(const Form *form, const List *cells, GString *out);
