/* Describe*: filters, paging and tags as one SQL statement.
 *
 * Invariants: everything that a client says is bound, never text of the statement; the statement's
 * text depends only on which filters there are and on the powers of two above the numbers of their
 * values, so that few distinct ones occur and stay prepared. Parameter 1 is the account. */
#include "store/find.h"

#include "store/row.h"
#include <inttypes.h>
#include <string.h>

typedef struct Build {
    Arena *arena;
    const Finder *finder;
    const RecordType *type;
    const char *account_id;
    GString *sql;
    List values; /* of const char *: parameters 2 and up; NULL is NULL */
    bool ids;    /* nothing but the key is wanted */
} Build;

/* Adds "?N". */
static void add_parameter(Build *build, GString *sql, const char *value)
{
    list_add(&build->values, build->arena, value);
    g_string_append_printf(sql, "?%zu", build->values.n + 1);
}

/* Adds "IN (?2, ?3, …)" with NULLs, which equal nothing, up to a power of two; "= ?2" for one. */
static void add_list(Build *build, GString *sql, const List *values)
{
    if (values->n == 1) {
        g_string_append(sql, "= ");
        add_parameter(build, sql, list_at(values, 0));
        return;
    }
    size_t room = 1;
    while (room < values->n)
        room *= 2;
    g_string_append(sql, "IN (");
    for (size_t i = 0; i < room; i++) {
        if (i > 0)
            g_string_append(sql, ", ");
        add_parameter(build, sql, i < values->n ? list_at(values, i) : NULL);
    }
    g_string_append_c(sql, ')');
}

/* What stands for `$`, and for `#` (NULL: none), in a piece. */
static void add_piece(GString *sql, const char *piece, const char *match, const char *key)
{
    for (const char *c = piece; *c; c++) {
        if (*c == '$')
            g_string_append(sql, match);
        else if (*c == '#' && key)
            g_string_append(sql, key);
        else
            g_string_append_c(sql, *c);
    }
}

static bool has_wildcard(const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' && value[1])
            value++;
        else if (*value == '*' || *value == '?')
            return true;
    }
    return false;
}

/* A value without wildcards as it stands for itself. */
static const char *unescape(Arena *arena, const char *value)
{
    if (!strchr(value, '\\'))
        return value;
    char *plain = arena_strdup(arena, value), *to = plain;
    for (; *value; value++) {
        if (*value == '\\' && value[1])
            value++;
        *to++ = *value;
    }
    *to = '\0';
    return plain;
}

/* AWS's pattern as SQLite's GLOB, which has classes, [x], and no escapes. */
static const char *to_glob(Arena *arena, const char *value)
{
    g_autoptr(GString) glob = g_string_new(NULL);
    for (; *value; value++) {
        bool escaped = *value == '\\' && value[1];
        if (escaped)
            value++;
        if (*value == '[' || (escaped && (*value == '*' || *value == '?')))
            g_string_append_printf(glob, "[%c]", *value);
        else
            g_string_append_c(glob, *value);
    }
    return arena_strdup(arena, glob->str);
}

/* Adds " AND (piece for the plain values OR piece for each pattern)". */
static void add_filter(Build *build, const char *piece, const char *key, const FindFilter *filter,
                       const char *(*convert)(Arena *, const char *))
{
    List plain = {0}, patterns = {0};
    LIST_EACH (const char *, given, &filter->values) {
        const char *value = convert ? convert(build->arena, given) : given;
        if (has_wildcard(value))
            list_add(&patterns, build->arena, to_glob(build->arena, value));
        else
            list_add(&plain, build->arena, unescape(build->arena, value));
    }

    g_string_append(build->sql, " AND (");
    g_autoptr(GString) match = g_string_new(NULL);
    const char *separator = "";
    if (plain.n > 0) {
        add_list(build, match, &plain);
        add_piece(build->sql, piece, match->str, key);
        separator = " OR ";
    }
    LIST_EACH (const char *, pattern, &patterns) {
        g_string_assign(match, "GLOB ");
        add_parameter(build, match, pattern);
        g_string_append(build->sql, separator);
        add_piece(build->sql, piece, match->str, key);
        separator = " OR ";
    }
    if (filter->values.n == 0)
        g_string_append(build->sql, "false");
    g_string_append_c(build->sql, ')');
}

static bool bad_filter(const FindFilter *filter, GError **error)
{
    return fault_set(error, FAULT_INVALID_PARAMETER_VALUE, "The filter '%s' is invalid",
                     filter->name);
}

/* `tag:KEY`, `tag-key` and `tag-value`: by the asking account's tags only. */
static bool add_tag_filter(Build *build, const FindFilter *filter, GError **error)
{
    const char *column = build->type->columns[0].name;
    if (g_str_has_prefix(filter->name, "tag:")) {
        const char *key = filter->name + strlen("tag:");
        if (!*key)
            return bad_filter(filter, error);
        g_autoptr(GString) parameter = g_string_new(NULL);
        add_parameter(build, parameter, key);
        const char *piece = build->finder->tagged;
        if (!piece)
            piece = arena_printf(build->arena,
                                 "%s.%s IN (SELECT resource_id FROM tag"
                                 " WHERE account_id = ?1 AND key = # AND value $)",
                                 build->finder->alias, column);
        add_filter(build, piece, parameter->str, filter, NULL);
        return true;
    }
    const char *of_tag = NULL;
    if (strcmp(filter->name, "tag-key") == 0)
        of_tag = "key";
    else if (strcmp(filter->name, "tag-value") == 0)
        of_tag = "value";
    if (!of_tag)
        return bad_filter(filter, error);
    const char *piece = arena_printf(build->arena,
                                     "%s.%s IN (SELECT resource_id FROM tag"
                                     " WHERE account_id = ?1 AND %s $)",
                                     build->finder->alias, column, of_tag);
    add_filter(build, piece, NULL, filter, NULL);
    return true;
}

