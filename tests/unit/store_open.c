/* store_open(): the file, its schema, and what is said when it cannot be used. */
#include "tests/unit/store_fixture.h"

#include "store/connection.h"
#include "store/migrate.h"
#include "store/row.h"
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void execute(const Fixture *f, const char *sql)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Connection) connection = NULL;
    assert_ok(connection_open(f->path, CONNECTION_WRITES, &connection, &error), error);
    assert_ok(connection_execute(connection, sql, &error), error);
}

static void acknowledged_write_survives_reopen(void **state)
{
    Fixture *f = *state;
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    commit(txn);
    fixture_reopen(f);
    assert_string_equal(read_setting(f, "a"), "1");
}

static void files_are_private(void **state)
{
    Fixture *f = *state;
    const char *suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = g_strconcat(f->path, suffixes[i], NULL);
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
}

static void close_leaves_one_file(void **state)
{
    Fixture *f = *state;
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    commit(txn);
    fixture_close(f);
    g_autofree char *wal = g_strconcat(f->path, "-wal", NULL);
    assert_false(g_file_test(wal, G_FILE_TEST_EXISTS));
}

static void columns_of_records_are_those_of_tables(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Connection) connection = NULL;
    assert_ok(connection_open(f->path, CONNECTION_READS, &connection, &error), error);
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        const RecordType *type = record_type(kind);
        g_autofree char *sql = g_strdup_printf(
            "SELECT name, type, pk FROM pragma_table_info('%s') ORDER BY cid", type->table);
        sqlite3_stmt *statement = NULL;
        assert_ok(connection_statement(connection, sql, &statement, &error), error);
        for (size_t i = 0; i < type->n_columns; i++) {
            const Column *column = &type->columns[i];
            bool text = column->kind == COLUMN_TEXT || column->kind == COLUMN_STATE;
            assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
            assert_string_equal((const char *)sqlite3_column_text(statement, 0), column->name);
            assert_string_equal((const char *)sqlite3_column_text(statement, 1),
                                text ? "TEXT" : "INTEGER");
            assert_int_equal(sqlite3_column_int(statement, 2) > 0, column->key);
        }
        assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
        sqlite3_reset(statement);
    }
}

static void every_table_is_a_record(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Connection) connection = NULL;
    sqlite3_stmt *statement = NULL;
    assert_ok(connection_open(f->path, CONNECTION_READS, &connection, &error), error);
    assert_ok(connection_statement(connection,
                                   "SELECT count(*) FROM sqlite_schema"
                                   " WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                                   " AND name <> 'blob_data'", /* store/blob_data.h */
                                   &statement, &error),
              error);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), KIND_COUNT);
    sqlite3_reset(statement);
}

static void newer_schema_is_refused(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    fixture_close(f);
    execute(f, "PRAGMA user_version = 1000000");
    assert_false(store_open(f->directory, &f->store, &error));
    assert_error_says(error, "newer Cumulet");
    assert_error_says(error, f->path);
}

static void failed_migration_leaves_the_file_as_it_was(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    fixture_close(f);
    execute(f, "PRAGMA user_version = 0"); /* its first step will find the tables there */
    assert_false(store_open(f->directory, &f->store, &error));
    assert_error_says(error, migrations[0].name);
    execute(f, "SELECT * FROM instance");
}

static void damaged_file_is_named(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    fixture_close(f);
    char noise[8192];
    memset(noise, 'x', sizeof(noise));
    assert_true(g_file_set_contents(f->path, noise, sizeof(noise), NULL));
    assert_false(store_open(f->directory, &f->store, &error));
    assert_error_says(error, "is damaged");
    assert_error_says(error, f->path);
}

static void damaged_page_dooms_only_who_reads_it(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    commit(txn);
    fixture_close(f);
    g_autofree char *content = NULL;
    gsize size;
    assert_true(g_file_get_contents(f->path, &content, &size, NULL));
    memset(content + 4096, 'x', 4096); /* setting is the first table that the schema makes */
    assert_true(g_file_set_contents(f->path, content, (gssize)size, NULL));
    fixture_reopen(f);

    txn = begin_read(f->store);
    Setting *setting = NULL;
    assert_false(setting_get(txn, f->arena, "a", &setting, &error));
    assert_error_says(error, "is damaged");
    txn_rollback(txn);
    txn = begin(f->store);
    put_instance(txn, make_instance("i-1"));
    commit(txn);
}

/* Runs in a child as nobody, whom permissions bind. */
static int open_as_nobody(const Fixture *f, const char *expected)
{
    pid_t child = fork();
    if (child == 0) {
        Store *store;
        g_autoptr(GError) error = NULL;
        if (getuid() == 0 && setuid(65534) != 0)
            _exit(2);
        if (store_open(f->directory, &store, &error))
            _exit(3);
        _exit(strstr(error->message, expected) && strstr(error->message, f->path) ? 0 : 4);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void unwritable_file_is_named(void **state)
{
    Fixture *f = *state;
    fixture_close(f);
    assert_int_equal(g_chmod(f->directory, 0755), 0);
    assert_int_equal(g_chmod(f->path, 0444), 0);
    assert_int_equal(open_as_nobody(f, "belong to the user"), 0);
}

static void unwritable_directory_is_named(void **state)
{
    Fixture *f = *state;
    fixture_close(f);
    assert_int_equal(g_chmod(f->path, 0666), 0);
    assert_int_equal(g_chmod(f->directory, 0555), 0);
    assert_int_equal(open_as_nobody(f, "belong to the user"), 0);
}

static void directory_is_made(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = NULL;
    g_autofree char *directory = g_build_filename(f->directory, "a", "b", NULL);
    assert_ok(store_open(directory, &store, &error), error);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(acknowledged_write_survives_reopen),
        TEST(files_are_private),
        TEST(close_leaves_one_file),
        TEST(columns_of_records_are_those_of_tables),
        TEST(every_table_is_a_record),
        TEST(newer_schema_is_refused),
        TEST(failed_migration_leaves_the_file_as_it_was),
        TEST(damaged_file_is_named),
        TEST(damaged_page_dooms_only_who_reads_it),
        TEST(unwritable_file_is_named),
        TEST(unwritable_directory_is_named),
        TEST(directory_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
