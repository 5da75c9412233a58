/* The binder, over EC2's own shapes: the first byte chooses the shape, protocol and version, the
 * rest is a form. What was bound is rendered, and the rendering has to be well-formed. */
#include "tests/fuzz/fuzz.h"
#include "api/bind.h"
#include "api/ec2/shapes.h"
#include "api/render.h"

static void assert_well_formed(const char *xml, size_t size)
{
    static const GMarkupParser nothing = {0};
    GMarkupParseContext *parser = g_markup_parse_context_new(&nothing, 0, NULL, NULL);
    g_assert(g_markup_parse_context_parse(parser, xml, (gssize)size, NULL));
    g_assert(g_markup_parse_context_end_parse(parser, NULL));
    g_markup_parse_context_free(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const Shape *const shapes[] = {
        RunInstancesRequest_shape(),
        AuthorizeSecurityGroupIngressRequest_shape(),
        ModifyInstanceAttributeRequest_shape(),
        DescribeInstancesRequest_shape(),
    };
    static const char *const versions[] = {"2009-11-30", "2016-11-15"};
    if (size == 0)
        return 0;
    const Shape *shape = shapes[data[0] & 3];
    Service service = {
        .name = "fuzz",
        .protocol = data[0] & 4 ? PROTOCOL_QUERY : PROTOCOL_EC2,
        .xmlns = "http://fuzz/%s/",
    };
    const char *version = versions[(data[0] >> 3) & 1];

    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    Params params = {0};
    ParamNode *root;
    void *request;
    g_auto(Buffer) xml = {0};
    if (!params_decode(&params, arena, (const char *)data + 1, size - 1, NULL) ||
        !params_tree(&params, arena, &root, NULL))
        return 0;
    if (bind_request(arena, shape, root, service.protocol, version, &request, &error) &&
        bind_check_unknown(root, service.protocol, &error))
        render_reply(&xml, &service, "Fuzz", shape, version, "id", request);
    else
        render_error(&xml, &service, version, "id", 400, "Fault", error->message);
    assert_well_formed(xml.data, xml.size);
    return 0;
}
