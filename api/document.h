/* Requests and replies as documents, in JSON or CBOR, through the same shapes as those of the Query
 * protocol (api/shape.h): "AWS JSON 1.0" and "Smithy RPC v2 CBOR" (the protocols' pages of Smithy's
 * specification).
 *
 * A document is read into values, and these, led by the request's shape, into the tree of
 * parameters that api/bind.h binds; so ranges, defaults and messages are the same whatever a client
 * speaks. */
#pragma once

#include "api/action.h"
#include "api/buffer.h"
#include "api/http.h"
#include "api/query.h"

#define DOCUMENT_MAX_DEPTH 32

typedef enum WireForm { WIRE_QUERY, WIRE_JSON, WIRE_CBOR, WIRE_SOAP } WireForm;

/* How a request is written, and for JSON and CBOR what it asks for. */
typedef struct DocumentTarget {
    WireForm form;
    const char *service, *action; /* in the arena */
} DocumentTarget;
/* By its headers and, for CBOR, its path ("/service/X/operation/Y"). */
void document_target(Arena *arena, const HttpRequest *request, DocumentTarget *ret_target);
/* The service that is called so there, or NULL. */
const Service *document_service(const Service *const *services, const char *target);

typedef enum ValueKind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_DOUBLE,
    VALUE_STRING,
    VALUE_TIME,
    VALUE_LIST,
    VALUE_MAP,
} ValueKind;

typedef struct Value Value;
struct Value {
    ValueKind kind;
    int64_t integer;    /* BOOL, INT; TIME: microseconds */
    double number;      /* INT, DOUBLE */
    const char *string; /* STRING */
    size_t n;           /* LIST, MAP */
    const Value *items; /* LIST, MAP */
    const char **keys;  /* MAP */
};

/* The body's value, in the arena. Fault SerializationException. An empty body is an empty map. */
bool json_read(Arena *arena, const char *body, size_t size, Value *ret_value, GError **error);
bool cbor_read(Arena *arena, const char *body, size_t size, Value *ret_value, GError **error);

/* The parameters of a request; members that the shape does not have are passed over. Fault
 * SerializationException: a value of another kind than its member's. */
bool document_params(Arena *arena, const Shape *shape, const char *version, const Value *value,
                     ParamNode **ret_root, GError **error);

/* Who writes a document; counts of maps are not known beforehand. */
typedef struct DocumentWriter DocumentWriter;
struct DocumentWriter {
    Buffer *out;
    bool began; /* something stands before in the same list or map (JSON) */
    void (*begin_map)(DocumentWriter *writer);
    void (*end_map)(DocumentWriter *writer);
    void (*begin_list)(DocumentWriter *writer, size_t n);
    void (*end_list)(DocumentWriter *writer);
    void (*key)(DocumentWriter *writer, const char *name);
    void (*string)(DocumentWriter *writer, const char *text);
    void (*integer)(DocumentWriter *writer, int64_t value);
    void (*number)(DocumentWriter *writer, double value);
    void (*boolean)(DocumentWriter *writer, bool value);
    void (*time)(DocumentWriter *writer, int64_t microseconds);
};
void json_writer_init(DocumentWriter *writer, Buffer *out);
void cbor_writer_init(DocumentWriter *writer, Buffer *out);

/* The reply's members as a map. Without `keep` what is absent or empty is left out. */
void document_reply(DocumentWriter *writer, const Shape *shape, const char *version,
                    const void *reply);
/* {"__type": "com.amazonaws.cloudwatch#ResourceNotFound", "message": …} */
void document_error(DocumentWriter *writer, const Service *service, const char *code,
                    const char *message);
