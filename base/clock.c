/* The time: the kernel's, a multiple of the kernel's or of another clock's, or one that a test
 * moves.
 *
 * Invariant of a clock that can be moved (a manual one, or one whose speed changes): who waits is
 * in `waiters` from before it lets go of its own mutex until after it has woken, so a move either
 * is seen by the waiter's check of the deadline or finds the waiter in the list and wakes it. Lock
 * order: the waiter's mutex, then `lock`; a move therefore never holds `lock` while it takes a
 * waiter's mutex, and instead pins the waiter, which does not return (its cond and mutex may then
 * go away) before it is unpinned. A following clock's `lock` comes before its base's. */
#include "base/clock.h"

/* No wait is longer: what is further away wakes spuriously once a month. */
#define LONGEST_WAIT (30 * CLOCK_DAY)

struct Clock {
    double speed; /* 0: manual, or following */
    int64_t start;
    int64_t start_monotonic;

    Clock *base;    /* NULL: it follows none */
    GMutex lock;    /* over all below, which only clocks that can be moved use */
    ClockMark mark; /* of a following one */
    int64_t now;    /* of a manual one */
    uint64_t advances;
    GQueue waiters;
    GCond unpinned;
};

typedef struct Waiter {
    GList link; /* data is the Waiter */
    GCond *cond;
    GMutex *mutex;
    uint64_t advances; /* the last one that it knows of */
    unsigned pins;
} Waiter;

Clock *clock_new(double speed)
{
    g_assert(speed > 0);
    Clock *clock = g_new0(Clock, 1);
    clock->speed = speed;
    clock->start = g_get_real_time();
    clock->start_monotonic = g_get_monotonic_time();
    return clock;
}

static Clock *new_movable(void)
{
    Clock *clock = g_new0(Clock, 1);
    g_mutex_init(&clock->lock);
    g_cond_init(&clock->unpinned);
    g_queue_init(&clock->waiters);
    return clock;
}

Clock *clock_new_manual(int64_t start)
{
    Clock *clock = new_movable();
    clock->now = start;
    return clock;
}

Clock *clock_new_following(Clock *base, const ClockMark *mark)
{
    int64_t now = clock_now(base);
    Clock *clock = new_movable();
    clock->base = base;
    clock->mark = mark ? *mark : (ClockMark){.base = now, .shown = now, .speed = 1};
    return clock;
}

static bool is_movable(const Clock *clock)
{
    return !(clock->speed > 0);
}

/* lock is held. */
static int64_t shown_now(const Clock *clock)
{
    if (!clock->base)
        return clock->now;
    const ClockMark *mark = &clock->mark;
    return mark->shown + (int64_t)((double)(clock_now(clock->base) - mark->base) * mark->speed);
}

void clock_free(Clock *clock)
{
    if (!clock)
        return;
    if (is_movable(clock)) {
        g_assert(clock->waiters.length == 0);
        g_mutex_clear(&clock->lock);
        g_cond_clear(&clock->unpinned);
    }
    g_free(clock);
}

int64_t clock_now(Clock *clock)
{
    if (is_movable(clock)) {
        G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&clock->lock);
        return shown_now(clock);
    }
    /* The real clock follows what the administrator sets; a faster one cannot. */
    if (clock->speed >= 1.0 && clock->speed <= 1.0)
        return g_get_real_time();
    int64_t passed = g_get_monotonic_time() - clock->start_monotonic;
    return clock->start + (int64_t)((double)passed * clock->speed);
}

static Waiter *waiter_not_told(Clock *clock)
{
    for (GList *link = clock->waiters.head; link; link = link->next) {
        Waiter *waiter = link->data;
        if (waiter->advances < clock->advances)
            return waiter;
    }
    return NULL;
}

