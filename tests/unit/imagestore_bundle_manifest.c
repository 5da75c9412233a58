/* Manifests as the format has them are read, signed and verified; others are refused with the
 * reason; keys are taken in and out as openssl does it. */
#include "tests/unit/bundle_fixture.h"

#include "base/fault.h"

#define DIGEST "<digest algorithm='SHA1'>da39a3ee5e6b4b0d3255bfef95601890afd80709</digest>"
#define MACHINE                                                                                    \
    "<machine_configuration><architecture>x86_64</architecture><block_device_mapping>"             \
    "<mapping><virtual>ami</virtual><device>sda1</device></mapping>"                               \
    "<mapping><virtual>root</virtual><device>/dev/sda1</device></mapping>"                         \
    "</block_device_mapping><kernel_id>aki-1</kernel_id><ramdisk_id>ari-2</ramdisk_id>"            \
    "<product_codes><product_code>A&amp;B</product_code><product_code>C</product_code>"            \
    "</product_codes></machine_configuration>"
#define PARTS                                                                                      \
    "<parts count='2'><part index='0'><filename>img.part.0</filename>" DIGEST                      \
    "</part><part index='1'><filename>img.part.1</filename>" DIGEST "</part></parts>"
#define IMAGE                                                                                      \
    "<image><name>img</name><user>111122223333</user><type>machine</type>"                         \
    "<kernel_name>vmlinuz</kernel_name><ancestry><ancestor_ami_id>ami-1</ancestor_ami_id>"         \
    "</ancestry>" DIGEST "<size>1048576</size><bundled_size>20480</bundled_size>"                  \
    "<ec2_encrypted_key algorithm='AES-128-CBC'>01aB</ec2_encrypted_key>"                          \
    "<user_encrypted_key algorithm='AES-128-CBC'>02</user_encrypted_key>"                          \
    "<ec2_encrypted_iv>03</ec2_encrypted_iv><user_encrypted_iv>04</user_encrypted_iv>" PARTS       \
    "</image>"
#define HEAD                                                                                       \
    "<?xml version='1.0'?><manifest><version>2007-10-10</version><bundler><name>tools</name>"      \
    "<version>1.5</version><release>7</release></bundler>"
#define TAIL "<signature>%s</signature></manifest>"
#define WHOLE HEAD MACHINE IMAGE "<signature>abcd</signature></manifest>"

/* Keys take time to make: they are shared. */
static BundleFixture *keys;

static int set_up_keys(void **state)
{
    bundle_set_up(state);
    keys = *state;
    bundle_make_keys(keys, "user");
    bundle_make_keys(keys, "ec2");
    return 0;
}

static const char *pem(const char *name)
{
    return bundle_file(keys, name, NULL);
}

static BundleManifest *read_good(const char *text)
{
    g_autoptr(GError) error = NULL;
    BundleManifest *manifest = NULL;
    bundle_manifest_read(keys->arena, text, strlen(text), &manifest, &error);
    assert_no_error(error);
    return manifest;
}

static void assert_refused_bytes(const char *text, size_t size, BundleError code, const char *says)
{
    g_autoptr(GError) error = NULL;
    BundleManifest *manifest = NULL;
    if (bundle_manifest_read(keys->arena, text, size, &manifest, &error))
        fail_msg("it was read: %s", text);
    assert_error_says(error, "the manifest is not valid: ");
    assert_error_says(error, says);
    assert_true(g_error_matches(error, BUNDLE_ERROR, (int)code));
    assert_null(manifest);
}

/* The whole document with the first `old` in it replaced. */
static char *changed(const char *old, const char *new)
{
    const char *at = strstr(WHOLE, old);
    assert_non_null(at);
    return g_strdup_printf("%.*s%s%s", (int)(at - WHOLE), WHOLE, new, at + strlen(old));
}

/* --- reading --- */

