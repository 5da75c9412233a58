/* Macros that turn the rows of a .def file into tables; see api/shape.h. Include, include the
 * .def, then include api/shape_end.h. */
#include "api/shape.h"
#include <stddef.h>

#define SHAPE(Name)                                                                                \
    const Shape *Name##_shape(void)                                                                \
    {                                                                                              \
        typedef Name T G_GNUC_UNUSED;                                                              \
        static const char shape_name[] = #Name;                                                    \
        static const Field fields[] = {
#define SHAPE_ROW(member, wire, field_kind, ...)                                                   \
    {.name = wire, .kind = field_kind, .offset = offsetof(T, member), ##__VA_ARGS__},
#define STRING(member, wire, ...) SHAPE_ROW(member, wire, FIELD_STRING, ##__VA_ARGS__)
#define INT(member, wire, ...) SHAPE_ROW(member, wire, FIELD_INT, ##__VA_ARGS__)
#define BOOL(member, wire, ...) SHAPE_ROW(member, wire, FIELD_BOOL, ##__VA_ARGS__)
#define DOUBLE(member, wire, ...) SHAPE_ROW(member, wire, FIELD_DOUBLE, ##__VA_ARGS__)
#define TIME(member, wire, ...) SHAPE_ROW(member, wire, FIELD_TIME, ##__VA_ARGS__)
#define STRINGS(member, wire, ...) SHAPE_ROW(member, wire, FIELD_STRINGS, ##__VA_ARGS__)
#define DOUBLES(member, wire, ...) SHAPE_ROW(member, wire, FIELD_DOUBLES, ##__VA_ARGS__)
#define TIMES(member, wire, ...) SHAPE_ROW(member, wire, FIELD_TIMES, ##__VA_ARGS__)
#define STRUCT(member, wire, Type, ...)                                                            \
    SHAPE_ROW(member, wire, FIELD_STRUCT, .shape = Type##_shape, ##__VA_ARGS__)
#define STRUCTS(member, wire, Type, ...)                                                           \
    SHAPE_ROW(member, wire, FIELD_STRUCTS, .shape = Type##_shape, ##__VA_ARGS__)
#define EMBED(member, Type) SHAPE_ROW(member, NULL, FIELD_EMBED, .shape = Type##_shape)
#define RENDERED(member) SHAPE_ROW(member, NULL, FIELD_RENDERED)
#define NOTHING
#define SHAPE_END(Name)                                                                            \
    }                                                                                              \
    ;                                                                                              \
    static const Shape shape = {shape_name, sizeof(Name), fields, G_N_ELEMENTS(fields)};           \
    return &shape;                                                                                 \
    }
