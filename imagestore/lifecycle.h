/* The lifecycle of objects: what a bucket's rules say of a version or an upload, and the worker
 * that does it. Sources: "Managing the lifecycle of objects", "Lifecycle configuration elements"
 * (Amazon S3 User Guide). */
#pragma once

#include "imagestore/uploads.h"

/* A rule that is enabled. Days 0: that is not asked for. */
typedef struct LifecycleRule {
    const char *id;
    /* Of what: all of these. */
    const char *prefix;   /* "": any key */
    List tags;            /* of const char *: "key=value" as Object.tags has it */
    int64_t larger_than;  /* bytes; -1: any */
    int64_t smaller_than; /* bytes; INT64_MAX: any */
    /* What happens to it. */
    int64_t expire_days;      /* of current versions */
    int64_t expire_date;      /* µs; 0: none */
    bool expire_markers;      /* delete markers with nothing under them */
    int64_t noncurrent_days;  /* since a version is no longer current … */
    int64_t newer_noncurrent; /* … and that many that are newer stay */
    int64_t abort_days;       /* of uploads */
} LifecycleRule;

/* ---- decisions: pure ---- */

/* So many days after since, at the next midnight (UTC). */
int64_t lifecycle_due(int64_t since, int64_t days);
/* tags as Object.tags. */
bool lifecycle_rule_covers(const LifecycleRule *rule, const char *key, int64_t size,
                           const char *tags);
/* When a current version that is of that time goes, and by which rule (rules: of LifecycleRule *);
 * INT64_MAX: never. */
int64_t lifecycle_expiry(const List *rules, const Object *object, int64_t since,
                         const LifecycleRule **ret_rule);
/* The same of an upload of that time. */
int64_t lifecycle_abortion(const List *rules, const Upload *upload, int64_t since,
                           const LifecycleRule **ret_rule);

typedef enum LifecycleAct {
    LIFECYCLE_KEEP,
    LIFECYCLE_EXPIRE, /* as DeleteObject without a version does */
    LIFECYCLE_REMOVE, /* that very version */
} LifecycleAct;

typedef struct LifecycleVersion {
    const Object *object;
    int64_t since; /* when it was made; noncurrent: when the next newer one was */
    int64_t newer; /* noncurrent versions of its key that are newer */
    bool alone;    /* the only version of its key */
} LifecycleVersion;

LifecycleAct lifecycle_decide(const List *rules, const LifecycleVersion *version, int64_t now);

/* ---- the worker ---- */

typedef struct Lifecycle Lifecycle;

/* Reads a bucket's document into rules (of LifecycleRule *), in the arena; those that are disabled
 * are left out. */
typedef bool (*LifecycleReader)(Arena *arena, const char *body, List *rules, GError **error);

typedef struct LifecycleConfig {
    Store *store;
    Blobs *blobs;
    Clock *object_clock; /* of objects' dates: the real time */
    Clock *clock;        /* by which days pass */
    LifecycleReader read;
} LifecycleConfig;

/* Starts a thread that looks at all buckets that have rules, every hour of the clock, in pieces
 * with a transaction each. What a lock holds stays. Where the clock runs faster than that of the
 * objects, they age as fast from now on. */
Lifecycle *lifecycle_new(const LifecycleConfig *config);
/* Ends it between two pieces. NULL is fine. */
void lifecycle_free(Lifecycle *lifecycle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lifecycle, lifecycle_free)
/* Looks at all of them now, in the caller's thread. A bucket that fails does not keep others from
 * being looked at; the first trouble is told. */
bool lifecycle_run(Lifecycle *lifecycle, GError **error);
