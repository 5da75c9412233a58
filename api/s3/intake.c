/* Bodies on their way in.
 *
 * Invariant: nothing of a body counts before intake_finish() has found every digest right; what an
 * intake holds when it is freed leaves no trace. */
#include "api/s3/intake.h"

#include "api/s3/chunked.h"
#include "api/s3/form.h"
#include "api/s3/post.h"
#include "api/s3/put.h"
#include "base/digest.h"
#include "base/fault.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* Bytes of documents that are being taken, of all connections: beyond, requests are refused. */
#define DOCUMENTS_MAX ((size_t)128 * 1024 * 1024)

#define CHECKSUM_PREFIX "x-amz-checksum-"

static atomic_size_t documents;

struct Intake {
    S3Call *call;
    Exchange *exchange;
    ChunkDecoder *decoder; /* NULL: the body is not aws-chunked */
    FormDecoder *form;     /* NULL: it is no form */
    Buffer document;
    size_t counted; /* of document, in documents */
    bool too_large, too_many;
    bool full;           /* the writer wants no more for now */
    const char *md5;     /* base64 of 16 bytes; NULL: none */
    ChecksumKind kind;   /* the one that the client gives; CHECKSUM_NONE */
    const char *value;   /* base64; NULL: in the trailer */
    const char *trailer; /* its name there */
    bool adds_checksum;  /* neither the client nor the operation asks for one */
};

/* ---- what the headers say ---- */

static char *lower_case(Arena *arena, const char *text)
{
    char *lower = arena_strdup(arena, text);
    for (char *c = lower; *c; c++)
        *c = g_ascii_tolower(*c);
    return lower;
}

static bool is_base64_of(const char *text, size_t wanted)
{
    g_autofree uint8_t *data = NULL;
    size_t size;
    return base64_decode(text, strlen(text), &data, &size) && size == wanted;
}

static bool read_md5(Intake *intake, GError **error)
{
    intake->md5 = s3_header(intake->call, "content-md5");
    return !intake->md5 || is_base64_of(intake->md5, MD5_SIZE) ||
           fault_set(error, FAULT_INVALID_DIGEST, "The Content-MD5 you specified was invalid.");
}

static bool set_kind(Intake *intake, ChecksumKind kind, GError **error)
{
    if (intake->kind != CHECKSUM_NONE && intake->kind != kind)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "Expecting a single x-amz-checksum- header. Multiple checksum Types are "
                         "not allowed.");
    intake->kind = kind;
    return true;
}

/* x-amz-checksum-crc32 and so on. */
static bool read_checksum_headers(Intake *intake, GError **error)
{
    const HttpRequest *http = intake->call->http;
    for (size_t i = 0; !intake->call->sums_elsewhere && i < http->n_headers; i++) {
        const Header *header = &http->headers[i];
        ChecksumKind kind;
        if (g_ascii_strncasecmp(header->name, CHECKSUM_PREFIX, strlen(CHECKSUM_PREFIX)) != 0 ||
            !checksum_parse(header->name + strlen(CHECKSUM_PREFIX), &kind))
            continue;
        if (!set_kind(intake, kind, error))
            return false;
        uint8_t value[CHECKSUM_MAX_SIZE];
        if (!checksum_read(kind, header->value, value))
            return fault_set(error, FAULT_INVALID_REQUEST, "Value for %s header is invalid.",
                             lower_case(intake->call->arena, header->name));
        intake->value = header->value;
    }
    return true;
}

static bool read_trailer_header(Intake *intake, GError **error)
{
    const char *names = s3_header(intake->call, "x-amz-trailer");
    if (!names)
        return true;
    ChecksumKind kind;
    char *name = g_strstrip(lower_case(intake->call->arena, names));
    if (g_ascii_strncasecmp(name, CHECKSUM_PREFIX, strlen(CHECKSUM_PREFIX)) != 0 ||
        !checksum_parse(name + strlen(CHECKSUM_PREFIX), &kind) || !intake->decoder)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The value specified in the x-amz-trailer header is not supported");
    intake->trailer = name;
    return set_kind(intake, kind, error);
}

