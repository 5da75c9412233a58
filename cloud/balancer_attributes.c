/* What ModifyLoadBalancerAttributes and ConfigureHealthCheck change.
 *
 * Invariant: what is kept is what was checked here; the controller need not doubt it. */
#include "cloud/balancer_metrics.h"
#include "cloud/balancer_parts.h"

#include <string.h>

#define PING_PATH_MAX 1024

/* ---- attributes ---- */

static bool check_change(const BalancerChange *change, GError **error)
{
    static const char *const modes[] = {"monitor", "defensive", "strictest", NULL};
    if (change->log_interval != -1 && change->log_interval != 5 && change->log_interval != 60)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "AccessLog.EmitInterval must be 5 or 60 minutes");
    if (change->desync_mode && !g_strv_contains(modes, change->desync_mode))
        return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                         "The value '%.100s' of elb.http.desyncmitigationmode is not one of "
                         "monitor, defensive, strictest",
                         change->desync_mode);
    return true;
}

/* The bucket must be one that logs can be put into: one of the account's. */
static bool check_log(Context *context, Txn *txn, const Balancer *balancer, GError **error)
{
    if (!balancer->access_log)
        return true;
    if (!balancer->log_bucket || !*balancer->log_bucket)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "AccessLog.S3BucketName must be specified when access logs are enabled");
    Bucket *bucket;
    if (!bucket_get(txn, context->arena, balancer->log_bucket, &bucket, error))
        return false;
    if (!bucket)
        return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                         "S3Bucket: %.100s does not exist", balancer->log_bucket);
    if (strcmp(bucket->account_id, balancer->account_id) != 0)
        return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                         "Access Denied for bucket: %.100s. Please check S3bucket permission",
                         balancer->log_bucket);
    return true;
}

static void apply_change(Balancer *balancer, const BalancerChange *change)
{
    if (change->cross_zone != -1)
        balancer->cross_zone = change->cross_zone;
    if (change->draining != -1)
        balancer->draining = change->draining;
    if (change->access_log != -1)
        balancer->access_log = change->access_log;
    if (change->draining_timeout != -1)
        balancer->draining_timeout = change->draining_timeout;
    if (change->idle_timeout != -1)
        balancer->idle_timeout = change->idle_timeout;
    if (change->log_interval != -1)
        balancer->log_interval = change->log_interval;
    if (change->log_bucket)
        balancer->log_bucket = change->log_bucket;
    if (change->log_prefix)
        balancer->log_prefix = change->log_prefix;
    if (change->desync_mode)
        balancer->desync_mode = change->desync_mode;
}

/* Whether its logs go to the same place as before. */
static bool logs_alike(const Balancer *before, const Balancer *now)
{
    return before->access_log && g_strcmp0(before->log_bucket, now->log_bucket) == 0 &&
           g_strcmp0(before->log_prefix, now->log_prefix) == 0;
}

bool balancer_modify(Context *context, const char *name, const BalancerChange *change,
                     GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !balancer_named(context, txn, name, &balancer, error) || !check_change(change, error))
        return false;
    const Balancer before = *balancer;
    apply_change(balancer, change);
    if (!check_log(context, txn, balancer, error) || !balancer_put(txn, balancer, error) ||
        !balancer_commit(context, &txn, error))
        return false;
    if (balancer->access_log && !logs_alike(&before, balancer))
        balancer_logs_begin(context->cloud, context->arena, balancer);
    return true;
}

/* ---- health checks ---- */

static bool bad_target(const char *text, GError **error)
{
    return fault_set(error, FAULT_VALIDATION_ERROR,
                     "HealthCheck Target '%.200s' must be PROTOCOL:PORT with the protocol TCP or "
                     "SSL, or PROTOCOL:PORT/PATH with HTTP or HTTPS, and a port of 1 to 65535",
                     text);
}

bool health_target_parse(Arena *arena, const char *text, HealthTarget *ret_target, GError **error)
{
    static const char *const protocols[] = {"TCP", "SSL", "HTTP", "HTTPS"};
    const char *colon = strchr(text, ':');
    HealthTarget target = {0};
    for (size_t i = 0; colon && i < G_N_ELEMENTS(protocols); i++) {
        if (strlen(protocols[i]) == (size_t)(colon - text) &&
            g_ascii_strncasecmp(text, protocols[i], (size_t)(colon - text)) == 0)
            target.protocol = protocols[i];
    }
    if (!target.protocol || !g_ascii_isdigit(colon[1]))
        return bad_target(text, error);
    char *end;
    uint64_t port = g_ascii_strtoull(colon + 1, &end, 10);
    if (port < 1 || port > 65535)
        return bad_target(text, error);
    target.port = (uint16_t)port;
    if (listener_is_http(target.protocol)) {
        if (*end != '/')
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "HealthCheck HTTP Target must specify a port followed by a path that "
                             "begins with a slash. e.g. HTTP:80/ping/this/path");
        for (const char *c = end; *c; c++) {
            if ((unsigned char)*c <= ' ' || *c == 127)
                return bad_target(text, error);
        }
        if (strlen(end) > PING_PATH_MAX)
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "HealthCheck Target path must be at most %d characters",
                             PING_PATH_MAX);
        target.path = arena_strdup(arena, end);
    } else if (*end) {
        return bad_target(text, error);
    }
    *ret_target = target;
    return true;
}

bool balancer_configure_health(Context *context, const char *name, const HealthCheck *check,
                               GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    HealthTarget target;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !balancer_named(context, txn, name, &balancer, error) ||
        !health_target_parse(context->arena, check->target, &target, error))
        return false;
    if (check->timeout >= check->interval)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "HealthCheck timeout must be less than interval");
    balancer->health_target = check->target;
    balancer->health_interval = check->interval;
    balancer->health_timeout = check->timeout;
    balancer->unhealthy_threshold = check->unhealthy;
    balancer->healthy_threshold = check->healthy;
    return balancer_put(txn, balancer, error) && balancer_commit(context, &txn, error);
}
