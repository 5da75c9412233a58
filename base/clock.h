/* The time, real or injected. Everything above base/ that asks for the time asks a Clock, so that
 * tests and `--clock-speed` can make an hour pass at once. Microseconds since the epoch, UTC.
 * Thread-safe. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Clock Clock;

#define CLOCK_SECOND INT64_C(1000000)
#define CLOCK_DAY (86400 * CLOCK_SECOND)

/* speed 1.0 is the real time; N runs N times as fast from now on. */
Clock *clock_new(double speed);
/* Stands still until advanced. */
Clock *clock_new_manual(int64_t start);
void clock_free(Clock *clock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Clock, clock_free)

int64_t clock_now(Clock *clock);
/* Follows another clock, which must outlive it, at a speed that can be changed: what it shows goes
 * on from where it is when that happens. mark is where it shall go on from, as clock_mark() told an
 * earlier one; NULL: it shows what the other does. */
typedef struct ClockMark {
    int64_t base;  /* when the other clock showed this … */
    int64_t shown; /* … it showed that, … */
    double speed;  /* … and since then it passes so many times as fast */
} ClockMark;
Clock *clock_new_following(Clock *base, const ClockMark *mark);
/* Such a clock only; speed > 0. Wakes every clock_wait_until as clock_advance does. */
void clock_set_speed(Clock *clock, double speed);
ClockMark clock_mark(Clock *clock);

/* Manual clocks only: moves on and wakes every clock_wait_until. Takes the waiters' mutexes one by
 * one: hold none of them. */
void clock_advance(Clock *clock, int64_t by);

/* Waits on cond (mutex held, as with g_cond_wait) until it is signalled or the clock reaches
 * deadline (INT64_MAX: for ever). False when the deadline passed. Spurious wakings happen. */
bool clock_wait_until(Clock *clock, GCond *cond, GMutex *mutex, int64_t deadline);

/* "2010-11-22T09:30:05.000Z" in buffer; returns it. */
#define CLOCK_TEXT_SIZE 32
char *clock_format(int64_t time, char buffer[CLOCK_TEXT_SIZE]);
/* Reads ISO 8601 (with or without fraction, Z or offset, extended or basic form). No zone is UTC,
 * as boto sends it; a date needs a time. */
bool clock_parse(const char *text, int64_t *ret_time);
