/* The fast clock: a clock that follows the cloud's, and its mark in the store.
 *
 * Invariant: what the store says is what the clock does, so that a daemon that starts goes on where
 * the one before it would be now. */
#include "cloud/fast_clock.h"

#include "base/fault.h"
#include "cloud/site.h"
#include <math.h>
#include <stdio.h>

#define SETTING "fast_clock"
#define MINUTE (60 * CLOCK_SECOND)

Clock *cloud_fast_clock(Cloud *cloud)
{
    return cloud->fast_clock;
}

int64_t fast_now(Cloud *cloud)
{
    return clock_now(cloud->fast_clock);
}

double fast_clock_speed(Cloud *cloud)
{
    return clock_mark(cloud->fast_clock).speed;
}

/* "1795420800000000 1795421400000000 60" */
static bool read_mark(const char *text, ClockMark *mark)
{
    char *at;
    mark->base = g_ascii_strtoll(text, &at, 10);
    mark->shown = g_ascii_strtoll(at, &at, 10);
    mark->speed = g_ascii_strtod(at, &at);
    return !*at && mark->speed >= FAST_CLOCK_SLOWEST && mark->speed <= FAST_CLOCK_FASTEST;
}

bool fast_clock_open(Cloud *cloud, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    Setting *setting;
    if (!txn_begin_read(cloud->config.store, &txn, error) ||
        !setting_get(txn, arena, SETTING, &setting, error) || !txn_commit(&txn, error))
        return false;
    ClockMark mark;
    bool known = setting && read_mark(setting->value, &mark);
    /* The cloud's clock may have been set back meanwhile; this one never goes back for that. */
    if (known)
        mark.base = MIN(mark.base, cloud_now(cloud));
    cloud->fast_clock = clock_new_following(cloud->config.clock, known ? &mark : NULL);
    return true;
}

bool fast_clock_set_speed(Cloud *cloud, double speed, GError **error)
{
    if (!(speed >= FAST_CLOCK_SLOWEST && speed <= FAST_CLOCK_FASTEST))
        return trouble_set(error, "the clock's speed is a factor from %g to %g", FAST_CLOCK_SLOWEST,
                           FAST_CLOCK_FASTEST);
    clock_set_speed(cloud->fast_clock, speed);
    ClockMark mark = clock_mark(cloud->fast_clock);
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_autofree char *text =
        g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s", mark.base, mark.shown,
                        g_ascii_dtostr(number, sizeof(number), mark.speed));
    const Setting setting = {.name = SETTING, .value = text};
    g_autoptr(Txn) txn = NULL;
    return txn_begin(cloud->config.store, &txn, error) && setting_put(txn, &setting, error) &&
           txn_commit(&txn, error);
}

static int64_t lead(Cloud *cloud)
{
    ClockMark mark = clock_mark(cloud->fast_clock);
    int64_t now = cloud_now(cloud);
    double ahead = (double)(mark.shown - mark.base) + (double)(now - mark.base) * (mark.speed - 1);
    /* Of a clock that was never fast there is none at all. */
    return ahead > 0 ? (int64_t)ceil(ahead / (double)MINUTE) * MINUTE : 0;
}

int64_t fast_to_client(Cloud *cloud, int64_t fast_time)
{
    return fast_time - lead(cloud);
}

int64_t fast_from_client(Cloud *cloud, int64_t client_time)
{
    return client_time + lead(cloud);
}
