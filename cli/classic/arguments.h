/* The words of a command line, read by a tool's row. */
#pragma once

#include "cli/classic/form.h"

/* Fills form. Wrong usage is an error of G_OPTION_ERROR's domain, with the nearest right option.
 * A word "-" stands for the words of standard input. */
bool arguments_read(Form *form, int argc, char **argv, GError **error);

/* One value of an option, as its kind says, into the form's parameters. */
bool argument_add(Form *form, const Option *option, const char *value, GError **error);

/* Its first name, by which it is kept. */
const char *option_key(Arena *arena, const Option *option);

/* All options that tools of this family share, for help: "NAME" to "what it is", ending with one
 * without name. */
typedef struct CommonOption {
    const char *names;    /* "I access-key-id": the letter is one of one character */
    const char *families; /* "ec2 elb as mon" */
    const char *summary;
    size_t text, number, flag; /* offset in Common + 1 of what it sets; 0: not that */
} CommonOption;
extern const CommonOption common_options[];

/* "-z, --availability-zones VALUE[,VALUE...]" */
const char *option_synopsis(Arena *arena, const Family *family, const Option *option);
