/* The worker that does what lifecycle rules decide.
 *
 * Theory of operation: a bucket's versions are read in the order of the index, a piece at a time,
 * in a transaction that only reads. What is due is then removed in transactions of their own, a few
 * versions each, and only if it is still what was read. Nothing is remembered between two looks: a
 * restart costs at most looking again.
 *
 * Invariants: a version is only removed if it is the one that the decision was about, and the
 * bucket's rules are still those that decided; what a lock holds stays. Lock order: mutex alone,
 * never together with a transaction. */
#include "imagestore/lifecycle.h"

#include <string.h>

#define HOUR (INT64_C(3600) * CLOCK_SECOND)
#define REST G_TIME_SPAN_SECOND /* real time between two looks, however fast the clock */
#define PIECE 500               /* records: the LIMIT of the queries */
#define REMOVALS 100            /* of a transaction */

struct Lifecycle {
    LifecycleConfig config;
    int64_t object_start, start; /* both clocks when it began */
    GThread *thread;
    GMutex mutex;
    GCond cond;
    bool stop; /* under the mutex */
};

/* A bucket that is being looked at. */
typedef struct Walk {
    Lifecycle *lifecycle;
    const Bucket *bucket;
    const char *document; /* that the rules were read from */
    const List *rules;
    int64_t now; /* of the clock */
    bool over;   /* the bucket is gone, or its rules are others now: the next look sees to it */
    /* The last version seen. */
    GString *key, *rank;
    int64_t since;      /* when it was made */
    int64_t noncurrent; /* of its key, it included */
} Walk;

typedef struct Removal {
    const Object *object; /* as it was */
    LifecycleAct act;
} Removal;

static bool is_stopping(Lifecycle *lifecycle)
{
    g_mutex_lock(&lifecycle->mutex);
    bool stop = lifecycle->stop;
    g_mutex_unlock(&lifecycle->mutex);
    return stop;
}

static bool is_over(const Walk *walk)
{
    return walk->over || is_stopping(walk->lifecycle);
}

/* An object's date by the clock: what was there at the start is as old as it was, what came later
 * ages as fast as the clock runs. */
static int64_t clock_time(const Lifecycle *lifecycle, int64_t time)
{
    int64_t offset = time - lifecycle->object_start;
    int64_t passed = clock_now(lifecycle->config.object_clock) - lifecycle->object_start;
    if (offset > 0 && passed > 0) {
        int64_t passed_here = clock_now(lifecycle->config.clock) - lifecycle->start;
        offset = (int64_t)((__int128)offset * passed_here / passed);
    }
    return lifecycle->start + offset;
}

/* ---- removing ---- */

/* The bucket as it is now, as long as its rules are still those of the walk; else the walk is over.
 */
static bool find_ruled(Walk *walk, Txn *txn, Arena *arena, Bucket **ret_bucket, GError **error)
{
    const char *document = NULL;
    Bucket *bucket;
    if (!bucket_get(txn, arena, walk->bucket->name, &bucket, error) ||
        (bucket && !bucket_document_find(txn, arena, bucket, DOCUMENT_LIFECYCLE, &document, error)))
        return false;
    walk->over = g_strcmp0(document, walk->document) != 0;
    *ret_bucket = bucket;
    return true;
}

/* NULL: what was decided about is no longer there, or no longer what it was. */
static bool find_unchanged(Txn *txn, Arena *arena, const Object *before, Object **ret_object,
                           GError **error)
{
    void *found;
    if (!record_query_one(txn, arena, QUERY_OBJECT_BY_RANK, &found, error, before->bucket,
                          before->key, before->rank))
        return false;
    Object *object = found;
    bool same = object && strcmp(object->version_id, before->version_id) == 0 &&
                object->modified == before->modified && object->is_latest == before->is_latest &&
                object->is_marker == before->is_marker &&
                g_strcmp0(object->tags, before->tags) == 0;
    *ret_object = same ? object : NULL;
    return true;
}

static bool remove_one(Lifecycle *lifecycle, Txn *txn, Arena *arena, const Bucket *bucket,
                       const Removal *removal, GError **error)
{
    g_autoptr(GError) fault = NULL;
    Object *object;
    ObjectRemoval done;
    if (!find_unchanged(txn, arena, removal->object, &object, error))
        return false;
    if (!object || object_remove(lifecycle->config.blobs, txn, arena, bucket, object->key,
                                 removal->act == LIFECYCLE_REMOVE ? object->version_id : NULL,
                                 false, clock_now(lifecycle->config.object_clock), &done, &fault))
        return true;
    if (fault->domain == FAULT_DOMAIN) /* locked */
        return true;
    g_propagate_error(error, g_steal_pointer(&fault));
    return false;
}

