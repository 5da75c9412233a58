/* The daemon's own routes (/_cumulet/…) over signed HTTP. */
#pragma once

#include "cli/target.h"

/* Asks with method "GET" or "POST" (with a body of JSON; NULL: none) and returns the answer's body,
 * for g_free. NO_DAEMON when nobody
 * answers at the endpoint; when the daemon refuses, the error holds its words. */
bool client_ask(Arena *arena, const Target *target, const char *method, const char *path,
                const char *json, char **ret_body, GError **error);

/* Whether somebody listens at the endpoint; sends nothing. NO_DAEMON when not. */
bool client_probe(Arena *arena, const Target *target, GError **error);

/* What a refusal says, from the body of the answer ({"Code": …, "Message": …}): its code ("" when
 * there is none), and its message or else the body's text, printable, capped. Pure. */
typedef struct Refusal {
    const char *code, *text;
} Refusal;
void client_read_refusal(Arena *arena, const char *body, Refusal *ret_refusal);
