/* cli/follow.h: a growing file, also when it is cut or replaced. */
#include "tests/unit/unit.h"
#include "base/file.h"
#include "cli/follow.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#define WAIT_MS 10000

typedef struct Scene {
    char *directory;
    char *path; /* directory/sub/log */
    Follow *follow;
    int out;
} Scene;

static int set_up(void **state)
{
    Scene *scene = g_new0(Scene, 1);
    scene->directory = scratch_directory();
    scene->path = g_build_filename(scene->directory, "sub", "log", NULL);
    scene->out = memfd_create("out", MFD_CLOEXEC);
    *state = scene;
    return follow_new(scene->path, &scene->follow, NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
    Scene *scene = *state;
    follow_free(scene->follow);
    close(scene->out);
    file_remove_tree(scene->directory, NULL);
    g_free(scene->directory);
    g_free(scene->path);
    g_free(scene);
    return 0;
}

static void put(const Scene *scene, const char *text, int flags)
{
    g_autofree char *directory = g_path_get_dirname(scene->path);
    assert_true(file_make_directory(directory, NULL));
    autofd fd = open(scene->path, O_WRONLY | O_CREAT | flags, 0600);
    assert_true(fd >= 0 && file_write_all(fd, text, strlen(text), NULL));
}

/* Copies, and compares all that was copied since the last call. */
static void expect(const Scene *scene, const char *text)
{
    g_autoptr(GError) error = NULL;
    follow_copy(scene->follow, scene->out, &error);
    assert_no_error(error);
    size_t size = (size_t)lseek(scene->out, 0, SEEK_CUR);
    g_autofree char *copied = g_malloc0(size + 1);
    assert_int_equal(pread(scene->out, copied, size, 0), size);
    assert_string_equal(copied, text);
    assert_int_equal(ftruncate(scene->out, 0), 0);
    lseek(scene->out, 0, SEEK_SET);
}

static char *numbered_lines(int first, int last)
{
    GString *lines = g_string_new(NULL);
    for (int i = first; i <= last; i++)
        g_string_append_printf(lines, "[%8d.000000] this is line %d\n", i, i);
    return g_string_free(lines, FALSE);
}

static void a_file_may_come_later(void **state)
{
    const Scene *scene = *state;
    expect(scene, "");
    put(scene, "one\n", 0);
    expect(scene, "one\n");
}

static void what_is_appended_is_copied_once(void **state)
{
    const Scene *scene = *state;
    put(scene, "one\n", 0);
    expect(scene, "one\n");
    expect(scene, "");
    put(scene, "two\n", O_APPEND);
    expect(scene, "two\n");
}

static void a_file_larger_than_a_chunk_is_copied_whole(void **state)
{
    const Scene *scene = *state;
    g_autofree char *lines = numbered_lines(1, 20000);
    put(scene, lines, 0);
    expect(scene, lines);
}

static void a_file_cut_at_its_begin_goes_on(void **state)
{
    const Scene *scene = *state;
    g_autofree char *before = numbered_lines(1, 1000);
    g_autofree char *after = numbered_lines(900, 1003);
    g_autofree char *news = numbered_lines(1001, 1003);
    put(scene, before, 0);
    expect(scene, before);
    put(scene, after, O_TRUNC);
    expect(scene, news);
}

static void a_file_cut_and_grown_beyond_goes_on(void **state)
{
    const Scene *scene = *state;
    g_autofree char *before = numbered_lines(1, 100);
    g_autofree char *after = numbered_lines(50, 300);
    g_autofree char *news = numbered_lines(101, 300);
    put(scene, before, 0);
    expect(scene, before);
    put(scene, after, O_TRUNC);
    expect(scene, news);
}

static void a_file_begun_anew_is_copied_from_its_begin(void **state)
{
    const Scene *scene = *state;
    g_autofree char *before = numbered_lines(1, 100);
    put(scene, before, 0);
    expect(scene, before);
    put(scene, "a new boot\n", O_TRUNC);
    expect(scene, "a new boot\n");
}

static void a_replaced_file_is_read_to_its_end_first(void **state)
{
    const Scene *scene = *state;
    g_autofree char *old = g_strconcat(scene->path, ".1", NULL);
    put(scene, "one\n", 0);
    expect(scene, "one\n");
    put(scene, "two\n", O_APPEND);
    assert_int_equal(rename(scene->path, old), 0);
    put(scene, "three\n", 0);
    expect(scene, "two\nthree\n");
    put(scene, "four\n", O_APPEND);
    expect(scene, "four\n");
}

static void writing_wakes(void **state)
{
    const Scene *scene = *state;
    bool closed = false;
    put(scene, "one\n", 0);
    expect(scene, "one\n");
    put(scene, "two\n", O_APPEND);
    assert_true(follow_wait(scene->follow, WAIT_MS, &closed, NULL));
    assert_true(closed);
    expect(scene, "two\n");
    assert_true(follow_wait(scene->follow, 0, &closed, NULL));
    assert_false(closed);
}

static void appearing_wakes(void **state)
{
    const Scene *scene = *state;
    bool closed;
    int64_t start = g_get_monotonic_time();
    put(scene, "one\n", 0);
    assert_true(follow_wait(scene->follow, WAIT_MS, &closed, NULL));
    assert_true(g_get_monotonic_time() - start < WAIT_MS * 1000);
    expect(scene, "one\n");
}

#define SCENE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_file_may_come_later),
        SCENE_TEST(what_is_appended_is_copied_once),
        SCENE_TEST(a_file_larger_than_a_chunk_is_copied_whole),
        SCENE_TEST(a_file_cut_at_its_begin_goes_on),
        SCENE_TEST(a_file_cut_and_grown_beyond_goes_on),
        SCENE_TEST(a_file_begun_anew_is_copied_from_its_begin),
        SCENE_TEST(a_replaced_file_is_read_to_its_end_first),
        SCENE_TEST(writing_wakes),
        SCENE_TEST(appearing_wakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
