/* Records: what the store holds, as C structures.
 *
 * store/records.def says for each kind, once, its members and columns; here that list becomes
 * the structures, their column tables and typed verbs (`instance_get`, `instance_put` …).
 * Records read live in the arena given; strings that are NULL in C are NULL in SQL.
 *
 * Verbs, for a record kind Thing with one key column:
 *   thing_get(txn, arena, id, &thing, error)   thing is NULL when there is none; not an error
 *   thing_insert(txn, thing, error)            fails with trouble code TROUBLE_CONFLICT when its
 *                                              key or a unique column's value is taken
 *   thing_put(txn, thing, error)               inserts or replaces by key
 *   thing_delete(txn, id, error)               absent is success
 * Kinds with several key columns have insert, put; the rest goes through queries.
 *
 * Everything else is a named query of store/queries.def, prepared when the store opens. */
#pragma once

#include "base/state.h"
#include "store/store.h"
#include <stddef.h>

/* GError.code of a conflict in TROUBLE_DOMAIN: no errno has this value. */
#define TROUBLE_CONFLICT (-1)
bool store_is_conflict(const GError *error);

typedef enum ColumnKind { COLUMN_TEXT, COLUMN_INT, COLUMN_BOOL, COLUMN_STATE } ColumnKind;

typedef struct Column {
    const char *name; /* in C and in SQL */
    size_t offset;
    ColumnKind kind;
    bool key;
    const StateMachine *machine; /* COLUMN_STATE: held by name in SQL, as int in C */
} Column;

typedef struct RecordType {
    const char *table;
    size_t size;
    const Column *columns;
    size_t n_columns;
    unsigned index; /* of all kinds */
} RecordType;

extern const StateMachine instance_machine;
extern const StateMachine volume_machine;
extern const StateMachine image_machine;
extern const StateMachine snapshot_machine;
extern const StateMachine balancer_health_machine;
extern const StateMachine lifecycle_machine;

typedef enum InstanceState {
    INSTANCE_PENDING,
    INSTANCE_RUNNING,
    INSTANCE_STOPPING,
    INSTANCE_STOPPED,
    INSTANCE_SHUTTING_DOWN,
    INSTANCE_TERMINATED,
} InstanceState;
typedef enum VolumeState {
    VOLUME_CREATING,
    VOLUME_AVAILABLE,
    VOLUME_IN_USE,
    VOLUME_DELETING,
    VOLUME_DELETED,
    VOLUME_ERROR,
} VolumeState;
typedef enum ImageState {
    IMAGE_PENDING,
    IMAGE_AVAILABLE,
    IMAGE_FAILED,
    IMAGE_DEREGISTERED,
} ImageState;
typedef enum SnapshotState {
    SNAPSHOT_PENDING,
    SNAPSHOT_COMPLETED,
    SNAPSHOT_ERROR,
} SnapshotState;
typedef enum BalancerHealth {
    BALANCER_HEALTH_REGISTERING, /* not probed yet */
    BALANCER_HEALTH_UNPROVEN,    /* has not passed enough probes since it started */
    BALANCER_HEALTH_HEALTHY,
    BALANCER_HEALTH_UNHEALTHY,
} BalancerHealth;
typedef enum LifecycleState {
    LIFECYCLE_PENDING,
    LIFECYCLE_PENDING_WAIT,
    LIFECYCLE_PENDING_PROCEED,
    LIFECYCLE_IN_SERVICE,
    LIFECYCLE_ENTERING_STANDBY,
    LIFECYCLE_STANDBY,
    LIFECYCLE_DETACHING,
    LIFECYCLE_TERMINATING,
    LIFECYCLE_TERMINATING_WAIT,
    LIFECYCLE_TERMINATING_PROCEED,
} LifecycleState;

bool record_get(Txn *txn, Arena *arena, const RecordType *type, const char *key, void **ret_record,
                GError **error);
bool record_insert(Txn *txn, const RecordType *type, const void *record, GError **error);
bool record_put(Txn *txn, const RecordType *type, const void *record, GError **error);
bool record_delete(Txn *txn, const RecordType *type, const char *key, GError **error);

/* With its strings. */
void *record_copy(Arena *arena, const RecordType *type, const void *record);

/* One function that gives the type, the structure, and typed verbs for each record kind. */
#define RECORD(Name, name, label) typedef struct Name {
#define KEY(member) const char *member;
#define TEXT(member) const char *member;
#define INT(member) int64_t member;
#define BOOL(member) bool member;
#define STATE(member, state_machine) int member;
#define RECORD_END(Name, name)                                                                     \
    }                                                                                              \
    Name;                                                                                          \
    const RecordType *name##_record_type(void);                                                    \
    static inline bool name##_get(Txn *txn, Arena *arena, const char *key, Name **ret_record,      \
                                  GError **error)                                                  \
    {                                                                                              \
        void *found;                                                                               \
        if (!record_get(txn, arena, name##_record_type(), key, &found, error))                     \
            return false;                                                                          \
        *ret_record = found;                                                                       \
        return true;                                                                               \
    }                                                                                              \
    static inline bool name##_insert(Txn *txn, const Name *record, GError **error)                 \
    {                                                                                              \
        return record_insert(txn, name##_record_type(), record, error);                            \
    }                                                                                              \
    static inline bool name##_put(Txn *txn, const Name *record, GError **error)                    \
    {                                                                                              \
        return record_put(txn, name##_record_type(), record, error);                               \
    }                                                                                              \
    static inline bool name##_delete(Txn *txn, const char *key, GError **error)                    \
    {                                                                                              \
        return record_delete(txn, name##_record_type(), key, error);                               \
    }
#include "store/records.def"
#undef RECORD
#undef KEY
#undef TEXT
#undef INT
#undef BOOL
#undef STATE
#undef RECORD_END

/* Named queries of store/queries.def. Parameters are strings, as many as the query has `?`s
 * (numbers too: SQLite compares by the column's affinity). */
typedef enum Query {
#define QUERY(symbol, type, where) QUERY_##symbol,
#define COUNT(symbol, sql)
#define CHANGE(symbol, sql)
#include "store/queries.def"
#undef QUERY
#undef COUNT
#undef CHANGE
    QUERY_COUNT
} Query;
typedef enum Count {
#define QUERY(symbol, type, where)
#define COUNT(symbol, sql) COUNT_##symbol,
#define CHANGE(symbol, sql)
#include "store/queries.def"
#undef QUERY
#undef COUNT
#undef CHANGE
    COUNT_COUNT
} Count;
typedef enum Change {
#define QUERY(symbol, type, where)
#define COUNT(symbol, sql)
#define CHANGE(symbol, sql) CHANGE_##symbol,
#include "store/queries.def"
#undef QUERY
#undef COUNT
#undef CHANGE
    CHANGE_COUNT
} Change;

/* All records that match, in the query's order, added to *list. */
bool record_query(Txn *txn, Arena *arena, Query query, List *list, GError **error, ...);
/* The first that matches, or NULL. */
bool record_query_one(Txn *txn, Arena *arena, Query query, void **ret_record, GError **error, ...);
bool record_count(Txn *txn, Count count, int64_t *ret_value, GError **error, ...);
/* Runs an UPDATE or DELETE; *ret_changed (may be NULL) says how many rows it touched. */
bool record_change(Txn *txn, Change change, int64_t *ret_changed, GError **error, ...);

/* All records whose column has one of the values (const char *), ordered by that column: one
 * statement for what belongs to a page of others. The column must lead an index. */
bool record_list_in(Txn *txn, Arena *arena, const RecordType *type, const char *column,
                    const List *values, List *list, GError **error);
