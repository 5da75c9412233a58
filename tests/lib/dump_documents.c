/* Prints the tables of S3's XML documents as JSON, for tests/client/test_s3_documents.py. */
#include "api/s3/document.h"

#include <jansson.h>

static const char *const kinds[] = {
    [ELEMENT_TEXT] = "text", [ELEMENT_ENUM] = "enum", [ELEMENT_INT] = "int",
    [ELEMENT_BOOL] = "bool", [ELEMENT_TIME] = "time", [ELEMENT_STRUCT] = "struct",
    [ELEMENT_TYPE] = "type",
};

static json_t *dump_elements(const Element *elements);

static json_t *dump_element(const Element *element)
{
    json_t *values = json_array();
    for (const char *const *value = element->values; value && *value; value++)
        json_array_append_new(values, json_string(*value));
    json_t *row =
        json_pack("{s:s, s:s, s:i, s:b, s:o}", "name", element->name, "kind", kinds[element->kind],
                  "min", (int)element->min, "many", element->max > 1, "values", values);
    if (element->kind == ELEMENT_STRUCT)
        json_object_set_new(row, "children", dump_elements(element->children));
    return row;
}

static json_t *dump_elements(const Element *elements)
{
    json_t *rows = json_array();
    for (; elements->name; elements++)
        json_array_append_new(rows, dump_element(elements));
    return rows;
}

int main(void)
{
    json_t *all = json_object();
    for (const DocumentSchema *schema = document_schemas; schema->name; schema++)
        json_object_set_new(all, schema->root, dump_elements(schema->children));
    int failed = json_dumpf(all, stdout, JSON_INDENT(1));
    json_decref(all);
    return failed ? 1 : 0;
}
