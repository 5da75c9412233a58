/* What lifecycle rules decide. Pure: no clock, no store. Invariant: nothing expires before all of
 * its rule's time has passed, rounded up to a midnight. The worker is in lifecycle_worker.c. */
#include "imagestore/lifecycle.h"

#include <string.h>

#define DAYS_MAX INT64_C(1000000) /* what is later is never; no overflow below */

int64_t lifecycle_due(int64_t since, int64_t days)
{
    if (days > DAYS_MAX)
        return INT64_MAX;
    int64_t due = since + days * CLOCK_DAY;
    return (due + CLOCK_DAY - 1) / CLOCK_DAY * CLOCK_DAY;
}

/* One of the tags in "a=b&c=d". */
static bool has_tag(const char *tags, const char *tag)
{
    size_t size = strlen(tag);
    for (const char *at = tags; at && *at; at += strcspn(at, "&"), at += *at == '&') {
        if (strcspn(at, "&") == size && strncmp(at, tag, size) == 0)
            return true;
    }
    return false;
}

bool lifecycle_rule_covers(const LifecycleRule *rule, const char *key, int64_t size,
                           const char *tags)
{
    if (!g_str_has_prefix(key, rule->prefix) || size <= rule->larger_than ||
        size >= rule->smaller_than)
        return false;
    LIST_EACH (const char *, tag, &rule->tags) {
        if (!has_tag(tags, tag))
            return false;
    }
    return true;
}

static bool covers(const LifecycleRule *rule, const Object *object)
{
    return lifecycle_rule_covers(rule, object->key, object->size, object->tags);
}

/* When the rule lets a current version go. */
static int64_t rule_expiry(const LifecycleRule *rule, int64_t since)
{
    if (rule->expire_date)
        return rule->expire_date;
    return rule->expire_days ? lifecycle_due(since, rule->expire_days) : INT64_MAX;
}

int64_t lifecycle_expiry(const List *rules, const Object *object, int64_t since,
                         const LifecycleRule **ret_rule)
{
    int64_t first = INT64_MAX;
    LIST_EACH (const LifecycleRule *, rule, rules) {
        int64_t expiry = rule_expiry(rule, since);
        if (expiry >= first || !covers(rule, object))
            continue;
        first = expiry;
        *ret_rule = rule;
    }
    return first;
}

int64_t lifecycle_abortion(const List *rules, const Upload *upload, int64_t since,
                           const LifecycleRule **ret_rule)
{
    int64_t first = INT64_MAX;
    LIST_EACH (const LifecycleRule *, rule, rules) {
        int64_t due = rule->abort_days ? lifecycle_due(since, rule->abort_days) : INT64_MAX;
        if (due >= first || !g_str_has_prefix(upload->key, rule->prefix))
            continue;
        first = due;
        *ret_rule = rule;
    }
    return first;
}

static bool is_superseded(const LifecycleRule *rule, const LifecycleVersion *version, int64_t now)
{
    return rule->noncurrent_days && version->newer >= rule->newer_noncurrent &&
           lifecycle_due(version->since, rule->noncurrent_days) <= now;
}

/* A marker with nothing under it hides nothing: it goes at once where that is asked for, and else
 * as an object would. */
static bool is_idle_marker(const LifecycleRule *rule, const LifecycleVersion *version, int64_t now)
{
    return rule->expire_markers || rule_expiry(rule, version->since) <= now;
}

static LifecycleAct rule_decide(const LifecycleRule *rule, const LifecycleVersion *version,
                                int64_t now)
{
    const Object *object = version->object;
    if (!covers(rule, object))
        return LIFECYCLE_KEEP;
    if (!object->is_latest)
        return is_superseded(rule, version, now) ? LIFECYCLE_REMOVE : LIFECYCLE_KEEP;
    if (object->is_marker)
        return version->alone && is_idle_marker(rule, version, now) ? LIFECYCLE_REMOVE
                                                                    : LIFECYCLE_KEEP;
    return rule_expiry(rule, version->since) <= now ? LIFECYCLE_EXPIRE : LIFECYCLE_KEEP;
}

LifecycleAct lifecycle_decide(const List *rules, const LifecycleVersion *version, int64_t now)
{
    LIST_EACH (const LifecycleRule *, rule, rules) {
        LifecycleAct act = rule_decide(rule, version, now);
        if (act != LIFECYCLE_KEEP)
            return act;
    }
    return LIFECYCLE_KEEP;
}
