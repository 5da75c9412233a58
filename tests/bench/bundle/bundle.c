/* One bundle either way, as the daemon does it, and how many seconds it took.
 *
 *     bench_bundle extract DIRECTORY/NAME.manifest.xml PRIVATE-KEY IMAGE
 *     bench_bundle make IMAGE NAME CERTIFICATE PRIVATE-KEY DIRECTORY
 *
 * The first takes the private key of the EC2 certificate and does not look at the signature; the
 * second encrypts for the one certificate and signs with the private key. */
#include "base/file.h"
#include "imagestore/bundle.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_PEM 65536

/* A macro, so that error is looked at after the call that sets it. */
#define must(call, error)                                                                          \
    do {                                                                                           \
        if (!(call)) {                                                                             \
            fprintf(stderr, "%s\n", (error) ? (error)->message : strerror(errno));                 \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

typedef struct Parts {
    const char *directory;
    const BundleManifest *manifest;
    int fd; /* -1: of no part yet */
    size_t part;
} Parts;

static char *must_read(const char *path)
{
    g_autoptr(GError) error = NULL;
    char *text = NULL;
    must(file_read(path, BUNDLE_MAX_MANIFEST, &text, NULL, &error), error);
    return text;
}

static bool read_part(void *data, size_t part, void *buffer, size_t size, size_t *ret_read,
                      GError **error)
{
    Parts *parts = data;
    if (parts->fd < 0 || parts->part != part) {
        const BundlePart *wanted = list_at(&parts->manifest->parts, part);
        g_autofree char *path = g_build_filename(parts->directory, wanted->filename, NULL);
        autofd_clear(&parts->fd);
        parts->part = part;
        parts->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (parts->fd < 0)
            return bundle_error_set(error, BUNDLE_ERROR_PART_MISSING, "part %s: %s", path,
                                    g_strerror(errno));
    }
    ssize_t got = read(parts->fd, buffer, size);
    *ret_read = got > 0 ? (size_t)got : 0;
    return got >= 0;
}

static bool write_part(void *data, size_t index, const char *filename, const void *bytes,
                       size_t size, GError **error)
{
    const Parts *parts = data;
    g_autofree char *path = g_build_filename(parts->directory, filename, NULL);
    autofd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0, (GError *)NULL);
    return file_write_all(fd, bytes, size, error);
}

static void extract(Arena *arena, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = must_read(arguments[0]);
    g_autofree char *private_key = must_read(arguments[1]);
    g_autofree char *directory = g_path_get_dirname(arguments[0]);
    BundleManifest *manifest = NULL;
    BundleKey key;
    must(bundle_manifest_read(arena, text, strlen(text), &manifest, &error), error);
    must(bundle_key_unwrap(manifest->ec2_encrypted_key, manifest->ec2_encrypted_iv, private_key,
                           &key, &error),
         error);
    Parts parts = {.directory = directory, .manifest = manifest, .fd = -1};
    BundleSource source = {.read = read_part, .data = &parts};
    int64_t since = g_get_monotonic_time();
    must(bundle_extract(manifest, &key, &source, arguments[2], &error), error);
    printf("%.3f\n", (double)(g_get_monotonic_time() - since) / G_TIME_SPAN_SECOND);
    autofd_clear(&parts.fd);
}

static void make(Arena *arena, char **arguments)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *certificate = must_read(arguments[2]);
    g_autofree char *private_key = must_read(arguments[3]);
    autofd fd = open(arguments[0], O_RDONLY | O_CLOEXEC);
    must(fd >= 0, error);
    BundleManifest manifest = {.architecture = "x86_64", .user = "111122223333", .type = "machine"};
    BundleKey key;
    bundle_key_new(&key);
    must(bundle_key_wrap(arena, &key, certificate, &manifest.ec2_encrypted_key,
                         &manifest.ec2_encrypted_iv, &error),
         error);
    manifest.user_encrypted_key = manifest.ec2_encrypted_key;
    manifest.user_encrypted_iv = manifest.ec2_encrypted_iv;
    Parts parts = {.directory = arguments[4]};
    BundleSink sink = {.part = write_part, .data = &parts};
    int64_t since = g_get_monotonic_time();
    must(bundle_make(arena, fd, arguments[1], &key, &sink, &manifest, &error), error);
    printf("%.3f\n", (double)(g_get_monotonic_time() - since) / G_TIME_SPAN_SECOND);
    const char *text = NULL;
    size_t size = 0;
    must(bundle_manifest_write(arena, &manifest, private_key, &text, &size, &error), error);
    g_autofree char *path = g_strdup_printf("%s/%s.manifest.xml", arguments[4], arguments[1]);
    must(file_write(path, text, size, 0600, &error), error);
}

int main(int argc, char **argv)
{
    g_autoptr(Arena) arena = arena_new();
    if (argc == 5 && strcmp(argv[1], "extract") == 0) {
        extract(arena, argv + 2);
    } else if (argc == 7 && strcmp(argv[1], "make") == 0) {
        make(arena, argv + 2);
    } else {
        fprintf(stderr, "see the comment at the beginning of bundle.c\n");
        return 2;
    }
    return 0;
}
