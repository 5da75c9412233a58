/* cloud/alarm_decide.h: the tables of "How alarms treat missing data" (Amazon CloudWatch User
 * Guide), and the comparisons. In the texts 0 does not breach, X does, - is missing. */
#include "tests/unit/unit.h"
#include "cloud/alarm_decide.h"
#include <math.h>

static const char letters[] = {
    [ALARM_STATE_OK] = 'O',
    [ALARM_STATE_ALARM] = 'A',
    [ALARM_STATE_INSUFFICIENT_DATA] = 'I',
    [ALARM_STATE_KEPT] = 'K',
};

static AlarmDecision decide(const char *data, size_t n, size_t m, AlarmMissing missing)
{
    double values[32];
    size_t length = strlen(data);
    for (size_t i = 0; i < length; i++)
        values[i] = data[i] == '-' ? NAN : data[i] == 'X' ? 2 : 0;
    const AlarmRule rule = {n, m, "GreaterThanThreshold", 1, missing};
    AlarmDecision decision;
    alarm_decide(&rule, values, length, &decision);
    return decision;
}

/* expected: the states when missing data is missing, ignored, breaching, not breaching. */
static void check(const char *data, size_t n, size_t m, const char *expected)
{
    for (AlarmMissing missing = 0; missing < 4; missing++) {
        char state = letters[decide(data, n, m, missing).state];
        if (state != expected[missing])
            fail_msg("%s, %zu of %zu, treatment %d: %c", data, m, n, (int)missing, state);
    }
}

static void three_of_three(void **state)
{
    check("0-X-X", 3, 3, "OOOO");
    check("----0", 3, 3, "OOOO");
    check("-----", 3, 3, "IKAO");
    check("0XX-X", 3, 3, "AAAA");
    check("--X--", 3, 3, "AKAO");
    check("XXX00", 3, 3, "OOOO");
    check("00XXX", 3, 3, "AAAA");
}

static void two_of_three(void **state)
{
    check("0-X-X", 3, 2, "AAAA");
    check("00X0X", 3, 2, "AAAA");
    check("0-X--", 3, 2, "OOAO");
    check("----0", 3, 2, "OOAO");
    check("-----", 3, 2, "IKAO");
}

static void one_of_one(void **state)
{
    check("--X", 1, 1, "AAAA");
    check("X-0", 1, 1, "OOOO");
    check("--0", 1, 1, "OOOO");
    check("X--", 1, 1, "AAAA"); /* late data still counts for a while */
    check("---", 1, 1, "IKAO");
}

static void too_little_of_a_new_alarm_changes_nothing(void **state)
{
    check("----X", 3, 3, "KKAO");
    check("---XX", 3, 3, "KKAO");
    check("--XXX", 3, 3, "AAAA");
}

static void counts_what_it_saw(void **state)
{
    AlarmDecision decision = decide("0X-0X", 3, 2, ALARM_MISSING_MISSING);
    assert_int_equal(decision.evaluated, 3);
    assert_int_equal(decision.breaching, 2);
    assert_int_equal(decision.filled, 0);
    decision = decide("----X", 3, 2, ALARM_MISSING_BREACHING);
    assert_int_equal(decision.evaluated, 1);
    assert_int_equal(decision.filled, 2);
}

static void comparisons(void **state)
{
    static const struct {
        const char *name;
        bool below, equal, above;
    } all[] = {
        {"GreaterThanThreshold", false, false, true},
        {"GreaterThanOrEqualToThreshold", false, true, true},
        {"LessThanThreshold", true, false, false},
        {"LessThanOrEqualToThreshold", true, true, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        const AlarmRule rule = {.comparison = all[i].name, .threshold = 5};
        assert_true(alarm_comparison_is_known(all[i].name));
        assert_int_equal(alarm_breaches(&rule, 4.9), all[i].below);
        assert_int_equal(alarm_breaches(&rule, 5), all[i].equal);
        assert_int_equal(alarm_breaches(&rule, 5.1), all[i].above);
    }
    assert_false(alarm_comparison_is_known("GreaterThanUpperThreshold"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_of_three),
        cmocka_unit_test(two_of_three),
        cmocka_unit_test(one_of_one),
        cmocka_unit_test(too_little_of_a_new_alarm_changes_nothing),
        cmocka_unit_test(counts_what_it_saw),
        cmocka_unit_test(comparisons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
