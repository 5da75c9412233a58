/* The decoder of aws-chunked bodies: a state machine over bytes, which come in any pieces.
 *
 *     HEAD ── size > 0 ──> DATA ──> DATA_END ──> HEAD
 *      └───── size 0 ───> TRAILER ── empty line ──> DONE
 *
 * Invariants: data is handed on as it lies in the input, never copied; what is kept of a line is
 * bounded; in the signed forms each chunk's signature is checked before the next chunk begins, and
 * the chain of signatures starts at the request's own. */
#include "api/s3/chunked.h"

#include "api/signature/sigv4.h"
#include "base/fault.h"
#include <openssl/evp.h>
#include <string.h>

#define MIN_CHUNK 8192 /* of signed chunks, but for the last: AWS's */
#define MAX_HEAD 1024  /* bytes of a chunk's first line */
#define MAX_TRAILER 4096
#define MAX_TRAILER_FIELDS 16
#define MAX_SIZE_DIGITS 15 /* hexadecimal: no sum of sizes overflows */
#define MAX_TOTAL (INT64_C(1) << 62)
#define TRAILER_SIGNATURE "x-amz-trailer-signature"

typedef enum State { HEAD, DATA, DATA_END, TRAILER, DONE, BROKEN } State;

struct ChunkDecoder {
    Arena *arena;
    const S3Signature *signature;
    State state;
    ChunkSink sink;
    void *sink_data;

    int64_t length;   /* of all data, as said; -1: not said */
    int64_t received; /* sizes of the chunks begun */
    int64_t left;     /* bytes of this chunk to come */
    bool small;       /* this signed chunk has less than MIN_CHUNK: it must be the last with data */

    Buffer line;                        /* without its end; the line being read */
    EVP_MD_CTX *hash;                   /* of this chunk; NULL in the unsigned form */
    char claimed[2 * SHA256_SIZE + 1];  /* this chunk's signature, as sent */
    char previous[2 * SHA256_SIZE + 1]; /* the chain's last link */
    Params trailer;
    Buffer trailer_text;           /* what its signature covers */
    const char *trailer_signature; /* NULL: it has not come */
};

ChunkDecoder *chunk_decoder_new(Arena *arena, const S3Signature *signature, int64_t length,
                                ChunkSink sink, void *sink_data)
{
    ChunkDecoder *decoder = arena_new_struct(arena, ChunkDecoder);
    decoder->arena = arena;
    decoder->signature = signature;
    decoder->sink = sink;
    decoder->sink_data = sink_data;
    decoder->length = length;
    if (signature->payload == S3_PAYLOAD_STREAMING ||
        signature->payload == S3_PAYLOAD_STREAMING_TRAILER) {
        decoder->hash = EVP_MD_CTX_new();
        g_assert(decoder->hash);
        g_strlcpy(decoder->previous, signature->seed, sizeof(decoder->previous));
    }
    return decoder;
}

void chunk_decoder_free(ChunkDecoder *decoder)
{
    if (!decoder)
        return;
    buffer_clear(&decoder->line);
    buffer_clear(&decoder->trailer_text);
    EVP_MD_CTX_free(decoder->hash);
    decoder->hash = NULL;
}

static bool refuse_frame(GError **error)
{
    return fault_set(error, FAULT_INCOMPLETE_BODY, "The request body terminated unexpectedly");
}

static bool refuse_length(GError **error)
{
    return fault_set(error, FAULT_INCOMPLETE_BODY,
                     "You did not provide the number of bytes specified by the "
                     "Content-Length HTTP header");
}

static bool refuse_trailer(GError **error)
{
    return fault_set(error, FAULT_MALFORMED_TRAILER,
                     "The request contained trailing data that was not well-formed or did not "
                     "conform to our published schema.");
}

/* ---- signatures ---- */

