/* The texts of --help. */
#include "cli/classic/usage.h"
#include "cli/classic/arguments.h"

#include <string.h>

static const char *synopsis(const Form *form)
{
    g_autoptr(GString) text = g_string_new(form->called);
    for (const Option *option = form->tool->options; option && option->kind != END; option++) {
        const char *one = option_synopsis(form->arena, form->family, option);
        bool needed = option->flags & REQUIRED;
        if (needed || option->flags & OPERAND)
            g_string_append_printf(text, needed ? " %s" : " [%s]", one);
    }
    return arena_strdup(form->arena, text->str);
}

void usage_show_short(const Form *form, FILE *out)
{
    fprintf(out, "Usage: %s [OPTION...]\n'%s --help' says more.\n", synopsis(form), form->called);
}

static void show_common(const Form *form, const CommonOption *option, FILE *out)
{
    g_auto(GStrv) names = g_strsplit(option->names, " ", -1);
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; names[i]; i++)
        g_string_append_printf(text, "%s%s%s", i > 0 ? ", " : "", names[i][1] ? "--" : "-",
                               names[i]);
    fprintf(out, "    %-34s %s%s\n", text->str, option->flag ? "" : "VALUE: ", option->summary);
}

void usage_show(const Form *form, FILE *out)
{
    const Tool *tool = form->tool;
    fprintf(out, "SYNOPSIS\n    %s [OPTION...]\n\nDESCRIPTION\n    %s.\n", synopsis(form),
            tool->summary);
    if (strchr(tool->names, ' '))
        fprintf(out, "    Names: %s\n", tool->names);
    fputs("\nOPTIONS\n", out);
    for (const Option *option = tool->options; option && option->kind != END; option++)
        if (option->name || option->letter)
            fprintf(out, "    %s%s\n",
                    option_synopsis(form->arena, form->family,
                                    &(const Option){option->name, option->letter, option->kind}),
                    option->kind == FIELDS && option->fields
                        ? arena_printf(form->arena, "   (\"KEY=VALUE,...\": %s)", option->fields)
                        : "");
    fputs("\nGENERAL OPTIONS\n", out);
    for (const CommonOption *option = common_options; option->names; option++)
        if (words_have(option->families, form->family->prefix))
            show_common(form, option, out);
}

void usage_show_family(const Family *family, FILE *out)
{
    g_autoptr(Arena) arena = arena_new();
    for (const ToolTable *table = tool_tables; table->family; table++) {
        if (table->family != family)
            continue;
        for (const Tool *tool = table->tools; tool->names; tool++)
            fprintf(out, "%-46s  %s\n", tool_name(arena, tool), tool->summary);
    }
}
