/* Look-ups in requests, and what replies own. Invariant: nothing here changes a request. */
#include "api/http.h"

#include <unistd.h>

const char *http_header(const HttpRequest *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        if (http_header_is(&request->headers[i], name))
            return request->headers[i].value;
    }
    return NULL;
}

void http_reply_header(HttpReply *reply, Arena *arena, const char *name, const char *value)
{
    Header *header = arena_new_struct(arena, Header);
    *header = (Header){name, value};
    list_add(&reply->headers, arena, header);
}

void http_reply_clear(HttpReply *reply)
{
    if (reply->kind == BODY_FILE)
        close(reply->fd);
    else if (reply->kind == BODY_SOURCE)
        reply->source.free(reply->source.data);
    buffer_clear(&reply->body);
    g_clear_pointer(&reply->shared.bytes, g_bytes_unref);
    *reply = (HttpReply){0};
}
