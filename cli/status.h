/* What the daemon says about itself (GET /_cumulet/status): fetching it and showing it. */
#pragma once

#include "cli/target.h"

#include <jansson.h>

/* The answer as it came, for g_free. */
bool status_fetch_text(Arena *arena, const Target *target, char **ret_text, GError **error);

/* The answer read; for json_decref. */
bool status_fetch(Arena *arena, const Target *target, json_t **ret_status, GError **error);

/* Reads an answer's text; it must be an object. */
bool status_parse(const char *text, json_t **ret_status, GError **error);

/* The report for people. A member that is missing or of another type shows as "-" or not at all,
 * so that daemon and command line need not be of one version. Pure. */
void status_show(Arena *arena, const json_t *status, GString *out);
