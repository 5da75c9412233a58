/* Signature Version 2: method, host, path and all parameters but the signature, sorted. Invariant:
 * pure; the parameters of URL and form are signed alike. */
#include "api/signature/sigv2.h"

#include "api/signature/canonical.h"

void sigv2_string_to_sign(Buffer *out, Arena *arena, const SignedRequest *request, const char *host)
{
    buffer_add_text(out, request->http->method);
    buffer_add_char(out, '\n');
    for (const char *c = host; *c; c++)
        buffer_add_char(out, g_ascii_tolower(*c));
    buffer_add_char(out, '\n');
    buffer_add_text(out, *request->http->path ? request->http->path : "/");
    buffer_add_char(out, '\n');
    canonical_query(out, arena, request->params.items, request->params.n, "Signature");
}
