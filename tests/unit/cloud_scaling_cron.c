/* cloud/scaling_cron.h: when scheduled actions are due. */
#include "tests/unit/unit.h"

#include "base/clock.h"
#include "cloud/scaling_cron.h"

/* The next time as text, after a time as text. */
static void expect(const char *cron, const char *zone, const char *after, const char *next)
{
    int64_t from;
    char text[CLOCK_TEXT_SIZE];
    assert_true(clock_parse(after, &from));
    assert_string_equal(clock_format(cron_next(cron, zone, from), text), next);
}

static void fields_are_obeyed(void **state)
{
    const char *noon = "2026-11-23T12:00:00Z"; /* a Monday */
    expect("* * * * *", NULL, noon, "2026-11-23T12:01:00.000Z");
    expect("30 6 * * *", NULL, noon, "2026-11-24T06:30:00.000Z");
    expect("*/20 12 * * *", NULL, noon, "2026-11-23T12:20:00.000Z");
    expect("5,10 0-3 1 JAN *", NULL, noon, "2027-01-01T00:05:00.000Z");
    expect("0 0 * * SUN", NULL, noon, "2026-11-29T00:00:00.000Z");
    expect("0 0 * * 7", NULL, noon, "2026-11-29T00:00:00.000Z");
    expect("0 0 29 2 *", NULL, noon, "2028-02-29T00:00:00.000Z");
    expect("0 0 1 * 5", NULL, noon, "2026-11-27T00:00:00.000Z"); /* one of both is enough */
}

static void time_zones_and_their_summers(void **state)
{
    expect("0 9 * * *", "America/New_York", "2026-07-01T00:00:00Z", "2026-07-01T13:00:00.000Z");
    expect("0 9 * * *", "America/New_York", "2026-12-01T00:00:00Z", "2026-12-01T14:00:00.000Z");
    assert_true(cron_time_zone_is_known("Etc/UTC"));
    assert_true(cron_time_zone_is_known(NULL));
    assert_false(cron_time_zone_is_known("Mars/Base"));
}

static void nonsense_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "* * * *",
                                      "* * * * * *",
                                      "60 * * * *",
                                      "* 24 * * *",
                                      "* * 0 * *",
                                      "* * * 13 *",
                                      "* * * * 8",
                                      "a * * * *",
                                      "1-x * * * *",
                                      "5-1 * * * *",
                                      "*/0 * * * *",
                                      "1,,2 * * * *"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(cron_is_valid(bad[i]));
    assert_int_equal(cron_next("0 0 31 2 *", NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_obeyed),
        cmocka_unit_test(time_zones_and_their_summers),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
