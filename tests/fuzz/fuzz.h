/* What fuzz targets share. A target is called with any bytes and must neither crash nor leak; an
 * assertion that fails is a finding. */
#pragma once

#include "api/http.h"
#include "base/arena.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_HEADERS 32

/* "METHOD /path?query\nName: value\n…\n\nbody": everything after the first NUL is dropped. */
static inline HttpRequest *fuzz_request(Arena *arena, const uint8_t *data, size_t size)
{
    HttpRequest *request = arena_new_struct(arena, HttpRequest);
    Header *headers = arena_alloc(arena, FUZZ_HEADERS * sizeof(Header));
    char *rest = arena_strndup(arena, (const char *)data, size);
    char *line = strsep(&rest, "\n");
    request->method = strsep(&line, " ");
    request->path = line ? strsep(&line, "?") : "";
    request->query = line ? line : "";
    request->source_ip = "";
    while (rest && (line = strsep(&rest, "\n")) && *line && request->n_headers < FUZZ_HEADERS) {
        headers[request->n_headers].name = strsep(&line, ":");
        headers[request->n_headers++].value = line ? line : "";
    }
    request->headers = headers;
    request->body = rest && *rest ? rest : NULL;
    request->body_size = rest ? strlen(rest) : 0;
    return request;
}
