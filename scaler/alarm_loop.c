/* The thread of alarms. Invariant: it follows what was sampled, not the clock, lest it takes for
 * missing what is about to come. */
#include "scaler/alarm_loop.h"

#include "cloud/alarms.h"
#include "cloud/fast_clock.h"

/* Of the fast clock. */
#define TICK (10 * CLOCK_SECOND)
#define MINUTE (60 * CLOCK_SECOND)
/* Of real time: looking more often than this finds nothing new. */
#define SHORTEST_TICK (CLOCK_SECOND / 10)
#define FORGET_EVERY (3600 * CLOCK_SECOND)

struct AlarmLoop {
    Cloud *cloud;
    Clock *real;
    GThread *thread;
    GMutex lock;
    GCond changed;
    bool ending;
};

static bool wait_until(AlarmLoop *loop, Clock *clock, int64_t time)
{
    g_mutex_lock(&loop->lock);
    while (!loop->ending && clock_wait_until(clock, &loop->changed, &loop->lock, time))
        continue;
    bool going_on = !loop->ending;
    g_mutex_unlock(&loop->lock);
    return going_on;
}

/* A tick; but not more often than the shortest. */
static bool wait_for_tick(AlarmLoop *loop, int64_t last, int64_t last_real)
{
    Cloud *cloud = loop->cloud;
    return wait_until(loop, cloud_fast_clock(cloud), last + TICK) &&
           wait_until(loop, loop->real, last_real + SHORTEST_TICK);
}

static void *run(void *data)
{
    AlarmLoop *loop = data;
    Cloud *cloud = loop->cloud;
    int64_t minute = 0, forgotten = cloud_now(cloud), since = forgotten;
    int64_t last = fast_now(cloud), last_real = clock_now(loop->real);
    while (wait_for_tick(loop, last, last_real)) {
        g_autoptr(GError) error = NULL;
        last = fast_now(cloud);
        last_real = clock_now(loop->real);
        int64_t now = cloud_now(cloud);
        int64_t until = metrics_sampled_until(cloud_metrics(cloud));
        bool minutes = until / MINUTE != minute;
        minute = until / MINUTE;
        if (!alarms_evaluate(cloud, minutes, since, &error))
            g_warning("alarms: %s", error->message);
        since = now;
        g_clear_error(&error);
        if (now >= forgotten + FORGET_EVERY) {
            forgotten = now;
            if (!alarms_forget_history(cloud, &error))
                g_warning("alarms: %s", error->message);
        }
    }
    return NULL;
}

AlarmLoop *alarm_loop_start(Cloud *cloud)
{
    AlarmLoop *loop = g_new0(AlarmLoop, 1);
    loop->cloud = cloud;
    loop->real = clock_new(1);
    g_mutex_init(&loop->lock);
    g_cond_init(&loop->changed);
    loop->thread = g_thread_new("alarms", run, loop);
    return loop;
}

void alarm_loop_stop(AlarmLoop *loop)
{
    if (!loop)
        return;
    g_mutex_lock(&loop->lock);
    loop->ending = true;
    g_cond_broadcast(&loop->changed);
    g_mutex_unlock(&loop->lock);
    g_thread_join(loop->thread);
    clock_free(loop->real);
    g_cond_clear(&loop->changed);
    g_mutex_clear(&loop->lock);
    g_free(loop);
}