static void everything_in_a_manifest_is_read(void **state)
{
    const BundleManifest *manifest = read_good(WHOLE);
    assert_string_equal(manifest->bundler_name, "tools");
    assert_string_equal(manifest->bundler_version, "1.5");
    assert_string_equal(manifest->bundler_release, "7");
    assert_string_equal(manifest->architecture, "x86_64");
    assert_int_equal(manifest->mappings.n, 2);
    const BundleMapping *mapping = list_at(&manifest->mappings, 1);
    assert_string_equal(mapping->virtual_name, "root");
    assert_string_equal(mapping->device, "/dev/sda1");
    assert_string_equal(manifest->kernel_id, "aki-1");
    assert_string_equal(manifest->ramdisk_id, "ari-2");
    assert_int_equal(manifest->product_codes.n, 2);
    assert_true(list_has(&manifest->product_codes, "A&B"));
    assert_string_equal(manifest->name, "img");
    assert_string_equal(manifest->user, "111122223333");
    assert_string_equal(manifest->type, "machine");
    assert_string_equal(manifest->kernel_name, "vmlinuz");
    assert_true(list_has(&manifest->ancestry, "ami-1"));
    assert_int_equal(manifest->size, 1048576);
    assert_int_equal(manifest->bundled_size, 20480);
    assert_string_equal(manifest->ec2_encrypted_key, "01aB");
    assert_string_equal(manifest->user_encrypted_iv, "04");
    assert_int_equal(manifest->parts.n, 2);
    const BundlePart *part = list_at(&manifest->parts, 1);
    assert_string_equal(part->filename, "img.part.1");
    assert_int_equal(part->digest[0], 0xda);
    assert_int_equal(manifest->digest[19], 0x09);
    assert_string_equal(manifest->signature, "abcd");
    assert_string_equal(manifest->signed_text, MACHINE IMAGE);
    assert_int_equal(manifest->signed_size, strlen(MACHINE IMAGE));
}

static void what_may_be_missing_may(void **state)
{
    const BundleManifest *manifest = read_good(
        "<manifest><version> 2007-10-10 </version>\n<machine_configuration>\n"
        "<architecture>i386</architecture><product_codes/></machine_configuration>\n<image>"
        "<name>i</name><user>1</user><type>kernel</type>" DIGEST
        "<size>1</size><bundled_size>16</bundled_size><ec2_encrypted_key>01</ec2_encrypted_key>"
        "<user_encrypted_key>02</user_encrypted_key><ec2_encrypted_iv>03</ec2_encrypted_iv>"
        "<user_encrypted_iv>04</user_encrypted_iv><parts count=\"1\"><part index=\"0\">"
        "<filename>i.part.0</filename>" DIGEST "</part></parts></image>"
        "<signature>\nabcd\n</signature></manifest>\n");
    assert_string_equal(manifest->bundler_name, "");
    assert_null(manifest->kernel_id);
    assert_null(manifest->ramdisk_id);
    assert_null(manifest->kernel_name);
    assert_int_equal(manifest->mappings.n + manifest->product_codes.n + manifest->ancestry.n, 0);
    assert_int_equal(manifest->parts.n, 1);
    assert_string_equal(manifest->signature, "abcd");
}

static void parts_are_ordered_by_their_index(void **state)
{
    g_autofree char *text = changed("index='1'", "index='9'");
    char *first = strstr(text, "index='0'");
    first[7] = '1';
    strstr(text, "index='9'")[7] = '0';
    const BundleManifest *manifest = read_good(text);
    const BundlePart *part = list_at(&manifest->parts, 0);
    assert_string_equal(part->filename, "img.part.1");
}

/* --- what is refused --- */

typedef struct Refusal {
    const char *old, *new, *says;
} Refusal;

