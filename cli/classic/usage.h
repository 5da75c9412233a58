/* Help, made of the tools' rows. */
#pragma once

#include "cli/classic/form.h"

#include <stdio.h>

/* All that the tool understands. */
void usage_show(const Form *form, FILE *out);
/* One line. */
void usage_show_short(const Form *form, FILE *out);
/* The family's tools and what they do. */
void usage_show_family(const Family *family, FILE *out);
