/* Objects of a shape. Invariant: after shape_clear every member holds the absent value that
 * api/shape.h names for its kind. */
#include "api/shape.h"

#include <math.h>
#include <string.h>

void shape_clear(const Shape *shape, void *object)
{
    memset(object, 0, shape->size);
    for (size_t i = 0; i < shape->n_fields; i++) {
        const Field *field = &shape->fields[i];
        void *member = (char *)object + field->offset;
        switch (field->kind) {
        case FIELD_INT:
            *(int64_t *)member = ABSENT;
            break;
        case FIELD_BOOL:
            *(int *)member = ABSENT_BOOL;
            break;
        case FIELD_DOUBLE:
            *(double *)member = NAN;
            break;
        case FIELD_EMBED:
            shape_clear(field->shape(), member);
            break;
        case FIELD_STRING:
        case FIELD_TIME:
        case FIELD_STRINGS:
        case FIELD_DOUBLES:
        case FIELD_TIMES:
        case FIELD_STRUCT:
        case FIELD_STRUCTS:
        case FIELD_RENDERED:
            break;
        }
    }
}

void *shape_new(Arena *arena, const Shape *shape)
{
    void *object = arena_alloc(arena, shape->size);
    shape_clear(shape, object);
    return object;
}

void *shape_rendered(Arena *arena, const char *xml, size_t size)
{
    struct {
        Rendered *row;
        Rendered rendered;
    } *object = arena_alloc(arena, sizeof(*object));
    object->rendered = (Rendered){.xml = xml, .size = size};
    object->row = &object->rendered;
    return object;
}

bool shape_field_exists(const Field *field, const char *version)
{
    return (!field->since || strcmp(version, field->since) >= 0) &&
           (!field->until || strcmp(version, field->until) <= 0);
}