/* Checks a link of the chain: kind "PAYLOAD" signs two hashes, "TRAILER" one. */
static bool check_link(ChunkDecoder *decoder, const char *kind, const char *hashes,
                       const char *claimed, GError **error)
{
    const S3Signature *signature = decoder->signature;
    g_autofree char *text =
        g_strdup_printf("AWS4-HMAC-SHA256-%s\n%s\n%s\n%s\n%s", kind, signature->timestamp,
                        signature->scope, decoder->previous, hashes);
    if (!sigv4_is_mac(claimed, signature->key, text, strlen(text)))
        return fault_set(error, FAULT_SIGNATURE_DOES_NOT_MATCH, S3_WRONG_SIGNATURE);
    g_strlcpy(decoder->previous, claimed, sizeof(decoder->previous));
    return true;
}

static void hash_begin(ChunkDecoder *decoder)
{
    if (decoder->hash) {
        int ok = EVP_DigestInit_ex2(decoder->hash, EVP_sha256(), NULL);
        g_assert(ok);
    }
}

static bool check_chunk(ChunkDecoder *decoder, GError **error)
{
    if (!decoder->hash)
        return true;
    uint8_t hash[SHA256_SIZE];
    char hashes[] = EMPTY_HASH "\n" EMPTY_HASH;
    int ok = EVP_DigestFinal_ex(decoder->hash, hash, NULL);
    g_assert(ok);
    hex_encode(hash, sizeof(hash), hashes + strlen(EMPTY_HASH "\n"));
    return check_link(decoder, "PAYLOAD", hashes, decoder->claimed, error);
}

static bool check_trailer(ChunkDecoder *decoder, GError **error)
{
    if (decoder->signature->payload != S3_PAYLOAD_STREAMING_TRAILER)
        return true;
    if (!decoder->trailer_signature)
        return refuse_trailer(error);
    uint8_t hash[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    digest(DIGEST_SHA256, buffer_text(&decoder->trailer_text), decoder->trailer_text.size, hash);
    hex_encode(hash, sizeof(hash), hex);
    return check_link(decoder, "TRAILER", hex, decoder->trailer_signature, error);
}

/* ---- lines ---- */

static bool read_size(const char *digits, size_t n, int64_t *ret_size)
{
    if (n == 0 || n > MAX_SIZE_DIGITS)
        return false;
    int64_t size = 0;
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isxdigit(digits[i]))
            return false;
        size = size << 4 | g_ascii_xdigit_value(digits[i]);
    }
    *ret_size = size;
    return true;
}

/* Extensions: ";chunk-signature=HEX", and others that mean nothing here. */
static bool read_claimed(ChunkDecoder *decoder, const char *extensions)
{
    static const char name[] = ";chunk-signature=";
    const char *value = strstr(extensions, name);
    if (!value)
        return false;
    value += strlen(name);
    size_t size = strcspn(value, "; ");
    if (size != 2 * SHA256_SIZE)
        return false;
    memcpy(decoder->claimed, value, size);
    return true;
}

static bool begin_chunk(ChunkDecoder *decoder, const char *line, GError **error)
{
    size_t digits = strcspn(line, "; ");
    int64_t size;
    if (!read_size(line, digits, &size) || (decoder->hash && !read_claimed(decoder, line + digits)))
        return refuse_frame(error);
    if (size > 0 && decoder->small)
        return fault_set(error, FAULT_INVALID_CHUNK_SIZE,
                         "Only the last chunk is allowed to have a size less than %d bytes",
                         MIN_CHUNK);
    int64_t most = decoder->length < 0 ? MAX_TOTAL : decoder->length;
    if (size > most - decoder->received)
        return refuse_length(error);
    decoder->received += size;
    decoder->left = size;
    decoder->small = decoder->hash && size < MIN_CHUNK;
    hash_begin(decoder);
    decoder->state = size > 0 ? DATA : TRAILER;
    return size > 0 || check_chunk(decoder, error);
}

static bool end_chunk(ChunkDecoder *decoder, const char *line, GError **error)
{
    if (*line)
        return refuse_frame(error);
    decoder->state = HEAD;
    return check_chunk(decoder, error);
}

static bool end_body(ChunkDecoder *decoder, GError **error)
{
    if (decoder->length >= 0 && decoder->received != decoder->length)
        return refuse_length(error);
    decoder->state = DONE;
    return check_trailer(decoder, error);
}

