/* Macros that turn the rows of a .def file into C structures; see api/shape.h. Include, include
 * the .def, then include api/shape_end.h. */
#include "api/shape.h"

#define SHAPE(Name) typedef struct Name {
#define STRING(member, ...) const char *member;
#define INT(member, ...) int64_t member;
#define BOOL(member, ...) int member;
#define DOUBLE(member, ...) double member;
#define TIME(member, ...) int64_t member;
#define STRINGS(member, ...) List member;
#define DOUBLES(member, ...) List member;
#define TIMES(member, ...) List member;
#define STRUCT(member, name, Type, ...) Type *member;
#define STRUCTS(member, name, Type, ...) List member;
#define EMBED(member, Type) Type member;
#define RENDERED(member) Rendered *member;
/* A structure needs a member; an empty shape gets this one. */
#define NOTHING char nothing;
#define SHAPE_END(Name)                                                                            \
    }                                                                                              \
    Name;                                                                                          \
    const Shape *Name##_shape(void);
