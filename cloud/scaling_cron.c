/* Cron expressions. Invariant: fields are sets of bits, so what is due is a matter of looking. */
#include "cloud/scaling_cron.h"

#include "base/clock.h"
#include <string.h>

#define DAYS_AHEAD (4 * 366)

typedef struct Cron {
    uint64_t minutes, hours, days, months, weekdays;
    bool any_day, any_weekday; /* the field is * */
} Cron;

typedef struct CronField {
    unsigned min, max;
    const char *const *names; /* of min and those that follow; may be NULL */
} CronField;

static const char *const month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL",
                                          "AUG", "SEP", "OCT", "NOV", "DEC", NULL};
static const char *const day_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL};

static bool read_number(const CronField *field, const char **at, unsigned *ret_value)
{
    for (unsigned i = 0; field->names && field->names[i]; i++) {
        if (g_ascii_strncasecmp(*at, field->names[i], 3) == 0) {
            *at += 3;
            *ret_value = field->min + i;
            return true;
        }
    }
    if (!g_ascii_isdigit(**at))
        return false;
    unsigned value = 0;
    while (g_ascii_isdigit(**at) && value < 1000)
        value = 10 * value + (unsigned)(*(*at)++ - '0');
    *ret_value = value;
    return value >= field->min && value <= field->max;
}

/* "*", "5", "1-5", each with "/2" behind it or not. */
static bool read_item(const CronField *field, const char *item, uint64_t *bits)
{
    unsigned from = field->min, to = field->max, step = 1;
    const char *at = item;
    bool all = *at == '*';
    if (all) {
        at++;
    } else {
        if (!read_number(field, &at, &from))
            return false;
        to = *at == '/' ? field->max : from;
        if (*at == '-') {
            at++;
            if (!read_number(field, &at, &to) || to < from)
                return false;
        }
    }
    if (*at == '/') {
        const CronField steps = {1, field->max, NULL};
        at++;
        if (!read_number(&steps, &at, &step))
            return false;
    }
    for (unsigned i = from; i <= to; i += step)
        *bits |= UINT64_C(1) << i;
    return *at == '\0';
}

static bool read_field(const CronField *field, const char *text, uint64_t *ret_bits)
{
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    uint64_t bits = 0;
    for (char **item = items; *item; item++)
        if (!read_item(field, *item, &bits))
            return false;
    *ret_bits = bits;
    return bits != 0;
}

static bool cron_parse(const char *expression, Cron *ret_cron)
{
    static const CronField fields[] = {
        {0, 59, NULL}, {0, 23, NULL}, {1, 31, NULL}, {1, 12, month_names}, {0, 7, day_names}};
    Cron cron = {0};
    uint64_t *const bits[] = {&cron.minutes, &cron.hours, &cron.days, &cron.months, &cron.weekdays};
    g_autofree char *spaced = g_strstrip(g_strdup(expression));
    g_auto(GStrv) words = g_strsplit_set(spaced, " \t", -1);
    size_t n = 0;
    for (char **word = words; *word; word++) {
        if (!**word)
            continue;
        if (n == G_N_ELEMENTS(fields) || !read_field(&fields[n], *word, bits[n]))
            return false;
        if (n == 2)
            cron.any_day = **word == '*';
        if (n == 4)
            cron.any_weekday = **word == '*';
        n++;
    }
    if (cron.weekdays & UINT64_C(1) << 7) /* Sunday again */
        cron.weekdays |= 1;
    *ret_cron = cron;
    return n == G_N_ELEMENTS(fields);
}

bool cron_is_valid(const char *expression)
{
    Cron cron;
    return cron_parse(expression, &cron);
}

bool cron_time_zone_is_known(const char *time_zone)
{
    g_autoptr(GTimeZone) zone = time_zone ? g_time_zone_new_identifier(time_zone) : NULL;
    return !time_zone || zone;
}

static bool has(uint64_t bits, int number)
{
    return bits >> number & 1;
}

static bool is_day(const Cron *cron, GDateTime *day)
{
    if (!has(cron->months, g_date_time_get_month(day)))
        return false;
    bool of_month = has(cron->days, g_date_time_get_day_of_month(day));
    bool of_week = has(cron->weekdays, g_date_time_get_day_of_week(day) % 7);
    if (cron->any_day || cron->any_weekday)
        return of_month && of_week;
    return of_month || of_week;
}

/* The first time of that day after `after`, in seconds; 0: none. */
static int64_t first_of_day(const Cron *cron, GTimeZone *zone, GDateTime *day, int64_t after)
{
    for (int hour = 0; hour < 24; hour++) {
        if (!has(cron->hours, hour))
            continue;
        for (int minute = 0; minute < 60; minute++) {
            if (!has(cron->minutes, minute))
                continue;
            g_autoptr(GDateTime) time =
                g_date_time_new(zone, g_date_time_get_year(day), g_date_time_get_month(day),
                                g_date_time_get_day_of_month(day), hour, minute, 0);
            if (time && g_date_time_to_unix(time) > after)
                return g_date_time_to_unix(time);
        }
    }
    return 0;
}

int64_t cron_next(const char *expression, const char *time_zone, int64_t after)
{
    Cron cron;
    g_autoptr(GTimeZone) named = time_zone ? g_time_zone_new_identifier(time_zone) : NULL;
    g_autoptr(GTimeZone) zone = named ? g_time_zone_ref(named) : g_time_zone_new_utc();
    if (!cron_parse(expression, &cron))
        return 0;
    int64_t seconds = after / CLOCK_SECOND;
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
    g_autoptr(GDateTime) day = utc ? g_date_time_to_timezone(utc, zone) : NULL;
    for (int i = 0; day && i < DAYS_AHEAD; i++) {
        if (is_day(&cron, day)) {
            int64_t found = first_of_day(&cron, zone, day, seconds);
            if (found)
                return found * CLOCK_SECOND;
        }
        GDateTime *next = g_date_time_add_days(day, 1);
        g_date_time_unref(day);
        day = next;
    }
    return 0;
}
