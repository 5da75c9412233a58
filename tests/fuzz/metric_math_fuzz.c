/* Expressions of metric math over two metrics, one with a gap. */
#include "tests/fuzz/fuzz.h"
#include "cloud/metric_math.h"

static MathNamed *add(MathScope *scope, const char *id, const char *expression)
{
    MathNamed *named = arena_new_struct(scope->arena, MathNamed);
    named->id = id;
    named->expression = expression;
    named->is_metric = !expression;
    list_add(&scope->named, scope->arena, named);
    return named;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t times[] = {0, 60000000, 120000000};
    static const double values[] = {1, -2, 3e300};
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    MathScope scope = {.arena = arena, .end = 180000000};
    MathSeries one = {"m1", 60, 3, times, values}, two = {"m2", 60, 2, times + 1, values + 1};
    list_add(&add(&scope, "m1", NULL)->series, arena, &one);
    list_add(&add(&scope, "m2", NULL)->series, arena, &two);
    MathNamed *named = add(&scope, "e", arena_strndup(arena, (const char *)data, size));
    if (math_evaluate(&scope, named, &error))
        g_assert(named->series.n == 0 ||
                 ((MathSeries *)named->series.items[0])->n <= MATH_POINTS_MOST);
    return 0;
}
