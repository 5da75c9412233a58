/* Invariant: reading never looks behind the end of what it was given. */
#include "cloud/ssh_wire.h"

#include <string.h>

void ssh_add_uint32(GByteArray *out, uint32_t value)
{
    uint32_t wire = GUINT32_TO_BE(value);
    g_byte_array_append(out, (const uint8_t *)&wire, sizeof(wire));
}

void ssh_add_string(GByteArray *out, const void *data, size_t size)
{
    ssh_add_uint32(out, (uint32_t)size);
    g_byte_array_append(out, data, (guint)size);
}

void ssh_add_text(GByteArray *out, const char *text)
{
    ssh_add_string(out, text, strlen(text));
}

void ssh_add_mpint(GByteArray *out, const uint8_t *data, size_t size)
{
    static const uint8_t zero = 0;
    while (size > 0 && data[0] == 0) {
        data++;
        size--;
    }
    bool pad = size > 0 && (data[0] & 0x80);
    ssh_add_uint32(out, (uint32_t)(size + pad));
    if (pad)
        g_byte_array_append(out, &zero, 1);
    if (size > 0)
        g_byte_array_append(out, data, (guint)size);
}

bool ssh_read_string(SshReader *reader, const uint8_t **ret_data, size_t *ret_size)
{
    uint32_t wire;
    if (reader->left < sizeof(wire))
        return false;
    memcpy(&wire, reader->data, sizeof(wire));
    size_t size = GUINT32_FROM_BE(wire);
    if (size > reader->left - sizeof(wire))
        return false;
    *ret_data = reader->data + sizeof(wire);
    *ret_size = size;
    reader->data += sizeof(wire) + size;
    reader->left -= sizeof(wire) + size;
    return true;
}
