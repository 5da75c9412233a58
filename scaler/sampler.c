/* The thread and its rhythm. What a sample is made of: scaler/sample.c. */
#include "scaler/sampler.h"

#include "cloud/fast_clock.h"
#include "cloud/metrics.h"
#include "scaler/sample.h"

/* Of real time, whatever the cloud's clock does: machines run by it. */
#define INTERVAL (5 * CLOCK_SECOND)
#define SHORTEST_INTERVAL (CLOCK_SECOND / 10)
#define MINUTE (60 * CLOCK_SECOND)
/* Metrics are tidied so often, whatever the interval. */
#define TIDY_EVERY CLOCK_SECOND

struct Sampler {
    Cloud *cloud;
    Clock *real;
    SampleSet *set;
    GThread *thread;
    GMutex lock;
    GCond changed;
    bool ending;
};

static int64_t interval(Cloud *cloud)
{
    double half_minute = (double)MINUTE / 2 / fast_clock_speed(cloud);
    return CLAMP((int64_t)half_minute, SHORTEST_INTERVAL, INTERVAL);
}

/* Waits for the earlier of the two; false: the end has come. The fast clock's changes of speed are
 * noticed at the next tidying. */
static bool wait_until(Sampler *sampler, int64_t time)
{
    g_mutex_lock(&sampler->lock);
    while (!sampler->ending &&
           clock_wait_until(sampler->real, &sampler->changed, &sampler->lock, time))
        continue;
    bool going_on = !sampler->ending;
    g_mutex_unlock(&sampler->lock);
    return going_on;
}

/* The same trouble every few seconds is told once. */
static void tell(GError *error, bool *told)
{
    if (error && !*told)
        g_warning("metrics: %s", error->message);
    *told = error != NULL;
    g_clear_error(&error);
}

static void *run(void *data)
{
    Sampler *sampler = data;
    Cloud *cloud = sampler->cloud;
    bool sampling_told = false, tidying_told = false;
    cloud_enter_thread(cloud);
    int64_t sampled = clock_now(sampler->real), tidied = sampled;
    for (;;) {
        GError *error = NULL;
        int64_t now = clock_now(sampler->real);
        if (now >= sampled + interval(cloud)) {
            sampled = now;
            sample_set_take(sampler->set, &error);
            tell(error, &sampling_told);
            error = NULL;
        }
        if (now >= tidied + TIDY_EVERY) {
            tidied = now;
            metrics_tidy(cloud_metrics(cloud), &error);
            tell(error, &tidying_told);
        }
        if (!wait_until(sampler, MIN(sampled + interval(cloud), tidied + TIDY_EVERY)))
            return NULL;
    }
}

Sampler *sampler_start(Cloud *cloud)
{
    Sampler *sampler = g_new0(Sampler, 1);
    sampler->cloud = cloud;
    sampler->real = clock_new(1);
    sampler->set = sample_set_new(cloud);
    g_mutex_init(&sampler->lock);
    g_cond_init(&sampler->changed);
    sampler->thread = g_thread_new("sampler", run, sampler);
    return sampler;
}

void sampler_stop(Sampler *sampler)
{
    if (!sampler)
        return;
    g_mutex_lock(&sampler->lock);
    sampler->ending = true;
    g_cond_broadcast(&sampler->changed);
    g_mutex_unlock(&sampler->lock);
    g_thread_join(sampler->thread);
    sample_set_free(sampler->set);
    clock_free(sampler->real);
    g_cond_clear(&sampler->changed);
    g_mutex_clear(&sampler->lock);
    g_free(sampler);
}
