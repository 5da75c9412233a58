/* When scheduled actions are due: cron expressions of five fields in a time zone. Pure.
 *
 * "[Minute] [Hour] [Day_of_Month] [Month_of_Year] [Day_of_Week]" (PutScheduledUpdateGroupAction,
 * Amazon EC2 Auto Scaling API Reference): *, lists, ranges, steps, names of months and days. When
 * both days are restricted, one of them is enough, as in crontab(5). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* time_zone NULL: UTC. */
bool cron_is_valid(const char *expression);
bool cron_time_zone_is_known(const char *time_zone);
/* The first time after `after` (microseconds since the epoch) at which it is due; 0: never within
 * the next four years. A time that the clocks skip in spring comes when they go on. */
int64_t cron_next(const char *expression, const char *time_zone, int64_t after);
