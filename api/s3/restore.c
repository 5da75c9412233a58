/* RestoreObject. */
#include "api/s3/restore.h"

#include "api/s3/configuration.h"
#include "api/s3/operations.h"
#include "base/fault.h"
#include <string.h>

#define DAYS_MAX 36500

static bool is_archived(const Object *object)
{
    return g_strcmp0(object->storage_class, "GLACIER") == 0 ||
           g_strcmp0(object->storage_class, "DEEP_ARCHIVE") == 0;
}

/* ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT" */
static bool is_restored(S3Call *call, const Object *object)
{
    static const char sign[] = "expiry-date=\"";
    const char *text = object_header(call->arena, object->headers, RESTORE_HEADER);
    const char *date = text ? strstr(text, sign) : NULL;
    int64_t until;
    if (!date)
        return false;
    date += strlen(sign);
    return s3_time_read(arena_strndup(call->arena, date, strcspn(date, "\"")), &until) &&
           until > s3_now(call);
}

bool s3_restore_check(S3Call *call, const Object *object, GError **error)
{
    if (!is_archived(object) || is_restored(call, object))
        return true;
    s3_detail(call, "StorageClass", object->storage_class);
    return fault_set(error, FAULT_INVALID_OBJECT_STATE,
                     "The operation is not valid for the object's storage class");
}

/* Copies end with the first midnight after their days. */
static const char *restoration(S3Call *call, int64_t days)
{
    int64_t until = (s3_now(call) + days * CLOCK_DAY) / CLOCK_DAY * CLOCK_DAY + CLOCK_DAY;
    return arena_printf(call->arena,
                        RESTORE_HEADER ": ongoing-request=\"false\", expiry-date=\"%s\"\n",
                        s3_http_date(call->arena, until));
}

static bool restore(S3Call *call, Txn *txn, const Bucket *bucket, Object *object, const void *data,
                    GError **error)
{
    const int64_t *days = data;
    if (!is_archived(object))
        return fault_set(error, FAULT_INVALID_OBJECT_STATE,
                         "Restore is not allowed for the object's current storage class");
    const char *kept = object_headers_without(call->arena, object->headers, RESTORE_HEADER);
    call->reply->status = is_restored(call, object) ? 200 : 202;
    object->headers = arena_printf(call->arena, "%s%s", kept ? kept : "", restoration(call, *days));
    return true;
}

bool s3_restore_object(S3Call *call, GError **error)
{
    XmlNode *root;
    if (!s3_document_read(call, "RestoreRequest", &root, error))
        return false;
    const char *text = xml_child_text(root, "Days");
    int64_t days = text ? g_ascii_strtoll(text, NULL, 10) : 0;
    if (days < 1 || days > DAYS_MAX)
        return s3_malformed_xml(error);
    return s3_object_change(call, restore, &days, error);
}
