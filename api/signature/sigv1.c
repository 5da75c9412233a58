/* Signature Version 1. Invariant: pure. */
#include "api/signature/sigv1.h"

#include <stdlib.h>
#include <strings.h>

static int compare_params(const void *one, const void *other)
{
    const Param *a = *(const Param *const *)one, *b = *(const Param *const *)other;
    int order = strcasecmp(a->name, b->name);
    return order ? order : strcmp(a->name, b->name);
}

void sigv1_string_to_sign(Buffer *out, Arena *arena, const SignedRequest *request)
{
    const Params *params = &request->params;
    const Param **sorted = arena_alloc(arena, (params->n + 1) * sizeof(Param *));
    size_t n = 0;
    for (size_t i = 0; i < params->n; i++) {
        if (strcmp(params->items[i].name, "Signature") != 0)
            sorted[n++] = &params->items[i];
    }
    qsort(sorted, n, sizeof(Param *), compare_params);
    for (size_t i = 0; i < n; i++) {
        buffer_add_text(out, sorted[i]->name);
        buffer_add_text(out, sorted[i]->value);
    }
}
