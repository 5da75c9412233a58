/* Reading manifests of 2007-10-10.
 *
 * Invariant: what is signed is found as literal bytes and parsed by itself, as a document of just
 * these bytes; everything but the bundler's name comes from there. So whatever else stands in the
 * document, and however the elements are nested, what is believed is what was signed.
 *
 * bundle_error_set stands in parentheses because of the macro of that name. */
#include "imagestore/bundle_manifest.h"
#include "imagestore/bundle_xml.h"

#include "base/fault.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define CIPHER "AES-128-CBC"
#define DIGEST "SHA1"
#define MAX_HEX 2048 /* of an RSA key of 8192 bits */
#define MAX_FILE_NAME 255

GQuark bundle_error_domain(void)
{
    return g_quark_from_static_string("cumulet-bundle");
}

bool(bundle_error_set)(GError **error, BundleError code, const char *format, ...)
{
    if (!error)
        return false;
    va_list args;
    va_start(args, format);
    g_propagate_error(error, g_error_new_valist(BUNDLE_ERROR, (int)code, format, args));
    va_end(args);
    return false;
}

static bool is_hex(const char *text)
{
    return text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

/* --- what values may be --- */

static bool check_file_name(const char *what, const char *name, GError **error)
{
    bool good = strlen(name) <= MAX_FILE_NAME && !strchr(name, '/') && strcmp(name, ".") != 0 &&
                strcmp(name, "..") != 0;
    for (const char *c = name; *c; c++)
        good = good && !g_ascii_iscntrl(*c);
    return good ||
           bundle_error_set(error, BUNDLE_ERROR_MANIFEST,
                            "%s %s is not the name of a file beside the manifest", what, name);
}

static bool read_number(const char *text, uint64_t *ret_number)
{
    char *end;
    errno = 0;
    uint64_t number = g_ascii_strtoull(text, &end, 10);
    if (errno || *end || !g_ascii_isdigit(text[0]) || number > INT64_MAX)
        return false;
    *ret_number = number;
    return true;
}

static bool take_number(Arena *arena, const xmlNode *parent, const char *name, uint64_t *ret_number,
                        GError **error)
{
    const char *text;
    if (!bundle_xml_need_text(arena, parent, name, &text, error))
        return false;
    return read_number(text, ret_number) ||
           bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "its %s is not a number", name);
}

/* An algorithm that is named must be the one that there is. */
static bool check_algorithm(Arena *arena, const xmlNode *element, const char *only, GError **error)
{
    const char *algorithm = bundle_xml_attribute(arena, element, "algorithm");
    return !algorithm || g_ascii_strcasecmp(algorithm, only) == 0 ||
           bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "the algorithm of its %s is not %s",
                            (const char *)element->name, only);
}

static bool take_digest(Arena *arena, const xmlNode *parent, uint8_t ret_digest[SHA1_SIZE],
                        GError **error)
{
    const xmlNode *element;
    const char *text;
    if (!bundle_xml_need(parent, "digest", &element, error) ||
        !check_algorithm(arena, element, DIGEST, error) ||
        !bundle_xml_text(arena, element, &text, error))
        return false;
    if (strlen(text) != (size_t)2 * SHA1_SIZE || !is_hex(text))
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "a digest is not a SHA-1 in hex");
    for (size_t i = 0; i < SHA1_SIZE; i++)
        ret_digest[i] = (uint8_t)(g_ascii_xdigit_value(text[2 * i]) << 4 |
                                  g_ascii_xdigit_value(text[2 * i + 1]));
    return true;
}

static bool take_hex(Arena *arena, const xmlNode *parent, const char *name, const char **ret_text,
                     GError **error)
{
    const xmlNode *element;
    const char *text;
    if (!bundle_xml_need(parent, name, &element, error) ||
        !check_algorithm(arena, element, CIPHER, error) ||
        !bundle_xml_text(arena, element, &text, error))
        return false;
    if (strlen(text) > MAX_HEX || strlen(text) % 2 != 0 || !is_hex(text))
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "its %s is not in hex", name);
    *ret_text = text;
    return true;
}

/* --- lists --- */

/* The texts of all children of that name of one child, which may be missing. */
static bool take_list(Arena *arena, const xmlNode *parent, const char *group, const char *name,
                      List *list, GError **error)
{
    const xmlNode *element;
    const char *text;
    if (!bundle_xml_child(parent, group, &element, error))
        return false;
    const xmlNode *item = element ? bundle_xml_find(element->children, name) : NULL;
    for (; item; item = bundle_xml_find(item->next, name)) {
        if (list->n == BUNDLE_MAX_LIST)
            return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "its %s has more than %d of %s",
                                    group, BUNDLE_MAX_LIST, name);
        if (!bundle_xml_text(arena, item, &text, error))
            return false;
        list_add(list, arena, text);
    }
    return true;
}

