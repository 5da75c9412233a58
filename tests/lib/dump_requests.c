/* Prints the rows of tests/unit/lb_http_rows.h for tests/client/test_lb_abuse.py: bytes in
 * hexadecimal, the status of the first answer, how many requests are to be passed on. */
#include "tests/unit/lb_http_rows.h"

#include <glib.h>
#include <jansson.h>

static json_t *row_of(const Row *row)
{
    g_autoptr(GString) hex = g_string_sized_new(2 * row->n);
    for (size_t i = 0; i < row->n; i++)
        g_string_append_printf(hex, "%02x", (unsigned char)row->bytes[i]);
    return json_pack("{s:s, s:s, s:i, s:i}", "what", row->what, "bytes", hex->str, "status",
                     (int)row->status, "requests", (int)row->requests);
}

int main(void)
{
    json_t *all = json_array();
    for (size_t i = 0; i < G_N_ELEMENTS(ROWS); i++)
        json_array_append_new(all, row_of(&ROWS[i]));
    int failed = json_dumpf(all, stdout, JSON_INDENT(1));
    json_decref(all);
    return failed ? 1 : 0;
}
