/* cloud/key_files.h: what is made here is what ssh-keygen and openssl take it for, and what they
 * make can be read. */
#include "tests/unit/unit.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/process.h"
#include "cloud/key_files.h"

#define RSA_BLOB                                                                                   \
    "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDLTPomLi4IPyXyeZxvBu2mMMel3RORaMjR8SpLxRzaCCBw9BEkEXLPaTAXx2dx" \
    "bvqUceDuDm13j2HPmgFJL08gwAi6+JT8j1a63NwrhpKMN6JB5lljaPMHSs1fibTTi0KwT2Qzu6lDMVzw3rxYVvHlX4bF" \
    "F6JGi/CwE062+zTDUQ=="
/* openssl rsa -pubout -outform DER | openssl md5 -c */
#define RSA_FINGERPRINT "bc:25:51:d5:91:da:ef:e7:16:2e:5d:ed:17:44:85:57"
#define RSA_SPKI                                                                                   \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDLTPomLi4IPyXyeZxvBu2mMMel\n"                           \
    "3RORaMjR8SpLxRzaCCBw9BEkEXLPaTAXx2dxbvqUceDuDm13j2HPmgFJL08gwAi6\n"                           \
    "+JT8j1a63NwrhpKMN6JB5lljaPMHSs1fibTTi0KwT2Qzu6lDMVzw3rxYVvHlX4bF\n"                           \
    "F6JGi/CwE062+zTDUQIDAQAB\n"
#define RSA_PKCS1                                                                                  \
    "MIGJAoGBAMtM+iYuLgg/JfJ5nG8G7aYwx6XdE5FoyNHxKkvFHNoIIHD0ESQRcs9p\n"                           \
    "MBfHZ3Fu+pRx4O4ObXePYc+aAUkvTyDACLr4lPyPVrrc3CuGkow3okHmWWNo8wdK\n"                           \
    "zV+JtNOLQrBPZDO7qUMxXPDevFhW8eVfhsUXokaL8LATTrb7NMNRAgMBAAE=\n"
#define ED25519_BLOB "AAAAC3NzaC1lZDI1NTE5AAAAIKS21TCYsMB+WvyQQwuUP+kIsQ5G08DLLcju79BpGnk5"
/* ssh-keygen -l, with base64's padding */
#define ED25519_FINGERPRINT "bLTaIEyjH41ltuWfHIBf8Z4vfjPoxB7SqS+fMT7k2rU="

typedef struct Fixture {
    Arena *arena;
    char *directory;
    char *path; /* of a file in it */
} Fixture;

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->arena = arena_new();
    fixture->directory = scratch_directory();
    fixture->path = g_build_filename(fixture->directory, "key", NULL);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    arena_free(fixture->arena);
    file_remove_tree(fixture->directory, NULL);
    g_free(fixture->directory);
    g_free(fixture->path);
    g_free(fixture);
    return 0;
}

/* Makes a key and puts it into the file. */
static PublicKey make(Fixture *fixture, const char *type, const char *format)
{
    g_autoptr(GError) error = NULL;
    PublicKey key;
    const char *material;
    key_make(fixture->arena, type, format, "k", &key, &material, &error);
    assert_no_error(error);
    file_write(fixture->path, material, strlen(material), 0600, &error);
    assert_no_error(error);
    return key;
}

/* What a program says, or the test is skipped where there is no such program. */
static char *output_of(const char *const *argv)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *program = process_find(argv[0]);
    char *output = NULL;
    if (!program)
        skip();
    process_run(&(ProcessSpec){.argv = argv}, &output, &error);
    assert_no_error(error);
    return output;
}

static PublicKey read_text(Fixture *fixture, const char *text)
{
    g_autoptr(GError) error = NULL;
    PublicKey key;
    key_read(fixture->arena, text, strlen(text), &key, &error);
    assert_no_error(error);
    return key;
}

