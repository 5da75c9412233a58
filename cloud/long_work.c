/* See the header. */
#include "cloud/long_work.h"

#include "cloud/bundle_tasks.h"
#include "cloud/bundle_work.h"
#include "cloud/image_unpack.h"
#include "cloud/site.h"

/* One that is large keeps a small one waiting, but no two keep the host from everything else. */
#define THREADS 2

static int64_t step(void *data, const char *id)
{
    Cloud *cloud = data;
    if (!long_work_goes_on(cloud))
        return WORK_DONE;
    return g_str_has_prefix(id, BUNDLE_TASK_PREFIX "-") ? bundle_work_step(cloud, id)
                                                        : image_unpack_step(cloud, id);
}

bool long_work_goes_on(Cloud *cloud)
{
    g_mutex_lock(&cloud->mutex);
    bool goes_on = !cloud->halting;
    g_mutex_unlock(&cloud->mutex);
    return goes_on;
}

static void halt(Cloud *cloud, bool halting)
{
    g_mutex_lock(&cloud->mutex);
    cloud->halting = halting;
    g_mutex_unlock(&cloud->mutex);
}

static bool wake_all(Cloud *cloud, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    List images = {0}, tasks = {0};
    if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
        !record_query(txn, arena, QUERY_IMAGES_TO_UNPACK, &images, error) ||
        !record_query(txn, arena, QUERY_BUNDLE_TASKS_ACTIVE, &tasks, error))
        return false;
    LIST_EACH (const Image *, image, &images)
        cloud_wake_bundles(cloud, image->id);
    LIST_EACH (const BundleTask *, task, &tasks)
        cloud_wake_bundles(cloud, task->id);
    return true;
}

bool long_work_open(Cloud *cloud, void (*enter)(void *), GError **error)
{
    cloud->long_work = workqueue_new("bundles", cloud->config.clock, THREADS, enter, step, cloud);
    workqueue_pause(cloud->long_work, true);
    return bundle_tasks_purge(cloud, error) && wake_all(cloud, error);
}

void long_work_close(Cloud *cloud)
{
    halt(cloud, true);
    workqueue_free(cloud->long_work);
    cloud->long_work = NULL;
}

void long_work_pause(Cloud *cloud)
{
    halt(cloud, true);
    workqueue_pause(cloud->long_work, true);
}

void long_work_resume(Cloud *cloud)
{
    halt(cloud, false);
    workqueue_resume(cloud->long_work);
}

void cloud_wake_bundles(Cloud *cloud, const char *id)
{
    workqueue_add(cloud->long_work, id);
}
