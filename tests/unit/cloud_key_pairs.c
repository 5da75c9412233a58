/* cloud/key_pairs.h: names, what is told and what is kept. The key files themselves are in
 * cloud_key_files.c. */
#include "tests/unit/cloud_fixture.h"
#include "cloud/key_pairs.h"

#define LINE "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKS21TCYsMB+WvyQQwuUP+kIsQ5G08DLLcju79BpGnk5"

static bool import(Context *context, const char *name, const char *text, KeyPair **ret_key,
                   GError **error)
{
    List none = {0};
    g_autofree char *material = g_base64_encode((const uint8_t *)text, strlen(text));
    return key_pair_import(context, name, material, &none, ret_key, error);
}

static List find_named(Context *context, const char *name)
{
    List views = {0}, names = texts(context, name, NULL);
    Page page = {0};
    assert_works(key_pairs_find(context, &page, &names, &views, error));
    return views;
}

static void created_key_is_told_once_and_kept_without_its_private_half(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List tags = pairs(context, "Name", "mine", NULL);
    KeyPair *key = NULL;
    const char *material = NULL;
    assert_works(key_pair_create(context, "k", "ed25519", NULL, &tags, &key, &material, error));
    assert_true(g_str_has_prefix(material, "-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    const KeyPairView *view = find_named(context, "k").items[0];
    assert_string_equal(view->key->id, key->id);
    assert_true(g_str_has_prefix(view->key->id, "key-"));
    assert_string_equal(view->key->type, "ed25519");
    assert_true(g_str_has_prefix(view->key->public_key, "ssh-ed25519 AAAA"));
    assert_null(strchr(view->key->public_key + strlen("ssh-ed25519 "), ' '));
    assert_int_equal(view->tags->n, 1);
}

static void imported_key_loses_its_comment(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    KeyPair *key = NULL;
    assert_works(import(context, "k", LINE " me@home\n", &key, error));
    assert_string_equal(key->public_key, LINE);
}

static void name_is_taken_once_an_account(void **state)
{
    CloudFixture *fixture = *state;
    List none = {0};
    KeyPair *key = NULL;
    const char *material = NULL;
    assert_works(import(&fixture->context, "k", LINE, &key, error) &&
                 import(&fixture->other, "k", LINE, &key, error));
    assert_fault(import(&fixture->context, "k", LINE, &key, error),
                 FAULT_INVALID_KEY_PAIR_DUPLICATE, "The keypair already exists");
    assert_fault(key_pair_create(&fixture->context, "k", NULL, NULL, &none, &key, &material, error),
                 FAULT_INVALID_KEY_PAIR_DUPLICATE, "The keypair already exists");
}

static void bad_names_types_and_formats_are_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    g_autofree char *long_name = g_strnfill(256, 'k');
    const char *const names[] = {"", " k", "k ", "a\nb", "ü", long_name};
    List none = {0};
    KeyPair *key = NULL;
    const char *material = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        assert_fault(import(context, names[i], LINE, &key, error), FAULT_INVALID_PARAMETER_VALUE,
                     "KeyName");
    assert_fault(key_pair_create(context, "k", "dsa", NULL, &none, &key, &material, error),
                 FAULT_INVALID_PARAMETER_VALUE, "KeyType");
    assert_fault(key_pair_create(context, "k", NULL, "jks", &none, &key, &material, error),
                 FAULT_INVALID_PARAMETER_VALUE, "KeyFormat");
}

static void what_is_no_base64_is_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List none = {0};
    KeyPair *key = NULL;
    assert_fault(key_pair_import(context, "k", "!!!", &none, &key, error), FAULT_INVALID_KEY_FORMAT,
                 "Key is not in valid OpenSSH public key format");
}

static void base64_may_have_line_breaks(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    g_autofree char *plain = g_base64_encode((const uint8_t *)LINE, strlen(LINE));
    g_autofree char *broken = g_strdup_printf("%.60s\n%s\n", plain, plain + 60);
    List none = {0};
    KeyPair *key = NULL;
    assert_works(key_pair_import(context, "k", broken, &none, &key, error));
}

static void key_is_deleted_by_name_or_id_and_again(void **state)
{
    CloudFixture *fixture = *state;
    Context *context = &fixture->context;
    KeyPair *one = NULL, *two = NULL;
    const char *id = NULL;
    assert_works(import(context, "one", LINE, &one, error) &&
                 import(context, "two", LINE, &two, error) &&
                 key_pair_remove(&fixture->other, NULL, one->id, &id, error));
    assert_null(id);
    assert_works(key_pair_remove(context, "one", NULL, &id, error));
    assert_string_equal(id, one->id);
    assert_works(key_pair_remove(context, NULL, two->id, &id, error));
    assert_string_equal(id, two->id);
    assert_works(key_pair_remove(context, "one", NULL, &id, error));
    assert_null(id);
    assert_fault(key_pair_remove(context, NULL, "", &id, error), FAULT_MISSING_PARAMETER,
                 "KeyName");
}

static void missing_keys_are_named(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List views = {0}, names = texts(context, "nokey", NULL);
    List ids = texts(context, "key-0123456789abcdef0", NULL);
    Page page = {0}, by_id = {.ids = &ids};
    assert_fault(key_pairs_find(context, &page, &names, &views, error),
                 FAULT_INVALID_KEY_PAIR_NOT_FOUND, "The key pair 'nokey' does not exist");
    assert_fault(key_pairs_find(context, &by_id, NULL, &views, error),
                 FAULT_INVALID_KEY_PAIR_NOT_FOUND, "key-0123456789abcdef0");
}

static void refused_tags_leave_no_key(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List bad = pairs(context, "aws:x", "x", NULL), views = {0};
    g_autofree char *material = g_base64_encode((const uint8_t *)LINE, strlen(LINE));
    KeyPair *key = NULL;
    Page page = {0};
    assert_fault(key_pair_import(context, "k", material, &bad, &key, error), FAULT_RESERVED_TAG,
                 "reserved");
    assert_works(key_pairs_find(context, &page, NULL, &views, error));
    assert_int_equal(views.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cloud_test(created_key_is_told_once_and_kept_without_its_private_half),
        cloud_test(imported_key_loses_its_comment),
        cloud_test(name_is_taken_once_an_account),
        cloud_test(bad_names_types_and_formats_are_refused),
        cloud_test(what_is_no_base64_is_refused),
        cloud_test(base64_may_have_line_breaks),
        cloud_test(key_is_deleted_by_name_or_id_and_again),
        cloud_test(missing_keys_are_named),
        cloud_test(refused_tags_leave_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