static const Refusal refusals[] = {
    /* XML */
    {"<manifest>", "<!DOCTYPE manifest [<!ENTITY e 'x'>]><manifest>", "a document type"},
    {"<manifest>", "<!DOCTYPE manifest SYSTEM 'file:///etc/passwd'><manifest>", "a document type"},
    {"<name>img", "<name>&unknown;", "not well-formed"},
    {"<image>", "<!-- <image> --><image>", "a comment"},
    {"<image>", "<?php?><image>", "a processing instruction"},
    {"<name>img", "<name><![CDATA[img]]>", "a CDATA section"},
    {"</manifest>", "", "not well-formed"},
    {"</image>", "</imagine>", "not well-formed"},
    {"<name>img", "<name><a><b><c><d><e><f><g><h/></g></f></e></d></c></b></a>", "too deep"},
    /* the frame */
    {"<manifest>", "<Manifest>", "not well-formed"},
    {"2007-10-10", "2006-01-01", "its version is 2006-01-01, not 2007-10-10"},
    {"<version>2007-10-10</version>", "", "has no version"},
    {"<signature>abcd</signature>", "", "has no signature"},
    {"<signature>abcd", "<signature>xyz0", "its signature is not in hex"},
    {"<signature>abcd", "<signature>abc", "its signature is not in hex"},
    {"<signature>abcd", "<signature>", "its signature is empty"},
    {"<image>", "<image a='b'>", "it has no image"},
    {"<machine_configuration>", "<machine_configuration >", "it has no machine_configuration"},
    {"<architecture>", "<image>x</image><architecture>", "its image has no name"},
    /* what is signed */
    {"<architecture>x86_64</architecture>", "", "has no architecture"},
    {"<architecture>x86_64", "<architecture> ", "its architecture is empty"},
    {"<kernel_id>", "<kernel_id>aki-9</kernel_id><kernel_id>", "more than one kernel_id"},
    {"<kernel_id>aki-1", "<kernel_id><b/>", "its kernel_id is not a text"},
    {"<device>sda1</device>", "", "has no device"},
    {"<name>img", "<name>../img", "../img is not the name of a file beside the manifest"},
    {"<type>machine", "<type>disk", "its type is disk"},
    {"<user>111122223333</user>", "", "has no user"},
    {"<size>1048576", "<size>-1", "its size is not a number"},
    {"<size>1048576", "<size>0x10", "its size is not a number"},
    {"<size>1048576", "<size>99999999999999999999", "its size is not a number"},
    {"<bundled_size>20480</bundled_size>", "", "has no bundled_size"},
    {"<digest algorithm='SHA1'>da", "<digest algorithm='SHA1'>d", "not a SHA-1 in hex"},
    {"<digest algorithm='SHA1'>da", "<digest algorithm='SHA1'>xx", "not a SHA-1 in hex"},
    {"<digest algorithm='SHA1'>da", "<digest algorithm='MD5'>da", "digest is not SHA1"},
    {"algorithm='AES-128-CBC'", "algorithm='DES'", "ec2_encrypted_key is not AES-128-CBC"},
    {"<ec2_encrypted_iv>03", "<ec2_encrypted_iv>0", "ec2_encrypted_iv is not in hex"},
    /* parts */
    {PARTS, "", "has no parts"},
    {PARTS, "<parts count='0'/>", "it has 0 parts"},
    {"count='2'", "count='3'", "it has 2 parts, not the 3"},
    {"count='2'", "", "it has 2 parts, not the number"},
    {"index='1'", "index='0'", "it has two parts 0"},
    {"index='1'", "index='2'", "parts are missing"},
    {"index='1'", "index='-1'", "a part has no index"},
    {"index='1'", "", "a part has no index"},
    {"<filename>img.part.1", "<filename>img.part.0", "two of its parts are named img.part.0"},
    {"<filename>img.part.1", "<filename>../img.part.1", "is not the name of a file beside"},
    {"<filename>img.part.1", "<filename>/img.part.1", "is not the name of a file beside"},
    {"<filename>img.part.1", "<filename>other/img.part.1", "is not the name of a file beside"},
    {"<filename>img.part.1", "<filename>..", "is not the name of a file beside"},
    {"<filename>img.part.1", "<filename>.", "is not the name of a file beside"},
    {"<filename>img.part.1", "<filename>a&#10;b", "is not the name of a file beside"},
    {"<filename>img.part.1</filename>", "", "has no filename"},
};

