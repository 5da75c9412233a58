/* Sticky sessions: the cookie AWSELB names a target by its token. */
#pragma once

#include "lb/http_parse.h"
#include "lb/rules.h"

enum { STICKY_LINE_MAX = 128 }; /* bytes of a Set-Cookie line */

/* The target that the request's session belongs to, if it is in service. NULL: none. */
Target *sticky_target(const Rules *rules, const HttpHead *request);
/* Whether the answer to a request whose session was with before (NULL: none) and that went to
 * target is to bring the cookie. */
bool sticky_wants_cookie(const Rules *rules, const HttpHead *answer, const Target *before,
                         const Target *target);
/* Writes the line, its end included; at most STICKY_LINE_MAX bytes. Returns its size. */
size_t sticky_write_cookie(const Rules *rules, const Target *target, char *line);
