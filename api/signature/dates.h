/* Times as signatures and HTTP headers write them. Pure. */
#pragma once

#include "base/clock.h"

#define BASIC_TIME_SIZE 32

/* "20150830T123600Z" in buffer; returns it. */
char *basic_time_format(int64_t time, char buffer[BASIC_TIME_SIZE]);
/* That form and no other. */
bool basic_time_parse(const char *text, int64_t *ret_time);

/* A Date header in the three forms of RFC 9110 (section 5.6.7), of which the first may have a zone
 * such as "+0000" (RFC 5322), as old S3 clients write it. */
bool http_date_parse(const char *text, int64_t *ret_time);
