/* ACLs on the wire: canned ones and grants in headers, <AccessControlPolicy>. Sources: "PutObject",
 * "PutBucketAcl" (Amazon S3 API Reference), "Access control list (ACL) overview" (User Guide).
 *
 * Invariant: a grant that is kept names a group that S3 has or an account that is there. */
#include "api/s3/acl_wire.h"

#include "api/s3/access.h"
#include "api/s3/document.h"
#include "base/fault.h"
#include <string.h>

#define MAX_GRANTS 100

/* Whom an ACL is for and who may be named in it. */
typedef struct AclReader {
    S3Call *call;
    Txn *txn;
    const Bucket *bucket;
    bool of_object;
    const char *owner_id;        /* canonical */
    const char *bucket_owner_id; /* NULL: the ACL is the bucket's */
    Acl acl;
} AclReader;

static bool acl_reader_init(AclReader *reader, S3Call *call, Txn *txn, const Bucket *bucket,
                            const char *owner_account_id, bool of_object, GError **error)
{
    const char *name;
    *reader = (AclReader){.call = call, .txn = txn, .bucket = bucket, .of_object = of_object};
    return s3_account_identity(call, txn, owner_account_id, &reader->owner_id, &name, error) &&
           (!of_object || s3_account_identity(call, txn, bucket->account_id,
                                              &reader->bucket_owner_id, &name, error));
}

static bool invalid_argument(S3Call *call, const char *name, const char *value,
                             const char *sentence, GError **error)
{
    s3_detail(call, "ArgumentName", name);
    s3_detail(call, "ArgumentValue", value);
    return fault_set(error, FAULT_INVALID_ARGUMENT, "%s", sentence);
}

static bool malformed_acl(GError **error)
{
    return fault_set(error, FAULT_MALFORMED_ACL,
                     "The XML you provided was not well-formed or did not validate against our "
                     "published schema");
}

/* ---- grantees ---- */

static bool add_person(AclReader *reader, AclPermission permission, const char *id, GError **error)
{
    void *account;
    if (!record_query_one(reader->txn, reader->call->arena, QUERY_ACCOUNT_BY_CANONICAL_ID, &account,
                          error, id))
        return false;
    if (!account)
        return invalid_argument(reader->call, "CanonicalUser/ID", id, "Invalid id", error);
    acl_add(&reader->acl, reader->call->arena, permission, ACL_NO_GROUP, id);
    return true;
}

static bool add_group(AclReader *reader, AclPermission permission, const char *uri, GError **error)
{
    AclGroup group;
    if (!acl_group_parse(uri, &group))
        return invalid_argument(reader->call, "Group/URI", uri, "Invalid group uri", error);
    acl_add(&reader->acl, reader->call->arena, permission, group, NULL);
    return true;
}

/* Accounts here have names only; one may be an address. */
static bool add_email(AclReader *reader, AclPermission permission, const char *email,
                      GError **error)
{
    void *found;
    if (!record_query_one(reader->txn, reader->call->arena, QUERY_ACCOUNT_BY_NAME, &found, error,
                          email))
        return false;
    if (!found || !strchr(email, '@'))
        return fault_set(error, FAULT_UNRESOLVABLE_GRANT,
                         "The e-mail address you provided does not match any account on record.");
    const Account *account = found;
    acl_add(&reader->acl, reader->call->arena, permission, ACL_NO_GROUP, account->canonical_id);
    return true;
}

/* ---- what a bucket lets ACLs be ---- */

/* The text to be kept, after the bucket's settings have been asked. */
static bool finish_acl(AclReader *reader, const char **ret_acl, GError **error)
{
    if (reader->bucket->public_access_block & PUBLIC_ACCESS_BLOCK_ACLS &&
        acl_is_public(&reader->acl))
        return fault_set(error, FAULT_ACCESS_DENIED, "Access Denied");
    *ret_acl = acl_write(reader->call->arena, &reader->acl);
    return true;
}

static bool refuse_acls(GError **error)
{
    return fault_set(error, FAULT_ACCESS_CONTROL_LIST_NOT_SUPPORTED,
                     "The bucket does not allow ACLs");
}

/* ---- headers ---- */

static const struct {
    const char *name;
    AclPermission permission;
    bool of_buckets_only;
} grant_headers[] = {
    {"x-amz-grant-read", ACL_READ, false},
    {"x-amz-grant-write", ACL_WRITE, true},
    {"x-amz-grant-read-acp", ACL_READ_ACP, false},
    {"x-amz-grant-write-acp", ACL_WRITE_ACP, false},
    {"x-amz-grant-full-control", ACL_FULL_CONTROL, false},
};

