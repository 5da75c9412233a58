/* Lines of two kinds: EC2's, separated by tabs, and the others' columns, two spaces apart.
 *
 * Rows of one kind that follow each other are one table: a column of it that is empty in all of
 * them is not shown (unless --show-empty-fields), and the titles stand once above it. */
#include "cli/classic/print.h"
#include "cli/text.h"

#include <string.h>

typedef struct Column {
    const char *title, *path;
    bool only_long;
} Column;

typedef struct Table {
    const Form *form;
    const Line *line; /* that the rows are of; NULL: no rows yet */
    List columns;     /* of Column *: line's */
    List rows;        /* of List *, of const char * */
    GString *out;
} Table;

/* ---- columns ---- */

/* "TITLE=path +TITLE=path" */
static void read_columns(Arena *arena, const char *text, List *list)
{
    g_auto(GStrv) parts = g_strsplit(text, " ", -1);
    for (size_t i = 0; parts[i]; i++) {
        char *path = strchr(parts[i], '=');
        g_assert(path);
        *path++ = '\0';
        Column *column = arena_new_struct(arena, Column);
        *column = (Column){
            .title = arena_strdup(arena, parts[i] + (*parts[i] == '+')),
            .path = arena_strdup(arena, path),
            .only_long = *parts[i] == '+',
        };
        list_add(list, arena, column);
    }
}

static bool is_shown(const Table *table, size_t column)
{
    const Common *common = &table->form->common;
    const Column *data = list_at(&table->columns, column);
    if (common->show_long || table->form->family->plain)
        return true;
    if (data->only_long)
        return false;
    if (common->show_empty)
        return true;
    LIST_EACH (const List *, row, &table->rows)
        if (*(const char *)list_at(row, column))
            return true;
    return false;
}

/* ---- lines ---- */

void print_plain(const Form *form, const List *cells, GString *out)
{
    LIST_EACH (const char *, cell, cells) {
        bool first = cell == list_at(cells, 0);
        g_string_append_printf(out, "%s%s", first ? "" : "\t",
                               *cell || !form->common.show_empty ? cell : "(nil)");
    }
    g_string_append_c(out, '\n');
}

/* A cell that holds the delimiter or a quote is quoted, with quotes doubled. */
static void add_delimited(GString *out, const char *cell, const char *delimiter)
{
    const char *text = *cell ? cell : "(nil)";
    if (!strstr(text, delimiter) && !strchr(text, '"')) {
        g_string_append(out, text);
        return;
    }
    g_auto(GStrv) parts = g_strsplit(text, "\"", -1);
    g_autofree char *doubled = g_strjoinv("\"\"", parts);
    g_string_append_printf(out, "\"%s\"", doubled);
}

static void print_long(const Form *form, const List *cells, GString *out)
{
    const char *delimiter = form->common.delimiter ? form->common.delimiter : ",";
    size_t n = 0;
    LIST_EACH (const char *, cell, cells) {
        if (n++ > 0)
            g_string_append(out, delimiter);
        add_delimited(out, cell, delimiter);
    }
    g_string_append_c(out, '\n');
}

static void print_padded(const List *cells, const size_t *widths, GString *out)
{
    size_t start = out->len;
    for (size_t i = 0; i < cells->n; i++) {
        const char *cell = list_at(cells, i);
        g_string_append_printf(out, "%s%s", i > 0 ? "  " : "", cell);
        for (size_t width = text_width(cell); width < widths[i]; width++)
            g_string_append_c(out, ' ');
    }
    while (out->len > start && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
    g_string_append_c(out, '\n');
}

/* ---- tables ---- */

/* What of a row is shown, the line's word before it. */
static List *shown_cells(const Table *table, const List *row)
{
    Arena *arena = table->form->arena;
    List *cells = arena_new_struct(arena, List);
    if (table->line->word)
        list_add(cells, arena, table->line->word);
    bool nil = table->form->common.show_empty;
    for (size_t i = 0; i < table->columns.n; i++) {
        const char *cell = row ? list_at(row, i) : ((Column *)list_at(&table->columns, i))->title;
        if (is_shown(table, i))
            list_add(cells, arena, *cell || !nil ? cell : "(nil)");
    }
    return cells;
}

static void widen(const List *cells, size_t *widths)
{
    for (size_t i = 0; i < cells->n; i++)
        widths[i] = MAX(widths[i], text_width(list_at(cells, i)));
}

static void print_table(const Table *table, const List *shown)
{
    const Form *form = table->form;
    size_t *widths = arena_alloc(form->arena, (table->columns.n + 1) * sizeof(size_t));
    LIST_EACH (const List *, widened, shown)
        widen(widened, widths);
    LIST_EACH (const List *, cells, shown) {
        if (form->family->plain)
            print_plain(form, cells, table->out);
        else if (form->common.show_long)
            print_long(form, cells, table->out);
        else
            print_padded(cells, widths, table->out);
    }
}

static void end_table(Table *table)
{
    List shown = {0};
    if (table->rows.n > 0 && table->form->common.headers)
        list_add(&shown, table->form->arena, shown_cells(table, NULL));
    LIST_EACH (const List *, row, &table->rows)
        list_add(&shown, table->form->arena, shown_cells(table, row));
    print_table(table, &shown);
    table->rows = (List){0};
}

static void add_row(Table *table, const Line *line, const Element *element)
{
    if (table->line != line) {
        end_table(table);
        table->line = line;
        table->columns = (List){0};
        read_columns(table->form->arena, line->columns, &table->columns);
    }
    List *row = arena_new_struct(table->form->arena, List);
    LIST_EACH (const Column *, column, &table->columns)
        list_add(row, table->form->arena,
                 column_text(table->form, table->form->arena, element, column->path));
    list_add(&table->rows, table->form->arena, row);
}

static bool is_wanted(const Form *form, const Line *line)
{
    bool tag = line->word && strcmp(line->word, "TAG") == 0;
    return line->columns && !(tag && form->common.hide_tags);
}

static void add_lines(Table *table, const Element *from, const Line *lines)
{
    for (const Line *line = lines; line && line->at; line++) {
        List elements = {0};
        elements_at(table->form->arena, from, line->at, &elements);
        LIST_EACH (const Element *, element, &elements) {
            if (is_wanted(table->form, line))
                add_row(table, line, element);
            /* Long lines tell everything themselves. */
            if (!table->form->common.show_long || table->form->family->plain || !line->columns)
                add_lines(table, element, line->inside);
        }
    }
}

void print_lines(const Form *form, const Element *result, const Line *lines, GString *out)
{
    Table table = {.form = form, .out = out};
    add_lines(&table, result, lines);
    end_table(&table);
}