static bool take_mappings(Arena *arena, const xmlNode *machine, List *mappings, GError **error)
{
    const xmlNode *element;
    if (!bundle_xml_child(machine, "block_device_mapping", &element, error))
        return false;
    const xmlNode *item = element ? bundle_xml_find(element->children, "mapping") : NULL;
    for (; item; item = bundle_xml_find(item->next, "mapping")) {
        BundleMapping *mapping = arena_new_struct(arena, BundleMapping);
        if (mappings->n == BUNDLE_MAX_LIST)
            return bundle_error_set(error, BUNDLE_ERROR_MANIFEST,
                                    "its block_device_mapping has more than %d mappings",
                                    BUNDLE_MAX_LIST);
        if (!bundle_xml_need_text(arena, item, "virtual", &mapping->virtual_name, error) ||
            !bundle_xml_need_text(arena, item, "device", &mapping->device, error))
            return false;
        list_add(mappings, arena, mapping);
    }
    return true;
}

/* --- parts --- */

static bool take_part(Arena *arena, const xmlNode *element, BundlePart *part, GError **error)
{
    return bundle_xml_need_text(arena, element, "filename", &part->filename, error) &&
           check_file_name("the part", part->filename, error) &&
           take_digest(arena, element, part->digest, error);
}

/* Puts it to its index; parts has room for n. */
static bool place_part(Arena *arena, const xmlNode *element, BundlePart **parts, uint64_t n,
                       GHashTable *names, GError **error)
{
    const char *text = bundle_xml_attribute(arena, element, "index");
    uint64_t index;
    if (!text || !read_number(text, &index))
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "a part has no index");
    if (index >= n)
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST,
                                "it has a part %s, but parts are missing before it", text);
    if (parts[index])
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "it has two parts %s", text);
    parts[index] = arena_new_struct(arena, BundlePart);
    if (!take_part(arena, element, parts[index], error))
        return false;
    return g_hash_table_add(names, (gpointer)parts[index]->filename) ||
           bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "two of its parts are named %s",
                            parts[index]->filename);
}

static bool take_parts(Arena *arena, const xmlNode *image, List *parts, GError **error)
{
    const xmlNode *element;
    if (!bundle_xml_need(image, "parts", &element, error))
        return false;
    uint64_t n = 0, count;
    const xmlNode *part = bundle_xml_find(element->children, "part");
    for (const xmlNode *next = part; next; next = bundle_xml_find(next->next, "part"))
        n++;
    const char *text = bundle_xml_attribute(arena, element, "count");
    if (n == 0 || n > BUNDLE_MAX_PARTS)
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST,
                                "it has %" G_GUINT64_FORMAT " parts, not 1 to %d", n,
                                BUNDLE_MAX_PARTS);
    if (!text || !read_number(text, &count) || count != n)
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST,
                                "it has %" G_GUINT64_FORMAT " parts, not the %s that it says", n,
                                text ? text : "number");
    BundlePart **found = arena_alloc(arena, n * sizeof(BundlePart *));
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    for (; part; part = bundle_xml_find(part->next, "part"))
        if (!place_part(arena, part, found, n, names, error))
            return false;
    for (uint64_t i = 0; i < n; i++)
        list_add(parts, arena, found[i]);
    return true;
}

/* --- the document --- */

static bool take_machine(Arena *arena, const xmlNode *machine, BundleManifest *manifest,
                         GError **error)
{
    return bundle_xml_need_text(arena, machine, "architecture", &manifest->architecture, error) &&
           take_mappings(arena, machine, &manifest->mappings, error) &&
           bundle_xml_child_text(arena, machine, "kernel_id", &manifest->kernel_id, error) &&
           bundle_xml_child_text(arena, machine, "ramdisk_id", &manifest->ramdisk_id, error) &&
           take_list(arena, machine, "product_codes", "product_code", &manifest->product_codes,
                     error);
}

static bool take_names(Arena *arena, const xmlNode *image, BundleManifest *manifest, GError **error)
{
    static const char *const types[] = {"machine", "kernel", "ramdisk", NULL};
    if (!bundle_xml_need_text(arena, image, "name", &manifest->name, error) ||
        !check_file_name("the image", manifest->name, error) ||
        !bundle_xml_need_text(arena, image, "user", &manifest->user, error) ||
        !bundle_xml_need_text(arena, image, "type", &manifest->type, error) ||
        !bundle_xml_child_text(arena, image, "kernel_name", &manifest->kernel_name, error) ||
        !take_list(arena, image, "ancestry", "ancestor_ami_id", &manifest->ancestry, error))
        return false;
    return g_strv_contains(types, manifest->type) ||
           bundle_error_set(error, BUNDLE_ERROR_MANIFEST,
                            "its type is %s, not machine, kernel or ramdisk", manifest->type);
}

static bool take_sizes(Arena *arena, const xmlNode *image, BundleManifest *manifest, GError **error)
{
    if (!take_digest(arena, image, manifest->digest, error) ||
        !take_number(arena, image, "size", &manifest->size, error) ||
        !take_number(arena, image, "bundled_size", &manifest->bundled_size, error))
        return false;
    if (manifest->size == 0 || manifest->size > BUNDLE_MAX_IMAGE)
        return bundle_error_set(error, BUNDLE_ERROR_SIZE,
                                "its image has %" G_GUINT64_FORMAT " bytes, not 1 to "
                                "%" G_GUINT64_FORMAT,
                                manifest->size, BUNDLE_MAX_IMAGE);
    return true;
}

