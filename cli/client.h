/* The daemon's own routes (/_cumulet/…) over signed HTTP. */
#pragma once

#include "cli/target.h"

/* Asks with method "GET" or "POST" and returns the answer's body, for g_free. NO_DAEMON when nobody
 * answers at the endpoint; when the daemon refuses, the error holds its words. */
bool client_ask(Arena *arena, const Target *target, const char *method, const char *path,
                char **ret_body, GError **error);

/* Whether somebody listens at the endpoint; sends nothing. NO_DAEMON when not. */
bool client_probe(Arena *arena, const Target *target, GError **error);

/* What a refusal says to a person, from the body of the answer: the Message of an XML error, the
 * text itself, or "" when there is none. One line, printable, capped. Pure. */
const char *client_refusal_text(Arena *arena, const char *body);
