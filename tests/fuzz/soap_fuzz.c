/* SOAP requests: envelope, claim, signature by whatever certificate came along, and the members of
 * several actions. */
#include "tests/fuzz/fuzz.h"
#include "api/ec2/shapes.h"
#include "api/ec2/soap_names.h"
#include "api/soap.h"
#include "api/soap_signature.h"

static void read_members(Arena *arena, const Shape *shape, const SoapRequest *request)
{
    g_autoptr(GError) error = NULL;
    Params params = {0};
    ParamNode *root;
    if (soap_params(arena, &soap_names, shape, "2013-02-01", request->operation, &params, &error))
        params_tree(&params, arena, &root, &error);
}

static void verify(Arena *arena, const SoapRequest *request)
{
    g_autoptr(GError) error = NULL;
    SoapClaim claim;
    if (soap_claim_read(arena, request, &claim, &error))
        soap_claim_verify(arena, request, &claim, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    g_auto(SoapRequest) request = {0};
    soap_signature_init();
    if (soap_read(arena, (const char *)data, size, &request, &error)) {
        verify(arena, &request);
        read_members(arena, RunInstancesRequest_shape(), &request);
        read_members(arena, DescribeImagesRequest_shape(), &request);
        read_members(arena, ModifySnapshotAttributeRequest_shape(), &request);
        read_members(arena, AuthorizeSecurityGroupIngressRequest_shape(), &request);
        read_members(arena, DescribeInstanceAttributeRequest_shape(), &request);
    }
    return 0;
}