/* Those from *at on, at most REMOVALS; *at is then behind them. */
static bool remove_some(Walk *walk, const List *removals, size_t *at, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    size_t end = MIN(removals->n, *at + REMOVALS);
    if (!txn_begin(walk->lifecycle->config.store, &txn, error) ||
        !find_ruled(walk, txn, arena, &bucket, error))
        return false;
    if (walk->over)
        return true;
    for (; *at < end; ++*at) {
        if (!remove_one(walk->lifecycle, txn, arena, bucket, list_at(removals, *at), error))
            return false;
    }
    if (!txn_commit(&txn, error))
        return false;
    blobs_wake(walk->lifecycle->config.blobs);
    return true;
}

static bool remove_all(Walk *walk, const List *removals, GError **error)
{
    for (size_t at = 0; at < removals->n && !is_over(walk);) {
        if (!remove_some(walk, removals, &at, error))
            return false;
    }
    return true;
}

/* ---- looking at versions ---- */

static LifecycleVersion see_version(Walk *walk, const Object *object, const Object *next)
{
    bool same_key = strcmp(walk->key->str, object->key) == 0;
    int64_t made = clock_time(walk->lifecycle, object->modified);
    if (!same_key || object->is_latest)
        walk->noncurrent = 0;
    LifecycleVersion version = {
        .object = object,
        .since = object->is_latest || !same_key ? made : walk->since,
        .newer = walk->noncurrent,
        .alone = object->is_latest && !(next && strcmp(next->key, object->key) == 0),
    };
    walk->noncurrent += !object->is_latest;
    walk->since = made;
    g_string_assign(walk->key, object->key);
    g_string_assign(walk->rank, object->rank);
    return version;
}

/* The piece's last version is left for the next piece, where it is seen whether it is alone. */
static void decide_piece(Walk *walk, Arena *arena, const List *objects, List *removals)
{
    size_t n = objects->n == PIECE ? objects->n - 1 : objects->n;
    for (size_t i = 0; i < n; i++) {
        const Object *object = list_at(objects, i);
        const Object *next = i + 1 < objects->n ? list_at(objects, i + 1) : NULL;
        LifecycleVersion version = see_version(walk, object, next);
        LifecycleAct act = lifecycle_decide(walk->rules, &version, walk->now);
        if (act == LIFECYCLE_KEEP)
            continue;
        Removal *removal = arena_new_struct(arena, Removal);
        *removal = (Removal){object, act};
        list_add(removals, arena, removal);
    }
}

static bool look_at_piece(Walk *walk, bool *ret_more, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    List objects = {0}, removals = {0};
    if (!txn_begin_read(walk->lifecycle->config.store, &txn, error) ||
        !record_query(txn, arena, QUERY_LIFECYCLE_OBJECTS, &objects, error, walk->bucket->name,
                      walk->key->str, walk->rank->str))
        return false;
    g_clear_pointer(&txn, txn_rollback);
    decide_piece(walk, arena, &objects, &removals);
    *ret_more = objects.n == PIECE;
    return remove_all(walk, &removals, error);
}

static bool look_at_objects(Walk *walk, GError **error)
{
    bool more = true;
    while (more && !is_over(walk)) {
        if (!look_at_piece(walk, &more, error))
            return false;
    }
    return true;
}

/* ---- looking at uploads ---- */

static bool abort_upload(Walk *walk, const Upload *upload, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    g_autoptr(GError) gone = NULL;
    Bucket *bucket;
    Upload *found;
    if (!txn_begin(walk->lifecycle->config.store, &txn, error) ||
        !find_ruled(walk, txn, arena, &bucket, error))
        return false;
    if (walk->over)
        return true;
    if (!upload_find(txn, arena, bucket, upload->key, upload->id, &found, &gone)) {
        if (gone->domain == FAULT_DOMAIN) /* completed meanwhile, or aborted */
            return true;
        g_propagate_error(error, g_steal_pointer(&gone));
        return false;
    }
    if (!upload_abort(walk->lifecycle->config.blobs, txn, arena, found, error) ||
        !txn_commit(&txn, error))
        return false;
    blobs_wake(walk->lifecycle->config.blobs);
    return true;
}

static bool look_at_upload(Walk *walk, const Upload *upload, GError **error)
{
    const LifecycleRule *rule;
    int64_t since = clock_time(walk->lifecycle, upload->created);
    g_string_assign(walk->key, upload->key);
    g_string_assign(walk->rank, upload->id);
    return lifecycle_abortion(walk->rules, upload, since, &rule) > walk->now ||
           abort_upload(walk, upload, error);
}

