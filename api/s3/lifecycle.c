/* Lifecycle configurations. Source: "Lifecycle configuration elements" (Amazon S3 User Guide) and
 * PutBucketLifecycleConfiguration (API Reference). Transitions are kept and shown; bytes have one
 * place here, whatever the storage class. */
#include "api/s3/lifecycle.h"

#include "api/s3/configuration.h"
#include "api/s3/operations.h"
#include "api/s3/tagging.h"
#include "base/fault.h"
#include <string.h>

#define ID_MAX 255
#define INFREQUENT_DAYS_MIN 30 /* of transitions to an infrequent-access class */
#define NEWER_VERSIONS_MAX 100
#define MINIMUM_SIZE_HEADER "x-amz-transition-default-minimum-object-size"
#define MINIMUM_SIZE "all_storage_classes_128K" /* unless something else is asked for */

/* ---- reading ---- */

/* The element that holds a rule's conditions: And, Filter, or, as before 2016, the rule itself. */
static const XmlNode *conditions_of(const XmlNode *rule)
{
    const XmlNode *filter = xml_child(rule, "Filter");
    const XmlNode *all = xml_child(filter, "And");
    return all ? all : filter ? filter : rule;
}

static int64_t number(const XmlNode *node, const char *name, int64_t without)
{
    int64_t value = without;
    xml_child_int(node, name, &value);
    return value;
}

static LifecycleRule *read_rule(Arena *arena, const XmlNode *node)
{
    LifecycleRule *rule = arena_new_struct(arena, LifecycleRule);
    const XmlNode *conditions = conditions_of(node);
    const XmlNode *expiration = xml_child(node, "Expiration");
    const XmlNode *noncurrent = xml_child(node, "NoncurrentVersionExpiration");
    const char *prefix = xml_child_text(conditions, "Prefix");
    *rule = (LifecycleRule){
        .id = xml_child_text(node, "ID"),
        .prefix = prefix ? prefix : "",
        .larger_than = number(conditions, "ObjectSizeGreaterThan", -1),
        .smaller_than = number(conditions, "ObjectSizeLessThan", INT64_MAX),
        .expire_days = number(expiration, "Days", 0),
        .expire_markers = xml_child_is_true(expiration, "ExpiredObjectDeleteMarker"),
        .noncurrent_days = number(noncurrent, "NoncurrentDays", 0),
        .newer_noncurrent = number(noncurrent, "NewerNoncurrentVersions", 0),
        .abort_days =
            number(xml_child(node, "AbortIncompleteMultipartUpload"), "DaysAfterInitiation", 0),
    };
    xml_child_time(expiration, "Date", &rule->expire_date);
    XML_EACH (tag, conditions, "Tag")
        list_add(&rule->tags, arena,
                 s3_tag_text(arena, xml_child_text(tag, "Key"), xml_child_text(tag, "Value")));
    return rule;
}

bool s3_lifecycle_read(Arena *arena, const char *body, List *rules, GError **error)
{
    XmlNode *root;
    if (!xml_parse(arena, body, strlen(body), &root, error))
        return false;
    XML_EACH (rule, root, "Rule") {
        if (strcmp(xml_child_text(rule, "Status"), "Enabled") == 0)
            list_add(rules, arena, read_rule(arena, rule));
    }
    return true;
}

/* ---- checking ---- */

static bool must_be_positive(const XmlNode *node, const char *name, const char *action,
                             GError **error)
{
    return number(node, name, 1) > 0 ||
           fault_set(error, FAULT_INVALID_ARGUMENT, "'%s' for %s action must be a positive integer",
                     name, action);
}

static bool must_be_midnight(const XmlNode *node, GError **error)
{
    int64_t date = 0;
    xml_child_time(node, "Date", &date);
    return date % CLOCK_DAY == 0 ||
           fault_set(error, FAULT_INVALID_ARGUMENT, "'Date' must be at midnight GMT");
}

/* The filter has one condition, or several under And. */
static bool check_filter(const XmlNode *rule, GError **error)
{
    const XmlNode *filter = xml_child(rule, "Filter");
    const XmlNode *conditions = conditions_of(rule);
    int64_t more = number(conditions, "ObjectSizeGreaterThan", -1);
    int64_t less = number(conditions, "ObjectSizeLessThan", INT64_MAX);
    if ((filter != NULL) == (xml_child(rule, "Prefix") != NULL))
        return s3_malformed_xml(error);
    if (filter && filter->child && filter->child->next)
        return s3_malformed_xml(error);
    if (filter && less <= more)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "'ObjectSizeLessThan' has to be a value greater than "
                         "'ObjectSizeGreaterThan'.");
    return true;
}

