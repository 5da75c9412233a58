/* cloud/images.h, images_refresh: what recipes built becomes an image, and what is gone does not
 * stay one. */
#include "tests/unit/store_fixture.h"
#include "cloud/images.h"

#include <string.h>

static HypervisorOps hypervisor; /* the fake one, but its machines need images */

static Cloud *open_cloud_with(Fixture *fixture, Clock *clock, bool pretends)
{
    g_autoptr(GError) error = NULL;
    Cloud *cloud = NULL;
    hypervisor = hypervisor_fake;
    hypervisor.pretends = pretends;
    CloudConfig config = {
        .store = fixture->store,
        .clock = clock,
        .state_dir = fixture->directory,
        .hypervisor = &hypervisor,
        .network = &network_fake,
        .addresses = "127.77.0.0/16",
        .endpoint_port = 4566,
        .dns_suffix = "test",
    };
    assert_ok(cloud_open(&config, &cloud, &error), error);
    return cloud;
}

static Cloud *open_cloud(Fixture *fixture, Clock *clock)
{
    return open_cloud_with(fixture, clock, false);
}

static void build(Fixture *fixture, const char *name, const char *manifest)
{
    g_autoptr(GError) error = NULL;
    const char *directory = arena_printf(fixture->arena, "%s/images/%s", fixture->directory, name);
    const char *path = arena_printf(fixture->arena, "%s/image.json", directory);
    assert_ok(
        file_make_directory(arena_printf(fixture->arena, "%s/images", fixture->directory), &error),
        error);
    assert_ok(file_make_directory(directory, &error), error);
    assert_ok(file_write(path, manifest, strlen(manifest), 0600, &error), error);
}

static void build_disk(Fixture *fixture, const char *name, const char *recipe)
{
    build(fixture, name,
          arena_printf(fixture->arena,
                       "{\"name\": \"%s-1\", \"recipe\": \"%s\", \"root\": \"root-x.qcow2\","
                       " \"root_format\": \"qcow2\", \"root_size\": 4096}",
                       name, recipe));
}

/* The images that are there, by name. */
static GHashTable *refresh(Fixture *fixture, Cloud *cloud)
{
    g_autoptr(GError) error = NULL;
    List images = {0};
    assert_ok(images_refresh(cloud, fixture->arena, &images, &error), error);
    GHashTable *found = g_hash_table_new(g_str_hash, g_str_equal);
    LIST_EACH (Image *, image, &images)
        g_hash_table_insert(found, (void *)image->name, image);
    return found;
}

static int state_of(Fixture *fixture, const char *id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = NULL;
    Image *image = NULL;
    assert_ok(txn_begin_read(fixture->store, &txn, &error), error);
    assert_ok(image_get(txn, fixture->arena, id, &image, &error), error);
    return image->state;
}

static void what_is_built_while_the_cloud_runs_is_registered_once(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(Clock) clock = clock_new_manual(1900000000 * CLOCK_SECOND);
    Cloud *cloud = open_cloud(fixture, clock);
    g_autoptr(GHashTable) none = refresh(fixture, cloud);
    assert_int_equal(g_hash_table_size(none), 0);

    build_disk(fixture, "disk", "one");
    build(fixture, "micro",
          "{\"name\": \"micro-1\", \"recipe\": \"two\", \"root\": \"r\", \"kernel\": \"k\","
          " \"kernel_name\": \"k\", \"ramdisk\": \"i\", \"kernel_arguments\": \"quiet\"}");
    g_autoptr(GHashTable) first = refresh(fixture, cloud), second = refresh(fixture, cloud);
    cloud_close(cloud, true);
    assert_int_equal(g_hash_table_size(first), 2);
    const Image *disk = g_hash_table_lookup(first, "disk-1");
    const Image *micro = g_hash_table_lookup(first, "micro-1");
    const Image *again = g_hash_table_lookup(second, "disk-1");
    assert_string_equal(disk->path, "images/disk/root-x.qcow2");
    assert_true(disk->is_public);
    assert_null(disk->kernel_id);
    assert_null(disk->kernel_arguments);
    assert_non_null(micro->kernel_id);
    assert_non_null(micro->ramdisk_id);
    assert_string_equal(micro->kernel_arguments, "quiet");
    assert_string_equal(again->id, disk->id);
}

