/* Metric math: expressions over series of numbers ("Using math expressions with CloudWatch
 * metrics", Amazon CloudWatch User Guide): + - * / ^, comparisons, && ||, unary minus and the
 * functions listed in metric_math.c. Pure; everything lives in the arena.
 *
 * Between two series, a value comes out where both have one; functions over several series at once
 * (SUM(METRICS())) take what is there. */
#pragma once

#include "base/arena.h"
#include <stdint.h>

#define MATH_EXPRESSION_MOST 2048
#define MATH_DEPTH_MOST 32      /* of parentheses and calls, and of expressions that use others */
#define MATH_POINTS_MOST 100800 /* of a series that is made of nothing */

typedef struct MathSeries {
    const char *label;
    int64_t period; /* seconds */
    size_t n;
    const int64_t *times; /* ascending */
    const double *values;
} MathSeries;

/* One that expressions can name. */
typedef struct MathNamed {
    const char *id;
    const char *expression; /* NULL: a metric, whose series is given */
    List series;            /* of MathSeries *: of a metric one; of an expression, when done */
    bool is_metric;
    enum { MATH_WAITS, MATH_RUNS, MATH_DONE } state;
} MathNamed;

typedef struct MathScope {
    Arena *arena;
    List named;         /* of MathNamed * */
    int64_t start, end; /* microseconds: of what is made of nothing */
} MathScope;

/* Fault ValidationError: it cannot be read, names what is not there, or uses itself. */
bool math_evaluate(MathScope *scope, MathNamed *named, GError **error);

/* ---- for metric_math*.c alone ---- */

typedef enum MathNodeKind {
    MATH_NUMBER,
    MATH_TEXT,
    MATH_NAME,
    MATH_LIST, /* [a, b] */
    MATH_CALL,
    MATH_BINARY,
    MATH_MINUS,
} MathNodeKind;

typedef enum MathOperator {
    MATH_ADD,
    MATH_SUBTRACT,
    MATH_MULTIPLY,
    MATH_DIVIDE,
    MATH_POWER,
    MATH_LESS,
    MATH_LESS_EQUAL,
    MATH_GREATER,
    MATH_GREATER_EQUAL,
    MATH_EQUAL,
    MATH_NOT_EQUAL,
    MATH_AND,
    MATH_OR,
} MathOperator;

typedef struct MathNode {
    MathNodeKind kind;
    double number;
    const char *text; /* TEXT, NAME, CALL: the function's name in capitals */
    MathOperator operation;
    List parts; /* of struct MathNode *: operands, arguments, items */
} MathNode;

bool math_parse(Arena *arena, const char *expression, MathNode **ret_node, GError **error);