static void assert_refused(Fixture *fixture, const void *text, size_t size)
{
    g_autoptr(GError) error = NULL;
    PublicKey key;
    if (key_read(fixture->arena, text, size, &key, &error))
        fail_msg("\"%.*s\" was taken", (int)size, (const char *)text);
    assert_true(fault_is(error, FAULT_INVALID_KEY_FORMAT));
}

static void openssh_reads_what_is_made(void **state)
{
    Fixture *fixture = *state;
    static const char *const types[] = {"rsa", "ed25519"};
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        PublicKey key = make(fixture, types[i], "pem");
        const char *argv[] = {"ssh-keygen", "-y", "-f", fixture->path, NULL};
        g_autofree char *line = output_of(argv);
        if (!g_str_has_prefix(line, key.line))
            fail_msg("%s is not %s", line, key.line);
    }
}

static void fingerprint_of_an_rsa_key_is_of_its_pkcs8_form(void **state)
{
    Fixture *fixture = *state;
    PublicKey key = make(fixture, "rsa", "pem");
    g_autofree char *path = g_build_filename(fixture->directory, "der", NULL), *der = NULL;
    const char *argv[] = {"openssl",  "pkcs8", "-in",  fixture->path, "-topk8", "-nocrypt",
                          "-outform", "DER",   "-out", path,          NULL};
    g_free(output_of(argv));
    g_autoptr(GError) error = NULL;
    size_t size;
    uint8_t sum[SHA1_SIZE];
    file_read(path, 10000, &der, &size, &error);
    assert_no_error(error);
    digest(DIGEST_SHA1, der, size, sum);
    assert_string_equal(key.fingerprint, key_colon_hex(fixture->arena, sum, sizeof(sum)));
}

static void rsa_key_is_pkcs1_in_pem(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    size_t size;
    make(fixture, "rsa", "pem");
    file_read(fixture->path, 10000, &text, &size, &error);
    assert_no_error(error);
    assert_true(g_str_has_prefix(text, "-----BEGIN RSA PRIVATE KEY-----\n"));
    assert_true(g_str_has_suffix(text, "-----END RSA PRIVATE KEY-----\n") ||
                g_str_has_suffix(text, "-----END RSA PRIVATE KEY-----"));
}

static void puttygen_reads_what_is_made(void **state)
{
    Fixture *fixture = *state;
    static const char *const types[] = {"rsa", "ed25519"};
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        PublicKey key = make(fixture, types[i], "ppk");
        const char *argv[] = {"puttygen", fixture->path, "-L", NULL};
        g_autofree char *line = output_of(argv);
        assert_true(g_str_has_prefix(line, key.line));
    }
}

static void ppk_has_as_many_lines_as_it_says(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    size_t size;
    make(fixture, "ed25519", "ppk");
    file_read(fixture->path, 10000, &text, &size, &error);
    assert_no_error(error);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    assert_string_equal(lines[0], "PuTTY-User-Key-File-2: ssh-ed25519");
    assert_string_equal(lines[1], "Encryption: none");
    assert_string_equal(lines[2], "Comment: k");
    assert_string_equal(lines[3], "Public-Lines: 2");
    assert_string_equal(lines[6], "Private-Lines: 1");
    assert_true(g_str_has_prefix(lines[8], "Private-MAC: "));
    assert_int_equal(strlen(lines[8]), strlen("Private-MAC: ") + 40);
}

static void rsa_key_is_read_in_every_form(void **state)
{
    Fixture *fixture = *state;
    static const char *const forms[] = {
        "ssh-rsa " RSA_BLOB,
        "  ssh-rsa " RSA_BLOB " me@home and more\r\n",
        RSA_SPKI,
        RSA_PKCS1,
        "-----BEGIN PUBLIC KEY-----\n" RSA_SPKI "-----END PUBLIC KEY-----\n",
        "-----BEGIN RSA PUBLIC KEY-----\n" RSA_PKCS1 "-----END RSA PUBLIC KEY-----\n",
        "---- BEGIN SSH2 PUBLIC KEY ----\n"
        "Comment: \"a comment that goes \\\non\"\nSubject: me\n" RSA_BLOB
        "\n---- END SSH2 PUBLIC KEY ----\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        PublicKey key = read_text(fixture, forms[i]);
        assert_string_equal(key.type, "rsa");
        assert_string_equal(key.line, "ssh-rsa " RSA_BLOB);
        assert_string_equal(key.fingerprint, RSA_FINGERPRINT);
    }
}

