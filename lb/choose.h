/* Which target is next. */
#pragma once

#include "lb/rules.h"

enum { CHOICES_MAX = 8 }; /* targets that are tried for one request or connection */

/* What was tried for it. */
typedef struct Choice {
    unsigned ticket; /* whose turn it is: choice_begin */
    unsigned step;
    int64_t began; /* milliseconds */
    Target *tried[CHOICES_MAX];
    unsigned tried_n;
} Choice;

/* turn: the listener's, counts up. */
void choice_begin(Choice *choice, _Atomic unsigned *turn, int64_t now_ms);
/* The next in turn that was not tried; targets that refused lately come last. NULL: no more. */
Target *choice_next(Choice *choice, const Rules *rules);
/* Likewise that with the fewest requests under way, and none with as many as the rules' limit.
 * *ret_full: NULL is only because of that limit. */
Target *choice_least(Choice *choice, const Rules *rules, bool *ret_full);
/* target was chosen otherwise (and will be tried). */
void choice_tried(Choice *choice, Target *target);
