/* XML bodies: what is let through is a bounded tree of UTF-8, and what is written of it is read as
 * the same tree again. */
#include "tests/fuzz/fuzz.h"
#include "api/s3/document.h"

static unsigned check_tree(const XmlNode *node, unsigned depth)
{
    unsigned nodes = 1;
    g_assert(depth <= XML_MAX_DEPTH);
    g_assert(g_utf8_validate(node->name, -1, NULL) && g_utf8_validate(node->text, -1, NULL));
    g_assert(!node->child || !*node->text);
    for (const XmlNode *child = node->child; child; child = child->next)
        nodes += check_tree(child, depth + 1);
    return nodes;
}

static void assert_same(const XmlNode *a, const XmlNode *b)
{
    for (; a && b; a = a->next, b = b->next) {
        g_assert(strcmp(a->name, b->name) == 0 && strcmp(a->text, b->text) == 0);
        g_assert(g_strcmp0(a->type, b->type) == 0);
        assert_same(a->child, b->child);
    }
    g_assert(!a && !b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Arena) arena = arena_new();
    g_auto(Buffer) out = {0};
    XmlNode *root, *again;
    if (!xml_parse(arena, (const char *)data, size, &root, NULL))
        return 0;
    g_assert(check_tree(root, 1) <= XML_MAX_NODES);
    bool known = document_check(root, root->name, NULL);
    document_write(&out, root);
    g_assert(xml_parse(arena, out.data, out.size, &again, NULL));
    assert_same(root, again);
    g_assert(document_check(again, root->name, NULL) == known);
    return 0;
}
