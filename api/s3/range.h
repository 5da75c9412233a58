/* The Range header. Pure. Source: RFC 9110, 14; S3 serves one range and ignores what it cannot
 * read. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum RangeResult {
    RANGE_WHOLE,         /* no range, several, or none that can be read */
    RANGE_PART,          /* *ret_first and *ret_size are set */
    RANGE_UNSATISFIABLE, /* 416 */
} RangeResult;

/* Of an object with so many bytes; text NULL: no header. */
RangeResult range_read(const char *text, uint64_t total, uint64_t *ret_first, uint64_t *ret_size);