static void der_is_read_as_it_is(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    g_autofree uint8_t *der = NULL;
    size_t size;
    PublicKey key;
    assert_true(base64_decode(RSA_SPKI, strlen(RSA_SPKI), &der, &size));
    key_read(fixture->arena, (char *)der, size, &key, &error);
    assert_no_error(error);
    assert_string_equal(key.fingerprint, RSA_FINGERPRINT);
    assert_refused(fixture, der, size - 1);
}

static void ed25519_key_has_the_fingerprint_of_openssh(void **state)
{
    PublicKey key = read_text(*state, "ssh-ed25519 " ED25519_BLOB " me@home");
    assert_string_equal(key.type, "ed25519");
    assert_string_equal(key.line, "ssh-ed25519 " ED25519_BLOB);
    assert_string_equal(key.fingerprint, ED25519_FINGERPRINT);
}

static void what_is_no_key_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "ssh-rsa",
        "ssh-rsa ",
        "ssh-rsa !!!",
        "ssh-rsa AAAA",
        "ssh-rsa AAAAB3NzaC1yc2E=",
        "ssh-rsa " ED25519_BLOB,
        "ssh-ed25519 " RSA_BLOB,
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKS2",
        "ssh-rsa " RSA_BLOB "\nssh-rsa " RSA_BLOB,
        "ssh-dss AAAAB3NzaC1kc3MAAACB",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTY",
        "command=\"rm\" ssh-rsa " RSA_BLOB,
        "---- BEGIN SSH2 PUBLIC KEY ----\n" RSA_BLOB,
        "-----BEGIN PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_refused(*state, texts[i], strlen(texts[i]));
    assert_refused(*state, "ssh-rsa " RSA_BLOB "\0 me", strlen("ssh-rsa " RSA_BLOB) + 4);
}

/* "ssh-rsa", e = 65537 and n of so many bytes, all but the last of them 0xc3. */
static void short_rsa_keys_are_refused(void **state)
{
    Fixture *fixture = *state;
    static const uint8_t start[] = {0,   0,   0, 7, 's', 's', 'h', '-', 'r',
                                    's', 'a', 0, 0, 0,   3,   1,   0,   1};
    g_autoptr(GByteArray) blob = g_byte_array_new();
    static const uint8_t length[] = {0, 0, 0, 65, 0};
    g_byte_array_append(blob, start, sizeof(start));
    g_byte_array_append(blob, length, sizeof(length));
    for (int i = 0; i < 64; i++)
        g_byte_array_append(blob, &(const uint8_t){0xc3}, 1);
    g_autofree char *encoded = g_base64_encode(blob->data, blob->len);
    g_autofree char *line = g_strdup_printf("ssh-rsa %s", encoded);
    assert_refused(fixture, line, strlen(line));
}

int main(void)
{
#define KEY_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        KEY_TEST(openssh_reads_what_is_made),
        KEY_TEST(fingerprint_of_an_rsa_key_is_of_its_pkcs8_form),
        KEY_TEST(rsa_key_is_pkcs1_in_pem),
        KEY_TEST(puttygen_reads_what_is_made),
        KEY_TEST(ppk_has_as_many_lines_as_it_says),
        KEY_TEST(rsa_key_is_read_in_every_form),
        KEY_TEST(der_is_read_as_it_is),
        KEY_TEST(ed25519_key_has_the_fingerprint_of_openssh),
        KEY_TEST(what_is_no_key_is_refused),
        KEY_TEST(short_rsa_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