static bool check_announced(const Intake *intake, GError **error)
{
    const char *name = s3_header(intake->call, "x-amz-sdk-checksum-algorithm");
    ChecksumKind kind;
    if (!name)
        return true;
    if (!checksum_parse(name, &kind))
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "Checksum algorithm provided is unsupported. "
                         "Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, "
                         "SHA1, SHA256]");
    if (intake->kind == CHECKSUM_NONE && intake->call->operation->body != S3_DOCUMENT)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "x-amz-sdk-checksum-algorithm specified, but no corresponding "
                         "x-amz-checksum-* or x-amz-trailer headers were found.");
    return intake->kind == CHECKSUM_NONE || intake->kind == kind ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "Value for x-amz-sdk-checksum-algorithm header is invalid.");
}

/* ---- the length ---- */

static bool read_length(const char *text, int64_t *ret_length)
{
    char *end;
    errno = 0;
    int64_t length = g_ascii_strtoll(text, &end, 10);
    if (errno || !g_ascii_isdigit(*text) || *end)
        return false;
    *ret_length = length;
    return true;
}

static bool is_streaming(const S3Call *call)
{
    return call->signature.payload >= S3_PAYLOAD_STREAMING;
}

/* *ret_length -1: it is not said, and need not be. */
static bool find_length(const S3Call *call, int64_t *ret_length, GError **error)
{
    const char *text =
        s3_header(call, is_streaming(call) ? "x-amz-decoded-content-length" : "content-length");
    *ret_length = -1;
    if (!text) {
        bool chunked = s3_header(call, "transfer-encoding") != NULL && !is_streaming(call);
        return chunked || call->operation->body != S3_BYTES ||
               fault_set(error, FAULT_CONTENT_LENGTH_MISSING,
                         "You must provide the Content-Length HTTP header.");
    }
    if (!read_length(text, ret_length))
        return fault_set(error, FAULT_INVALID_ARGUMENT, "The Content-Length is not a number.");
    return true;
}

static bool too_large(S3Call *call, int64_t size, GError **error)
{
    s3_detail(call, "ProposedSize", arena_printf(call->arena, "%" G_GINT64_FORMAT, size));
    s3_detail(call, "MaxSizeAllowed",
              arena_printf(call->arena, "%" G_GINT64_FORMAT, PART_SIZE_MAX));
    return fault_set(error, FAULT_ENTITY_TOO_LARGE,
                     "Your proposed upload exceeds the maximum allowed size");
}

/* ---- taking ---- */

static void count_document(Intake *intake)
{
    size_t grown = intake->document.capacity - intake->counted;
    intake->counted += grown;
    intake->too_many |= atomic_fetch_add(&documents, grown) + grown > DOCUMENTS_MAX;
}

static void sink(void *data, const char *bytes, size_t size)
{
    Intake *intake = data;
    S3Call *call = intake->call;
    if (call->writer) {
        intake->full |= !blob_writer_add(call->writer, bytes, size);
    } else if (intake->document.size + size > S3_DOCUMENT_MAX) {
        intake->too_large = true;
    } else {
        buffer_add(&intake->document, bytes, size);
        count_document(intake);
    }
}

static void ready(void *data)
{
    const Intake *intake = data;
    exchange_resume(intake->exchange);
}

static void open_writer(Intake *intake)
{
    S3Call *call = intake->call;
    intake->adds_checksum = intake->kind == CHECKSUM_NONE && call->blob.checksums == 0;
    if (intake->adds_checksum)
        call->blob.checksums = 1u << S3_DEFAULT_CHECKSUM;
    if (intake->kind != CHECKSUM_NONE)
        call->blob.checksums |= 1u << intake->kind;
    if (call->signature.payload == S3_PAYLOAD_HASH)
        call->blob.checksums |= 1u << CHECKSUM_SHA256;
    call->blob.ready = ready;
    call->blob.ready_data = intake;
    call->writer = blob_writer_new(call->s3->blobs, &call->blob);
}

