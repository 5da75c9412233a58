/* Look-ups in requests. Invariant: nothing here changes a request. */
#include "api/http.h"

const char *http_header(const HttpRequest *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        if (http_header_is(&request->headers[i], name))
            return request->headers[i].value;
    }
    return NULL;
}

void http_reply_clear(HttpReply *reply)
{
    buffer_clear(&reply->body);
    g_clear_pointer(&reply->shared.bytes, g_bytes_unref);
    *reply = (HttpReply){0};
}
