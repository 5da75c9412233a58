/* base/clock.h: real, fast and manual clocks; ISO 8601 both ways. */
#include "tests/unit/unit.h"
#include "base/clock.h"

typedef struct Wait {
    Clock *clock;
    GMutex mutex;
    GCond cond;
    int64_t deadline;
    bool in_time; /* what clock_wait_until answered last */
    bool stop;
} Wait;

static void wait_init(Wait *wait, Clock *clock, int64_t deadline)
{
    *wait = (Wait){.clock = clock, .deadline = deadline, .in_time = true};
    g_mutex_init(&wait->mutex);
    g_cond_init(&wait->cond);
}

static void wait_clear(Wait *wait)
{
    g_mutex_clear(&wait->mutex);
    g_cond_clear(&wait->cond);
}

/* Until the deadline has passed or stop is set. */
static void *wait_thread(void *data)
{
    Wait *wait = data;
    g_mutex_lock(&wait->mutex);
    while (wait->in_time && !wait->stop)
        wait->in_time = clock_wait_until(wait->clock, &wait->cond, &wait->mutex, wait->deadline);
    g_mutex_unlock(&wait->mutex);
    return NULL;
}

static bool wait_once(Clock *clock, int64_t deadline)
{
    Wait wait;
    wait_init(&wait, clock, deadline);
    g_mutex_lock(&wait.mutex);
    bool in_time = clock_wait_until(clock, &wait.cond, &wait.mutex, deadline);
    g_mutex_unlock(&wait.mutex);
    wait_clear(&wait);
    return in_time;
}

static void real_clock_is_the_systems(void **state)
{
    g_autoptr(Clock) clock = clock_new(1.0);
    int64_t before = g_get_real_time();
    int64_t now = clock_now(clock);
    assert_true(before <= now && now <= g_get_real_time());
}

static void fast_clock_starts_now_and_runs_faster(void **state)
{
    int64_t start = g_get_real_time();
    g_autoptr(Clock) clock = clock_new(1e6);
    while (clock_now(clock) < start + 3600 * CLOCK_SECOND)
        g_thread_yield();
    assert_true(g_get_real_time() - start < 3600 * CLOCK_SECOND);
}

static void manual_clock_stands_until_advanced(void **state)
{
    g_autoptr(Clock) clock = clock_new_manual(100);
    assert_int_equal(clock_now(clock), 100);
    clock_advance(clock, 5);
    assert_int_equal(clock_now(clock), 105);
}

static void expired_wait_returns_false(void **state)
{
    g_autoptr(Clock) real = clock_new(1.0);
    g_autoptr(Clock) manual = clock_new_manual(100);
    assert_false(wait_once(real, clock_now(real) - 1));
    assert_false(wait_once(real, INT64_MIN));
    assert_false(wait_once(manual, 100));
}

static void real_wait_ends_at_its_deadline(void **state)
{
    g_autoptr(Clock) clock = clock_new(1.0);
    int64_t deadline = clock_now(clock) + 2000;
    while (wait_once(clock, deadline))
        continue;
    assert_true(clock_now(clock) >= deadline);
}

static void fast_wait_is_scaled(void **state)
{
    g_autoptr(Clock) clock = clock_new(1e6);
    int64_t start = g_get_monotonic_time();
    int64_t deadline = clock_now(clock) + 3600 * CLOCK_SECOND;
    while (wait_once(clock, deadline))
        continue;
    assert_true(clock_now(clock) >= deadline);
    assert_true(g_get_monotonic_time() - start < 60 * CLOCK_SECOND);
}

static void signal_ends_a_wait_in_time(void **state)
{
    g_autoptr(Clock) clock = clock_new_manual(0);
    Wait wait;
    wait_init(&wait, clock, INT64_MAX);
    GThread *thread = g_thread_new("wait", wait_thread, &wait);
    g_mutex_lock(&wait.mutex);
    wait.stop = true;
    g_cond_signal(&wait.cond);
    g_mutex_unlock(&wait.mutex);
    g_thread_join(thread);
    assert_true(wait.in_time);
    wait_clear(&wait);
}

static void advance_wakes_every_waiter(void **state)
{
    g_autoptr(Clock) clock = clock_new_manual(0);
    Wait waits[8];
    GThread *threads[8];
    for (int i = 0; i < 8; i++) {
        wait_init(&waits[i], clock, 10 + i);
        threads[i] = g_thread_new("wait", wait_thread, &waits[i]);
    }
    clock_advance(clock, 100);
    for (int i = 0; i < 8; i++) {
        g_thread_join(threads[i]);
        assert_false(waits[i].in_time);
        wait_clear(&waits[i]);
    }
}

static void following_clock_goes_on_when_its_speed_changes(void **state)
{
    g_autoptr(Clock) base = clock_new_manual(1000);
    g_autoptr(Clock) clock = clock_new_following(base, NULL);
    assert_true(clock_now(clock) == 1000);
    clock_set_speed(clock, 60);
    assert_true(clock_now(clock) == 1000);
    clock_advance(base, 10);
    assert_true(clock_now(clock) == 1600);
    clock_set_speed(clock, 1);
    clock_advance(base, 10);
    assert_true(clock_now(clock) == 1610);
    const ClockMark mark = clock_mark(clock);
    g_autoptr(Clock) later = clock_new_following(base, &mark);
    assert_true(clock_now(later) == 1610);
}

