/* cloud/images.h: which images a caller sees, and may launch. */
#include "tests/unit/cloud_fixture.h"
#include "cloud/images.h"

#define PUBLIC "ami-00000001"
#define MINE "ami-00000002"
#define THEIRS "ami-00000003"
#define PENDING "ami-00000004"
#define GONE "ami-00000005"
#define KERNEL "aki-00000006"

static void put(Txn *txn, Image image)
{
    image.name = image.id;
    assert_works(image_put(txn, &image, error));
}

static int set_up(void **state)
{
    cloud_set_up(state);
    CloudFixture *fixture = *state;
    g_autoptr(Txn) txn = NULL;
    assert_works(txn_begin(cloud_store(fixture->context.cloud), &txn, error));
    put(txn, (Image){.id = PUBLIC,
                     .account_id = IMAGES_AMAZON_ACCOUNT,
                     .owner_alias = IMAGES_AMAZON_ALIAS,
                     .kind = "machine",
                     .is_public = true,
                     .state = IMAGE_AVAILABLE});
    put(txn, (Image){.id = KERNEL,
                     .account_id = IMAGES_AMAZON_ACCOUNT,
                     .owner_alias = IMAGES_AMAZON_ALIAS,
                     .kind = "kernel",
                     .is_public = true,
                     .state = IMAGE_AVAILABLE});
    put(txn,
        (Image){.id = MINE, .account_id = ACCOUNT, .kind = "machine", .state = IMAGE_AVAILABLE});
    put(txn, (Image){.id = THEIRS,
                     .account_id = OTHER_ACCOUNT,
                     .kind = "machine",
                     .state = IMAGE_AVAILABLE});
    put(txn,
        (Image){.id = PENDING, .account_id = ACCOUNT, .kind = "machine", .state = IMAGE_PENDING});
    put(txn,
        (Image){.id = GONE, .account_id = ACCOUNT, .kind = "machine", .state = IMAGE_DEREGISTERED});
    assert_works(txn_commit(&txn, error));
    return 0;
}

/* "1 2 6" for the images found, by the last digit of their ids. */
static const char *found(Context *context, const ImageQuery *query)
{
    List views = {0};
    const char *token;
    g_autoptr(GString) digits = g_string_new(NULL);
    assert_works(images_find(context, query, &views, &token, error));
    LIST_EACH (const ImageView *, view, &views) {
        const char *id = view->image->id;
        g_string_append_printf(digits, "%s%c", digits->len ? " " : "", id[strlen(id) - 1]);
    }
    return arena_strdup(context->arena, digits->str);
}

static const char *found_of_owners(Context *context, const char *one, const char *two)
{
    List owners = texts(context, one, two, NULL);
    return found(context, &(ImageQuery){.owners = &owners});
}

static void all_that_one_may_launch_or_owns_is_seen(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    assert_string_equal(found(context, &(ImageQuery){0}), "6 1 2 4");
}

static void owners_choose(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    assert_string_equal(found_of_owners(context, "self", NULL), "2 4");
    assert_string_equal(found_of_owners(context, "amazon", NULL), "6 1");
    assert_string_equal(found_of_owners(context, "amazon", "self"), "6 1 2 4");
    assert_string_equal(found_of_owners(context, OTHER_ACCOUNT, NULL), "");
    assert_string_equal(found_of_owners(context, "aws-marketplace", NULL), "");
}

static void public_ones_are_executable_by_all(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List all = texts(context, "all", NULL), self = texts(context, "self", NULL);
    assert_string_equal(found(context, &(ImageQuery){.executable_by = &all}), "6 1");
    assert_string_equal(found(context, &(ImageQuery){.executable_by = &self}), "");
}

static void filters_narrow(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List machines = filter(context, "image-type", "machine");
    List pending = filter(context, "state", "pending");
    assert_string_equal(found(context, &(ImageQuery){.page.filters = &machines}), "1 2 4");
    assert_string_equal(found(context, &(ImageQuery){.page.filters = &pending}), "4");
}

static void missing_images_are_named_in_brackets(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List views = {0}, ids = texts(context, PUBLIC, THEIRS, NULL), odd = texts(context, "x", NULL);
    const char *token;
    ImageQuery query = {.page.ids = &ids};
    assert_fault(images_find(context, &query, &views, &token, error),
                 FAULT_INVALID_AMI_ID_NOT_FOUND, "The image id '[" THEIRS "]' does not exist");
    query.page.ids = &odd;
    assert_fault(images_find(context, &query, &views, &token, error),
                 FAULT_INVALID_AMI_ID_MALFORMED, "Invalid id: \"x\" (expecting \"ami-...\")");
}

static void only_an_available_image_of_its_kind_can_be_launched(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const struct {
        const char *id, *kind;
        Fault fault;
    } rows[] = {
        {"banana", "machine", FAULT_INVALID_AMI_ID_MALFORMED},
        {"ami-0000000f", "machine", FAULT_INVALID_AMI_ID_NOT_FOUND},
        {THEIRS, "machine", FAULT_INVALID_AMI_ID_NOT_FOUND},
        {PENDING, "machine", FAULT_INVALID_AMI_ID_UNAVAILABLE},
        {GONE, "machine", FAULT_INVALID_AMI_ID_UNAVAILABLE},
        {PUBLIC, "kernel", FAULT_INVALID_AMI_ID_MALFORMED},
        {"aki-0000000f", "kernel", FAULT_INVALID_AMI_ID_NOT_FOUND},
    };
    g_autoptr(Txn) txn = NULL;
    Image *image = NULL;
    assert_works(txn_begin_read(cloud_store(context->cloud), &txn, error));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_fault(image_resolve(context, txn, rows[i].id, rows[i].kind, &image, error),
                     rows[i].fault, rows[i].id);
    assert_works(image_resolve(context, txn, KERNEL, "kernel", &image, error) &&
                 image_resolve(context, txn, MINE, "machine", &image, error));
    assert_string_equal(image->id, MINE);
}

int main(void)
{
#define IMAGE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, cloud_tear_down)
    const struct CMUnitTest tests[] = {
        IMAGE_TEST(all_that_one_may_launch_or_owns_is_seen),
        IMAGE_TEST(owners_choose),
        IMAGE_TEST(public_ones_are_executable_by_all),
        IMAGE_TEST(filters_narrow),
        IMAGE_TEST(missing_images_are_named_in_brackets),
        IMAGE_TEST(only_an_available_image_of_its_kind_can_be_launched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
