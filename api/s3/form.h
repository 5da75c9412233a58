/* POST object's body: multipart/form-data, read as it comes. Fields are kept, up to the part named
 * "file"; its bytes are handed on; what is behind it is ignored.
 *
 * Total: any bytes may come in. Sources: "POST Object" (Amazon S3 API Reference), RFC 7578, RFC
 * 2046 section 5.1. One thread at a time. */
#pragma once

#include "api/query.h"
#include <stdint.h>

#define FORM_MAX_FIELDS_SIZE (20 * 1024) /* bytes before the file's first, as AWS has it */

typedef struct FormDecoder FormDecoder;

typedef struct FormEvents {
    /* The fields are complete and the file begins: called once, before any bytes. False (with
     * *error set) ends the reading. */
    bool (*begin)(void *data, GError **error);
    /* The file's bytes. They count only if the whole body turns out to be right. */
    void (*bytes)(void *data, const char *bytes, size_t size);
} FormEvents;

/* Faults RequestIsNotMultiPartContent, MalformedPOSTRequest (no boundary). events and data are
 * borrowed. Lives in the arena but for what form_decoder_free frees. */
bool form_decoder_new(Arena *arena, const char *content_type, const FormEvents *events, void *data,
                      FormDecoder **ret_decoder, GError **error);
void form_decoder_free(FormDecoder *decoder); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FormDecoder, form_decoder_free)

/* Faults MalformedPOSTRequest, MaxPostPreDataLengthExceededError, InvalidArgument (a field comes
 * twice: the policy would cover one of them only), and begin's. After one of them
 * nothing more is taken. */
bool form_decoder_feed(FormDecoder *decoder, const char *bytes, size_t size, GError **error);
/* The body is over. Faults MalformedPOSTRequest when it is not all there, InvalidArgument when
 * there was no file. */
bool form_decoder_finish(FormDecoder *decoder, GError **error);

/* From begin on: the fields, names in lower case, with the file's name for ${filename}. */
const Params *form_decoder_fields(const FormDecoder *decoder);
/* The file's name as the browser has it, without a path; "" without. */
const char *form_decoder_filename(const FormDecoder *decoder);
