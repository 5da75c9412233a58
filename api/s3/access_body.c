/* What bodies say that policies can ask for. Source: "Actions, resources, and condition keys for
 * Amazon S3" (Service Authorization Reference). Invariant: what is read here is what the handler
 * will read. */
#include "api/s3/access_facts.h"

#include "api/s3/operations.h"
#include "api/s3/tagging.h"

typedef struct BodyRow {
    S3Handler handle;   /* of the operation */
    const char *schema; /* NULL: any; it may have several names */
    bool (*read)(const S3Call *call, const XmlNode *root, S3Said *said, GError **error);
} BodyRow;

static bool read_tags(const S3Call *call, const XmlNode *root, S3Said *said, GError **error)
{
    return s3_tags_from_document(call->arena, xml_child(root, "TagSet"), OBJECT_TAGS_MAX,
                                 &said->tags, error);
}

static bool read_retention(const S3Call *call, const XmlNode *root, S3Said *said, GError **error)
{
    int64_t until;
    char text[CLOCK_TEXT_SIZE];
    said->lock_mode = xml_child_text(root, "Mode");
    if (xml_child_time(root, "RetainUntilDate", &until))
        said->retain_until = arena_strdup(call->arena, clock_format(until, text));
    return true;
}

static bool read_legal_hold(const S3Call *call, const XmlNode *root, S3Said *said, GError **error)
{
    said->legal_hold = xml_child_text(root, "Status");
    return true;
}

static bool read_location(const S3Call *call, const XmlNode *root, S3Said *said, GError **error)
{
    const char *location = xml_child_text(root, "LocationConstraint");
    said->location = location && *location ? location : NULL;
    return true;
}

static const BodyRow rows[] = {
    {s3_create_bucket, NULL, read_location},
    {s3_put_object_legal_hold, "LegalHold", read_legal_hold},
    {s3_put_object_retention, "Retention", read_retention},
    {s3_put_object_tagging, "Tagging", read_tags},
};

static const BodyRow *find_row(const S3Operation *operation)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].handle == operation->handle)
            return &rows[i];
    }
    return NULL;
}

bool s3_body_says(const S3Operation *operation)
{
    return find_row(operation) != NULL;
}

void s3_body_read_said(S3Call *call)
{
    const BodyRow *row = find_row(call->operation);
    S3Said said = {0};
    XmlNode *root;
    if (call->document_size > 0 &&
        xml_parse(call->arena, call->document, call->document_size, &root, NULL) &&
        (!row->schema || document_check(root, row->schema, NULL)) &&
        !row->read(call, root, &said, NULL))
        said = (S3Said){0};
    call->said = arena_memdup(call->arena, &said, sizeof(said));
}
