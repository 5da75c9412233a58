/* Pieces of SQL that the finders' tables share: find.h says what `$` is. */
#pragma once

/* What every record shows, and what none has. */
#define ALWAYS(text) "'" text "' $"
#define NEVER "NULL $"

#define BOOLEAN(column) "iif(" column ", 'true', 'false') $"

/* Microseconds as the wire shows them: clock_format(). */
#define TIME(column)                                                                               \
    "strftime('%Y-%m-%dT%H:%M:%S', " column " / 1000000, 'unixepoch')"                             \
    " || printf('.%03dZ', " column " / 1000 % 1000) $"

#define FILTERS(table) .filters = (table), .n_filters = G_N_ELEMENTS(table)
