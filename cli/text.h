/* Text for a terminal. Pure. */
#pragma once

#include "base/arena.h"

#include <stdint.h>

/* text with every control character and every byte that is no UTF-8 replaced by '?', so that what
 * strangers named their things cannot drive the terminal. NULL becomes "". */
const char *text_printable(Arena *arena, const char *text);

/* Columns that a UTF-8 text takes. */
size_t text_width(const char *text);

/* "45 s", "3 min 5 s", "2 h 5 min", "3 d 4 h". */
const char *text_duration(Arena *arena, int64_t seconds);

/* A table: cells are added row by row, then all of it is put into out, columns aligned and two
 * spaces apart, no space at a line's end. An empty cell shows as "-". */
typedef struct TextTable {
    size_t columns;
    List cells; /* of const char *; printable */
} TextTable;

void text_table_add(TextTable *table, Arena *arena, const char *cell);
void text_table_show(const TextTable *table, GString *out);
