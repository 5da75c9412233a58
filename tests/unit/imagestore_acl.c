/* imagestore/acl.h: what is granted is kept, and means what AWS says it does. */
#include "tests/unit/unit.h"
#include "imagestore/acl.h"

#define OWNER "aaaa"
#define OTHER "bbbb"

static int set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static void nothing_kept_is_private(void **state)
{
    Acl *acl = acl_read(*state, NULL, OWNER);
    assert_int_equal(acl_allowed(acl, OWNER, false, false), ACL_FULL_CONTROL);
    assert_int_equal(acl_allowed(acl, OTHER, false, false), 0);
    assert_int_equal(acl_allowed(acl, NULL, true, false), 0);
    assert_false(acl_is_public(acl));
}

static void grants_survive_being_kept(void **state)
{
    Acl acl = {0};
    acl_add(&acl, *state, ACL_FULL_CONTROL, ACL_NO_GROUP, OWNER);
    acl_add(&acl, *state, ACL_READ_ACP, ACL_LOG_DELIVERY, NULL);
    acl_add(&acl, *state, ACL_WRITE, ACL_ALL_USERS, NULL);
    const char *text = acl_write(*state, &acl);
    assert_string_equal(text, "FULL_CONTROL id aaaa\nREAD_ACP group LogDelivery\n"
                              "WRITE group AllUsers");
    assert_string_equal(acl_write(*state, acl_read(*state, text, OTHER)), text);
}

static void empty_list_gives_nothing_even_to_the_owner(void **state)
{
    Acl none = {0};
    const char *text = acl_write(*state, &none);
    assert_string_equal(text, "");
    assert_int_equal(acl_allowed(acl_read(*state, text, OWNER), OWNER, false, false), 0);
}

static void damaged_lines_give_nothing(void **state)
{
    Acl *acl = acl_read(*state, "READ\nREAD id\nRAED id bbbb\nREAD group Nobody\nREAD who bbbb\n\n",
                        OWNER);
    assert_int_equal(acl->grants.n, 0);
}

static void groups_are_who_they_say(void **state)
{
    Acl acl = {0};
    acl_add(&acl, *state, ACL_READ, ACL_ALL_USERS, NULL);
    acl_add(&acl, *state, ACL_WRITE, ACL_AUTHENTICATED_USERS, NULL);
    acl_add(&acl, *state, ACL_WRITE_ACP, ACL_LOG_DELIVERY, NULL);
    acl_add(&acl, *state, ACL_READ_ACP, ACL_NO_GROUP, OTHER);
    assert_int_equal(acl_allowed(&acl, NULL, true, false), ACL_READ);
    assert_int_equal(acl_allowed(&acl, OWNER, false, false), ACL_READ | ACL_WRITE);
    assert_int_equal(acl_allowed(&acl, OTHER, false, false), ACL_READ | ACL_WRITE | ACL_READ_ACP);
}

/* owner's ACL of that name on an object in a bucket of OTHER's; NULL bucket: the bucket's own. */
static const char *canned(Arena *arena, const char *name, const char *bucket_owner)
{
    Acl *acl = acl_canned(arena, name, OWNER, bucket_owner);
    return acl ? acl_write(arena, acl) : "none";
}

static void canned_lists_of_objects(void **state)
{
#define FULL "FULL_CONTROL id aaaa"
    assert_string_equal(canned(*state, "private", OTHER), FULL);
    assert_string_equal(canned(*state, "public-read", OTHER), FULL "\nREAD group AllUsers");
    assert_string_equal(canned(*state, "public-read-write", OTHER),
                        FULL "\nREAD group AllUsers\nWRITE group AllUsers");
    assert_string_equal(canned(*state, "authenticated-read", OTHER),
                        FULL "\nREAD group AuthenticatedUsers");
    assert_string_equal(canned(*state, "aws-exec-read", OTHER), FULL "\nREAD group EC2");
    assert_string_equal(canned(*state, "bucket-owner-read", OTHER), FULL "\nREAD id bbbb");
    assert_string_equal(canned(*state, "bucket-owner-full-control", OTHER),
                        FULL "\nFULL_CONTROL id bbbb");
    assert_string_equal(canned(*state, "bucket-owner-full-control", OWNER), FULL);
    assert_string_equal(canned(*state, "log-delivery-write", OTHER), "none");
    assert_string_equal(canned(*state, "Private", OTHER), "none");
    assert_string_equal(canned(*state, "", OTHER), "none");
}

static void canned_lists_of_buckets(void **state)
{
    assert_string_equal(canned(*state, "log-delivery-write", NULL),
                        FULL "\nWRITE group LogDelivery\nREAD_ACP group LogDelivery");
    assert_string_equal(canned(*state, "bucket-owner-read", NULL), FULL);
    assert_string_equal(canned(*state, "private", NULL), FULL);
}

static void public_is_everybody_and_everybody_with_a_key(void **state)
{
    assert_true(acl_is_public(acl_canned(*state, "public-read", OWNER, NULL)));
    assert_true(acl_is_public(acl_canned(*state, "authenticated-read", OWNER, NULL)));
    assert_false(acl_is_public(acl_canned(*state, "log-delivery-write", OWNER, NULL)));
    assert_false(acl_is_public(acl_canned(*state, "aws-exec-read", OWNER, NULL)));
}

static void names_and_uris_are_read_again(void **state)
{
    AclPermission permission;
    AclGroup group;
    assert_true(acl_permission_parse("READ_ACP", &permission));
    assert_int_equal(permission, ACL_READ_ACP);
    assert_string_equal(acl_permission_name(ACL_FULL_CONTROL), "FULL_CONTROL");
    assert_false(acl_permission_parse("read", &permission));
    for (unsigned i = 0; i < ACL_NO_GROUP; i++) {
        assert_true(acl_group_parse(acl_group_uri((AclGroup)i), &group));
        assert_int_equal(group, i);
    }
    assert_false(acl_group_parse("http://acs.amazonaws.com/groups/global/Nobody", &group));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(nothing_kept_is_private),
        T(grants_survive_being_kept),
        T(empty_list_gives_nothing_even_to_the_owner),
        T(damaged_lines_give_nothing),
        T(groups_are_who_they_say),
        T(canned_lists_of_objects),
        T(canned_lists_of_buckets),
        T(public_is_everybody_and_everybody_with_a_key),
        T(names_and_uris_are_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
