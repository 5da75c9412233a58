/* Routing of requests to S3: whose they are, bucket and key, ranges. */
#include "tests/fuzz/fuzz.h"
#include "api/s3/address.h"
#include "api/s3/range.h"
#include "base/fault.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    const HttpRequest *request = fuzz_request(arena, data, size);
    S3Address address = {0};
    if (!request->method || !request->path)
        return 0;
    s3_is_meant(request);
    if (!s3_address_read(arena, request, &address, &error)) {
        g_assert(fault_is(error, FAULT_INVALID_URI));
    } else {
        g_assert(!address.key || address.bucket);
        g_assert(!address.bucket || *address.bucket);
        g_assert(!address.key || (*address.key && g_utf8_validate(address.key, -1, NULL)));
    }
    uint64_t first, part, total = size * 7;
    if (range_read(http_header(request, "range"), total, &first, &part) == RANGE_PART)
        g_assert(part > 0 && first < total && part <= total - first);
    return 0;
}