static bool has_tags(const XmlNode *rule)
{
    return xml_child(conditions_of(rule), "Tag") != NULL;
}

static bool has_sizes(const XmlNode *rule)
{
    const XmlNode *conditions = conditions_of(rule);
    return xml_child(conditions, "ObjectSizeGreaterThan") ||
           xml_child(conditions, "ObjectSizeLessThan");
}

static bool check_tags(const XmlNode *rule, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    const char *tags;
    return s3_tags_from_document(arena, conditions_of(rule), OBJECT_TAGS_MAX, &tags, error);
}

static bool check_expiration(const XmlNode *rule, GError **error)
{
    const XmlNode *expiration = xml_child(rule, "Expiration");
    if (!expiration)
        return true;
    if (!expiration->child || expiration->child->next) /* one of the three */
        return s3_malformed_xml(error);
    if (xml_child(expiration, "ExpiredObjectDeleteMarker") && has_tags(rule))
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "ExpiredObjectDeleteMarker cannot be specified with Tags.");
    return must_be_positive(expiration, "Days", "Expiration", error) &&
           must_be_midnight(expiration, error);
}

static bool check_noncurrent(const XmlNode *rule, GError **error)
{
    const XmlNode *node = xml_child(rule, "NoncurrentVersionExpiration");
    if (node && !xml_child(node, "NoncurrentDays"))
        return s3_malformed_xml(error);
    int64_t newer = number(node, "NewerNoncurrentVersions", 1);
    if (newer < 1 || newer > NEWER_VERSIONS_MAX)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be "
                         "a positive integer of at most %d",
                         NEWER_VERSIONS_MAX);
    return must_be_positive(node, "NoncurrentDays", "NoncurrentVersionExpiration", error);
}

static bool check_abort(const XmlNode *rule, GError **error)
{
    const XmlNode *node = xml_child(rule, "AbortIncompleteMultipartUpload");
    if (!node)
        return true;
    if (!xml_child(node, "DaysAfterInitiation"))
        return s3_malformed_xml(error);
    if (has_tags(rule) || has_sizes(rule))
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "AbortIncompleteMultipartUpload cannot be specified with %s.",
                         has_tags(rule) ? "Tags" : "Object Size");
    return must_be_positive(node, "DaysAfterInitiation", "AbortIncompleteMultipartUpload", error);
}

static bool check_transition(const XmlNode *rule, const XmlNode *transition, GError **error)
{
    const char *class = xml_child_text(transition, "StorageClass");
    bool dated = xml_child(transition, "Date") != NULL;
    int64_t days = number(transition, "Days", 0);
    int64_t expire = number(xml_child(rule, "Expiration"), "Days", INT64_MAX);
    if (dated == (xml_child(transition, "Days") != NULL))
        return s3_malformed_xml(error);
    if (days < 0)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "'Days' in Transition action must be nonnegative");
    if (!dated && days < INFREQUENT_DAYS_MIN && g_str_has_suffix(class, "_IA"))
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "'Days' in Transition action must be greater than or equal to %d for "
                         "storageClass '%s'",
                         INFREQUENT_DAYS_MIN, class);
    if (!dated && expire <= days)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "'Days' in the Expiration action for filter '(prefix=%s)' must be greater "
                         "than 'Days' in the Transition action",
                         xml_child(conditions_of(rule), "Prefix")
                             ? xml_child_text(conditions_of(rule), "Prefix")
                             : "");
    return must_be_midnight(transition, error);
}

static bool check_transitions(const XmlNode *rule, GError **error)
{
    XML_EACH (transition, rule, "Transition") {
        if (!check_transition(rule, transition, error))
            return false;
    }
    XML_EACH (transition, rule, "NoncurrentVersionTransition") {
        if (!xml_child(transition, "NoncurrentDays"))
            return s3_malformed_xml(error);
        if (number(transition, "NoncurrentDays", 0) < 0)
            return fault_set(error, FAULT_INVALID_ARGUMENT,
                             "'NoncurrentDays' in NoncurrentVersionTransition action must be "
                             "nonnegative");
    }
    return true;
}

static bool has_action(const XmlNode *rule)
{
    static const char *const actions[] = {"Expiration", "Transition", "NoncurrentVersionTransition",
                                          "NoncurrentVersionExpiration",
                                          "AbortIncompleteMultipartUpload"};
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (xml_child(rule, actions[i]))
            return true;
    }
    return false;
}