static bool look_at_uploads(Walk *walk, GError **error)
{
    g_string_truncate(walk->key, 0);
    g_string_truncate(walk->rank, 0);
    for (bool more = true; more && !is_over(walk);) {
        g_autoptr(Arena) arena = arena_new();
        g_autoptr(Txn) txn = NULL;
        List uploads = {0};
        if (!txn_begin_read(walk->lifecycle->config.store, &txn, error) ||
            !record_query(txn, arena, QUERY_LIFECYCLE_UPLOADS, &uploads, error, walk->bucket->name,
                          walk->key->str, walk->rank->str))
            return false;
        g_clear_pointer(&txn, txn_rollback);
        more = uploads.n == PIECE;
        LIST_EACH (const Upload *, upload, &uploads) {
            if (!is_over(walk) && !look_at_upload(walk, upload, error))
                return false;
        }
    }
    return true;
}

/* ---- looking at buckets ---- */

static bool read_rules(Lifecycle *lifecycle, Arena *arena, const Bucket *bucket,
                       const char **ret_document, List *rules, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(lifecycle->config.store, &txn, error) &&
           bucket_document_find(txn, arena, bucket, DOCUMENT_LIFECYCLE, ret_document, error) &&
           (!*ret_document || lifecycle->config.read(arena, *ret_document, rules, error));
}

static bool look_at_bucket(Lifecycle *lifecycle, Arena *arena, const Bucket *bucket, GError **error)
{
    List rules = {0};
    const char *document = NULL;
    if (!read_rules(lifecycle, arena, bucket, &document, &rules, error))
        return false;
    if (rules.n == 0)
        return true;
    Walk walk = {.lifecycle = lifecycle,
                 .bucket = bucket,
                 .document = document,
                 .rules = &rules,
                 .now = clock_now(lifecycle->config.clock),
                 .key = g_string_new(NULL),
                 .rank = g_string_new(NULL)};
    bool ok = look_at_objects(&walk, error) && look_at_uploads(&walk, error);
    g_string_free(walk.key, TRUE);
    g_string_free(walk.rank, TRUE);
    return ok;
}

static bool list_buckets(Lifecycle *lifecycle, Arena *arena, List *buckets, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(lifecycle->config.store, &txn, error) &&
           record_query(txn, arena, QUERY_BUCKETS, buckets, error);
}

bool lifecycle_run(Lifecycle *lifecycle, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) first = NULL;
    List buckets = {0};
    if (!list_buckets(lifecycle, arena, &buckets, error))
        return false;
    LIST_EACH (const Bucket *, bucket, &buckets) {
        if (bucket_has_document(bucket, DOCUMENT_LIFECYCLE) && !is_stopping(lifecycle))
            look_at_bucket(lifecycle, arena, bucket, first ? NULL : &first);
    }
    if (!first)
        return true;
    g_propagate_error(error, g_steal_pointer(&first));
    return false;
}

/* ---- the thread ---- */

static void rest(Lifecycle *lifecycle)
{
    int64_t deadline = g_get_monotonic_time() + REST;
    int64_t next = clock_now(lifecycle->config.clock) + HOUR;
    g_mutex_lock(&lifecycle->mutex);
    while (!lifecycle->stop && g_cond_wait_until(&lifecycle->cond, &lifecycle->mutex, deadline))
        ;
    while (!lifecycle->stop &&
           clock_wait_until(lifecycle->config.clock, &lifecycle->cond, &lifecycle->mutex, next))
        ;
    g_mutex_unlock(&lifecycle->mutex);
}

static void *work(void *data)
{
    Lifecycle *lifecycle = data;
    while (!is_stopping(lifecycle)) {
        g_autoptr(GError) error = NULL;
        if (!lifecycle_run(lifecycle, &error))
            g_warning("lifecycle rules: %s", error->message);
        rest(lifecycle);
    }
    return NULL;
}

Lifecycle *lifecycle_new(const LifecycleConfig *config)
{
    Lifecycle *lifecycle = g_new0(Lifecycle, 1);
    lifecycle->config = *config;
    lifecycle->object_start = clock_now(config->object_clock);
    lifecycle->start = clock_now(config->clock);
    g_mutex_init(&lifecycle->mutex);
    g_cond_init(&lifecycle->cond);
    lifecycle->thread = g_thread_new("lifecycle", work, lifecycle);
    return lifecycle;
}

void lifecycle_free(Lifecycle *lifecycle)
{
    if (!lifecycle)
        return;
    g_mutex_lock(&lifecycle->mutex);
    lifecycle->stop = true;
    g_cond_broadcast(&lifecycle->cond);
    g_mutex_unlock(&lifecycle->mutex);
    g_thread_join(lifecycle->thread);
    g_mutex_clear(&lifecycle->mutex);
    g_cond_clear(&lifecycle->cond);
    g_free(lifecycle);
}
