/* The rules of cloud/ over a real store in a directory of its own, seeded, without machines: the
 * few verbs of cloud/cloud.h that the rules use are here. */
#pragma once

#include "tests/unit/unit.h"
#include "cloud/catalog.h"

#define ACCOUNT "111111111111"
#define OTHER_ACCOUNT "222222222222"

typedef struct CloudFixture {
    char *directory;
    Cloud *cloud;
    Context context; /* of ACCOUNT */
    Context other;   /* of OTHER_ACCOUNT */
} CloudFixture;

int cloud_set_up(void **state);
int cloud_tear_down(void **state);

/* How often the network has been woken so far. */
unsigned cloud_network_wakes(CloudFixture *fixture);
/* The VPC whose network was opened last; NULL: none. */
const char *cloud_network_added(CloudFixture *fixture);

/* A list of const char *; ends with NULL. */
List texts(Context *context, ...) G_GNUC_NULL_TERMINATED;
/* A list of TagPair *: keys and values in turn; ends with NULL. "-" is a value of NULL. */
List pairs(Context *context, ...) G_GNUC_NULL_TERMINATED;
/* A list of one FindFilter *. */
List filter(Context *context, const char *name, const char *value);
/* The account's default VPC and a group's id by its name in it. */
const Vpc *default_vpc(Context *context);
const char *group_id(Context *context, const char *name);

/* The error is that fault, and its message says text. */
void check_fault(const GError *error, Fault fault, const char *text);
/* call, which sets `error`, fails with that fault, and its message says text. */
#define assert_fault(call, fault, text)                                                            \
    do {                                                                                           \
        g_autoptr(GError) error_ = NULL;                                                           \
        GError **error = &error_;                                                                  \
        assert_false(call);                                                                        \
        check_fault(error_, fault, text);                                                          \
    } while (0)
#define assert_works(call)                                                                         \
    do {                                                                                           \
        g_autoptr(GError) error_ = NULL;                                                           \
        GError **error = &error_;                                                                  \
        bool ok_ = (call);                                                                         \
        assert_no_error(error_);                                                                   \
        assert_true(ok_);                                                                          \
    } while (0)
/* A test with the fixture. */
#define cloud_test(function)                                                                       \
    cmocka_unit_test_setup_teardown(function, cloud_set_up, cloud_tear_down)