/* ---- forms ---- */

static bool begin_file(void *data, GError **error)
{
    Intake *intake = data;
    if (!s3_post_begin(intake->call, form_decoder_fields(intake->form), error) ||
        !read_md5(intake, error) || !read_checksum_headers(intake, error))
        return false;
    open_writer(intake);
    return true;
}

static const FormEvents form_events = {.begin = begin_file, .bytes = sink};

static bool read_form(Intake *intake, GError **error)
{
    S3Call *call = intake->call;
    const char *type = s3_header(call, "content-type");
    return form_decoder_new(call->arena, type ? type : "", &form_events, intake, &intake->form,
                            error);
}

bool intake_new(S3Call *call, Exchange *exchange, Intake **ret_intake, GError **error)
{
    Intake *intake = arena_new_struct(call->arena, Intake);
    *intake = (Intake){.call = call, .exchange = exchange, .kind = CHECKSUM_NONE};
    int64_t length;
    if (!find_length(call, &length, error))
        return false;
    if (call->operation->body == S3_BYTES && length > PART_SIZE_MAX)
        return too_large(call, length, error);
    if (is_streaming(call))
        intake->decoder = chunk_decoder_new(call->arena, &call->signature, length, sink, intake);
    *ret_intake = intake; /* who frees it frees the decoder */
    if (call->operation->body == S3_FORM)
        return read_form(intake, error);
    if (!read_md5(intake, error) || !read_checksum_headers(intake, error) ||
        !read_trailer_header(intake, error) || !check_announced(intake, error))
        return false;
    if (call->operation->body == S3_BYTES)
        open_writer(intake);
    return true;
}

void intake_free(Intake *intake)
{
    if (!intake)
        return;
    chunk_decoder_free(intake->decoder);
    form_decoder_free(intake->form);
    atomic_fetch_sub(&documents, intake->counted);
    buffer_clear(&intake->document);
}

bool intake_take(Intake *intake, const char *data, size_t size, GError **error)
{
    S3Call *call = intake->call;
    bool ok = true;
    if (intake->form)
        ok = form_decoder_feed(intake->form, data, size, error) &&
             (!call->writer || s3_post_check_size(call, blob_writer_size(call->writer), error));
    else if (intake->decoder)
        ok = chunk_decoder_feed(intake->decoder, data, size, error);
    else
        sink(intake, data, size);
    if (intake->full) {
        intake->full = false;
        exchange_pause(intake->exchange);
    }
    if (!ok)
        return false;
    if (intake->too_many)
        return fault_set(error, FAULT_SLOW_DOWN, "Please reduce your request rate.");
    if (intake->too_large)
        return fault_set(error, FAULT_MALFORMED_XML, "Your request body is too large.");
    if (call->writer && blob_writer_size(call->writer) > (uint64_t)PART_SIZE_MAX)
        return too_large(call, (int64_t)blob_writer_size(call->writer), error);
    return true;
}

/* ---- the end ---- */

/* What the bytes really are. */
typedef struct Digests {
    const uint8_t *md5;
    const uint8_t (*checksums)[CHECKSUM_MAX_SIZE];
} Digests;

static bool check_md5(const Intake *intake, const Digests *digests, GError **error)
{
    if (!intake->md5)
        return true;
    g_autofree char *text = g_base64_encode(digests->md5, MD5_SIZE);
    if (strcmp(text, intake->md5) == 0)
        return true;
    S3Call *call = intake->call;
    s3_detail(call, "ExpectedDigest", intake->md5);
    s3_detail(call, "CalculatedDigest", arena_strdup(call->arena, text));
    return fault_set(error, FAULT_BAD_DIGEST,
                     "The Content-MD5 you specified did not match what we received.");
}

