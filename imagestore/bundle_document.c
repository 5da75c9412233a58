/* Writing manifests of 2007-10-10: one line, attributes in single quotes, elements in the order
 * that the old tools look for them. */
#include "imagestore/bundle_keys.h"
#include "imagestore/bundle_manifest.h"

/* An element with a text, which is escaped; attributes follow the name. NULL: nothing is added. */
static void add(GString *out, const char *name, const char *attributes, const char *text)
{
    g_autofree char *escaped = text ? g_markup_escape_text(text, -1) : NULL;
    if (escaped)
        g_string_append_printf(out, "<%s%s>%s</%s>", name, attributes, escaped, name);
}

/* A group of such elements, unless it would be empty. */
static void add_list(GString *out, const char *group, const char *name, const List *texts)
{
    if (texts->n == 0)
        return;
    g_string_append_printf(out, "<%s>", group);
    LIST_EACH (const char *, text, texts)
        add(out, name, "", text);
    g_string_append_printf(out, "</%s>", group);
}

static void add_digest(GString *out, const uint8_t digest[SHA1_SIZE])
{
    char hex[2 * SHA1_SIZE + 1];
    hex_encode(digest, SHA1_SIZE, hex);
    add(out, "digest", " algorithm='SHA1'", hex);
}

static void add_machine(GString *out, const BundleManifest *manifest)
{
    g_string_append(out, "<machine_configuration>");
    add(out, "architecture", "", manifest->architecture);
    if (manifest->mappings.n > 0)
        g_string_append(out, "<block_device_mapping>");
    LIST_EACH (const BundleMapping *, mapping, &manifest->mappings) {
        g_string_append(out, "<mapping>");
        add(out, "virtual", "", mapping->virtual_name);
        add(out, "device", "", mapping->device);
        g_string_append(out, "</mapping>");
    }
    if (manifest->mappings.n > 0)
        g_string_append(out, "</block_device_mapping>");
    add(out, "kernel_id", "", manifest->kernel_id);
    add(out, "ramdisk_id", "", manifest->ramdisk_id);
    add_list(out, "product_codes", "product_code", &manifest->product_codes);
    g_string_append(out, "</machine_configuration>");
}

static void add_parts(GString *out, const List *parts)
{
    g_string_append_printf(out, "<parts count='%zu'>", parts->n);
    for (size_t i = 0; i < parts->n; i++) {
        const BundlePart *part = list_at(parts, i);
        g_string_append_printf(out, "<part index='%zu'>", i);
        add(out, "filename", "", part->filename);
        add_digest(out, part->digest);
        g_string_append(out, "</part>");
    }
    g_string_append(out, "</parts>");
}

static void add_image(GString *out, const BundleManifest *manifest)
{
    g_string_append(out, "<image>");
    add(out, "name", "", manifest->name);
    add(out, "user", "", manifest->user);
    add(out, "type", "", manifest->type);
    add(out, "kernel_name", "", manifest->kernel_name);
    add_list(out, "ancestry", "ancestor_ami_id", &manifest->ancestry);
    add_digest(out, manifest->digest);
    g_string_append_printf(out,
                           "<size>%" G_GUINT64_FORMAT "</size>"
                           "<bundled_size>%" G_GUINT64_FORMAT "</bundled_size>",
                           manifest->size, manifest->bundled_size);
    add(out, "ec2_encrypted_key", " algorithm='AES-128-CBC'", manifest->ec2_encrypted_key);
    add(out, "user_encrypted_key", " algorithm='AES-128-CBC'", manifest->user_encrypted_key);
    add(out, "ec2_encrypted_iv", "", manifest->ec2_encrypted_iv);
    add(out, "user_encrypted_iv", "", manifest->user_encrypted_iv);
    add_parts(out, &manifest->parts);
    g_string_append(out, "</image>");
}

bool bundle_manifest_write(Arena *arena, const BundleManifest *manifest, const char *private_key,
                           const char **ret_text, size_t *ret_size, GError **error)
{
    g_autoptr(GString) covered = g_string_new(NULL);
    g_autoptr(GString) out =
        g_string_new("<?xml version='1.0'?><manifest><version>" BUNDLE_VERSION "</version>");
    const char *signature;
    add_machine(covered, manifest);
    add_image(covered, manifest);
    if (!bundle_sign(arena, covered->str, covered->len, private_key, &signature, error))
        return false;
    g_string_append(out, "<bundler>");
    add(out, "name", "", manifest->bundler_name ?: "");
    add(out, "version", "", manifest->bundler_version ?: "");
    add(out, "release", "", manifest->bundler_release ?: "");
    g_string_append(out, "</bundler>");
    g_string_append_len(out, covered->str, (gssize)covered->len);
    add(out, "signature", "", signature);
    g_string_append(out, "</manifest>");
    *ret_text = arena_strndup(arena, out->str, out->len);
    *ret_size = out->len;
    return true;
}