static void what_is_not_a_manifest_is_refused_with_the_reason(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        const Refusal *refusal = &refusals[i];
        g_autofree char *text = changed(refusal->old, refusal->new);
        assert_refused_bytes(text, strlen(text), BUNDLE_ERROR_MANIFEST, refusal->says);
    }
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    static const char nul[] = WHOLE "\0";
    assert_refused_bytes("", 0, BUNDLE_ERROR_MANIFEST, "not an XML document in UTF-8");
    assert_refused_bytes(nul, sizeof(nul), BUNDLE_ERROR_MANIFEST, "not an XML document in UTF-8");
    assert_refused_bytes("\xff\xfe<", 3, BUNDLE_ERROR_MANIFEST, "not an XML document in UTF-8");
    assert_refused_bytes("<html></html>", 13, BUNDLE_ERROR_MANIFEST, "it is not a manifest");
}

static void images_of_no_size_or_too_large_are_refused(void **state)
{
    g_autofree char *none = changed("<size>1048576", "<size>0");
    g_autofree char *large = changed("<size>1048576", "<size>10737418241");
    g_autofree char *largest = changed("<size>1048576", "<size>10737418240");
    assert_refused_bytes(none, strlen(none), BUNDLE_ERROR_SIZE, "its image has 0 bytes");
    assert_refused_bytes(large, strlen(large), BUNDLE_ERROR_SIZE, "has 10737418241 bytes");
    assert_int_equal(read_good(largest)->size, BUNDLE_MAX_IMAGE);
}

static void more_of_anything_than_fits_is_refused(void **state)
{
    g_autoptr(GString) codes = g_string_new(NULL);
    g_autoptr(GString) parts = g_string_new(NULL);
    for (unsigned i = 0; i < BUNDLE_MAX_LIST; i++)
        g_string_append(codes, "<product_code>x</product_code>");
    g_autofree char *many_codes = changed("<product_code>C</product_code>", codes->str);
    assert_refused_bytes(many_codes, strlen(many_codes), BUNDLE_ERROR_MANIFEST, "more than 64");
    g_string_append_printf(parts, "<parts count='%d'>", BUNDLE_MAX_PARTS + 1);
    for (unsigned i = 0; i <= BUNDLE_MAX_PARTS; i++)
        g_string_append(parts, "<part/>");
    g_string_append(parts, "</parts>");
    g_autofree char *many_parts = changed(PARTS, parts->str);
    assert_refused_bytes(many_parts, strlen(many_parts), BUNDLE_ERROR_MANIFEST, "4097 parts");
    g_string_truncate(parts, 0);
    for (unsigned i = 0; i < 4 * BUNDLE_MAX_PARTS; i++)
        g_string_append(parts, "<part/>");
    g_autofree char *elements = changed(PARTS, parts->str);
    assert_refused_bytes(elements, strlen(elements), BUNDLE_ERROR_MANIFEST, "too many elements");
    g_autofree char *spaces = g_strnfill(BUNDLE_MAX_MANIFEST, ' ');
    g_autofree char *large = changed("</manifest>", "</manifest>");
    g_autofree char *larger = g_strconcat(large, spaces, NULL);
    assert_refused_bytes(larger, strlen(larger), BUNDLE_ERROR_MANIFEST, "more than 1048576 bytes");
    spaces[5000] = '\0';
    memset(spaces, 'x', 5000);
    g_autofree char *named = g_strconcat("<name>", spaces, NULL);
    g_autofree char *name = changed("<name>img", named);
    assert_refused_bytes(name, strlen(name), BUNDLE_ERROR_MANIFEST, "more than 4096 bytes");
}

/* --- signatures --- */

/* Signed with openssl. */
static char *sign(const char *signer, const char *covered, const char *before)
{
    g_autofree char *path = g_build_filename(keys->directory, "covered", NULL);
    assert_true(g_file_set_contents(path, covered, -1, NULL));
    const char *hex = bundle_shell(
        keys, "openssl dgst -sha1 -sign pk-%s.pem covered | od -An -v -tx1 | tr -d ' \\n'", signer);
    return g_strdup_printf("%s%s" TAIL, before, covered, hex);
}

static bool is_signed_by(const char *text, const char *first, const char *second,
                         size_t *ret_signer)
{
    g_autoptr(GError) error = NULL;
    const char *certificates[] = {"no certificate", pem(first), pem(second)};
    const BundleManifest *manifest = read_good(text);
    if (bundle_manifest_verify(manifest, certificates, 3, ret_signer, &error))
        return true;
    assert_true(g_error_matches(error, BUNDLE_ERROR, BUNDLE_ERROR_SIGNATURE));
    return false;
}

