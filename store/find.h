/* Describe*: one mechanism of filters, paging and tags for every kind of record.
 *
 * A Finder names a record kind and, for each AWS filter name, a piece of SQL in which `$` stands
 * for "matches one of the values": `state $`, `EXISTS (SELECT 1 FROM eni_group g WHERE …
 * AND g.group_id $)`. Values may hold AWS's wildcards `*` and `?` (escaped by a backslash).
 * Everybody gets `tag:KEY`, `tag-key` and `tag-value`. Results come in key order, so that a page
 * starts where the one before ended and costs what it holds, not what there is. */
#pragma once

#include "store/record.h"

typedef struct FinderFilter {
    const char *name;
    const char *sql;
    /* What a value looks like in the column, for text that is computed from one; NULL: as it is. */
    const char *(*value)(Arena *arena, const char *value);
} FinderFilter;

typedef struct Finder {
    const RecordType *(*type)(void);
    const char *alias;  /* of the table in the SQL pieces */
    const char *scope;  /* condition in which `?1` is the account that asks; NULL: everything */
    const char *tagged; /* piece for `tag:KEY` where `#` is the key; NULL: the record's own tags */
    const FinderFilter *filters;
    size_t n_filters;
} Finder;

typedef struct FindFilter {
    const char *name;
    List values; /* of const char * */
} FindFilter;

typedef struct FindQuery {
    const char *account_id;
    const List *ids;     /* of const char *: only these; NULL or empty: all */
    const List *filters; /* of FindFilter *; all must match; NULL: none */
    int64_t limit;       /* 0: no limit */
    const char *after;   /* find_key() of the last record of the page before, or NULL */
} FindQuery;

#define FIND_MAX_VALUES 200 /* of one request, in all its filters: AWS's limit */

/* Records that match, added to *list, in key order; *ret_more (may be NULL) tells whether there
 * is another page. Fault InvalidParameterValue: an unknown filter name ("The filter 'x' is
 * invalid"), more than 200 values, or a bad tag filter. */
bool find(Txn *txn, Arena *arena, const Finder *finder, const FindQuery *query, List *list,
          bool *ret_more, GError **error);

/* The same, but the ids of the records alone, const char *: for kinds with one key column. */
bool find_ids(Txn *txn, Arena *arena, const Finder *finder, const FindQuery *query, List *list,
              bool *ret_more, GError **error);

/* The record's key, as FindQuery.after wants it: several key columns are joined by newlines. */
const char *find_key(Arena *arena, const Finder *finder, const void *record);

extern const Finder instance_finder;
extern const Finder image_finder;
extern const Finder volume_finder;
extern const Finder volume_change_finder;
extern const Finder snapshot_finder;
extern const Finder bundle_task_finder;
extern const Finder key_pair_finder;
extern const Finder launch_template_finder;
extern const Finder security_group_finder;
extern const Finder group_rule_finder;
extern const Finder tag_finder; /* key: resource id and tag key */
extern const Finder vpc_finder;
extern const Finder subnet_finder;
extern const Finder zone_finder;
extern const Finder region_finder;
extern const Finder instance_type_finder;
