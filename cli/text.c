/* Text for a terminal: printable, aligned. */
#include "cli/text.h"

#include <string.h>

#define GAP 2

const char *text_printable(Arena *arena, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
    g_autoptr(GString) out = g_string_new(NULL);
    for (const char *c = valid; *c; c = g_utf8_next_char(c)) {
        gunichar character = g_utf8_get_char(c);
        if (g_unichar_isprint(character))
            g_string_append_unichar(out, character);
        else
            g_string_append_c(out, '?');
    }
    return arena_strdup(arena, out->str);
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (const char *c = text; *c; c = g_utf8_next_char(c)) {
        gunichar character = g_utf8_get_char(c);
        if (!g_unichar_iszerowidth(character))
            width += g_unichar_iswide(character) ? 2 : 1;
    }
    return width;
}

const char *text_duration(Arena *arena, int64_t seconds)
{
    static const struct {
        int64_t unit;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    seconds = MAX(seconds, 0);
    size_t i = 0;
    while (i + 1 < G_N_ELEMENTS(units) && seconds < units[i].unit)
        i++;
    int64_t rest = i + 1 < G_N_ELEMENTS(units) ? seconds % units[i].unit / units[i + 1].unit : 0;
    if (rest == 0)
        return arena_printf(arena, "%lld %s", (long long)(seconds / units[i].unit), units[i].name);
    return arena_printf(arena, "%lld %s %lld %s", (long long)(seconds / units[i].unit),
                        units[i].name, (long long)rest, units[i + 1].name);
}

void text_table_add(TextTable *table, Arena *arena, const char *cell)
{
    const char *text = text_printable(arena, cell);
    list_add(&table->cells, arena, *text ? text : "-");
}

void text_table_show(const TextTable *table, GString *out)
{
    g_assert(table->cells.n % table->columns == 0);
    g_autofree size_t *widths = g_new0(size_t, table->columns);
    for (size_t i = 0; i < table->cells.n; i++) {
        size_t *width = &widths[i % table->columns];
        *width = MAX(*width, text_width(list_at(&table->cells, i)));
    }
    for (size_t i = 0; i < table->cells.n; i++) {
        const char *cell = list_at(&table->cells, i);
        size_t column = i % table->columns;
        g_string_append(out, cell);
        if (column == table->columns - 1)
            g_string_append_c(out, '\n');
        else
            g_string_append_printf(out, "%*s", (int)(widths[column] - text_width(cell) + GAP), "");
    }
}
