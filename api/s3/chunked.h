/* aws-chunked bodies, decoded and verified as they come.
 *
 *     SIZE;chunk-signature=HEX\r\n DATA \r\n … 0;chunk-signature=HEX\r\n
 *     [x-amz-checksum-crc32:VALUE\r\n [x-amz-trailer-signature:HEX\r\n]] \r\n
 *
 * Bytes are handed on as they come; they count only if the whole body turns out to be right. Total:
 * any bytes may come in. Source: "Signature calculations for the Authorization header: Transferring
 * a payload in multiple chunks" and "… with trailing headers" (Amazon S3 API Reference). One thread
 * at a time. */
#pragma once

#include "api/query.h"
#include "api/signature/s3_signature.h"

typedef struct ChunkDecoder ChunkDecoder;
typedef void (*ChunkSink)(void *data, const char *bytes, size_t size);

/* signature says which of the streaming forms it is, and must live as long as the decoder. length
 * is x-amz-decoded-content-length; -1: not said. Lives in the arena but for what
 * chunk_decoder_free frees. */
ChunkDecoder *chunk_decoder_new(Arena *arena, const S3Signature *signature, int64_t length,
                                ChunkSink sink, void *sink_data);
void chunk_decoder_free(ChunkDecoder *decoder); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChunkDecoder, chunk_decoder_free)

/* Faults: InvalidChunkSizeError (a signed chunk but the last has less than 8 KiB: programs
 * that stream send unsigned ones of whatever size they have), SignatureDoesNotMatch,
 * IncompleteBody (broken frames, another length than said, bytes behind the end),
 * MalformedTrailerError. After a fault nothing more is taken. */
bool chunk_decoder_feed(ChunkDecoder *decoder, const char *bytes, size_t size, GError **error);
/* The body is over. Fault IncompleteBody when it is not all there. */
bool chunk_decoder_finish(ChunkDecoder *decoder, GError **error);
/* The trailer's fields but for its signature, names in lower case; after finish. */
const Params *chunk_decoder_trailer(const ChunkDecoder *decoder);