static void a_signature_is_found_among_several_certificates(void **state)
{
    size_t signer;
    g_autofree char *text = sign("user", MACHINE IMAGE, HEAD);
    assert_true(is_signed_by(text, "cert-ec2.pem", "cert-user.pem", &signer));
    assert_int_equal(signer, 2);
    assert_true(is_signed_by(text, "cert-user.pem", "cert-ec2.pem", &signer));
    assert_int_equal(signer, 1);
    assert_false(is_signed_by(text, "cert-ec2.pem", "pk-user.pem", &signer));
    assert_false(bundle_manifest_verify(read_good(text), NULL, 0, NULL, NULL));
}

static void a_changed_manifest_is_not_signed(void **state)
{
    static const char *const changes[] = {"x86_64", "111122223333", "img.part.1", "1048576",
                                          "01aB"};
    g_autofree char *text = sign("user", MACHINE IMAGE, HEAD);
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *other = g_strdup(text);
        strstr(other, changes[i])[2] = '0';
        assert_false(is_signed_by(other, "cert-user.pem", "cert-ec2.pem", NULL));
    }
    assert_false(is_signed_by(WHOLE, "cert-user.pem", "cert-ec2.pem", NULL));
}

/* What is believed is what is signed, wherever else the same elements stand. */
static void elements_beside_the_signed_ones_are_not_believed(void **state)
{
    const char *evil = "<x><image><name>evil</name></image></x>";
    g_autofree char *covered = g_strconcat(MACHINE IMAGE, NULL);
    g_autofree char *text = sign("user", covered, HEAD);
    char *end = strstr(text, "<signature>");
    g_autofree char *behind = g_strdup_printf("%.*s%s%s", (int)(end - text), text, evil, end);
    assert_true(is_signed_by(behind, "cert-user.pem", "cert-ec2.pem", NULL));
    assert_string_equal(read_good(behind)->name, "img");
    g_autoptr(GError) error = NULL;
    BundleManifest *manifest = NULL;
    char *begin = strstr(text, "<machine_configuration>");
    g_autofree char *before = g_strdup_printf("%.*s%s%s", (int)(begin - text), text, evil, begin);
    assert_false(bundle_manifest_read(keys->arena, before, strlen(before), &manifest, &error));
}

static void what_is_written_is_read_and_verified_again(void **state)
{
    g_autoptr(GError) error = NULL;
    const char *text, *certificate = pem("cert-user.pem");
    size_t size;
    const BundleManifest *manifest = read_good(WHOLE);
    bundle_manifest_write(keys->arena, manifest, pem("pk-user.pem"), &text, &size, &error);
    assert_no_error(error);
    assert_int_equal(size, strlen(text));
    assert_true(g_str_has_prefix(text, HEAD MACHINE IMAGE "<signature>"));
    const BundleManifest *again = read_good(text);
    assert_true(bundle_manifest_verify(again, &certificate, 1, NULL, NULL));
    assert_string_equal(again->signed_text, manifest->signed_text);
    assert_false(bundle_manifest_write(keys->arena, manifest, "no key", &text, &size, &error));
    assert_int_equal(error->domain, TROUBLE_DOMAIN);
}

/* --- keys --- */

static const char *wrap_by_openssl(const char *characters)
{
    return bundle_shell(keys,
                        "printf %%s '%s' | openssl pkeyutl -encrypt -certin -inkey cert-ec2.pem |"
                        "od -An -v -tx1 | tr -d ' \\n'",
                        characters);
}

static void a_key_wrapped_by_openssl_is_unwrapped(void **state)
{
    g_autoptr(GError) error = NULL;
    BundleKey key;
    const char *wrapped = wrap_by_openssl("000102030405060708090a0b0c0d0e0f");
    const char *vector = wrap_by_openssl("FFEEDDCCBBAA99887766554433221100");
    bundle_key_unwrap(wrapped, vector, pem("pk-ec2.pem"), &key, &error);
    assert_no_error(error);
    for (unsigned i = 0; i < BUNDLE_KEY_SIZE; i++) {
        assert_int_equal(key.key[i], i);
        assert_int_equal(key.vector[i], 0xff - 0x11 * i);
    }
}

