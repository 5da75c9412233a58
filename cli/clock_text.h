/* The fast clock in words. */
#pragma once

#include "base/arena.h"
#include <jansson.h>

/* "60 times as fast as the real one, 2 h ahead of it" of what the daemon says of its clock. */
const char *clock_text(Arena *arena, const json_t *clock);
