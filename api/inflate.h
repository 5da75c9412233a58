/* Compressed requests: a body with "Content-Encoding: gzip". Pure. */
#pragma once

#include "api/http.h"
#include <glib.h>

/* The body as it was before it was compressed, in the arena or the request's own; NULL when empty.
 * Faults: it is not what it says, or becomes longer than most. */
bool http_body_inflate(Arena *arena, const HttpRequest *request, size_t most, const char **ret_body,
                       size_t *ret_size, GError **error);