static bool check_payload_hash(const Intake *intake, const Digests *digests, GError **error)
{
    S3Call *call = intake->call;
    if (call->signature.payload != S3_PAYLOAD_HASH)
        return true;
    char *hex = arena_alloc(call->arena, 2 * SHA256_SIZE + 1);
    hex_encode(digests->checksums[CHECKSUM_SHA256], SHA256_SIZE, hex);
    if (strcmp(hex, call->signature.payload_hash) == 0)
        return true;
    s3_detail(call, "ClientComputedContentSHA256", call->signature.payload_hash);
    s3_detail(call, "S3ComputedContentSHA256", hex);
    return fault_set(
        error, FAULT_X_AMZ_CONTENT_SHA256_MISMATCH,
        "The provided 'x-amz-content-sha256' header does not match what was computed.");
}

static bool find_trailer_value(Intake *intake, GError **error)
{
    if (!intake->trailer)
        return true;
    intake->value = params_get(chunk_decoder_trailer(intake->decoder), intake->trailer);
    uint8_t value[CHECKSUM_MAX_SIZE];
    return (intake->value && checksum_read(intake->kind, intake->value, value)) ||
           fault_set(error, FAULT_MALFORMED_TRAILER,
                     "The request contained trailing data that was not well-formed or did not "
                     "conform to our published schema.");
}

static bool check_checksum(Intake *intake, const Digests *digests, GError **error)
{
    S3Call *call = intake->call;
    call->checksum.kind = intake->kind;
    if (intake->kind == CHECKSUM_NONE)
        return true;
    if (!find_trailer_value(intake, error))
        return false;
    call->checksum.value =
        checksum_text(call->arena, intake->kind, digests->checksums[intake->kind]);
    return strcmp(call->checksum.value, intake->value) == 0 ||
           fault_set(error, FAULT_BAD_DIGEST,
                     "The %s you specified did not match the calculated checksum.",
                     checksum_name(intake->kind));
}

static bool check_all(Intake *intake, const Digests *digests, GError **error)
{
    return check_md5(intake, digests, error) && check_payload_hash(intake, digests, error) &&
           check_checksum(intake, digests, error);
}

static bool finish_document(Intake *intake, GError **error)
{
    S3Call *call = intake->call;
    Buffer *document = &intake->document;
    call->document = buffer_text(document);
    call->document_size = document->size;
    uint8_t md5[MD5_SIZE], values[CHECKSUM_KINDS][CHECKSUM_MAX_SIZE];
    digest(DIGEST_MD5, document->data, document->size, md5);
    digest(DIGEST_SHA256, document->data, document->size, values[CHECKSUM_SHA256]);
    if (intake->kind != CHECKSUM_NONE) {
        g_autoptr(Checksum) checksum = checksum_new(intake->kind);
        checksum_add(checksum, document->data, document->size);
        checksum_end(checksum, values[intake->kind]);
    }
    const Digests digests = {md5, (const uint8_t(*)[CHECKSUM_MAX_SIZE])values};
    return check_all(intake, &digests, error);
}

static bool finish_bytes(Intake *intake, GError **error)
{
    S3Call *call = intake->call;
    if (!blob_writer_finish(call->writer, &call->bytes, error))
        return false;
    const Digests digests = {call->bytes->md5,
                             (const uint8_t(*)[CHECKSUM_MAX_SIZE])call->bytes->checksums};
    if (!check_all(intake, &digests, error))
        return false;
    if (intake->adds_checksum)
        s3_checksum_add_default(call);
    return true;
}

bool intake_finish(Intake *intake, GError **error)
{
    if ((intake->decoder && !chunk_decoder_finish(intake->decoder, error)) ||
        (intake->form && !form_decoder_finish(intake->form, error)))
        return false;
    return intake->call->writer ? finish_bytes(intake, error) : finish_document(intake, error);
}