/* id="79a5…", uri=http://…, emailAddress="…" */
static bool add_grantee(AclReader *reader, AclPermission permission, const char *header, char *text,
                        GError **error)
{
    Arena *arena = reader->call->arena;
    char *value = strchr(text, '=');
    if (!value)
        return invalid_argument(reader->call, header, arena_strdup(arena, text),
                                "Argument format not recognized", error);
    *value++ = '\0';
    text = g_strstrip(text);
    value = g_strstrip(value);
    size_t size = strlen(value);
    const char *name = size >= 2 && value[0] == '"' && value[size - 1] == '"'
                           ? arena_strndup(arena, value + 1, size - 2)
                           : arena_strdup(arena, value);
    if (g_ascii_strcasecmp(text, "id") == 0)
        return add_person(reader, permission, name, error);
    if (g_ascii_strcasecmp(text, "uri") == 0)
        return add_group(reader, permission, name, error);
    if (g_ascii_strcasecmp(text, "emailAddress") == 0)
        return add_email(reader, permission, name, error);
    return invalid_argument(reader->call, header, arena_strdup(arena, text),
                            "Argument format not recognized", error);
}

static bool add_header(AclReader *reader, AclPermission permission, const char *header,
                       const char *text, GError **error)
{
    g_auto(GStrv) grantees = g_strsplit(text, ",", MAX_GRANTS + 1);
    if (!*grantees)
        return invalid_argument(reader->call, header, text, "Argument format not recognized",
                                error);
    for (char **grantee = grantees; *grantee; grantee++) {
        if (!add_grantee(reader, permission, header, *grantee, error))
            return false;
    }
    return reader->acl.grants.n <= MAX_GRANTS || malformed_acl(error);
}

/* *ret_given: whether there was any such header. */
static bool read_grant_headers(AclReader *reader, bool *ret_given, GError **error)
{
    *ret_given = false;
    for (size_t i = 0; i < G_N_ELEMENTS(grant_headers); i++) {
        const char *text = s3_header(reader->call, grant_headers[i].name);
        if (!text || (grant_headers[i].of_buckets_only && reader->of_object))
            continue;
        *ret_given = true;
        if (!add_header(reader, grant_headers[i].permission, grant_headers[i].name, text, error))
            return false;
    }
    return true;
}

static bool has_grant_headers(const S3Call *call)
{
    for (size_t i = 0; i < G_N_ELEMENTS(grant_headers); i++) {
        if (s3_header(call, grant_headers[i].name))
            return true;
    }
    return false;
}

static bool read_canned(AclReader *reader, const char *name, const char **ret_acl, GError **error)
{
    const Acl *acl =
        acl_canned(reader->call->arena, name, reader->owner_id, reader->bucket_owner_id);
    if (!acl)
        return invalid_argument(reader->call, "x-amz-acl", name, "", error);
    bool harmless = strcmp(name, "bucket-owner-full-control") == 0 ||
                    (!reader->of_object && strcmp(name, "private") == 0);
    if (!s3_acls_count(reader->bucket) && !harmless)
        return refuse_acls(error);
    reader->acl = *acl;
    return finish_acl(reader, ret_acl, error);
}

bool s3_acl_from_headers(S3Call *call, Txn *txn, const Bucket *bucket, const char *owner_account_id,
                         bool of_object, const char **ret_acl, GError **error)
{
    const char *canned = s3_header(call, "x-amz-acl");
    bool granted = has_grant_headers(call);
    if (!canned && !granted) {
        *ret_acl = NULL;
        return true;
    }
    if (canned && granted)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "Specifying both Canned ACLs and Header Grants is not allowed");
    AclReader reader;
    if (!acl_reader_init(&reader, call, txn, bucket, owner_account_id, of_object, error))
        return false;
    if (canned)
        return read_canned(&reader, canned, ret_acl, error);
    if (!s3_acls_count(bucket))
        return refuse_acls(error);
    if (!read_grant_headers(&reader, &granted, error))
        return false;
    if (!granted) {
        *ret_acl = NULL;
        return true;
    }
    return finish_acl(&reader, ret_acl, error);
}

/* ---- documents ---- */

static bool read_grant(AclReader *reader, const XmlNode *grant, GError **error)
{
    const XmlNode *grantee = xml_child(grant, "Grantee");
    const char *name = xml_child_text(grant, "Permission");
    const char *id = xml_child_text(grantee, "ID");
    const char *uri = xml_child_text(grantee, "URI");
    const char *email = xml_child_text(grantee, "EmailAddress");
    AclPermission permission;
    if (!name || !acl_permission_parse(name, &permission))
        return malformed_acl(error);
    if (id)
        return add_person(reader, permission, id, error);
    if (uri)
        return add_group(reader, permission, uri, error);
    return email ? add_email(reader, permission, email, error) : malformed_acl(error);
}

static bool read_document(AclReader *reader, GError **error)
{
    S3Call *call = reader->call;
    XmlNode *root;
    g_autoptr(GError) why = NULL;
    if (!xml_parse(call->arena, call->document, call->document_size, &root, &why) ||
        !document_check(root, "AccessControlPolicy", &why))
        return malformed_acl(error);
    const char *owner = xml_child_text(xml_child(root, "Owner"), "ID");
    const XmlNode *list = xml_child(root, "AccessControlList");
    if (!owner || !list)
        return malformed_acl(error);
    if (strcmp(owner, reader->owner_id) != 0)
        return fault_set(error, FAULT_ACCESS_DENIED, "Access Denied");
    XML_EACH (grant, list, "Grant") {
        if (reader->acl.grants.n >= MAX_GRANTS)
            return malformed_acl(error);
        if (!read_grant(reader, grant, error))
            return false;
    }
    return true;
}

