/* Describe*: filters, ids and pages over the store's finders, for every kind of thing. */
#pragma once

#include "base/fault.h"
#include "cloud/context.h"
#include "store/find.h"

typedef struct Page {
    const List *ids;     /* of const char *; NULL or empty: all */
    const List *filters; /* of FindFilter *; NULL: none */
    int64_t limit;       /* 0: no limit */
    const char *token;   /* as an earlier page returned it; NULL: from the start */
} Page;

/* What one kind of thing says of ids that are not there. */
typedef struct MissingIds {
    Fault not_found;    /* FAULT_INVALID_INSTANCE_ID_NOT_FOUND */
    Fault malformed;    /* FAULT_INVALID_INSTANCE_ID_MALFORMED */
    const char *prefix; /* "i"; NULL: AWS has no Malformed fault for this kind */
    const char *noun;   /* "instance ID": "The instance ID 'i-…' does not exist" */
    bool brackets;      /* AWS writes "'[ami-…]'" of images */
} MissingIds;

/* Records of the finder's type that the caller may see and that match, added to *list in key
 * order, and the token of the next page (NULL: there is none). Faults: InvalidParameterValue for
 * an unknown filter or a token that is not ours; with missing (may be NULL) and ids given, its
 * malformed or not_found naming every id that is missing ("The instance IDs 'a, b' do not
 * exist"). */
bool cloud_find(Context *context, Txn *txn, const Finder *finder, const Page *page,
                const MissingIds *missing, List *list, const char **ret_token, GError **error);

/* The same, but the ids of the records alone, const char *: for kinds with one key column. */
bool cloud_find_ids(Context *context, Txn *txn, const Finder *finder, const Page *page,
                    const MissingIds *missing, List *list, const char **ret_token, GError **error);

/* A page of a list that was made rather than stored: its items are in a fixed order, and each is
 * told from the others by the key that the function gives it. kind keeps tokens of one such list
 * from another's. Fault InvalidParameterValue: a token that is not ours. */
bool cloud_page_of(Context *context, const char *kind, const Page *page, const List *all,
                   const char *(*key)(Arena *arena, const void *item), List *list,
                   const char **ret_token, GError **error);

/* Accounts as filters and callers name them, as ids: "self", "amazon"; what is no alias stands for
 * itself. */
List accounts_named(Context *context, const List *names);
