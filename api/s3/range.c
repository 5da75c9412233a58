/* One byte range. Invariant: what cannot be read is no range; numbers saturate. */
#include "api/s3/range.h"

#include <string.h>

/* Digits, as far as they go; false without any. What is too large is UINT64_MAX. */
static bool read_number(const char **text, uint64_t *ret_number)
{
    const char *at = *text;
    uint64_t number = 0;
    for (; g_ascii_isdigit(*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, digit, &number))
            number = UINT64_MAX;
    }
    if (at == *text)
        return false;
    *text = at;
    *ret_number = number;
    return true;
}

static RangeResult suffix(const char *text, uint64_t total, uint64_t *ret_first, uint64_t *ret_size)
{
    uint64_t last;
    if (!read_number(&text, &last) || *text)
        return RANGE_WHOLE;
    if (last == 0 || total == 0)
        return RANGE_UNSATISFIABLE;
    *ret_size = MIN(last, total);
    *ret_first = total - *ret_size;
    return RANGE_PART;
}

RangeResult range_read(const char *text, uint64_t total, uint64_t *ret_first, uint64_t *ret_size)
{
    static const char unit[] = "bytes=";
    if (!text || g_ascii_strncasecmp(text, unit, strlen(unit)) != 0)
        return RANGE_WHOLE;
    text += strlen(unit);
    if (*text == '-')
        return suffix(text + 1, total, ret_first, ret_size);

    uint64_t first, last = UINT64_MAX;
    if (!read_number(&text, &first) || *text++ != '-')
        return RANGE_WHOLE;
    if (*text && (!read_number(&text, &last) || *text || last < first))
        return RANGE_WHOLE;
    if (first >= total)
        return RANGE_UNSATISFIABLE;
    *ret_first = first;
    *ret_size = MIN(last, total - 1) - first + 1;
    return RANGE_PART;
}
