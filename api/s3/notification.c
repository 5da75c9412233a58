/* What a notification configuration may say. It is kept and shown; there is no service here that
 * an event could be sent to. Source: "Event notification types and destinations" (Amazon S3 User
 * Guide). */
#include "api/s3/configuration.h"

#include "base/fault.h"
#include <string.h>

#define FILTER_VALUE_MAX 1024

/* What two configurations are compared by. */
typedef struct Notification {
    const char *id;              /* NULL: none was given */
    const char *prefix, *suffix; /* "": of any key */
    uint32_t events;             /* bits: places in events[] */
} Notification;

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
};
G_STATIC_ASSERT(G_N_ELEMENTS(events) <= 32);

static const struct {
    const char *element, *target;
} kinds[] = {
    {"TopicConfiguration", "Topic"},
    {"QueueConfiguration", "Queue"},
    {"CloudFunctionConfiguration", "CloudFunction"},
};

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

static const char *filter_value(const XmlNode *configuration, const char *name)
{
    XML_EACH (rule, xml_child(xml_child(configuration, "Filter"), "S3Key"), "FilterRule") {
        const char *text = xml_child_text(rule, "Name"), *value = xml_child_text(rule, "Value");
        if (text && g_ascii_strcasecmp(text, name) == 0)
            return value ? value : "";
    }
    return "";
}

/* "s3:ObjectCreated:*" has every event that begins like it. 0: there is no such event. */
static uint32_t read_event(const char *name)
{
    size_t size = strlen(name);
    bool any = g_str_has_suffix(name, ":*"), known = false;
    uint32_t bits = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(events); i++) {
        known |= strcmp(events[i], name) == 0;
        if (any ? strncmp(events[i], name, size - 1) == 0 : strcmp(events[i], name) == 0)
            bits |= UINT32_C(1) << i;
    }
    return known ? bits : 0;
}

static bool read_events(const XmlNode *configuration, uint32_t *ret_events, GError **error)
{
    uint32_t all = 0;
    XML_EACH (event, configuration, "Event") {
        uint32_t bits = read_event(event->text);
        if (!bits)
            return fault_set(error, FAULT_INVALID_ARGUMENT,
                             "The event '%s' is not supported for notifications", event->text);
        all |= bits;
    }
    *ret_events = all;
    return true;
}

static bool read_one(const XmlNode *configuration, const char *target,
                     Notification *ret_notification, GError **error)
{
    uint32_t all;
    if (!read_events(configuration, &all, error))
        return false;
    if (!g_str_has_prefix(xml_child_text(configuration, target), "arn:"))
        return fault_set(error, FAULT_INVALID_ARGUMENT, "The ARN could not be parsed");
    if (!check_filter(configuration, error))
        return false;
    *ret_notification = (Notification){.id = xml_child_text(configuration, "Id"),
                                       .prefix = filter_value(configuration, "prefix"),
                                       .suffix = filter_value(configuration, "suffix"),
                                       .events = all};
    return true;
}

static bool overlap(const Notification *a, const Notification *b)
{
    return (a->events & b->events) != 0 &&
           (g_str_has_prefix(a->prefix, b->prefix) || g_str_has_prefix(b->prefix, a->prefix)) &&
           (g_str_has_suffix(a->suffix, b->suffix) || g_str_has_suffix(b->suffix, a->suffix));
}

static bool check_pair(const Notification *a, const Notification *b, GError **error)
{
    if (a->id && g_strcmp0(a->id, b->id) == 0)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "Same ID used for multiple configurations. IDs must be unique");
    return !overlap(a, b) || fault_set(error, FAULT_INVALID_ARGUMENT,
                                       "Configurations overlap. Configurations on the same bucket "
                                       "cannot share a common event type.");
}

static bool check_against_earlier(const List *earlier, const Notification *notification,
                                  GError **error)
{
    LIST_EACH (const Notification *, other, earlier) {
        if (!check_pair(other, notification, error))
            return false;
    }
    return true;
}

bool s3_notification_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error)
{
    List notifications = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        XML_EACH (configuration, root, kinds[i].element) {
            Notification *notification = arena_new_struct(call->arena, Notification);
            if (!read_one(configuration, kinds[i].target, notification, error) ||
                !check_against_earlier(&notifications, notification, error))
                return false;
            list_add(&notifications, call->arena, notification);
        }
    }
    s3_name_rules(call->arena, root, "Event", "Id");
    return true;
}
