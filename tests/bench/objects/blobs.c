/* What the bytes of objects cost before any request is parsed: MD5 in lanes and the checksums, and
 * the CPU of the writer's whole pipeline, per GiB, with one blob at a time and with several. What a
 * PUT must cost at least is the copy into blocks and the write of a prototype without digests,
 * which is measured in the same run.
 *
 *     bench_blobs [directory]    (on the disk to be measured; default /dev/shm) */
#include "base/digest.h"
#include "base/file.h"
#include "imagestore/blobs.h"
#include "imagestore/md5_lanes.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

#define MIB (1024 * 1024)
#define GIB (1024.0 * MIB)
#define BLOB_SIZE ((size_t)64 * MIB)
#define PIECE ((size_t)32 * 1024) /* what the HTTP server hands over at a time */
#define ROUNDS 3

/* A macro, so that error is looked at after the call that sets it. */
#define must(call, error)                                                                          \
    do {                                                                                           \
        if (!(call))                                                                               \
            g_error("%s", (error) ? (error)->message : "failed");                                  \
    } while (0)

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* --- digests --- */

static void measure_md5(const uint8_t *data)
{
    printf("MD5, MB/s with N streams at a time:");
    for (unsigned n = 1; n <= MD5_LANES; n++) {
        Md5 md5s[MD5_LANES];
        double start = cpu_seconds();
        for (unsigned i = 0; i < n; i++)
            md5_init(&md5s[i]);
        for (unsigned round = 0; round < 200; round++) {
            Md5Feed feeds[MD5_LANES];
            for (unsigned i = 0; i < n; i++)
                feeds[i] = (Md5Feed){&md5s[i], data + i * MIB, MIB};
            md5_add(feeds, n);
        }
        printf(" %.0f", 200.0 * n * MIB / 1e6 / (cpu_seconds() - start));
    }
    uint8_t out[MD5_SIZE];
    double start = cpu_seconds();
    for (unsigned round = 0; round < 200; round++)
        digest(DIGEST_MD5, data, MIB, out);
    printf("; OpenSSL %.0f\n", 200.0 * MIB / 1e6 / (cpu_seconds() - start));
}

static void measure_checksums(const uint8_t *data)
{
    for (unsigned kind = 0; kind < CHECKSUM_KINDS; kind++) {
        g_autoptr(Checksum) checksum = checksum_new((ChecksumKind)kind);
        double start = cpu_seconds();
        for (unsigned round = 0; round < 300; round++)
            checksum_add(checksum, data, MIB);
        printf("%s, MB/s: %.0f\n", checksum_name((ChecksumKind)kind),
               300.0 * MIB / 1e6 / (cpu_seconds() - start));
    }
}

/* --- writing --- */

typedef struct Stream {
    Blobs *blobs;
    const char *directory;
    const uint8_t *data;
    BlobSpec spec;
    GMutex lock;
    GCond called;
    bool ready;
    GThread *thread;
} Stream;

static void note_ready(void *data)
{
    Stream *stream = data;
    g_mutex_lock(&stream->lock);
    stream->ready = true;
    g_cond_signal(&stream->called);
    g_mutex_unlock(&stream->lock);
}

static void wait_until_ready(Stream *stream)
{
    g_mutex_lock(&stream->lock);
    while (!stream->ready)
        g_cond_wait(&stream->called, &stream->lock);
    stream->ready = false;
    g_mutex_unlock(&stream->lock);
}

static void *write_blob(void *data)
{
    Stream *stream = data;
    g_autoptr(GError) error = NULL;
    const BlobResult *result;
    g_autoptr(BlobWriter) writer = blob_writer_new(stream->blobs, &stream->spec);
    for (size_t done = 0; done < BLOB_SIZE; done += PIECE) {
        if (!blob_writer_add(writer, stream->data + done % (8 * MIB), PIECE))
            wait_until_ready(stream);
    }
    must(blob_writer_finish(writer, &result, &error), error);
    return NULL;
}

/* The floor: a file, written in the same pieces. */
static void *write_plain(void *data)
{
    const Stream *stream = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_strdup_printf("%s/plain-%p", stream->directory, data);
    autofd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (size_t done = 0; done < BLOB_SIZE; done += PIECE)
        must(file_write_all(fd, stream->data + done % (8 * MIB), PIECE, &error), error);
    fdatasync(fd);
    unlink(path);
    return NULL;
}

static double measure_once(Stream *like, unsigned n, GThreadFunc run)
{
    Stream streams[MD5_LANES];
    double start = cpu_seconds();
    for (unsigned i = 0; i < n; i++) {
        streams[i] = *like;
        streams[i].spec.ready = note_ready;
        streams[i].spec.ready_data = &streams[i];
        streams[i].thread = g_thread_new("stream", run, &streams[i]);
    }
    for (unsigned i = 0; i < n; i++)
        g_thread_join(streams[i].thread);
    return (cpu_seconds() - start) / ((double)n * BLOB_SIZE / GIB);
}

static void measure(Stream *like, const char *what, GThreadFunc run)
{
    printf("%-34s", what);
    for (unsigned n = 1; n <= MD5_LANES; n *= 2) {
        double least = G_MAXDOUBLE;
        for (unsigned round = 0; round < ROUNDS; round++)
            least = MIN(least, measure_once(like, n, run));
        printf("  %u at a time: %.2f", n, least);
    }
    printf("\n");
}

static void measure_writers(Store *store, const char *directory, const uint8_t *data)
{
    static const uint8_t key[BLOB_CUSTOMER_KEY_SIZE] = {1};
    g_autoptr(GError) error = NULL;
    g_autoptr(Blobs) blobs = NULL;
    must(blobs_open(directory, store, &blobs, &error), error);
    Stream stream = {.blobs = blobs, .directory = directory, .data = data};
    printf("CPU s/GiB, blobs of %zu MiB\n", BLOB_SIZE / MIB);
    measure(&stream, "  write(2) alone", write_plain);
    measure(&stream, "  MD5", write_blob);
    stream.spec.checksums = 1 << CHECKSUM_CRC32;
    measure(&stream, "  MD5, CRC32", write_blob);
    stream.spec.checksums = 1 << CHECKSUM_SHA256;
    measure(&stream, "  MD5, SHA256", write_blob);
    stream.spec = (BlobSpec){.customer_key = key};
    measure(&stream, "  MD5, encrypted", write_blob);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autofree uint8_t *data = g_malloc((size_t)8 * MIB);
    g_autofree char *directory =
        g_strdup_printf("%s/bench-blobs-%d", argc > 1 ? argv[1] : "/dev/shm", (int)getpid());
    random_bytes(data, (size_t)8 * MIB);
    measure_md5(data);
    measure_checksums(data);
    Store *store;
    must(store_open(directory, &store, &error), error);
    measure_writers(store, directory, data);
    store_close(store);
    must(file_remove_tree(directory, &error), error);
    return 0;
}