static void following_clock_wakes_when_it_gets_faster(void **state)
{
    g_autoptr(Clock) base = clock_new(1);
    g_autoptr(Clock) clock = clock_new_following(base, NULL);
    Wait wait;
    /* An hour: only a faster clock gets there before this test's patience ends. */
    wait_init(&wait, clock, clock_now(clock) + 3600 * CLOCK_SECOND);
    GThread *thread = g_thread_new("wait", wait_thread, &wait);
    clock_set_speed(clock, 1e6);
    g_thread_join(thread);
    assert_false(wait.in_time);
    wait_clear(&wait);
}

static void following_clock_wakes_with_its_base(void **state)
{
    g_autoptr(Clock) base = clock_new_manual(0);
    g_autoptr(Clock) clock = clock_new_following(base, NULL);
    clock_set_speed(clock, 10);
    Wait wait;
    wait_init(&wait, clock, 95);
    GThread *thread = g_thread_new("wait", wait_thread, &wait);
    clock_advance(base, 11);
    g_thread_join(thread);
    assert_false(wait.in_time);
    wait_clear(&wait);
}

/* The waiter's cond and mutex go away as soon as it has woken, on its own stack. */
static void *wait_on_own_stack(void *data)
{
    Clock *clock = data;
    for (int64_t i = 1; i <= 500; i++) {
        while (wait_once(clock, i))
            continue;
    }
    return NULL;
}

static void *advance_by_500(void *data)
{
    for (int i = 0; i < 500; i++)
        clock_advance(data, 1);
    return NULL;
}

static void advances_race_with_waits(void **state)
{
    g_autoptr(Clock) clock = clock_new_manual(0);
    GThread *threads[6];
    for (int i = 0; i < 6; i++)
        threads[i] = g_thread_new("race", i < 4 ? wait_on_own_stack : advance_by_500, clock);
    for (int i = 0; i < 6; i++)
        g_thread_join(threads[i]);
    assert_int_equal(clock_now(clock), 1000);
}

static void formats_as_aws_does(void **state)
{
    char text[CLOCK_TEXT_SIZE];
    assert_string_equal(clock_format(0, text), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_format(INT64_C(1290418205678999), text), "2010-11-22T09:30:05.678Z");
    assert_string_equal(clock_format(-1, text), "1969-12-31T23:59:59.999Z");
    assert_string_equal(clock_format(INT64_C(951782400000000), text), "2000-02-29T00:00:00.000Z");
}

static void parses_what_it_formats(void **state)
{
    for (int64_t day = -200000; day < 2500000; day += 13) {
        char text[CLOCK_TEXT_SIZE];
        int64_t time = day * 86400 * CLOCK_SECOND + day * 1000 % CLOCK_SECOND;
        int64_t parsed = 0;
        assert_true(clock_parse(clock_format(time, text), &parsed));
        assert_int_equal(parsed, time);
    }
}

static void parses_every_form(void **state)
{
    static const char *const texts[] = {
        "2010-11-22T09:30:05Z",       "20101122T093005Z",          "2010-11-22T09:30:05",
        "2010-11-22T09:30:05.000000", "2010-11-22T10:30:05+01:00", "2010-11-22T02:00:05-0730",
        "2010-11-22T10:30:05+01",     "2010-11-22T09:30:05,0Z",    "20101122T093005.0000000009Z",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        int64_t time = 0;
        assert_true(clock_parse(texts[i], &time));
        assert_int_equal(time, INT64_C(1290418205) * CLOCK_SECOND);
    }
}

static void parses_minutes_and_microseconds(void **state)
{
    int64_t time = 0;
    assert_true(clock_parse("1970-01-01T00:01Z", &time));
    assert_int_equal(time, 60 * CLOCK_SECOND);
    assert_true(clock_parse("1970-01-01T00:00:00.000001Z", &time));
    assert_int_equal(time, 1);
}

static void refuses_what_is_no_time(void **state)
{
    static const char *const texts[] = {
        "",
        "now",
        "2010-11-22",
        "2010-11-22T",
        "2010-13-01T00:00:00Z",
        "2010-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2010-11-31T00:00:00Z",
        "2010-11-22T24:00:00Z",
        "2010-11-22T09:60:00Z",
        "2010-11-22T09:30:05.Z",
        "2010-11-22T09:30:05Zx",
        "2010-11-22T09:30:05+1",
        "2010-11-22 09:30:05Z",
        "2010-1122T09:30:05Z",
        "+010-11-22T09:30:05Z",
    };
    int64_t time = 42;
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_false(clock_parse(texts[i], &time));
    assert_false(clock_parse(NULL, &time));
    assert_int_equal(time, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_clock_is_the_systems),
        cmocka_unit_test(fast_clock_starts_now_and_runs_faster),
        cmocka_unit_test(manual_clock_stands_until_advanced),
        cmocka_unit_test(expired_wait_returns_false),
        cmocka_unit_test(real_wait_ends_at_its_deadline),
        cmocka_unit_test(fast_wait_is_scaled),
        cmocka_unit_test(signal_ends_a_wait_in_time),
        cmocka_unit_test(advance_wakes_every_waiter),
        cmocka_unit_test(following_clock_goes_on_when_its_speed_changes),
        cmocka_unit_test(following_clock_wakes_when_it_gets_faster),
        cmocka_unit_test(following_clock_wakes_with_its_base),
        cmocka_unit_test(advances_race_with_waits),
        cmocka_unit_test(formats_as_aws_does),
        cmocka_unit_test(parses_what_it_formats),
        cmocka_unit_test(parses_every_form),
        cmocka_unit_test(parses_minutes_and_microseconds),
        cmocka_unit_test(refuses_what_is_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
