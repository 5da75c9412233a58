/* Times of signatures and headers. Invariant: pure; no locale has a say. */
#include "api/signature/dates.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

char *basic_time_format(int64_t time, char buffer[BASIC_TIME_SIZE])
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(time, text);
    snprintf(buffer, BASIC_TIME_SIZE, "%.4s%.2s%.5s%.2s%.2sZ", text, text + 5, text + 8, text + 14,
             text + 17);
    return buffer;
}

bool basic_time_parse(const char *text, int64_t *ret_time)
{
    return strlen(text) == strlen("20150830T123600Z") && text[8] == 'T' &&
           clock_parse(text, ret_time);
}

static bool month_parse(const char *name, int *ret_month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++) {
        if (strlen(name) == 3 && g_ascii_strncasecmp(name, names + 3 * i, 3) == 0) {
            *ret_month = i;
            return true;
        }
    }
    return false;
}

/* What follows a time: nothing, " GMT" or " +0100". */
static bool zone_parse(const char *text, int64_t *ret_seconds)
{
    char sign[2];
    unsigned hours, minutes;
    int end = 0;
    text += strspn(text, " ");
    *ret_seconds = 0;
    if (!*text || g_ascii_strcasecmp(text, "GMT") == 0 || g_ascii_strcasecmp(text, "UTC") == 0 ||
        strcmp(text, "Z") == 0)
        return true;
    if (sscanf(text, "%1[+-]%2u%2u%n", sign, &hours, &minutes, &end) != 3 || text[end] ||
        hours > 23 || minutes > 59)
        return false;
    *ret_seconds = (int64_t)(hours * 3600 + minutes * 60) * (*sign == '-' ? -1 : 1);
    return true;
}

static bool time_of(struct tm *tm, int year, const char *month, int64_t offset, int64_t *ret_time)
{
    if (!month_parse(month, &tm->tm_mon) || year < 1970 || year > 9999 || tm->tm_mday < 1 ||
        tm->tm_mday > 31 || tm->tm_hour < 0 || tm->tm_hour > 23 || tm->tm_min < 0 ||
        tm->tm_min > 59 || tm->tm_sec < 0 || tm->tm_sec > 60)
        return false;
    tm->tm_year = year - 1900;
    *ret_time = ((int64_t)timegm(tm) - offset) * CLOCK_SECOND;
    return true;
}

bool http_date_parse(const char *text, int64_t *ret_time)
{
    struct tm tm = {0};
    char month[4] = "";
    int year, end = 0;
    int64_t offset = 0;
    if (sscanf(text, "%*[A-Za-z], %2d %3s %4d %2d:%2d:%2d%n", &tm.tm_mday, month, &year,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) == 6)
        return zone_parse(text + end, &offset) && time_of(&tm, year, month, offset, ret_time);
    if (sscanf(text, "%*[A-Za-z], %2d-%3s-%2d %2d:%2d:%2d%n", &tm.tm_mday, month, &year,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) == 6)
        return zone_parse(text + end, &offset) &&
               time_of(&tm, year + (year < 70 ? 2000 : 1900), month, offset, ret_time);
    if (sscanf(text, "%*[A-Za-z] %3s %2d %2d:%2d:%2d %4d%n", month, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &year, &end) == 6)
        return !text[end] && time_of(&tm, year, month, 0, ret_time);
    return false;
}
