/* Bytes that grow: replies and canonical requests are written into one. {0} is an empty buffer.
 * The data comes from malloc, is not NUL-terminated unless buffer_text() asked for it, and is
 * freed by buffer_clear or handed over with buffer_steal. Allocation failure aborts. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <string.h>

typedef struct Buffer {
    char *data;
    size_t size;
    size_t capacity;
} Buffer;

/* At least n more bytes will fit. */
void buffer_grow(Buffer *buffer, size_t n);
void buffer_clear(Buffer *buffer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Buffer, buffer_clear)

/* Where the next n bytes go; add what was written to buffer->size. */
static inline char *buffer_reserve(Buffer *buffer, size_t n)
{
    if (buffer->capacity - buffer->size <= n) /* <=: data is not NULL afterwards, even for n 0 */
        buffer_grow(buffer, n);
    return buffer->data + buffer->size;
}

static inline void buffer_add(Buffer *buffer, const char *data, size_t n)
{
    char *end = buffer_reserve(buffer, n);
    if (n)
        memcpy(end, data, n);
    buffer->size += n;
}

static inline void buffer_add_text(Buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

static inline void buffer_add_char(Buffer *buffer, char c)
{
    *buffer_reserve(buffer, 1) = c;
    buffer->size++;
}

/* The bytes with a NUL behind them; valid until the next call. */
static inline const char *buffer_text(Buffer *buffer)
{
    *buffer_reserve(buffer, 1) = '\0';
    return buffer->data;
}

/* Hands the data over (free with g_free or free) and leaves the buffer empty. */
static inline char *buffer_steal(Buffer *buffer, size_t *ret_size)
{
    char *data = buffer->data;
    *ret_size = buffer->size;
    *buffer = (Buffer){0};
    return data;
}