static void another_build_takes_the_place_of_the_first(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(Clock) clock = clock_new_manual(1900000000 * CLOCK_SECOND);
    build_disk(fixture, "disk", "one");
    build_disk(fixture, "other", "other");
    Cloud *cloud = open_cloud(fixture, clock);
    g_autoptr(GHashTable) before = refresh(fixture, cloud);
    build_disk(fixture, "disk", "two");
    g_autoptr(GHashTable) after = refresh(fixture, cloud);
    build_disk(fixture, "disk", "one");
    g_autoptr(GHashTable) back = refresh(fixture, cloud);
    cloud_close(cloud, true);
    const Image *old = g_hash_table_lookup(before, "disk-1");
    const Image *new = g_hash_table_lookup(after, "disk-1");
    const Image *third = g_hash_table_lookup(back, "disk-1");
    const Image *other = g_hash_table_lookup(before, "other-1");
    assert_int_equal(state_of(fixture, old->id), IMAGE_DEREGISTERED);
    assert_int_equal(state_of(fixture, new->id), IMAGE_DEREGISTERED);
    assert_int_equal(state_of(fixture, third->id), IMAGE_AVAILABLE);
    assert_int_equal(state_of(fixture, other->id), IMAGE_AVAILABLE);
}

static void what_is_gone_is_no_longer_offered(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(Clock) clock = clock_new_manual(1900000000 * CLOCK_SECOND);
    build_disk(fixture, "disk", "one");
    Cloud *cloud = open_cloud(fixture, clock);
    g_autoptr(GHashTable) before = refresh(fixture, cloud);
    file_remove_tree(arena_printf(fixture->arena, "%s/images/disk", fixture->directory), NULL);
    g_autoptr(GHashTable) after = refresh(fixture, cloud);
    cloud_close(cloud, true);
    const Image *old = g_hash_table_lookup(before, "disk-1");
    assert_int_equal(g_hash_table_size(after), 0);
    assert_int_equal(state_of(fixture, old->id), IMAGE_DEREGISTERED);
}

static void fake_machines_have_a_starter_image_of_their_own(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(Clock) clock = clock_new_manual(1900000000 * CLOCK_SECOND);
    build_disk(fixture, "micro", "one");
    build_disk(fixture, "disk", "two");
    Cloud *cloud = open_cloud_with(fixture, clock, true);
    g_autoptr(GHashTable) found = refresh(fixture, cloud);
    cloud_close(cloud, true);
    assert_int_equal(g_hash_table_size(found), 2);
    assert_non_null(g_hash_table_lookup(found, "cumulet-micro"));
    assert_non_null(g_hash_table_lookup(found, "disk-1"));
}

static void damaged_description_is_told_by_its_path(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(Clock) clock = clock_new_manual(1900000000 * CLOCK_SECOND);
    g_autoptr(GError) error = NULL;
    Cloud *cloud = open_cloud(fixture, clock);
    List images = {0};
    static const char *const damaged[] = {"", "{", "[]", "{\"recipe\": \"x\"}",
                                          "{\"recipe\": 1, \"root\": \"x\"}"};
    for (size_t i = 0; i < G_N_ELEMENTS(damaged); i++) {
        build(fixture, "disk", damaged[i]);
        assert_false(images_refresh(cloud, fixture->arena, &images, &error));
        assert_non_null(strstr(error->message, "images/disk/image.json is damaged"));
        g_clear_error(&error);
    }
    cloud_close(cloud, true);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_is_built_while_the_cloud_runs_is_registered_once),
        CASE(another_build_takes_the_place_of_the_first),
        CASE(what_is_gone_is_no_longer_offered),
        CASE(fake_machines_have_a_starter_image_of_their_own),
        CASE(damaged_description_is_told_by_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
