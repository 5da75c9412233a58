/* The form decoder and the tree: what they let through is UTF-8, and the tree holds each name. */
#include "tests/fuzz/fuzz.h"
#include "api/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Arena) arena = arena_new();
    Params params = {0};
    ParamNode *root;
    if (!params_decode(&params, arena, (const char *)data, size, NULL))
        return 0;
    for (size_t i = 0; i < params.n; i++) {
        g_assert(g_utf8_validate(params.items[i].name, -1, NULL));
        g_assert(g_utf8_validate(params.items[i].value, -1, NULL));
    }
    if (!params_tree(&params, arena, &root, NULL))
        return 0;
    for (size_t i = 0; i < params.n; i++) {
        const ParamNode *node = param_node_find(root, params.items[i].name);
        g_assert(node && g_strcmp0(node->value, params.items[i].value) == 0);
    }
    return 0;
}