/* The clock was moved; lock is held, and let go of meanwhile. */
static void wake_waiters(Clock *clock)
{
    clock->advances++;
    for (Waiter *waiter; (waiter = waiter_not_told(clock));) {
        waiter->advances = clock->advances;
        waiter->pins++;
        g_mutex_unlock(&clock->lock);

        /* Its mutex is free only once it really waits, so the broadcast is not lost. */
        g_mutex_lock(waiter->mutex);
        g_cond_broadcast(waiter->cond);
        g_mutex_unlock(waiter->mutex);

        g_mutex_lock(&clock->lock);
        if (--waiter->pins == 0)
            g_cond_broadcast(&clock->unpinned);
    }
}

void clock_advance(Clock *clock, int64_t by)
{
    g_assert(is_movable(clock) && !clock->base && by >= 0);
    g_mutex_lock(&clock->lock);
    clock->now += by;
    wake_waiters(clock);
    g_mutex_unlock(&clock->lock);
}

void clock_set_speed(Clock *clock, double speed)
{
    g_assert(clock->base && speed > 0);
    g_mutex_lock(&clock->lock);
    clock->mark = (ClockMark){
        .base = clock_now(clock->base),
        .shown = shown_now(clock),
        .speed = speed,
    };
    wake_waiters(clock);
    g_mutex_unlock(&clock->lock);
}

ClockMark clock_mark(Clock *clock)
{
    g_assert(clock->base);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&clock->lock);
    return clock->mark;
}

/* What a following clock's base shows when it shows deadline itself; lock is held. */
static int64_t base_deadline(const Clock *clock, int64_t deadline)
{
    const ClockMark *mark = &clock->mark;
    double away = ((double)deadline - (double)mark->shown) / mark->speed;
    return away < (double)(INT64_MAX / 2) ? mark->base + (int64_t)away + 1 : INT64_MAX;
}

static bool wait_movable(Clock *clock, GCond *cond, GMutex *mutex, int64_t deadline)
{
    Waiter waiter = {.cond = cond, .mutex = mutex};
    waiter.link.data = &waiter;

    g_mutex_lock(&clock->lock);
    if (shown_now(clock) >= deadline) {
        g_mutex_unlock(&clock->lock);
        return false;
    }
    int64_t until = clock->base ? base_deadline(clock, deadline) : 0;
    waiter.advances = clock->advances;
    g_queue_push_tail_link(&clock->waiters, &waiter.link);
    g_mutex_unlock(&clock->lock);

    if (clock->base)
        clock_wait_until(clock->base, cond, mutex, until);
    else
        g_cond_wait(cond, mutex);

    g_mutex_lock(&clock->lock);
    bool pinned = waiter.pins > 0;
    if (pinned) {
        g_mutex_unlock(mutex);
        while (waiter.pins > 0)
            g_cond_wait(&clock->unpinned, &clock->lock);
    }
    g_queue_unlink(&clock->waiters, &waiter.link);
    bool early = shown_now(clock) < deadline;
    g_mutex_unlock(&clock->lock);
    if (pinned)
        g_mutex_lock(mutex);
    return early;
}

