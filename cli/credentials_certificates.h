/* The X.509 certificates that `cumulet credentials` shows. */
#pragma once

#include "cli/target.h"

#include <jansson.h>

/* What the daemon says of them (api/admin.h: certificates), for json_decref; replace: after a new
 * one was made. NULL when no daemon runs, which is a failure only where one is to be replaced. */
bool certificates_ask(Arena *arena, const Target *target, bool replace, json_t **ret_answer,
                      GError **error);
/* In lines of text. */
void certificates_show(const json_t *answer);