/* The field is signed as "name:value", however it was spelt. */
static bool keep_trailer(ChunkDecoder *decoder, const char *name, const char *value, GError **error)
{
    Params *trailer = &decoder->trailer;
    Buffer *text = &decoder->trailer_text;
    buffer_add_text(text, name);
    buffer_add_char(text, ':');
    buffer_add_text(text, value);
    buffer_add_char(text, '\n');
    if (text->size > MAX_TRAILER || trailer->n == MAX_TRAILER_FIELDS)
        return refuse_trailer(error);
    if (!trailer->items)
        trailer->items = arena_alloc(decoder->arena, MAX_TRAILER_FIELDS * sizeof(Param));
    trailer->items[trailer->n++] = (Param){name, value};
    return true;
}

/* "x-amz-checksum-crc32:AAAAAA==" */
static bool add_trailer(ChunkDecoder *decoder, const char *line, GError **error)
{
    const char *colon = strchr(line, ':');
    if (decoder->signature->payload == S3_PAYLOAD_STREAMING || !colon || colon == line ||
        !g_utf8_validate(line, -1, NULL))
        return refuse_trailer(error);
    char *name = arena_strndup(decoder->arena, line, (size_t)(colon - line));
    const char *value = g_strstrip(arena_strdup(decoder->arena, colon + 1));
    for (char *c = g_strchomp(name); *c; c++)
        *c = g_ascii_tolower(*c);
    if (strcmp(name, TRAILER_SIGNATURE) != 0)
        return keep_trailer(decoder, name, value, error);
    if (decoder->trailer_signature)
        return refuse_trailer(error);
    decoder->trailer_signature = value;
    return true;
}

static bool take_line(ChunkDecoder *decoder, GError **error)
{
    const char *line = buffer_text(&decoder->line);
    if (strlen(line) != decoder->line.size)
        return refuse_frame(error);
    switch (decoder->state) {
    case HEAD:
        return begin_chunk(decoder, line, error);
    case DATA_END:
        return end_chunk(decoder, line, error);
    default:
        return *line ? add_trailer(decoder, line, error) : end_body(decoder, error);
    }
}

/* Takes a line's bytes, up to its end or the input's. A CR is only ever the end's first half. */
static bool feed_line(ChunkDecoder *decoder, const char **at, const char *end, GError **error)
{
    Buffer *line = &decoder->line;
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    const char *stop = newline ? newline + 1 : end;
    size_t size = (size_t)(stop - *at);
    if (size > MAX_HEAD - MIN(line->size, MAX_HEAD))
        return refuse_frame(error);
    buffer_add(line, *at, size);
    *at = stop;
    if (!newline)
        return true;
    if (line->size < 2 || line->data[line->size - 2] != '\r')
        return refuse_frame(error);
    line->size -= 2;
    bool ok = take_line(decoder, error);
    line->size = 0;
    return ok;
}

static void feed_data(ChunkDecoder *decoder, const char **at, const char *end)
{
    size_t size = (size_t)MIN((int64_t)(end - *at), decoder->left);
    if (decoder->hash) {
        int ok = EVP_DigestUpdate(decoder->hash, *at, size);
        g_assert(ok);
    }
    decoder->sink(decoder->sink_data, *at, size);
    *at += size;
    decoder->left -= (int64_t)size;
    if (decoder->left == 0)
        decoder->state = DATA_END;
}

static bool step(ChunkDecoder *decoder, const char **at, const char *end, GError **error)
{
    switch (decoder->state) {
    case DATA:
        feed_data(decoder, at, end);
        return true;
    case DONE:
    case BROKEN:
        return refuse_frame(error);
    default:
        return feed_line(decoder, at, end, error);
    }
}

bool chunk_decoder_feed(ChunkDecoder *decoder, const char *bytes, size_t size, GError **error)
{
    for (const char *at = bytes, *end = bytes + size; at < end;) {
        if (!step(decoder, &at, end, error)) {
            decoder->state = BROKEN;
            return false;
        }
    }
    return true;
}

bool chunk_decoder_finish(ChunkDecoder *decoder, GError **error)
{
    return decoder->state == DONE || refuse_frame(error);
}

const Params *chunk_decoder_trailer(const ChunkDecoder *decoder)
{
    return &decoder->trailer;
}
