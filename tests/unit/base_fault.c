/* base/fault.h: two domains, setters that return false, a sound table. */
#include "tests/unit/unit.h"
#include "base/fault.h"

#include <errno.h>
#include <string.h>

static void fault_carries_its_code_and_message(void **state)
{
    g_autoptr(GError) error = NULL;
    assert_false(fault_set(&error, FAULT_MISSING_PARAMETER, "no %s", "ImageId"));
    assert_true(fault_is(error, FAULT_MISSING_PARAMETER));
    assert_string_equal(error->message, "no ImageId");
}

static void other_faults_are_not_this_one(void **state)
{
    g_autoptr(GError) error = NULL;
    fault_set(&error, FAULT_MISSING_PARAMETER, "x");
    assert_false(fault_is(error, FAULT_AUTH_FAILURE));
    assert_false(fault_is(NULL, FAULT_AUTH_FAILURE));
}

static void trouble_is_no_fault(void **state)
{
    g_autoptr(GError) error = NULL;
    assert_false(trouble_set(&error, "disk %d is full", 3));
    assert_true(error->domain == TROUBLE_DOMAIN);
    assert_false(fault_is(error, FAULT_INTERNAL_ERROR));
    assert_string_equal(error->message, "disk 3 is full");
}

static void trouble_names_the_system_error(void **state)
{
    g_autoptr(GError) error = NULL;
    assert_false(trouble_set_errno(&error, ENOENT, "cannot open %s", "x"));
    assert_int_equal(error->code, ENOENT);
    assert_string_equal(error->message, "cannot open x: No such file or directory");
}

static void setters_work_with_nobody_listening(void **state)
{
    assert_false(fault_set(NULL, FAULT_AUTH_FAILURE, "x"));
    assert_false(trouble_set(NULL, "x"));
    assert_false(trouble_set_errno(NULL, EIO, "x"));
}

static void every_row_has_a_code_and_an_error_status(void **state)
{
    for (int i = 0; i < FAULT_COUNT; i++) {
        assert_non_null(fault_code(i));
        assert_true(strlen(fault_code(i)) > 0);
        assert_in_range(fault_status(i), 300, 599);
    }
    assert_string_equal(fault_code(FAULT_AUTH_FAILURE), "AuthFailure");
    assert_int_equal(fault_status(FAULT_AUTH_FAILURE), 401);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault_carries_its_code_and_message),
        cmocka_unit_test(other_faults_are_not_this_one),
        cmocka_unit_test(trouble_is_no_fault),
        cmocka_unit_test(trouble_names_the_system_error),
        cmocka_unit_test(setters_work_with_nobody_listening),
        cmocka_unit_test(every_row_has_a_code_and_an_error_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