static void assert_key_refused(const char *wrapped, const char *private_key)
{
    g_autoptr(GError) error = NULL;
    BundleKey key;
    const char *good = wrap_by_openssl("000102030405060708090a0b0c0d0e0f");
    assert_false(bundle_key_unwrap(wrapped, good, private_key, &key, &error));
    assert_true(g_error_matches(error, BUNDLE_ERROR, BUNDLE_ERROR_KEY));
    assert_false(bundle_key_unwrap(good, wrapped, private_key, &key, NULL));
}

static void keys_for_somebody_else_and_no_keys_are_refused(void **state)
{
    const char *private_key = pem("pk-ec2.pem");
    assert_key_refused(wrap_by_openssl("000102030405060708090a0b0c0d0e0f"), pem("pk-user.pem"));
    assert_key_refused(wrap_by_openssl("000102030405060708090a0b0c0d0e"), private_key);
    assert_key_refused(wrap_by_openssl("000102030405060708090a0b0c0d0e0f00"), private_key);
    assert_key_refused(wrap_by_openssl("0001020304050607 8090a0b0c0d0e0f"), private_key);
    assert_key_refused(wrap_by_openssl("g00102030405060708090a0b0c0d0e0f"), private_key);
    assert_key_refused("01aB", private_key);
    assert_key_refused("", private_key);
}

static void a_private_key_that_is_none_is_our_trouble(void **state)
{
    g_autoptr(GError) error = NULL;
    BundleKey key;
    assert_false(bundle_key_unwrap("00", "00", pem("cert-ec2.pem"), &key, &error));
    assert_int_equal(error->domain, TROUBLE_DOMAIN);
}

static void openssl_unwraps_what_is_wrapped_here(void **state)
{
    g_autoptr(GError) error = NULL;
    BundleKey key, again;
    const char *wrapped, *vector;
    bundle_key_new(&key);
    bundle_key_wrap(keys->arena, &key, pem("cert-ec2.pem"), &wrapped, &vector, &error);
    assert_no_error(error);
    bundle_key_unwrap(wrapped, vector, pem("pk-ec2.pem"), &again, &error);
    assert_no_error(error);
    assert_memory_equal(&key, &again, sizeof(key));
    char hex[2 * BUNDLE_KEY_SIZE + 1];
    hex_encode(key.vector, BUNDLE_KEY_SIZE, hex);
    assert_string_equal(bundle_shell(keys,
                                     "/usr/bin/python3 -c 'import sys;"
                                     "sys.stdout.buffer.write(bytes.fromhex(\"%s\"))' |"
                                     "openssl pkeyutl -decrypt -inkey pk-ec2.pem",
                                     vector),
                        hex);
    assert_false(bundle_key_wrap(keys->arena, &key, pem("pk-ec2.pem"), &wrapped, &vector, &error));
    assert_int_equal(error->domain, TROUBLE_DOMAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_in_a_manifest_is_read),
        cmocka_unit_test(what_may_be_missing_may),
        cmocka_unit_test(parts_are_ordered_by_their_index),
        cmocka_unit_test(what_is_not_a_manifest_is_refused_with_the_reason),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(images_of_no_size_or_too_large_are_refused),
        cmocka_unit_test(more_of_anything_than_fits_is_refused),
        cmocka_unit_test(a_signature_is_found_among_several_certificates),
        cmocka_unit_test(a_changed_manifest_is_not_signed),
        cmocka_unit_test(elements_beside_the_signed_ones_are_not_believed),
        cmocka_unit_test(what_is_written_is_read_and_verified_again),
        cmocka_unit_test(a_key_wrapped_by_openssl_is_unwrapped),
        cmocka_unit_test(keys_for_somebody_else_and_no_keys_are_refused),
        cmocka_unit_test(a_private_key_that_is_none_is_our_trouble),
        cmocka_unit_test(openssl_unwraps_what_is_wrapped_here),
    };
    return cmocka_run_group_tests(tests, set_up_keys, bundle_tear_down);
}
