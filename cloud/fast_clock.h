/* The clock by which metrics, alarms and scaling live, which can run faster than the machines:
 * periods, breach durations, cooldowns, grace periods and schedules are measured with it, so that
 * `cumulet clock --speed 60` makes a breach of five minutes pass in five seconds.
 *
 * It starts out as the cloud's clock and is continuous when its speed changes, so it is ahead of
 * the cloud's clock by what was gained so far, and stays so when its speed is 1 again. Speed and
 * lead are kept in the store. What clients are told and say is the cloud's time: at the edge of the
 * API the lead is taken off and put on (docs/metrics.md). All is thread-safe. */
#pragma once

#include "base/clock.h"
#include "cloud/context.h"

#define FAST_CLOCK_SLOWEST 1.0
#define FAST_CLOCK_FASTEST 3600.0

Clock *cloud_fast_clock(Cloud *cloud); /* borrowed, for the cloud's life: to wait with */
int64_t fast_now(Cloud *cloud);
double fast_clock_speed(Cloud *cloud);
/* Trouble: a speed that is none. Durable when it returns. */
bool fast_clock_set_speed(Cloud *cloud, double speed, GError **error);

/* A time of this clock as a client sees it, and back. The lead is a whole number of minutes for
 * this, rounded up, so that minutes of one are minutes of the other and nothing that has happened
 * is in the future. */
int64_t fast_to_client(Cloud *cloud, int64_t fast_time);
int64_t fast_from_client(Cloud *cloud, int64_t client_time);

/* For cloud_open alone: goes on from what the store says. Freed with clock_free. */
bool fast_clock_open(Cloud *cloud, GError **error);
