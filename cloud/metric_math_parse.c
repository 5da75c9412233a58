/* The grammar of metric math, by recursive descent, weakest first:
 *
 *     or: and ("||" and)*                sum: product (("+" | "-") product)*
 *     and: equal ("&&" equal)*           product: power (("*" | "/") power)*
 *     equal: order (("==" | "!=") order)* power: unary ("^" power)?
 *     order: sum (("<" | "<=" | ">" | ">=") sum)*
 *     unary: "-" unary | number | text | NAME | NAME "(" … ")" | "[" … "]" | "(" or ")"
 *
 * Invariant: recursion is no deeper than MATH_DEPTH_MOST levels of brackets and signs. */
#include "cloud/metric_math.h"

#include "base/fault.h"
#include <string.h>

typedef struct Parser {
    Arena *arena;
    const char *whole, *at;
    unsigned depth;
} Parser;

static bool parse_level(Parser *parser, unsigned level, MathNode **ret_node, GError **error);

static bool syntax(const Parser *parser, const char *what, GError **error)
{
    return fault_set(error, FAULT_VALIDATION_ERROR,
                     "Invalid metrics list: the expression '%.200s' %s at position %zu",
                     parser->whole, what, (size_t)(parser->at - parser->whole) + 1);
}

static void skip_space(Parser *parser)
{
    while (g_ascii_isspace(*parser->at))
        parser->at++;
}

static bool take_token(Parser *parser, const char *token)
{
    skip_space(parser);
    size_t size = strlen(token);
    if (strncmp(parser->at, token, size) != 0)
        return false;
    parser->at += size;
    return true;
}

static MathNode *new_node(Parser *parser, MathNodeKind kind)
{
    MathNode *node = arena_new_struct(parser->arena, MathNode);
    node->kind = kind;
    return node;
}

/* Operators by level; of those that begin alike the longer one first. */
static const struct {
    unsigned level;
    const char *token;
    MathOperator operation;
} operators[] = {
    {0, "||", MATH_OR},        {1, "&&", MATH_AND},        {2, "==", MATH_EQUAL},
    {2, "!=", MATH_NOT_EQUAL}, {3, "<=", MATH_LESS_EQUAL}, {3, ">=", MATH_GREATER_EQUAL},
    {3, "<", MATH_LESS},       {3, ">", MATH_GREATER},     {4, "+", MATH_ADD},
    {4, "-", MATH_SUBTRACT},   {5, "*", MATH_MULTIPLY},    {5, "/", MATH_DIVIDE},
    {6, "^", MATH_POWER},
};
#define LEVEL_POWER 6
#define LEVELS 7

static bool take_operator(Parser *parser, unsigned level, MathOperator *ret_operation)
{
    for (size_t i = 0; i < G_N_ELEMENTS(operators); i++) {
        if (operators[i].level == level && take_token(parser, operators[i].token)) {
            *ret_operation = operators[i].operation;
            return true;
        }
    }
    return false;
}

/* "a, b)" after its opening bracket. */
static bool parse_parts(Parser *parser, const char *closing, List *parts, GError **error)
{
    if (take_token(parser, closing))
        return true;
    for (;;) {
        MathNode *part;
        if (!parse_level(parser, 0, &part, error))
            return false;
        list_add(parts, parser->arena, part);
        if (take_token(parser, closing))
            return true;
        if (!take_token(parser, ","))
            return syntax(parser, "is not complete", error);
    }
}

static bool parse_word(Parser *parser, MathNode **ret_node, GError **error)
{
    const char *from = parser->at;
    while (g_ascii_isalnum(*parser->at) || *parser->at == '_')
        parser->at++;
    char *word = arena_strndup(parser->arena, from, (size_t)(parser->at - from));
    if (!take_token(parser, "(")) {
        *ret_node = new_node(parser, MATH_NAME);
        (*ret_node)->text = word;
        return true;
    }
    for (char *c = word; *c; c++)
        *c = g_ascii_toupper(*c);
    *ret_node = new_node(parser, MATH_CALL);
    (*ret_node)->text = word;
    return parse_parts(parser, ")", &(*ret_node)->parts, error);
}

static bool parse_text(Parser *parser, MathNode **ret_node, GError **error)
{
    char quote = *parser->at++;
    const char *end = strchr(parser->at, quote);
    if (!end)
        return syntax(parser, "has text without an end", error);
    *ret_node = new_node(parser, MATH_TEXT);
    (*ret_node)->text = arena_strndup(parser->arena, parser->at, (size_t)(end - parser->at));
    parser->at = end + 1;
    return true;
}

static bool parse_number(Parser *parser, MathNode **ret_node, GError **error)
{
    char *end;
    double number = g_ascii_strtod(parser->at, &end);
    if (end == parser->at)
        return syntax(parser, "has no number", error);
    parser->at = end;
    *ret_node = new_node(parser, MATH_NUMBER);
    (*ret_node)->number = number;
    return true;
}

static bool parse_unary(Parser *parser, MathNode **ret_node, GError **error)
{
    skip_space(parser);
    if (take_token(parser, "-")) {
        MathNode *operand;
        if (!parse_level(parser, LEVELS, &operand, error))
            return false;
        *ret_node = new_node(parser, MATH_MINUS);
        list_add(&(*ret_node)->parts, parser->arena, operand);
        return true;
    }
    if (take_token(parser, "("))
        return parse_level(parser, 0, ret_node, error) &&
               (take_token(parser, ")") || syntax(parser, "lacks a ')'", error));
    if (take_token(parser, "[")) {
        *ret_node = new_node(parser, MATH_LIST);
        return parse_parts(parser, "]", &(*ret_node)->parts, error);
    }
    if (*parser->at == '"' || *parser->at == '\'')
        return parse_text(parser, ret_node, error);
    if (g_ascii_isdigit(*parser->at) || *parser->at == '.')
        return parse_number(parser, ret_node, error);
    if (g_ascii_isalpha(*parser->at))
        return parse_word(parser, ret_node, error);
    return syntax(parser, "cannot be read", error);
}

static bool parse_binary(Parser *parser, unsigned level, MathNode **ret_node, GError **error)
{
    MathNode *left;
    MathOperator operation;
    if (!parse_level(parser, level + 1, &left, error))
        return false;
    while (take_operator(parser, level, &operation)) {
        MathNode *right, *node = new_node(parser, MATH_BINARY);
        /* A power of a power goes from right to left. */
        if (!parse_level(parser, level == LEVEL_POWER ? level : level + 1, &right, error))
            return false;
        node->operation = operation;
        list_add(&node->parts, parser->arena, left);
        list_add(&node->parts, parser->arena, right);
        left = node;
    }
    *ret_node = left;
    return true;
}

static bool parse_level(Parser *parser, unsigned level, MathNode **ret_node, GError **error)
{
    if (level < LEVELS && level > 0)
        return parse_binary(parser, level, ret_node, error);
    if (++parser->depth > MATH_DEPTH_MOST)
        return syntax(parser, "nests too deep", error);
    bool ok = level == 0 ? parse_binary(parser, level, ret_node, error)
                         : parse_unary(parser, ret_node, error);
    parser->depth--;
    return ok;
}

bool math_parse(Arena *arena, const char *expression, MathNode **ret_node, GError **error)
{
    Parser parser = {arena, expression, expression, 0};
    if (strlen(expression) > MATH_EXPRESSION_MOST)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "An expression is longer than %d characters", MATH_EXPRESSION_MOST);
    if (!parse_level(&parser, 0, ret_node, error))
        return false;
    skip_space(&parser);
    return !*parser.at || syntax(&parser, "goes on unexpectedly", error);
}
