/* Manifests: what is let through has parts beside it and in bounds, and is written as something
 * that is read as the same again. */
#include "tests/fuzz/fuzz.h"
#include "imagestore/bundle_manifest.h"

/* RSA of 512 bits: quick, and good for nothing else. */
static const char private_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEApykGefbCzVzptS2N\n"
    "d/nxXJ3rpWFJ/oBAxYGEu4istwNU/B4Nvm/+Rz5UCwS8EdyWZQ+A7HG4CZ8oe4zz\n"
    "fv0z7QIDAQABAkB0UuJE4WkyS+P+xpJZ2T8S+npPfeJmDo4EY1sgvb2jJLhB/bP5\n"
    "YmeGL7NNfZQTawQ+5SvNHQN3mrZhH4rZQb/pAiEA2BM3k23Rte5ai4KgA0+QdAjP\n"
    "Jjx/wZcxT5wzVkC9yXsCIQDGDAottbNODukvqjEX0fat5WvR2EFamJCX8zL48t53\n"
    "twIgf1isG47Q1xm4cZq19d2RtGFwvQdRAGa8YEAeHYqgkDsCIQC5SqJrScjMi17Y\n"
    "XZ847hShdjh+SJo8rOj7gWp7SJ+j2QIhAJN9uudeJZWscRkgeBleT/DuWVKBWM5B\n"
    "Ol13/NLk86Tp\n"
    "-----END PRIVATE KEY-----\n";

static void check_part(const BundlePart *part)
{
    g_assert(*part->filename && !strchr(part->filename, '/'));
    g_assert(strcmp(part->filename, ".") != 0 && strcmp(part->filename, "..") != 0);
}

static void check(const BundleManifest *manifest)
{
    g_assert(manifest->size > 0 && manifest->size <= BUNDLE_MAX_IMAGE);
    g_assert(manifest->parts.n > 0 && manifest->parts.n <= BUNDLE_MAX_PARTS);
    g_assert(manifest->mappings.n <= BUNDLE_MAX_LIST && manifest->ancestry.n <= BUNDLE_MAX_LIST);
    g_assert(!strchr(manifest->name, '/') && *manifest->architecture && *manifest->user);
    LIST_EACH (const BundlePart *, part, &manifest->parts)
        check_part(part);
}

static void assert_same(const BundleManifest *a, const BundleManifest *b)
{
    g_assert(a->size == b->size && a->bundled_size == b->bundled_size);
    g_assert(a->parts.n == b->parts.n && a->mappings.n == b->mappings.n);
    g_assert(strcmp(a->name, b->name) == 0 && strcmp(a->user, b->user) == 0);
    g_assert(strcmp(a->ec2_encrypted_key, b->ec2_encrypted_key) == 0);
    g_assert(g_strcmp0(a->kernel_id, b->kernel_id) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Arena) arena = arena_new();
    BundleManifest *manifest, *again;
    BundleKey key;
    const char *text;
    size_t text_size;
    if (!bundle_manifest_read(arena, (const char *)data, size, &manifest, NULL))
        return 0;
    check(manifest);
    g_assert(!bundle_key_unwrap(manifest->ec2_encrypted_key, manifest->ec2_encrypted_iv,
                                private_key, &key, NULL));
    g_assert(bundle_manifest_write(arena, manifest, private_key, &text, &text_size, NULL));
    g_autoptr(GError) error = NULL;
    if (text_size > BUNDLE_MAX_MANIFEST)
        return 0;
    g_assert(bundle_manifest_read(arena, text, text_size, &again, &error));
    assert_same(manifest, again);
    return 0;
}
