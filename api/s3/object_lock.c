/* Object lock. Invariant: a retention in compliance mode only ever grows, whoever asks. */
#include "api/s3/object_lock.h"

#include "api/s3/access.h"
#include "api/s3/configuration.h"
#include "api/s3/operations.h"
#include "base/fault.h"
#include <string.h>

#define RETENTION_DAYS_MAX 36500
#define RETENTION_YEARS_MAX 100
#define HOLD_RELEASED (-1) /* Object.retain_until without a mode: a legal hold is, and is off */

static bool bucket_must_lock(const Bucket *bucket, GError **error)
{
    return bucket->object_lock ||
           fault_set(error, FAULT_INVALID_REQUEST, "Bucket is missing Object Lock Configuration");
}

static bool must_be_future(const S3Call *call, int64_t time, GError **error)
{
    return time > s3_now(call) ||
           fault_set(error, FAULT_INVALID_ARGUMENT, "The retain until date must be in the future!");
}

/* ---- of new objects ---- */

static bool is_mode(const char *mode)
{
    return strcmp(mode, "GOVERNANCE") == 0 || strcmp(mode, "COMPLIANCE") == 0;
}

static bool read_retention_headers(S3Call *call, const char *mode, const char *until,
                                   Object *object, GError **error)
{
    if (!mode || !until)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both "
                         "be supplied");
    if (!is_mode(mode))
        return fault_set(error, FAULT_INVALID_ARGUMENT, "Unknown wormMode directive.");
    if (!clock_parse(until, &object->retain_until))
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "The retain until date must be provided in ISO 8601 format");
    object->lock_mode = mode;
    return must_be_future(call, object->retain_until, error);
}

static void set_legal_hold(Object *object, bool on)
{
    object->legal_hold = on;
    if (!object->lock_mode)
        object->retain_until = on ? 0 : HOLD_RELEASED;
}

static bool read_legal_hold_header(const char *hold, Object *object, GError **error)
{
    set_legal_hold(object, strcmp(hold, "ON") == 0);
    return object->legal_hold || strcmp(hold, "OFF") == 0 ||
           fault_set(error, FAULT_INVALID_ARGUMENT, "Legal Hold must be either of 'ON' or 'OFF'");
}

static bool default_retention(S3Call *call, Txn *txn, Object *object, GError **error)
{
    XmlNode *root;
    if (!s3_configuration_find(call, txn, call->bucket, DOCUMENT_OBJECT_LOCK, &root, error))
        return false;
    const XmlNode *retention = xml_child(xml_child(root, "Rule"), "DefaultRetention");
    int64_t days = 0, years = 0;
    if (!retention)
        return true;
    xml_child_int(retention, "Days", &days);
    xml_child_int(retention, "Years", &years);
    object->lock_mode = xml_child_text(retention, "Mode");
    object->retain_until = s3_now(call) + (days + 365 * years) * CLOCK_DAY;
    return true;
}

bool s3_lock_from_headers(S3Call *call, Txn *txn, Object *object, GError **error)
{
    const char *mode = s3_header(call, "x-amz-object-lock-mode");
    const char *until = s3_header(call, "x-amz-object-lock-retain-until-date");
    const char *hold = s3_header(call, "x-amz-object-lock-legal-hold");
    if ((mode || until || hold) && !bucket_must_lock(call->bucket, error))
        return false;
    if (hold && !read_legal_hold_header(hold, object, error))
        return false;
    if (mode || until)
        return read_retention_headers(call, mode, until, object, error);
    return !call->bucket->object_lock || default_retention(call, txn, object, error);
}

void s3_lock_reply(S3Call *call, const Object *object)
{
    char until[CLOCK_TEXT_SIZE];
    if (object->lock_mode) {
        s3_reply_header(call, "x-amz-object-lock-mode", object->lock_mode);
        s3_reply_header(call, "x-amz-object-lock-retain-until-date",
                        arena_strdup(call->arena, clock_format(object->retain_until, until)));
    }
    if (object->legal_hold)
        s3_reply_header(call, "x-amz-object-lock-legal-hold", "ON");
}

bool s3_lock_bypass(S3Call *call, Txn *txn, const Bucket *bucket, const Object *object,
                    bool *ret_bypass, GError **error)
{
    const char *text = s3_header(call, "x-amz-bypass-governance-retention");
    bool asked = text && g_ascii_strcasecmp(text, "true") == 0;
    if (asked && !s3_check_access_to(call, txn, "s3:BypassGovernanceRetention", bucket, call->key,
                                     object, S3_ACL_NOBODY, 0, error))
        return false;
    *ret_bypass = asked;
    return true;
}

/* ---- the bucket's default ---- */

