/* The data types of the SSH wire format (RFC 4251, section 5), as key files are made of them. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void ssh_add_uint32(GByteArray *out, uint32_t value);
/* A length and the bytes. */
void ssh_add_string(GByteArray *out, const void *data, size_t size);
void ssh_add_text(GByteArray *out, const char *text);
/* A positive number of big-endian bytes: without leading zeros, but for the sign bit's sake. */
void ssh_add_mpint(GByteArray *out, const uint8_t *data, size_t size);

/* Reading: what is left of a buffer that somebody else owns. */
typedef struct SshReader {
    const uint8_t *data;
    size_t left;
} SshReader;

/* False when there is not that much left. The bytes are those of the buffer. */
bool ssh_read_string(SshReader *reader, const uint8_t **ret_data, size_t *ret_size);
