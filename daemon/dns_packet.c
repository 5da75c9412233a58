/* Invariants: nothing is read behind the message's end; a name in a question is never followed
 * through pointers, so reading takes time in proportion to the message; an answer fits into 512
 * bytes whatever was asked (a question has 259 at most, all else is of fixed size). */
#include "daemon/dns_packet.h"

#include <glib.h>
#include <string.h>

#define HEADER_SIZE 12
#define LABEL_MAX 63
#define POINTER 0xc0
#define TYPE_OPT 41
#define UDP_SIZE                                                                                   \
    1232 /* what may be sent here in one datagram: fits any path (DNS flag day 2020)               \
          */

/* Bits of the header's second word. */
#define FLAG_ANSWER 0x8000
#define FLAGS_OPCODE 0x7800
#define FLAG_AUTHORITATIVE 0x0400
#define FLAG_RECURSION_DESIRED 0x0100

/* ---- reading ---- */

typedef struct Reader {
    const uint8_t *data;
    size_t size, at;
} Reader;

static bool read_word(Reader *reader, uint16_t *ret_word)
{
    if (reader->size - reader->at < 2)
        return false;
    *ret_word = (uint16_t)(reader->data[reader->at] << 8 | reader->data[reader->at + 1]);
    reader->at += 2;
    return true;
}

static bool skip(Reader *reader, size_t n)
{
    if (reader->size - reader->at < n)
        return false;
    reader->at += n;
    return true;
}

static char plain(uint8_t byte)
{
    return g_ascii_isalnum(byte) || byte == '-' || byte == '_' ? (char)byte : '?';
}

/* No more than 255 bytes on the wire, which is 253 characters. */
static bool read_name(Reader *reader, char ret_name[DNS_NAME_SIZE])
{
    size_t begin = reader->at, n = 0;
    for (;;) {
        if (reader->at >= reader->size)
            return false;
        size_t label = reader->data[reader->at++];
        if (label == 0)
            break;
        if (label > LABEL_MAX || reader->size - reader->at < label ||
            reader->at + label - begin > DNS_NAME_SIZE - 2)
            return false;
        if (n > 0)
            ret_name[n++] = '.';
        for (size_t i = 0; i < label; i++)
            ret_name[n++] = plain(reader->data[reader->at++]);
    }
    ret_name[n] = '\0';
    return true;
}

/* Of a record that does not matter. */
static bool skip_name(Reader *reader)
{
    for (;;) {
        if (reader->at >= reader->size)
            return false;
        uint8_t label = reader->data[reader->at++];
        if (label == 0)
            return true;
        if ((label & POINTER) == POINTER)
            return skip(reader, 1);
        if (label > LABEL_MAX || !skip(reader, label))
            return false;
    }
}

/* OPT is the only one that says something. */
static bool read_record(Reader *reader, DnsQuestion *question, bool *ret_version_ok)
{
    size_t begin = reader->at;
    uint16_t type, class, extended_code, flags, n;
    if (!skip_name(reader) || !read_word(reader, &type) || !read_word(reader, &class) ||
        !read_word(reader, &extended_code) || !read_word(reader, &flags) ||
        !read_word(reader, &n) || !skip(reader, n))
        return false;
    if (type != TYPE_OPT)
        return true;
    if (question->extended || reader->data[begin] != 0)
        return false; /* twice, or not at the root */
    question->extended = true;
    *ret_version_ok = (extended_code & 0xff) == 0;
    return true;
}

static DnsCode read_body(Reader *reader, DnsQuestion *question)
{
    uint16_t questions, counts[3];
    bool version_ok = true;
    reader->at = 4;
    bool ok = read_word(reader, &questions);
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
        ok = ok && read_word(reader, &counts[i]);
    g_assert(ok); /* there is a header */
    if (question->flags & FLAGS_OPCODE)
        return DNS_NOT_IMPLEMENTED;
    if (questions != 1 || !read_name(reader, question->name) ||
        !read_word(reader, &question->type) || !read_word(reader, &question->class))
        return DNS_FORMAT_ERROR;
    question->section_size = reader->at - HEADER_SIZE;
    memcpy(question->section, reader->data + HEADER_SIZE, question->section_size);
    unsigned records = (unsigned)counts[0] + counts[1] + counts[2];
    for (unsigned i = 0; i < records; i++) {
        if (!read_record(reader, question, &version_ok))
            return DNS_FORMAT_ERROR;
    }
    return version_ok ? DNS_OK : DNS_BAD_VERSION;
}

