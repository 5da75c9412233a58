/* The metadata service: its tree, its tokens, its documents. */
#include "api/imds/imds.h"
#include "api/imds/tree.h"
#include "tests/unit/unit.h"
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

typedef struct Fixture {
    Arena *arena;
    Instance instance;
    Eni eni;
    SecurityGroup group;
    KeyPair key;
    Tag tag;
    List tags;
    Zone zone;
    InstanceView view;
    Metadata metadata;
} Fixture;

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->arena = arena_new();
    fixture->instance = (Instance){
        .id = "i-0123456789abcdef0",
        .account_id = "123456789012",
        .type = "m1.small",
        .architecture = "x86_64",
        .image_id = "ami-1",
        .private_ip = "172.31.0.10",
        .public_ip = "127.77.0.5",
        .root_device_name = "/dev/xvda",
        .http_tags = "enabled",
        .zone = "us-east-1a",
    };
    fixture->eni = (Eni){.id = "eni-1",
                         .mac = "0a:00:00:00:00:01",
                         .private_ip = "172.31.0.10",
                         .public_ip = "127.77.0.5"};
    fixture->group = (SecurityGroup){.id = "sg-1", .name = "default"};
    fixture->key = (KeyPair){.name = "k", .public_key = "ssh-ed25519 AAAA"};
    fixture->tag = (Tag){.key = "Name", .value = "web"};
    fixture->zone = (Zone){.name = "us-east-1a", .id = "use1-az1", .region = "us-east-1"};
    list_add(&fixture->tags, fixture->arena, &fixture->tag);
    fixture->view.instance = &fixture->instance;
    fixture->view.tags = &fixture->tags;
    list_add(&fixture->view.enis, fixture->arena, &fixture->eni);
    list_add(&fixture->view.groups, fixture->arena, &fixture->group);
    fixture->metadata = (Metadata){
        .view = &fixture->view, .eni = &fixture->eni, .key = &fixture->key, .zone = &fixture->zone};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    arena_free(fixture->arena);
    g_free(fixture);
    return 0;
}

static const char *show(Fixture *fixture, const char *path)
{
    List leaves = imds_leaves(fixture->arena, &fixture->metadata, "test");
    return imds_show(fixture->arena, &leaves, path);
}

static void leaf_shows_its_value(void **state)
{
    assert_string_equal(show(*state, "meta-data/instance-id"), "i-0123456789abcdef0");
    assert_string_equal(show(*state, "meta-data/public-hostname"), "ec2-127-77-0-5.compute-1.test");
    assert_string_equal(show(*state, "meta-data/placement/region"), "us-east-1");
}

static void directory_lists_entries_once_with_slashes(void **state)
{
    const char *listing = show(*state, "meta-data/");
    assert_non_null(strstr(listing, "ami-id\n"));
    assert_non_null(strstr(listing, "network/\n"));
    assert_null(strstr(strstr(listing, "placement/") + 1, "placement/"));
    assert_string_equal(show(*state, "meta-data/network/interfaces/macs"), "0a:00:00:00:00:01/");
}

static void keys_are_listed_by_number_and_name(void **state)
{
    assert_string_equal(show(*state, "meta-data/public-keys/"), "0=k");
    assert_string_equal(show(*state, "meta-data/public-keys/0/"), "openssh-key");
    assert_string_equal(show(*state, "meta-data/public-keys/0/openssh-key"),
                        "ssh-ed25519 AAAA k\n");
}

static void what_is_not_there_is_not_shown(void **state)
{
    Fixture *fixture = *state;
    assert_null(show(fixture, "meta-data/nothing"));
    assert_null(show(fixture, "meta-data/instance"));
    assert_null(show(fixture, "user-data"));
    fixture->metadata.key = NULL;
    assert_null(show(fixture, "meta-data/public-keys/"));
}

static void tags_show_only_when_enabled(void **state)
{
    Fixture *fixture = *state;
    assert_string_equal(show(fixture, "meta-data/tags/instance/Name"), "web");
    fixture->instance.http_tags = "disabled";
    assert_null(show(fixture, "meta-data/tags/instance/Name"));
}

static void token_is_valid_for_its_instance_until_expiry(void **state)
{
    Fixture *fixture = *state;
    uint8_t secret[32] = {1}, other[32] = {2};
    char *token = imds_token_make(fixture->arena, secret, "i-1", 1000);
    assert_true(imds_token_check(fixture->arena, secret, "i-1", token, 999));
    assert_false(imds_token_check(fixture->arena, secret, "i-1", token, 1000));
    assert_false(imds_token_check(fixture->arena, secret, "i-2", token, 999));
    assert_false(imds_token_check(fixture->arena, other, "i-1", token, 999));
    assert_false(imds_token_check(fixture->arena, secret, "i-1", "", 0));
    assert_false(imds_token_check(fixture->arena, secret, "i-1", "!!!!", 0));
}

static void identity_signature_verifies_with_the_certificate(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *directory = scratch_directory();
    g_autoptr(GError) error = NULL;
    Identity *identity;
    const char *text;
    assert_true(identity_open(directory, &identity, &error));
    const char *document = identity_document(fixture->arena, &fixture->metadata);
    assert_non_null(strstr(document, "\"instanceId\" : \"i-0123456789abcdef0\""));
    assert_true(identity_pkcs7(identity, fixture->arena, document, &text, &error));

    g_autofree char *pem =
        g_strdup_printf("-----BEGIN PKCS7-----\n%s\n-----END PKCS7-----\n", text);
    BIO *in = BIO_new_mem_buf(pem, -1), *out = BIO_new(BIO_s_mem());
    BIO *certificate_in = BIO_new_mem_buf(identity_certificate(identity), -1);
    PKCS7 *signature = PEM_read_bio_PKCS7(in, NULL, NULL, NULL);
    X509 *certificate = PEM_read_bio_X509(certificate_in, NULL, NULL, NULL);
    STACK_OF(X509) *certificates = sk_X509_new_null();
    sk_X509_push(certificates, certificate);
    assert_int_equal(PKCS7_verify(signature, certificates, NULL, NULL, out, PKCS7_NOVERIFY), 1);
    sk_X509_free(certificates);
    X509_free(certificate);
    PKCS7_free(signature);
    BIO_free(in);
    BIO_free(out);
    BIO_free(certificate_in);
    identity_close(identity);
}

static void identity_survives_a_restart(void **state)
{
    (void)state;
    g_autofree char *directory = scratch_directory();
    Identity *first, *second;
    assert_true(identity_open(directory, &first, NULL));
    assert_true(identity_open(directory, &second, NULL));
    assert_memory_equal(identity_secret(first), identity_secret(second), 32);
    identity_close(first);
    identity_close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(leaf_shows_its_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(directory_lists_entries_once_with_slashes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keys_are_listed_by_number_and_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_not_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tags_show_only_when_enabled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(token_is_valid_for_its_instance_until_expiry, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(identity_signature_verifies_with_the_certificate, set_up,
                                        tear_down),
        cmocka_unit_test(identity_survives_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
