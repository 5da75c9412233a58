/* Requests in JSON and CBOR, read and bound through the largest of CloudWatch's shapes. The first
 * byte says which. */
#include "tests/fuzz/fuzz.h"
#include "api/bind.h"
#include "api/cloudwatch/shapes.h"
#include "api/document.h"

static void bind(Arena *arena, const Shape *shape, const Value *value)
{
    g_autoptr(GError) error = NULL;
    ParamNode *root;
    void *request;
    if (document_params(arena, shape, "2010-08-01", value, &root, &error))
        bind_request(arena, shape, root, PROTOCOL_QUERY, "2010-08-01", &request, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    const char *body = (const char *)data + 1;
    Value value;
    bool json = data[0] == 'J';
    if (json ? json_read(arena, body, size - 1, &value, &error)
             : cbor_read(arena, body, size - 1, &value, &error)) {
        bind(arena, PutMetricDataRequest_shape(), &value);
        bind(arena, PutMetricAlarmRequest_shape(), &value);
        bind(arena, GetMetricDataRequest_shape(), &value);
    }
    return 0;
}