static bool check_id(const XmlNode *rule, GHashTable *ids, GError **error)
{
    const char *id = xml_child_text(rule, "ID");
    if (id && strlen(id) > ID_MAX)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "ID length should not exceed allowed limit of %d", ID_MAX);
    return !id || !*id || g_hash_table_add(ids, (char *)id) ||
           fault_set(error, FAULT_INVALID_ARGUMENT,
                     "Rule ID must be unique. Found same ID for one or more rules");
}

bool lifecycle_document_check(const XmlNode *configuration, GError **error)
{
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
    XML_EACH (rule, configuration, "Rule") {
        if (!check_id(rule, ids, error) || !check_filter(rule, error))
            return false;
        if (!has_action(rule))
            return fault_set(error, FAULT_INVALID_REQUEST,
                             "At least one action needs to be specified in a rule");
        if (!check_tags(rule, error) || !check_expiration(rule, error) ||
            !check_noncurrent(rule, error) || !check_abort(rule, error) ||
            !check_transitions(rule, error))
            return false;
    }
    return true;
}

static bool keep_minimum_size(S3Call *call, Txn *txn, Bucket *bucket, GError **error)
{
    static const char *const sizes[] = {MINIMUM_SIZE, "varies_by_storage_class", NULL};
    const char *size = s3_header(call, MINIMUM_SIZE_HEADER);
    if (!size)
        size = MINIMUM_SIZE;
    if (!g_strv_contains(sizes, size))
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "Value for " MINIMUM_SIZE_HEADER " header is invalid.");
    s3_reply_header(call, MINIMUM_SIZE_HEADER, size);
    return bucket_document_set(txn, bucket, DOCUMENT_LIFECYCLE_SIZE, size, error);
}

bool s3_lifecycle_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error)
{
    if (!lifecycle_document_check(root, error))
        return false;
    s3_name_rules(call->arena, root, "Status", "ID");
    return keep_minimum_size(call, txn, bucket, error);
}

bool s3_get_bucket_lifecycle(S3Call *call, GError **error)
{
    const char *size;
    if (!s3_get_configuration(call, error) ||
        !bucket_document_find(call->txn, call->arena, call->bucket, DOCUMENT_LIFECYCLE_SIZE, &size,
                              error))
        return false;
    s3_reply_header(call, MINIMUM_SIZE_HEADER, size ? size : MINIMUM_SIZE);
    return true;
}

/* ---- telling ---- */

static bool find_rules(S3Call *call, const Bucket *bucket, List *rules, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    const char *body;
    return (call->txn || txn_begin_read(cloud_store(call->s3->cloud), &txn, error)) &&
           bucket_document_find(call->txn ? call->txn : txn, call->arena, bucket,
                                DOCUMENT_LIFECYCLE, &body, error) &&
           (!body || s3_lifecycle_read(call->arena, body, rules, error));
}

/* Empty when there are none, or they cannot be read. */
static List rules_of(S3Call *call, const Bucket *bucket)
{
    g_autoptr(GError) error = NULL;
    List rules = {0};
    if (bucket_has_document(bucket, DOCUMENT_LIFECYCLE) &&
        !find_rules(call, bucket, &rules, &error))
        g_warning("lifecycle rules of bucket %s: %s", bucket->name, error->message);
    return rules;
}

void s3_expiration_reply(S3Call *call, const Bucket *bucket, const Object *object)
{
    const LifecycleRule *rule;
    List rules = rules_of(call, bucket);
    if (!object->is_latest || object->is_marker)
        return;
    int64_t expiry = lifecycle_expiry(&rules, object, object->modified, &rule);
    if (expiry == INT64_MAX)
        return;
    g_autofree char *id = g_uri_escape_string(rule->id, NULL, FALSE);
    s3_reply_header(call, "x-amz-expiration",
                    arena_printf(call->arena, "expiry-date=\"%s\", rule-id=\"%s\"",
                                 s3_http_date(call->arena, expiry), id));
}

void s3_abortion_reply(S3Call *call, const Bucket *bucket, const Upload *upload)
{
    const LifecycleRule *rule;
    List rules = rules_of(call, bucket);
    int64_t due = lifecycle_abortion(&rules, upload, upload->created, &rule);
    if (due == INT64_MAX)
        return;
    s3_reply_header(call, "x-amz-abort-date", s3_http_date(call->arena, due));
    s3_reply_header(call, "x-amz-abort-rule-id", rule->id);
}
