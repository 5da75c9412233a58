/* One use of a tool: what was asked for, as parameters of a request, and how to do it.
 *
 * Life cycle: form_new → arguments_read → (the row's finish) → sent → printed. Everything lives in
 * the arena. One thread. */
#pragma once

#include "cli/classic/tool.h"

/* What all tools understand. Texts are NULL unless given. */
typedef struct Common {
    const char *url, *region;
    const char *access_key, *secret_key, *security_token;
    const char *credential_file, *private_key, *certificate;
    const char *delimiter;
    const char *max_records;
    long connect_timeout_ms, answer_timeout_ms; /* 0: the usual */
    bool headers, show_empty, show_long, show_xml, show_table, show_request, quiet, verbose, debug;
    bool hide_tags, force, help;
} Common;

typedef struct Param {
    const char *name, *value;
} Param;

struct Form {
    Arena *arena;
    const Tool *tool;
    const Family *family;
    const char *called; /* the name that the tool was called by */
    List params;        /* of Param * */
    List kept;          /* of Param *: options of kind KEPT, by their names */
    Common common;
};

Form *form_new(Arena *arena, const Family *family, const Tool *tool, const char *called);

/* Adds a parameter; a '#' in its name becomes the next number of that list. */
void form_add(Form *form, const char *name, const char *value);
/* The same without looking for a '#': "Filter.1.Name". Returns the list's next number, from 1. */
unsigned form_next(const Form *form, const char *list);
/* A parameter's value, "" when it is not there. form may be NULL. */
const char *form_param(const Form *form, const char *name);
/* What was kept of an option: the first or NULL; and all (const char *, added to list). */
const char *form_kept(const Form *form, const char *option);
void form_kept_all(const Form *form, const char *option, List *list);
/* The request's body: "Action=…&Version=…&…". token: of the page that is wanted, or NULL. */
const char *form_body(const Form *form, const char *token_name, const char *token);
