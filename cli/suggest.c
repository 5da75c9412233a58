/* Edit distance (optimal string alignment) over three rows of the usual matrix. */
#include "cli/suggest.h"

#include <stdbool.h>
#include <string.h>

#define LENGTH_MAX 63

unsigned edit_distance(const char *a, const char *b)
{
    size_t a_length = strnlen(a, LENGTH_MAX);
    size_t b_length = strnlen(b, LENGTH_MAX);
    unsigned rows[3][LENGTH_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = MIN(MIN(above[j] + 1, row[j - 1] + 1), replaced);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *suggest(const char *word, const char *const *names)
{
    const char *best = NULL;
    unsigned best_distance = G_MAXUINT;
    for (; *names; names++) {
        bool begins = strlen(word) >= 2 && g_str_has_prefix(*names, word);
        unsigned distance = begins ? 0 : edit_distance(word, *names);
        if (distance < best_distance && distance <= MAX(1, strlen(*names) / 3)) {
            best = *names;
            best_distance = distance;
        }
    }
    return best;
}