static bool take_image(Arena *arena, const xmlNode *image, BundleManifest *manifest, GError **error)
{
    return take_names(arena, image, manifest, error) && take_sizes(arena, image, manifest, error) &&
           take_hex(arena, image, "ec2_encrypted_key", &manifest->ec2_encrypted_key, error) &&
           take_hex(arena, image, "user_encrypted_key", &manifest->user_encrypted_key, error) &&
           take_hex(arena, image, "ec2_encrypted_iv", &manifest->ec2_encrypted_iv, error) &&
           take_hex(arena, image, "user_encrypted_iv", &manifest->user_encrypted_iv, error) &&
           take_parts(arena, image, &manifest->parts, error);
}

static bool take_bundler(Arena *arena, const xmlNode *root, BundleManifest *manifest,
                         GError **error)
{
    const xmlNode *bundler;
    manifest->bundler_name = manifest->bundler_version = manifest->bundler_release = NULL;
    if (!bundle_xml_child(root, "bundler", &bundler, error) ||
        (bundler &&
         (!bundle_xml_child_text(arena, bundler, "name", &manifest->bundler_name, error) ||
          !bundle_xml_child_text(arena, bundler, "version", &manifest->bundler_version, error) ||
          !bundle_xml_child_text(arena, bundler, "release", &manifest->bundler_release, error))))
        return false;
    manifest->bundler_name = manifest->bundler_name ?: "";
    manifest->bundler_version = manifest->bundler_version ?: "";
    manifest->bundler_release = manifest->bundler_release ?: "";
    return true;
}

/* What is not signed: it is a manifest, of the version that we know, with a signature. */
static bool take_frame(Arena *arena, const char *text, size_t size, BundleManifest *manifest,
                       GError **error)
{
    autoxml *document = NULL;
    const char *version;
    if (!bundle_xml_parse(text, size, &document, error))
        return false;
    const xmlNode *root = xmlDocGetRootElement(document);
    if (strcmp((const char *)root->name, "manifest") != 0)
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "it is not a manifest");
    if (!bundle_xml_need_text(arena, root, "version", &version, error))
        return false;
    if (strcmp(version, BUNDLE_VERSION) != 0)
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST,
                                "its version is %s, not " BUNDLE_VERSION, version);
    return take_bundler(arena, root, manifest, error) &&
           take_hex(arena, root, "signature", &manifest->signature, error);
}

/* Appends the literal element. */
static bool append_element(GString *out, const char *text, size_t size, const char *name,
                           GError **error)
{
    g_autofree char *begin = g_strdup_printf("<%s>", name);
    g_autofree char *end = g_strdup_printf("</%s>", name);
    const char *from = memmem(text, size, begin, strlen(begin));
    const char *to = from ? memmem(from, size - (size_t)(from - text), end, strlen(end)) : NULL;
    if (!to)
        return bundle_error_set(error, BUNDLE_ERROR_MANIFEST, "it has no %s", name);
    g_string_append_len(out, from, to + strlen(end) - from);
    return true;
}

#define OPEN_SIGNED "<manifest>"
#define CLOSE_SIGNED "</manifest>"

static bool take_signed(Arena *arena, const char *text, size_t size, BundleManifest *manifest,
                        GError **error)
{
    g_autoptr(GString) wrapped = g_string_new(OPEN_SIGNED);
    autoxml *document = NULL;
    const xmlNode *machine, *image;
    if (!append_element(wrapped, text, size, "machine_configuration", error) ||
        !append_element(wrapped, text, size, "image", error))
        return false;
    manifest->signed_size = wrapped->len - strlen(OPEN_SIGNED);
    manifest->signed_text =
        arena_strndup(arena, wrapped->str + strlen(OPEN_SIGNED), manifest->signed_size);
    g_string_append(wrapped, CLOSE_SIGNED);
    if (!bundle_xml_parse(wrapped->str, wrapped->len, &document, error))
        return false;
    const xmlNode *root = xmlDocGetRootElement(document);
    return bundle_xml_need(root, "machine_configuration", &machine, error) &&
           bundle_xml_need(root, "image", &image, error) &&
           take_machine(arena, machine, manifest, error) &&
           take_image(arena, image, manifest, error);
}

bool bundle_manifest_read(Arena *arena, const char *text, size_t size,
                          BundleManifest **ret_manifest, GError **error)
{
    BundleManifest *manifest = arena_new_struct(arena, BundleManifest);
    if (!take_frame(arena, text, size, manifest, error) ||
        !take_signed(arena, text, size, manifest, error)) {
        g_prefix_error(error, "the manifest is not valid: ");
        return false;
    }
    *ret_manifest = manifest;
    return true;
}
