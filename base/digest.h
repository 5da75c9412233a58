/* Digests and encodings, over OpenSSL and GLib. Pure, thread-safe. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA1_SIZE 20
#define MD5_SIZE 16

typedef enum DigestKind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256 } DigestKind;

size_t digest_size(DigestKind kind);
/* out has digest_size(kind) bytes. */
void digest(DigestKind kind, const void *data, size_t size, uint8_t *out);
void digest_hmac(DigestKind kind, const void *key, size_t key_size, const void *data, size_t size,
                 uint8_t *out);
/* Lower-case hexadecimal of n bytes with a NUL: out has 2n + 1 bytes. */
void hex_encode(const uint8_t *data, size_t n, char *out);
/* True when both are equal; takes the same time wherever they differ. NULL equals nothing. */
bool constant_time_equal(const char *a, const char *b);
/* Strict base64: white space is skipped, anything else odd is refused. Free with g_free. */
bool base64_decode(const char *text, size_t size, uint8_t **ret_data, size_t *ret_size);
/* n random bytes from the kernel. */
void random_bytes(void *out, size_t n);
