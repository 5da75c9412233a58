/* Shapes: what goes over the wire, as data.
 *
 * A shape lists the members of a request or a reply, once, in a .def file: its C structure, the
 * table that binds wire names into it and the table that renders it are the same rows. The wire
 * facts (names, locations, required members) are those of the AWS API references; tests/client
 * compares every shape with botocore's service models.
 *
 *     SHAPE(RunInstancesRequest)
 *         STRING(image_id, "ImageId", .required = true)
 *         INT(min_count, "MinCount", .required = true, .min = 1, .max = 1000)
 *         STRINGS(group_ids, "SecurityGroupId")
 *         STRUCTS(tags, "TagSpecification", TagSpecification)
 *         STRUCT(placement, "Placement", Placement)
 *     SHAPE_END(RunInstancesRequest)
 *
 * A .def file is included by a header with api/shape_types.h's macros (structures) and by one .c
 * with api/shape_tables.h's (tables). A shape used inside another comes before it.
 *
 * C types of members: STRING const char * (NULL absent); INT int64_t (ABSENT); BOOL int
 * (0, 1, ABSENT_BOOL); DOUBLE double (NaN absent); TIME int64_t µs since the epoch (0 absent);
 * RENDERED Rendered *, as the first row of a shape that is only in replies (shape_rendered);
 * STRINGS List of const char *; DOUBLES List of const double *; TIMES (in replies) List of const
 * int64_t *; STRUCT Shape * (NULL absent); STRUCTS List of Shape *; EMBED Shape, its members
 * standing at the same level as their neighbours.
 *
 * Bound requests and replies live in the call's arena. Shapes are constant data. */
#pragma once

#include "base/arena.h"
#include <stdint.h>

#define ABSENT INT64_MIN
#define ABSENT_BOOL (-1)

typedef enum FieldKind {
    FIELD_STRING,
    FIELD_INT,
    FIELD_BOOL,
    FIELD_DOUBLE,
    FIELD_TIME,
    FIELD_STRINGS,
    FIELD_DOUBLES,
    FIELD_TIMES,
    FIELD_STRUCT,
    FIELD_STRUCTS,
    FIELD_EMBED,
    FIELD_RENDERED,
} FieldKind;

typedef struct Shape Shape;

/* An object's rendering that was remembered, or shall be. */
typedef struct Rendered {
    const char *xml; /* what stands for all its members; NULL: they are rendered */
    size_t at;       /* then: where in the reply they stand */
    size_t size;
} Rendered;

typedef struct Field {
    const char *name; /* in requests: "ImageId". NULL: only in replies */
    const char *out;  /* element in replies. NULL: EC2: name with a small first letter; Query
                       * services: name */
    const char *item; /* element of a list's items in replies. NULL: the protocol's ("item",
                       * "member"); "" : the list is flattened */
    FieldKind kind;
    size_t offset;
    const Shape *(*shape)(void); /* STRUCT, STRUCTS, EMBED */
    const char *alias;           /* a second name in requests, as old clients send it */
    const char *scalar; /* STRUCTS, STRUCT: the member (its C offset's row name) that a bare value
                         * `Name.1=v` sets: old clients' `IpRanges.1=CIDR` */
    bool required;
    bool plain; /* PROTOCOL_QUERY: a wrong or missing value is InvalidParameterValue or
                 * MissingParameter rather than ValidationError */
    bool whole; /* TIME, TIMES: in XML without milliseconds, which old clients do not read */
    bool map;   /* STRUCTS: entries of a map, whose two members are its key and its value: an object
                 * in JSON and CBOR */
    bool keep;  /* in replies: shown even when absent or empty (<groupSet/>) */
    int64_t min, max;  /* INT: range; STRING: length; lists: count. Both 0: the default caps */
    int64_t otherwise; /* INT, BOOL: value when absent, if has_otherwise */
    bool has_otherwise;
    const char *const *values; /* STRING: allowed ones, NULL-terminated */
    const char *since, *until; /* API versions, inclusive: "2011-01-01". NULL: all */
} Field;

struct Shape {
    const char *name;
    size_t size;
    const Field *fields;
    size_t n_fields;
};

/* Default caps on what a client controls. */
#define SHAPE_MAX_STRING 65536
#define SHAPE_MAX_LIST 1000
#define SHAPE_MAX_DEPTH 8

/* Sets every member to its absent value. */
void shape_clear(const Shape *shape, void *object);
void *shape_new(Arena *arena, const Shape *shape);

/* Stands in a list for an object whose shape begins with a RENDERED row, and is no more than that
 * row. xml is borrowed. */
void *shape_rendered(Arena *arena, const char *xml, size_t size);

/* Whether a row exists in that API version: its since and until columns. */
bool shape_field_exists(const Field *field, const char *version);