bool dns_read(const uint8_t *message, size_t size, DnsQuestion *ret_question)
{
    Reader reader = {message, size, 0};
    *ret_question = (DnsQuestion){0};
    if (size < HEADER_SIZE || !read_word(&reader, &ret_question->id) ||
        !read_word(&reader, &ret_question->flags) || (ret_question->flags & FLAG_ANSWER))
        return false;
    ret_question->code = read_body(&reader, ret_question);
    return true;
}

/* ---- writing ---- */

typedef struct Writer {
    uint8_t *data;
    size_t size;
} Writer;

static void write_bytes(Writer *writer, const void *bytes, size_t n)
{
    g_assert(n <= DNS_ANSWER_SIZE - writer->size);
    memcpy(writer->data + writer->size, bytes, n);
    writer->size += n;
}

static void write_word(Writer *writer, unsigned word)
{
    write_bytes(writer, (const uint8_t[]){(uint8_t)(word >> 8), (uint8_t)word}, 2);
}

static void write_long(Writer *writer, uint32_t value)
{
    write_word(writer, value >> 16);
    write_word(writer, value & 0xffff);
}

/* A name of the question, from a place of its text on: places are the same there, since each dot
 * stands where a length does, one behind. */
static void write_pointer(Writer *writer, size_t place)
{
    write_word(writer, POINTER << 8 | (unsigned)(HEADER_SIZE + place));
}

static void write_record(Writer *writer, size_t place, unsigned type, uint32_t seconds,
                         unsigned size)
{
    write_pointer(writer, place);
    write_word(writer, type);
    write_word(writer, DNS_CLASS_IN);
    write_long(writer, seconds);
    write_word(writer, size);
}

static void write_soa(Writer *writer, const DnsAnswer *answer)
{
    static const char mailbox[] = "\x0ahostmaster";
    const uint32_t numbers[] = {1, 3600, 600, 86400, answer->seconds};
    unsigned size = 2 + (sizeof(mailbox) - 1) + 2 + sizeof(numbers);
    write_record(writer, answer->domain, DNS_TYPE_SOA, answer->seconds, size);
    write_pointer(writer, answer->domain);
    write_bytes(writer, mailbox, sizeof(mailbox) - 1);
    write_pointer(writer, answer->domain);
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        write_long(writer, numbers[i]);
}

static void write_opt(Writer *writer, DnsCode code)
{
    write_bytes(writer, "", 1);
    write_word(writer, TYPE_OPT);
    write_word(writer, UDP_SIZE);
    write_word(writer, (unsigned)code >> 4 << 8);
    write_word(writer, 0);
    write_word(writer, 0);
}

size_t dns_write(const DnsQuestion *question, const DnsAnswer *answer,
                 uint8_t ret_message[DNS_ANSWER_SIZE])
{
    Writer writer = {ret_message, 0};
    bool has_question = question->section_size > 0;
    bool has_soa = has_question && answer->has_domain;
    unsigned records = (answer->has_address && has_question) + (has_soa && answer->is_domain);
    write_word(&writer, question->id);
    write_word(&writer, FLAG_ANSWER | (answer->authoritative ? FLAG_AUTHORITATIVE : 0) |
                            (question->flags & (FLAGS_OPCODE | FLAG_RECURSION_DESIRED)) |
                            ((unsigned)answer->code & 0xf));
    write_word(&writer, has_question);
    write_word(&writer, records);
    write_word(&writer, has_soa && !answer->is_domain);
    write_word(&writer, question->extended);
    if (has_question)
        write_bytes(&writer, question->section, question->section_size);
    if (has_question && answer->has_address) {
        write_record(&writer, 0, DNS_TYPE_A, answer->seconds, sizeof(uint32_t));
        write_long(&writer, answer->address);
    }
    if (has_soa)
        write_soa(&writer, answer);
    if (question->extended)
        write_opt(&writer, answer->code);
    return writer.size;
}