static bool check_period(const XmlNode *retention, GError **error)
{
    int64_t days = 1, years = 1;
    bool has_days = xml_child_int(retention, "Days", &days);
    bool has_years = xml_child_int(retention, "Years", &years);
    if (has_days == has_years || !xml_child(retention, "Mode"))
        return s3_malformed_xml(error);
    if (days <= 0 || years <= 0)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "Default retention period must be a positive integer value.");
    if (days > RETENTION_DAYS_MAX || years > RETENTION_YEARS_MAX)
        return fault_set(error, FAULT_INVALID_ARGUMENT, "Default retention period is too large.");
    return true;
}

bool s3_object_lock_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error)
{
    const XmlNode *rule = xml_child(root, "Rule");
    const XmlNode *retention = xml_child(rule, "DefaultRetention");
    if (!xml_child(root, "ObjectLockEnabled") || (rule && !retention))
        return s3_malformed_xml(error);
    if (retention && !check_period(retention, error))
        return false;
    if (!bucket_keeps_versions(bucket))
        return fault_set(error, FAULT_INVALID_BUCKET_STATE,
                         "Versioning must be 'Enabled' on the bucket to apply a Object Lock "
                         "configuration");
    bucket->object_lock = true;
    return true;
}

/* ---- of objects ---- */

static bool no_lock(GError **error)
{
    return fault_set(error, FAULT_NO_SUCH_OBJECT_LOCK_OF_OBJECT,
                     "The specified object does not have a ObjectLock configuration");
}

bool s3_get_object_retention(S3Call *call, GError **error)
{
    if (!bucket_must_lock(call->bucket, error) || !s3_object_shown(call, error))
        return false;
    if (!call->object->lock_mode)
        return no_lock(error);
    Buffer *xml = s3_xml_begin(call, "Retention");
    s3_xml_text(xml, "Mode", call->object->lock_mode);
    s3_xml_time(xml, "RetainUntilDate", call->object->retain_until);
    s3_xml_end(call, "Retention");
    return true;
}

typedef struct Retention {
    const char *mode; /* NULL: none */
    int64_t until;
} Retention;

/* All but making it longer. */
static bool changes(const Object *object, const Retention *wanted)
{
    return !wanted->mode || wanted->until < object->retain_until ||
           strcmp(object->lock_mode, wanted->mode) != 0;
}

static bool check_change(S3Call *call, Txn *txn, const Bucket *bucket, const Object *object,
                         const Retention *wanted, GError **error)
{
    bool held = object->lock_mode && object->retain_until > s3_now(call);
    if (!held || !changes(object, wanted))
        return true;
    bool bypass = false;
    if (strcmp(object->lock_mode, "GOVERNANCE") == 0 &&
        !s3_lock_bypass(call, txn, bucket, object, &bypass, error))
        return false;
    return bypass || fault_set(error, FAULT_OBJECT_LOCKED,
                               "Access Denied because object protected by object lock.");
}

static bool change_retention(S3Call *call, Txn *txn, const Bucket *bucket, Object *object,
                             const void *data, GError **error)
{
    const Retention *wanted = data;
    if (!bucket_must_lock(bucket, error) || !check_change(call, txn, bucket, object, wanted, error))
        return false;
    object->lock_mode = wanted->mode;
    object->retain_until = wanted->until;
    return true;
}

bool s3_put_object_retention(S3Call *call, GError **error)
{
    XmlNode *root;
    if (!bucket_must_lock(call->bucket, error) ||
        !s3_document_read(call, "Retention", &root, error))
        return false;
    Retention wanted = {.mode = xml_child_text(root, "Mode")};
    bool dated = xml_child_time(root, "RetainUntilDate", &wanted.until);
    if (dated != (wanted.mode != NULL))
        return s3_malformed_xml(error);
    if ((dated && !must_be_future(call, wanted.until, error)) ||
        !s3_object_change(call, change_retention, &wanted, error))
        return false;
    s3_reply_empty(call, 200);
    return true;
}

bool s3_get_object_legal_hold(S3Call *call, GError **error)
{
    if (!bucket_must_lock(call->bucket, error) || !s3_object_shown(call, error))
        return false;
    const Object *object = call->object;
    if (!object->legal_hold && !object->lock_mode && object->retain_until != HOLD_RELEASED)
        return no_lock(error);
    Buffer *xml = s3_xml_begin(call, "LegalHold");
    s3_xml_text(xml, "Status", object->legal_hold ? "ON" : "OFF");
    s3_xml_end(call, "LegalHold");
    return true;
}

static bool change_legal_hold(S3Call *call, Txn *txn, const Bucket *bucket, Object *object,
                              const void *data, GError **error)
{
    set_legal_hold(object, strcmp(data, "ON") == 0);
    return bucket_must_lock(bucket, error);
}

bool s3_put_object_legal_hold(S3Call *call, GError **error)
{
    XmlNode *root;
    if (!bucket_must_lock(call->bucket, error) ||
        !s3_document_read(call, "LegalHold", &root, error) ||
        !s3_object_change(call, change_legal_hold, xml_child_text(root, "Status"), error))
        return false;
    s3_reply_empty(call, 200);
    return true;
}
