/* PAX headers, read byte by byte as they come: the map of a fragmented image's holes has megabytes,
 * of which only the extents are kept.
 *
 * Invariant: no record is read beyond its header, and no value beyond its record. */
#include "imagestore/bundle_pax.h"

#include <string.h>

#define MAX_VALUE 4096 /* bytes, of what is looked at; names above all */

/* Bytes of a stream up to a border. */
typedef struct Reader {
    BundleStream *stream;
    uint64_t left;
} Reader;

static bool malformed(GError **error)
{
    return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                            "a PAX header of the archive in the bundle is malformed");
}

static bool next_byte(Reader *reader, char *ret_byte, GError **error)
{
    BundleStream *stream = reader->stream;
    if (reader->left == 0)
        return malformed(error);
    if (stream->rest_size == 0)
        return bundle_stream_take(stream, ret_byte, 1, error) && (reader->left--, true);
    *ret_byte = (char)*stream->rest++;
    stream->rest_size--;
    reader->left--;
    return true;
}

/* Digits, and the one byte behind them. */
static bool read_number(Reader *reader, uint64_t *ret_number, char *ret_behind, GError **error)
{
    uint64_t number = 0;
    char c;
    bool any = false;
    for (;; any = true) {
        if (!next_byte(reader, &c, error))
            return false;
        if (!g_ascii_isdigit(c))
            break;
        if (number > (INT64_MAX - 9) / 10)
            return malformed(error);
        number = 10 * number + (uint64_t)(c - '0');
    }
    if (!any)
        return malformed(error);
    *ret_number = number;
    *ret_behind = c;
    return true;
}

/* --- keywords --- */

static bool value_number(const char *value, uint64_t *ret_number, GError **error)
{
    char *end;
    uint64_t number = g_ascii_strtoull(value, &end, 10);
    if (!g_ascii_isdigit(value[0]) || *end || number > INT64_MAX)
        return malformed(error);
    *ret_number = number;
    return true;
}

static bool take_name(PaxHeader *pax, GArray *extents, const char *value, GError **error)
{
    return tar_check_name(value, error);
}

static bool take_size(PaxHeader *pax, GArray *extents, const char *value, GError **error)
{
    pax->has_size = true;
    return value_number(value, &pax->size, error);
}

static bool take_real_size(PaxHeader *pax, GArray *extents, const char *value, GError **error)
{
    pax->has_real_size = true;
    return value_number(value, &pax->real_size, error);
}

static bool take_major(PaxHeader *pax, GArray *extents, const char *value, GError **error)
{
    return value_number(value, &pax->major, error);
}

static bool take_minor(PaxHeader *pax, GArray *extents, const char *value, GError **error)
{
    return value_number(value, &pax->minor, error);
}

static bool take_count(PaxHeader *pax, GArray *extents, const char *value, GError **error)
{
    uint64_t count;
    pax->has_extents = true;
    return value_number(value, &count, error);
}

static bool take_offset(PaxHeader *pax, GArray *extents, const char *value, GError **error)
{
    if (pax->has_offset)
        return malformed(error);
    pax->has_offset = true;
    return value_number(value, &pax->offset, error);
}

static bool take_bytes(PaxHeader *pax, GArray *extents, const char *value, GError **error)
{
    uint64_t size;
    if (!pax->has_offset)
        return malformed(error);
    pax->has_offset = false;
    pax->has_extents = true;
    return value_number(value, &size, error) && tar_add_extent(extents, pax->offset, size, error);
}

typedef struct Keyword {
    const char *name;
    bool (*take)(PaxHeader *pax, GArray *extents, const char *value, GError **error);
} Keyword;

static const Keyword keywords[] = {
    {"path", take_name},
    {"size", take_size},
    {"GNU.sparse.name", take_name},
    {"GNU.sparse.major", take_major},
    {"GNU.sparse.minor", take_minor},
    {"GNU.sparse.size", take_real_size},
    {"GNU.sparse.realsize", take_real_size},
    {"GNU.sparse.numblocks", take_count},
    {"GNU.sparse.offset", take_offset},
    {"GNU.sparse.numbytes", take_bytes},
    {NULL},
};