bool clock_wait_until(Clock *clock, GCond *cond, GMutex *mutex, int64_t deadline)
{
    if (deadline == INT64_MAX) {
        g_cond_wait(cond, mutex);
        return true;
    }
    if (is_movable(clock))
        return wait_movable(clock, cond, mutex, deadline);

    int64_t now = clock_now(clock);
    if (now >= deadline)
        return false;
    double real = ((double)deadline - (double)now) / clock->speed;
    /* One more microsecond, lest a rounded-down wait ends just before the deadline. */
    int64_t wait = real < (double)LONGEST_WAIT ? (int64_t)real + 1 : LONGEST_WAIT;
    if (g_cond_wait_until(cond, mutex, g_get_monotonic_time() + wait))
        return true;
    return clock_now(clock) < deadline;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back; years begin in March so
 * that the leap day comes last. (gmtime_r takes a process-wide lock, timegm too.) */
static int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void date_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *ret_day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *ret_month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

/* Exactly n digits, the lowest ones; returns what follows them. (Not printf: describe replies hold
 * thousands of times.) */
static char *put_digits(char *at, unsigned value, int n)
{
    for (int i = n; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + n;
}

static char *put_char(char *at, char c)
{
    *at = c;
    return at + 1;
}

char *clock_format(int64_t time, char buffer[CLOCK_TEXT_SIZE])
{
    int64_t days = time / CLOCK_DAY;
    int64_t rest = time % CLOCK_DAY;
    if (rest < 0) {
        rest += CLOCK_DAY;
        days--;
    }
    int64_t year;
    int month, day;
    date_from_days(days, &year, &month, &day);
    unsigned ms = (unsigned)(rest / 1000);
    char *at = put_char(put_digits(buffer, (unsigned)year, 4), '-');
    at = put_char(put_digits(at, (unsigned)month, 2), '-');
    at = put_char(put_digits(at, (unsigned)day, 2), 'T');
    at = put_char(put_digits(at, ms / 3600000, 2), ':');
    at = put_char(put_digits(at, ms / 60000 % 60, 2), ':');
    at = put_char(put_digits(at, ms / 1000 % 60, 2), '.');
    at = put_char(put_digits(at, ms % 1000, 3), 'Z');
    *at = '\0';
    return buffer;
}

/* Exactly n digits; moves *text on. */
static bool take_digits(const char **text, int n, int *ret_value)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        if (!g_ascii_isdigit((*text)[i]))
            return false;
        value = value * 10 + ((*text)[i] - '0');
    }
    *text += n;
    *ret_value = value;
    return true;
}

static bool take_char(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

static bool take_date(const char **text, int64_t *ret_days)
{
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!take_digits(text, 4, &year))
        return false;
    bool extended = take_char(text, '-');
    if (!take_digits(text, 2, &month) || (extended && !take_char(text, '-')) ||
        !take_digits(text, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1])
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month == 2 && day == 29 && !leap)
        return false;
    *ret_days = days_from_date(year, month, day);
    return true;
}

static int64_t take_fraction(const char **text)
{
    int64_t fraction = 0;
    for (int64_t unit = CLOCK_SECOND / 10; g_ascii_isdigit(**text); unit /= 10)
        fraction += unit * (*(*text)++ - '0');
    return fraction;
}

/* hh:mm, hhmm, with seconds and their fraction where there are any. */
static bool take_time(const char **text, int64_t *ret_time)
{
    int hour, minute, second = 0;
    int64_t fraction = 0;
    if (!take_digits(text, 2, &hour))
        return false;
    bool extended = take_char(text, ':');
    if (!take_digits(text, 2, &minute))
        return false;
    if (extended ? take_char(text, ':') : g_ascii_isdigit(**text)) {
        if (!take_digits(text, 2, &second))
            return false;
        if (**text == '.' || **text == ',') {
            (*text)++;
            if (!g_ascii_isdigit(**text))
                return false;
            fraction = take_fraction(text);
        }
    }
    if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second */
        return false;
    *ret_time = (hour * 3600 + minute * 60 + second) * CLOCK_SECOND + fraction;
    return true;
}

/* Z, +hh, +hhmm, +hh:mm, or nothing, which is Z. */
static bool take_zone(const char **text, int64_t *ret_offset)
{
    *ret_offset = 0;
    if (**text == '\0' || take_char(text, 'Z') || take_char(text, 'z'))
        return true;
    int sign = **text == '+' ? 1 : **text == '-' ? -1 : 0;
    int hour, minute = 0;
    if (!sign)
        return false;
    (*text)++;
    if (!take_digits(text, 2, &hour))
        return false;
    if ((take_char(text, ':') || **text) && !take_digits(text, 2, &minute))
        return false;
    if (hour > 23 || minute > 59)
        return false;
    *ret_offset = sign * (hour * 3600 + minute * 60) * CLOCK_SECOND;
    return true;
}

bool clock_parse(const char *text, int64_t *ret_time)
{
    int64_t days, time, offset;
    if (!text || !take_date(&text, &days) || !(take_char(&text, 'T') || take_char(&text, 't')) ||
        !take_time(&text, &time) || !take_zone(&text, &offset) || *text)
        return false;
    *ret_time = days * CLOCK_DAY + time - offset;
    return true;
}
