/* What a notification configuration may say. It is kept and shown; there is no service here that
 * an event could be sent to. Source: "Event notification types and destinations" (Amazon S3 User
 * Guide). */
#include "api/s3/configuration.h"

#include "base/fault.h"
#include <string.h>

#define FILTER_VALUE_MAX 1024

static const char *const events[] = {
    "s3:ReducedRedundancyLostObject",
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectRestore:*",
    "s3:ObjectRestore:Post",
    "s3:ObjectRestore:Completed",
    "s3:ObjectRestore:Delete",
    "s3:Replication:*",
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationNotTracked",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectAcl:Put",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
    NULL,
};

static const struct {
    const char *element, *target;
} kinds[] = {
    {"TopicConfiguration", "Topic"},
    {"QueueConfiguration", "Queue"},
    {"CloudFunctionConfiguration", "CloudFunction"},
};

static const char *filter_value(const XmlNode *configuration, const char *name)
{
    XML_EACH (rule, xml_child(xml_child(configuration, "Filter"), "S3Key"), "FilterRule") {
        const char *text = xml_child_text(rule, "Name"), *value = xml_child_text(rule, "Value");
        if (text && g_ascii_strcasecmp(text, name) == 0)
            return value ? value : "";
    }
    return "";
}

static bool check_filter_rule(const XmlNode *rule, unsigned *prefixes, unsigned *suffixes,
                              GError **error)
{
    const char *name = xml_child_text(rule, "Name"), *value = xml_child_text(rule, "Value");
    bool prefix = name && g_ascii_strcasecmp(name, "prefix") == 0;
    if (!prefix && !(name && g_ascii_strcasecmp(name, "suffix") == 0))
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "filter rule name must be either prefix or suffix");
    if (++*(prefix ? prefixes : suffixes) > 1)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "Cannot specify more than one %s rule in a filter.",
                         prefix ? "prefix" : "suffix");
    return !value || strlen(value) <= FILTER_VALUE_MAX ||
           fault_set(error, FAULT_INVALID_ARGUMENT,
                     "Size of filter rule value cannot exceed %d bytes in UTF-8 representation",
                     FILTER_VALUE_MAX);
}

static bool check_filter(const XmlNode *configuration, GError **error)
{
    unsigned prefixes = 0, suffixes = 0;
    XML_EACH (rule, xml_child(xml_child(configuration, "Filter"), "S3Key"), "FilterRule") {
        if (!check_filter_rule(rule, &prefixes, &suffixes, error))
            return false;
    }
    return true;
}

static bool check_one(const XmlNode *configuration, const char *target, GError **error)
{
    XML_EACH (event, configuration, "Event") {
        if (!g_strv_contains(events, event->text))
            return fault_set(error, FAULT_INVALID_ARGUMENT,
                             "The event '%s' is not supported for notifications", event->text);
    }
    if (!g_str_has_prefix(xml_child_text(configuration, target), "arn:"))
        return fault_set(error, FAULT_INVALID_ARGUMENT, "The ARN could not be parsed");
    return check_filter(configuration, error);
}

/* "s3:ObjectCreated:*" has every event that begins like it. */
static bool has_event(const char *event, const char *other)
{
    size_t size = strlen(event);
    return strcmp(event, other) == 0 ||
           (event[size - 1] == '*' && strncmp(event, other, size - 1) == 0);
}

static bool share_event(const XmlNode *a, const XmlNode *b)
{
    XML_EACH (event, a, "Event") {
        XML_EACH (other, b, "Event") {
            if (has_event(event->text, other->text) || has_event(other->text, event->text))
                return true;
        }
    }
    return false;
}

static bool overlap(const XmlNode *a, const XmlNode *b)
{
    const char *prefix = filter_value(a, "prefix"), *prefix2 = filter_value(b, "prefix");
    const char *suffix = filter_value(a, "suffix"), *suffix2 = filter_value(b, "suffix");
    return (g_str_has_prefix(prefix, prefix2) || g_str_has_prefix(prefix2, prefix)) &&
           (g_str_has_suffix(suffix, suffix2) || g_str_has_suffix(suffix2, suffix)) &&
           share_event(a, b);
}

static bool check_pair(const XmlNode *a, const XmlNode *b, GError **error)
{
    const char *id = xml_child_text(a, "Id");
    if (id && g_strcmp0(id, xml_child_text(b, "Id")) == 0)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "Same ID used for multiple configurations. IDs must be unique");
    return !overlap(a, b) || fault_set(error, FAULT_INVALID_ARGUMENT,
                                       "Configurations overlap. Configurations on the same bucket "
                                       "cannot share a common event type.");
}

/* Configurations stand one behind the other, whatever their kind; EventBridge's has no events. */
static bool check_against_later(const XmlNode *configuration, GError **error)
{
    for (const XmlNode *other = configuration->next; other; other = other->next) {
        if (xml_child(other, "Event") && !check_pair(configuration, other, error))
            return false;
    }
    return true;
}

bool s3_notification_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        XML_EACH (configuration, root, kinds[i].element) {
            if (!check_one(configuration, kinds[i].target, error) ||
                !check_against_later(configuration, error))
                return false;
        }
    }
    s3_name_rules(call->arena, root, "Event", "Id");
    return true;
}
