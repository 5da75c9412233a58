/* Growth of buffers. Invariant: size <= capacity, and capacity doubles, so that writing n bytes
 * costs O(n) however small the pieces are. */
#include "api/buffer.h"

#define LEAST_CAPACITY 1024

void buffer_grow(Buffer *buffer, size_t n)
{
    g_assert(n < G_MAXSSIZE - buffer->size);
    size_t wanted = MAX(buffer->size + n + 1, buffer->capacity * 2);
    buffer->capacity = MAX(wanted, LEAST_CAPACITY);
    buffer->data = g_realloc(buffer->data, buffer->capacity);
}

void buffer_clear(Buffer *buffer)
{
    g_free(buffer->data);
    *buffer = (Buffer){0};
}
