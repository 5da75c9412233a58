/* Access logs of load balancers: what the data plane wrote, as objects.
 *
 * Invariant: lines are taken from the data plane only where they are to be delivered; what cannot
 * be, because the bucket is gone, is lost, as at AWS. Names: "Access log files" (User Guide for
 * Classic Load Balancers). */
#include "cloud/balancer_metrics.h"

#include "base/id.h"
#include "cloud/bundle_upload.h"
#include "cloud/catalog.h"
#include "cloud/site.h"
#include <string.h>

/* PREFIX/AWSLogs/ACCOUNT/ */
static const char *root_of(Arena *arena, const Balancer *balancer)
{
    const char *prefix = balancer->log_prefix ? balancer->log_prefix : "";
    return arena_printf(arena, "%s%sAWSLogs/%s/", prefix, *prefix ? "/" : "", balancer->account_id);
}

/* ROOTelasticloadbalancing/REGION/2026/11/23/ */
static const char *folder_of(Arena *arena, const Balancer *balancer, GDateTime *when)
{
    g_autofree char *day = g_date_time_format(when, "%Y/%m/%d");
    return arena_printf(arena, "%selasticloadbalancing/" HOME_REGION "/%s/",
                        root_of(arena, balancer), day);
}

static const char *file_of(Arena *arena, const Balancer *balancer, GDateTime *when)
{
    g_autofree char *minute = g_date_time_format(when, "%Y%m%dT%H%MZ");
    return arena_printf(arena, "%s_elasticloadbalancing_" HOME_REGION "_%s_%s_%s_%.8s.log",
                        balancer->account_id, balancer->name, minute, balancer->address,
                        id_new_base32(arena, 8));
}

static GDateTime *time_now(Cloud *cloud)
{
    return g_date_time_new_from_unix_utc(cloud_now(cloud) / CLOCK_SECOND);
}

static void put(Cloud *cloud, const Balancer *balancer, const char *folder, const char *file,
                const char *text, size_t size)
{
    const BundleUpload upload = {
        .cloud = cloud,
        .account_id = balancer->account_id,
        .bucket = balancer->log_bucket,
        .prefix = folder,
    };
    g_autoptr(GError) error = NULL;
    if (!bundle_upload_put(&upload, file, "text/plain", text, size, &error))
        g_warning("load balancer %s: its access log cannot be put into %s: %s", balancer->name,
                  balancer->log_bucket, error->message);
}

void balancer_logs_begin(Cloud *cloud, Arena *arena, const Balancer *balancer)
{
    g_autoptr(GDateTime) when = time_now(cloud);
    g_autofree char *second = g_date_time_format(when, "%Y-%m-%dT%H:%M:%S.000Z");
    const char *text =
        arena_printf(arena, "Enable AccessLog for ELB: %s at %s", balancer->name, second);
    put(cloud, balancer, root_of(arena, balancer), "ELBAccessLogTestFile", text, strlen(text));
}

static void deliver(Cloud *cloud, Arena *arena, Lb *lb, const Balancer *balancer)
{
    size_t size = 0;
    uint64_t lost = 0;
    g_autofree char *lines = lb_take_log(lb, balancer->id, &size, &lost);
    if (lost)
        g_warning("load balancer %s: %" G_GUINT64_FORMAT " lines of its access log are lost",
                  balancer->name, lost);
    if (!lines || size == 0)
        return;
    g_autoptr(GDateTime) when = time_now(cloud);
    put(cloud, balancer, folder_of(arena, balancer, when), file_of(arena, balancer, when), lines,
        size);
}

void balancer_logs_deliver(Cloud *cloud, int64_t minute)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = NULL;
    List balancers = {0};
    if (!txn_begin_read(cloud->config.store, &txn, &error) ||
        !record_query(txn, arena, QUERY_BALANCERS, &balancers, &error) ||
        !txn_commit(&txn, &error)) {
        g_warning("access logs of load balancers: %s", error->message);
        return;
    }
    LIST_EACH (const Balancer *, balancer, &balancers) {
        Site *site = cloud_site(cloud, balancer->vpc_id);
        if (site && site->lb && balancer->access_log &&
            (minute == 0 || minute % balancer->log_interval == 0))
            deliver(cloud, arena, site->lb, balancer);
    }
}
