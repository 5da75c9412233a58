/* base/file.h: whole files, durable replacement, trees. Each test has a directory of its own. */
#include "tests/unit/unit.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int enter_scratch(void **state)
{
    *state = scratch_directory();
    return 0;
}

static int leave_scratch(void **state)
{
    g_autofree char *directory = *state;
    return file_remove_tree(directory, NULL) ? 0 : -1;
}

static char *in(void **state, const char *name)
{
    return g_build_filename(*state, name, NULL);
}

static void write_new(const char *path, const char *text)
{
    g_autoptr(GError) error = NULL;
    file_write(path, text, strlen(text), 0600, &error);
    assert_no_error(error);
}

static void written_file_reads_back(void **state)
{
    g_autofree char *path = in(state, "f");
    g_autofree char *text = NULL;
    size_t size = 0;
    assert_true(file_write(path, "a\0b", 3, 0600, NULL));
    assert_true(file_read(path, 100, &text, &size, NULL));
    assert_int_equal(size, 3);
    assert_memory_equal(text, "a\0b", 4);
}

static void write_replaces_and_leaves_no_temporary(void **state)
{
    g_autofree char *path = in(state, "f");
    g_autofree char *text = NULL;
    write_new(path, "old and longer");
    write_new(path, "new");
    assert_true(file_read(path, 100, &text, NULL, NULL));
    assert_string_equal(text, "new");
    g_autoptr(GDir) directory = g_dir_open(*state, 0, NULL);
    assert_string_equal(g_dir_read_name(directory), "f");
    assert_null(g_dir_read_name(directory));
}

static void write_sets_the_mode(void **state)
{
    g_autofree char *path = in(state, "f");
    struct stat status;
    assert_true(file_write(path, "", 0, 0640, NULL));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
}

static void failed_write_leaves_nothing_behind(void **state)
{
    g_autofree char *path = in(state, "directory");
    g_autoptr(GError) error = NULL;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(file_write(path, "x", 1, 0600, &error));
    assert_error_says(error, path);
    g_autoptr(GDir) directory = g_dir_open(*state, 0, NULL);
    assert_string_equal(g_dir_read_name(directory), "directory");
    assert_null(g_dir_read_name(directory));
}

static void write_into_no_directory_fails(void **state)
{
    g_autofree char *path = in(state, "absent/f");
    g_autoptr(GError) error = NULL;
    assert_false(file_write(path, "x", 1, 0600, &error));
    assert_int_equal(error->code, ENOENT);
}

static void read_refuses_one_byte_too_many(void **state)
{
    g_autofree char *path = in(state, "f");
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    write_new(path, "12345");
    assert_false(file_read(path, 4, &text, NULL, &error));
    assert_null(text);
    assert_error_says(error, path);
    assert_true(file_read(path, 5, &text, NULL, NULL));
    assert_string_equal(text, "12345");
}

static void read_of_an_absent_file_names_it(void **state)
{
    g_autofree char *path = in(state, "absent");
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    assert_false(file_read(path, 10, &text, NULL, &error));
    assert_true(error->domain == TROUBLE_DOMAIN);
    assert_error_says(error, path);
}

static void large_file_reads_whole(void **state)
{
    g_autofree char *path = in(state, "f");
    g_autofree char *data = g_strnfill(3000000, 'x');
    g_autofree char *text = NULL;
    size_t size = 0;
    write_new(path, data);
    assert_true(file_read(path, 3000000, &text, &size, NULL));
    assert_int_equal(size, 3000000);
    assert_string_equal(text, data);
}

static void file_without_a_size_reads_whole(void **state)
{
    g_autofree char *text = NULL;
    size_t size = 0;
    assert_true(file_read("/proc/self/maps", 1 << 20, &text, &size, NULL));
    assert_true(size > 256);
}

static void directories_are_made_private_and_twice(void **state)
{
    g_autofree char *path = in(state, "a/b/c");
    struct stat status;
    assert_true(file_make_directory(path, NULL));
    assert_true(file_make_directory(path, NULL));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

static void directory_under_a_file_fails(void **state)
{
    g_autofree char *file = in(state, "f");
    g_autofree char *path = in(state, "f/a");
    g_autoptr(GError) error = NULL;
    write_new(file, "");
    assert_false(file_make_directory(path, &error));
    assert_error_says(error, path);
}

static void tree_is_removed_with_everything_in_it(void **state)
{
    g_autofree char *top = in(state, "a");
    g_autofree char *deep = in(state, "a/b/c");
    assert_true(file_make_directory(deep, NULL));
    for (int i = 0; i < 300; i++) {
        g_autofree char *path = g_strdup_printf("%s/%d", deep, i);
        assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
    }
    assert_true(file_remove_tree(top, NULL));
    assert_int_equal(access(top, F_OK), -1);
}

static void removing_an_absent_tree_succeeds(void **state)
{
    g_autofree char *path = in(state, "absent/too");
    assert_true(file_remove_tree(path, NULL));
}

static void links_are_removed_and_not_followed(void **state)
{
    g_autofree char *kept = in(state, "kept");
    g_autofree char *kept_file = in(state, "kept/f");
    g_autofree char *top = in(state, "a");
    g_autofree char *link = in(state, "a/link");
    assert_true(file_make_directory(kept, NULL) && file_make_directory(top, NULL));
    write_new(kept_file, "x");
    assert_int_equal(symlink(kept, link), 0);
    assert_true(file_remove_tree(top, NULL));
    assert_int_equal(access(kept_file, F_OK), 0);
    assert_int_equal(symlink(kept, top), 0);
    assert_true(file_remove_tree(top, NULL));
    assert_int_equal(access(kept_file, F_OK), 0);
    assert_int_equal(access(top, F_OK), -1);
}

static void writing_to_a_bad_descriptor_fails(void **state)
{
    g_autoptr(GError) error = NULL;
    assert_false(file_write_all(-1, "x", 1, &error));
    assert_int_equal(error->code, EBADF);
    assert_true(file_write_all(-1, "", 0, NULL));
}

static void autofd_closes_what_was_not_stolen(void **state)
{
    int kept, closed;
    {
        autofd a = open("/dev/null", O_RDONLY | O_CLOEXEC);
        autofd b = open("/dev/null", O_RDONLY | O_CLOEXEC);
        kept = fd_steal(&a);
        closed = b;
    }
    assert_int_equal(fcntl(closed, F_GETFD), -1);
    assert_int_equal(close(kept), 0);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(written_file_reads_back),
        IN_SCRATCH(write_replaces_and_leaves_no_temporary),
        IN_SCRATCH(write_sets_the_mode),
        IN_SCRATCH(failed_write_leaves_nothing_behind),
        IN_SCRATCH(write_into_no_directory_fails),
        IN_SCRATCH(read_refuses_one_byte_too_many),
        IN_SCRATCH(read_of_an_absent_file_names_it),
        IN_SCRATCH(large_file_reads_whole),
        cmocka_unit_test(file_without_a_size_reads_whole),
        IN_SCRATCH(directories_are_made_private_and_twice),
        IN_SCRATCH(directory_under_a_file_fails),
        IN_SCRATCH(tree_is_removed_with_everything_in_it),
        IN_SCRATCH(removing_an_absent_tree_succeeds),
        IN_SCRATCH(links_are_removed_and_not_followed),
        cmocka_unit_test(writing_to_a_bad_descriptor_fails),
        cmocka_unit_test(autofd_closes_what_was_not_stolen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