static bool add_filters(Build *build, const List *filters, GError **error)
{
    size_t n_values = 0;
    LIST_EACH (const FindFilter *, filter, filters) {
        n_values += filter->values.n;
        if (n_values > FIND_MAX_VALUES)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "The maximum number of filter values specified on a single call is %d",
                             FIND_MAX_VALUES);
        const FinderFilter *known = NULL;
        for (size_t i = 0; !known && i < build->finder->n_filters; i++) {
            if (strcmp(build->finder->filters[i].name, filter->name) == 0)
                known = &build->finder->filters[i];
        }
        if (known)
            add_filter(build, known->sql, NULL, filter, known->value);
        else if (!add_tag_filter(build, filter, error))
            return false;
    }
    return true;
}

/* Adds "i.id", or "t.resource_id, t.key". */
static size_t add_keys(Build *build)
{
    size_t n = 0;
    for (; n < build->type->n_columns && build->type->columns[n].key; n++)
        g_string_append_printf(build->sql, "%s%s.%s", n > 0 ? ", " : "", build->finder->alias,
                               build->type->columns[n].name);
    return n;
}

/* Adds "(keys) > (?, ?)" for what comes after a page. */
static void add_after(Build *build, const char *after)
{
    g_string_append(build->sql, " AND (");
    size_t n = add_keys(build);
    g_string_append(build->sql, ") > (");
    for (size_t i = 0; i < n; i++) {
        const char *end = i + 1 < n ? strchr(after, '\n') : NULL;
        size_t length = end ? (size_t)(end - after) : strlen(after);
        if (i > 0)
            g_string_append(build->sql, ", ");
        add_parameter(build, build->sql, arena_strndup(build->arena, after, length));
        after += end ? length + 1 : length;
    }
    g_string_append_c(build->sql, ')');
}

static bool build_find(Build *build, const FindQuery *query, GError **error)
{
    const Finder *finder = build->finder;
    g_string_append(build->sql, "SELECT ");
    if (build->ids)
        add_keys(build);
    else
        row_add_record(build->sql, build->type, finder->alias);
    g_string_append_printf(build->sql, " FROM %s %s WHERE %s", build->type->table, finder->alias,
                           finder->scope ? finder->scope : "true");
    if (query->ids && query->ids->n > 0) {
        g_string_append_printf(build->sql, " AND %s.%s ", finder->alias,
                               build->type->columns[0].name);
        add_list(build, build->sql, query->ids);
    }
    if (query->after)
        add_after(build, query->after);
    if (query->filters && !add_filters(build, query->filters, error))
        return false;
    g_string_append(build->sql, " ORDER BY ");
    add_keys(build);
    if (query->limit > 0) {
        /* One more, to know whether there is another page. */
        g_string_append(build->sql, " LIMIT ");
        add_parameter(build, build->sql, arena_printf(build->arena, "%" PRId64, query->limit + 1));
    }
    return true;
}

static void bind(sqlite3_stmt *statement, const Build *build)
{
    int n = sqlite3_bind_parameter_count(statement);
    if (n >= 1)
        row_bind_text(statement, 1, build->account_id);
    for (int i = 2; i <= n; i++)
        row_bind_text(statement, i, list_at(&build->values, (size_t)i - 2));
}

static bool run(Txn *txn, Arena *arena, const Finder *finder, const FindQuery *query, bool ids,
                List *list, bool *ret_more, GError **error)
{
    g_autoptr(GString) sql = g_string_sized_new(2048);
    Build build = {
        .arena = arena,
        .finder = finder,
        .type = finder->type(),
        .account_id = query->account_id,
        .sql = sql,
        .ids = ids,
    };
    sqlite3_stmt *statement;
    if (!txn_check(txn, false, error) || !build_find(&build, query, error) ||
        !connection_statement(txn->connection, sql->str, &statement, error))
        return false;
    bind(statement, &build);
    return ids ? row_load_ids(txn, arena, build.type, statement, query->limit, list, ret_more,
                              error)
               : row_load_all(txn, arena, build.type, statement, query->limit, list, ret_more,
                              error);
}

bool find(Txn *txn, Arena *arena, const Finder *finder, const FindQuery *query, List *list,
          bool *ret_more, GError **error)
{
    return run(txn, arena, finder, query, false, list, ret_more, error);
}

bool find_ids(Txn *txn, Arena *arena, const Finder *finder, const FindQuery *query, List *list,
              bool *ret_more, GError **error)
{
    g_assert(!finder->type()->columns[1].key);
    return run(txn, arena, finder, query, true, list, ret_more, error);
}

const char *find_key(Arena *arena, const Finder *finder, const void *record)
{
    const RecordType *type = finder->type();
    const char *key = NULL;
    for (size_t i = 0; i < type->n_columns && type->columns[i].key; i++) {
        const char *part = *(const char *const *)((const char *)record + type->columns[i].offset);
        key = key ? arena_printf(arena, "%s\n%s", key, part) : part;
    }
    return key;
}
