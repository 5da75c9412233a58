/* Parameters of a request, in the order in which they were given. */
#include "cli/classic/form.h"

#include <stdlib.h>
#include <string.h>

Form *form_new(Arena *arena, const Family *family, const Tool *tool, const char *called)
{
    Form *form = arena_new_struct(arena, Form);
    *form = (Form){.arena = arena, .family = family, .tool = tool, .called = called};
    return form;
}

/* "Filter" of "Filter.3.Name": its number counts. */
unsigned form_next(const Form *form, const char *list)
{
    size_t length = strlen(list);
    unsigned long most = 0;
    LIST_EACH (const Param *, param, &form->params) {
        if (strncmp(param->name, list, length) != 0 || param->name[length] != '.')
            continue;
        unsigned long number = strtoul(param->name + length + 1, NULL, 10);
        most = MAX(most, number);
    }
    return (unsigned)most + 1;
}

static void add(Form *form, List *list, const char *name, const char *value)
{
    Param *param = arena_new_struct(form->arena, Param);
    *param = (Param){.name = name, .value = arena_strdup(form->arena, value)};
    list_add(list, form->arena, param);
}

void form_add(Form *form, const char *name, const char *value)
{
    const char *hash = strchr(name, '#');
    if (!hash) {
        add(form, &form->params, name, value);
        return;
    }
    g_assert(hash > name && hash[-1] == '.');
    const char *list = arena_strndup(form->arena, name, (size_t)(hash - name) - 1);
    add(form, &form->params,
        arena_printf(form->arena, "%s.%u%s", list, form_next(form, list), hash + 1), value);
}

const char *form_param(const Form *form, const char *name)
{
    if (form)
        LIST_EACH (const Param *, param, &form->params)
            if (strcmp(param->name, name) == 0)
                return param->value;
    return "";
}

void form_kept_all(const Form *form, const char *option, List *list)
{
    LIST_EACH (const Param *, param, &form->kept)
        if (strcmp(param->name, option) == 0)
            list_add(list, form->arena, param->value);
}

const char *form_kept(const Form *form, const char *option)
{
    List all = {0};
    form_kept_all(form, option, &all);
    return all.n ? list_at(&all, 0) : NULL;
}

/* ---- the body ---- */

static void append(GString *body, const char *name, const char *value)
{
    g_autofree char *escaped_name = g_uri_escape_string(name, NULL, FALSE);
    g_autofree char *escaped = g_uri_escape_string(value, NULL, FALSE);
    g_string_append_printf(body, "%s%s=%s", body->len ? "&" : "", escaped_name, escaped);
}

/* That parameter, or one of that list. */
static bool has_param(const Form *form, const char *name)
{
    size_t length = strlen(name);
    LIST_EACH (const Param *, param, &form->params)
        if (strncmp(param->name, name, length) == 0 && strchr(".", param->name[length]))
            return true;
    return false;
}

static void append_fixed(const Form *form, GString *body)
{
    g_auto(GStrv) parts = g_strsplit(form->tool->fixed ? form->tool->fixed : "", "&", -1);
    for (size_t i = 0; parts[i]; i++) {
        char *value = strchr(parts[i], '=');
        g_assert(value);
        *value++ = '\0';
        if (!has_param(form, parts[i]))
            append(body, parts[i], value);
    }
}

const char *form_body(const Form *form, const char *token_name, const char *token)
{
    g_autoptr(GString) body = g_string_new(NULL);
    append(body, "Action", form->tool->action);
    append(body, "Version", form->tool->version ? form->tool->version : form->family->version);
    append_fixed(form, body);
    LIST_EACH (const Param *, param, &form->params)
        append(body, param->name, param->value);
    if (form->common.max_records)
        append(body, form->family->plain ? "MaxResults" : "MaxRecords", form->common.max_records);
    if (token)
        append(body, token_name, token);
    return arena_strdup(form->arena, body->str);
}