/* Only what such a bucket has anyway: full control for its owner. */
static bool is_owners_alone(const AclReader *reader)
{
    const char *owner_id = reader->of_object ? reader->bucket_owner_id : reader->owner_id;
    LIST_EACH (const AclGrant *, grant, &reader->acl.grants)
        if (grant->permission != ACL_FULL_CONTROL || grant->group != ACL_NO_GROUP ||
            strcmp(grant->id, owner_id) != 0)
            return false;
    return reader->acl.grants.n > 0;
}

/* They are all that the request is about: an ACL that they leave as it was is none. */
static bool read_headers_alone(S3Call *call, Txn *txn, const Bucket *bucket,
                               const char *owner_account_id, bool of_object, const char **ret_acl,
                               GError **error)
{
    const char *acl;
    if (!s3_acl_from_headers(call, txn, bucket, owner_account_id, of_object, &acl, error))
        return false;
    if (!acl)
        return invalid_argument(call, "x-amz-grant-write", s3_header(call, "x-amz-grant-write"),
                                "The permission WRITE is none of objects", error);
    *ret_acl = acl;
    return true;
}

bool s3_acl_from_document(S3Call *call, Txn *txn, const Bucket *bucket,
                          const char *owner_account_id, bool of_object, const char **ret_acl,
                          GError **error)
{
    bool by_header = s3_header(call, "x-amz-acl") || has_grant_headers(call);
    if (by_header && call->document_size > 0)
        return fault_set(error, FAULT_UNEXPECTED_CONTENT, "This request does not support content");
    if (by_header)
        return read_headers_alone(call, txn, bucket, owner_account_id, of_object, ret_acl, error);
    if (call->document_size == 0) {
        s3_detail(call, "MissingHeaderName", "x-amz-acl");
        return fault_set(error, FAULT_MISSING_SECURITY_HEADER,
                         "Your request was missing a required header");
    }
    AclReader reader;
    if (!acl_reader_init(&reader, call, txn, bucket, owner_account_id, of_object, error) ||
        !read_document(&reader, error))
        return false;
    if (!s3_acls_count(bucket) && !is_owners_alone(&reader))
        return refuse_acls(error);
    return finish_acl(&reader, ret_acl, error);
}

/* ---- replies ---- */

#define XSI "http://www.w3.org/2001/XMLSchema-instance"

static bool write_person(S3Call *call, Txn *txn, Buffer *xml, const char *id, GError **error)
{
    void *found;
    if (!record_query_one(txn, call->arena, QUERY_ACCOUNT_BY_CANONICAL_ID, &found, error, id))
        return false;
    const Account *account = found;
    buffer_add_text(xml, "<Grantee xmlns:xsi=\"" XSI "\" xsi:type=\"CanonicalUser\">");
    s3_xml_text(xml, "ID", id);
    s3_xml_text(xml, "DisplayName", account ? account->name : NULL);
    s3_xml_close(xml, "Grantee");
    return true;
}

static void write_group(Buffer *xml, AclGroup group)
{
    buffer_add_text(xml, "<Grantee xmlns:xsi=\"" XSI "\" xsi:type=\"Group\">");
    s3_xml_text(xml, "URI", acl_group_uri(group));
    s3_xml_close(xml, "Grantee");
}

static bool write_grants(S3Call *call, Txn *txn, Buffer *xml, const Acl *acl, GError **error)
{
    LIST_EACH (const AclGrant *, grant, &acl->grants) {
        s3_xml_open(xml, "Grant");
        if (grant->group != ACL_NO_GROUP)
            write_group(xml, grant->group);
        else if (!write_person(call, txn, xml, grant->id, error))
            return false;
        s3_xml_text(xml, "Permission", acl_permission_name(grant->permission));
        s3_xml_close(xml, "Grant");
    }
    return true;
}

bool s3_acl_reply(S3Call *call, Txn *txn, const char *owner_account_id, const char *acl,
                  GError **error)
{
    const char *owner_id, *name;
    if (!s3_account_identity(call, txn, owner_account_id, &owner_id, &name, error))
        return false;
    Buffer *xml = s3_xml_begin(call, "AccessControlPolicy");
    if (!s3_xml_owner(call, txn, xml, owner_account_id, error))
        return false;
    s3_xml_open(xml, "AccessControlList");
    if (!write_grants(call, txn, xml, acl_read(call->arena, acl, owner_id), error))
        return false;
    s3_xml_close(xml, "AccessControlList");
    s3_xml_end(call, "AccessControlPolicy");
    return true;
}