#define MAP_KEYWORD "GNU.sparse.map" /* whose value is not held as a whole */

static const Keyword *find_keyword(const char *name)
{
    const Keyword *keyword = keywords;
    while (keyword->name && strcmp(keyword->name, name) != 0)
        keyword++;
    return keyword->name ? keyword : NULL;
}

/* --- records --- */

/* "OFFSET,SIZE,OFFSET,SIZE\n" to the end of the record. */
static bool read_map(Reader *record, PaxHeader *pax, GArray *extents, GError **error)
{
    uint64_t offset, size;
    char behind;
    pax->has_extents = true;
    while (record->left > 1) {
        if (!read_number(record, &offset, &behind, error))
            return false;
        if (behind != ',')
            return malformed(error);
        if (!read_number(record, &size, &behind, error) ||
            !tar_add_extent(extents, offset, size, error))
            return false;
        if (behind != ',')
            return (behind == '\n' && record->left == 0) || malformed(error);
    }
    return malformed(error);
}

static bool read_value(Reader *record, const Keyword *keyword, PaxHeader *pax, GArray *extents,
                       GError **error)
{
    if (record->left == 0 || record->left > MAX_VALUE)
        return malformed(error);
    size_t size = (size_t)record->left;
    g_autofree char *value = g_malloc(size);
    if (!bundle_stream_take(record->stream, value, size, error))
        return false;
    record->left = 0;
    if (value[size - 1] != '\n')
        return malformed(error);
    value[size - 1] = '\0';
    return keyword->take(pax, extents, value, error);
}

static bool skip_value(Reader *record, GError **error)
{
    uint64_t left = record->left;
    record->left = 0;
    return bundle_stream_skip(record->stream, left, error);
}

/* Up to the '='; a name that is longer than any that matters is cut off. */
static bool read_keyword(Reader *record, char name[PAX_MAX_KEYWORD], GError **error)
{
    size_t n = 0;
    char c;
    for (;;) {
        if (!next_byte(record, &c, error))
            return false;
        if (c == '=')
            break;
        if (n < PAX_MAX_KEYWORD - 1)
            name[n++] = c;
    }
    name[n] = '\0';
    return true;
}

static bool read_record(Reader *header, PaxHeader *pax, GArray *extents, GError **error)
{
    uint64_t length, before = header->left;
    char behind, name[PAX_MAX_KEYWORD];
    if (!read_number(header, &length, &behind, error))
        return false;
    uint64_t used = before - header->left;
    if (behind != ' ' || length <= used || length - used > header->left)
        return malformed(error);
    Reader record = {header->stream, length - used};
    header->left -= length - used;
    if (!read_keyword(&record, name, error))
        return false;
    const Keyword *keyword = find_keyword(name);
    if (keyword)
        return read_value(&record, keyword, pax, extents, error);
    if (strcmp(name, MAP_KEYWORD) == 0)
        return read_map(&record, pax, extents, error);
    return skip_value(&record, error);
}

bool pax_read(BundleStream *stream, uint64_t size, PaxHeader *pax, GArray *extents, GError **error)
{
    Reader header = {stream, size};
    if (size > PAX_MAX_SIZE)
        return malformed(error);
    while (header.left > 0)
        if (!read_record(&header, pax, extents, error))
            return false;
    return true;
}

/* --- the map of version 1.0 --- */

static bool read_line(Reader *reader, uint64_t *ret_number, GError **error)
{
    char behind;
    return read_number(reader, ret_number, &behind, error) && (behind == '\n' || malformed(error));
}

bool pax_read_map(BundleStream *stream, uint64_t most, GArray *extents, uint64_t *ret_size,
                  GError **error)
{
    Reader map = {stream, most};
    uint64_t n, offset, size;
    if (!read_line(&map, &n, error))
        return false;
    for (uint64_t i = 0; i < n; i++)
        if (!read_line(&map, &offset, error) || !read_line(&map, &size, error) ||
            !tar_add_extent(extents, offset, size, error))
            return false;
    uint64_t used = most - map.left, padding = bundle_tar_padding(used);
    if (padding > map.left)
        return malformed(error);
    *ret_size = used + padding;
    return bundle_stream_skip(stream, padding, error);
}
