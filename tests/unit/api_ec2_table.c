/* api/ec2, api/elb: their tables hold what their users rely on. */
#include "tests/unit/unit.h"
#include "api/action.h"

static const Service *const services[] = {&service_autoscaling, &service_ec2, &service_elb};

static void check_actions(const Service *service)
{
    for (size_t i = 1; i < service->n_actions; i++) {
        const char *before = service->actions[i - 1].name, *name = service->actions[i].name;
        if (strcmp(before, name) >= 0)
            fail_msg("%s stands before %s", before, name);
    }
}

static void actions_are_sorted(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++)
        check_actions(services[i]);
}

static void versions_are_sorted(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
        for (const char *const *version = services[i]->versions; version[1]; version++)
            assert_true(strcmp(version[0], version[1]) < 0);
    }
}

/* Every row has a place in its structure and a name to be bound or rendered by. */
static void check_shape(const Shape *shape, unsigned depth)
{
    assert_true(depth <= SHAPE_MAX_DEPTH);
    for (size_t i = 0; i < shape->n_fields; i++) {
        const Field *field = &shape->fields[i];
        if (field->kind == FIELD_RENDERED && i == 0)
            continue;
        bool nested = field->kind == FIELD_STRUCT || field->kind == FIELD_STRUCTS ||
                      field->kind == FIELD_EMBED;
        if (field->offset >= shape->size || (nested && !field->shape) ||
            (field->kind != FIELD_EMBED && !field->name && !field->out))
            fail_msg("%s: row %zu", shape->name, i);
        if (nested)
            check_shape(field->shape(), depth + 1);
    }
}

static void check_shapes(const Service *service)
{
    for (size_t i = 0; i < service->n_actions; i++) {
        check_shape(service->actions[i].request(), 0);
        check_shape(service->actions[i].reply(), 0);
    }
}

static void shapes_are_sound(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++)
        check_shapes(services[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_are_sorted),
        cmocka_unit_test(versions_are_sorted),
        cmocka_unit_test(shapes_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
