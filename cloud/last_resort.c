/* A thread that waits for the end in time. */
#include "cloud/last_resort.h"

#include "cloud/site.h"
#include <stdlib.h>
#include <unistd.h>

struct LastResort {
    Cloud *cloud;
    bool keep_guests;
    GMutex mutex;
    GCond changed;
    bool ended; /* guarded by mutex */
    GThread *thread;
};

static bool ends_in_time(LastResort *resort)
{
    int64_t deadline = g_get_monotonic_time() + LAST_RESORT_AFTER;
    g_mutex_lock(&resort->mutex);
    while (!resort->ended && g_cond_wait_until(&resort->changed, &resort->mutex, deadline))
        ;
    bool ended = resort->ended;
    g_mutex_unlock(&resort->mutex);
    return ended;
}

static void cut_off(Cloud *cloud)
{
    const HypervisorOps *ops = cloud->config.hypervisor;
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    List names = {0};
    cloud_enter_thread(cloud);
    if (!ops->list(cloud->hypervisor, arena, &names, &error))
        g_warning("cutting machines off: %s", error->message);
    LIST_EACH (const char *, name, &names) {
        g_autoptr(GError) trouble = NULL;
        g_message("%s is cut off, since something holds up the daemon's end", name);
        if (!ops->destroy(cloud->hypervisor, name, &trouble))
            g_warning("cutting %s off: %s", name, trouble->message);
    }
}

static void *watch(void *data)
{
    LastResort *resort = data;
    if (ends_in_time(resort))
        return NULL;
    if (resort->keep_guests) {
        g_warning("something holds up the daemon's end: it ends without the rest");
        _exit(EXIT_FAILURE);
    }
    cut_off(resort->cloud);
    return NULL;
}

LastResort *last_resort_begin(Cloud *cloud, bool keep_guests)
{
    LastResort *resort = g_new0(LastResort, 1);
    resort->cloud = cloud;
    resort->keep_guests = keep_guests;
    g_mutex_init(&resort->mutex);
    g_cond_init(&resort->changed);
    resort->thread = g_thread_new("last-resort", watch, resort);
    return resort;
}

void last_resort_end(LastResort *resort)
{
    if (!resort)
        return;
    g_mutex_lock(&resort->mutex);
    resort->ended = true;
    g_cond_broadcast(&resort->changed);
    g_mutex_unlock(&resort->mutex);
    g_thread_join(resort->thread);
    g_mutex_clear(&resort->mutex);
    g_cond_clear(&resort->changed);
    g_free(resort);
}
