/* What S3's operations share: parameters, reply headers, XML, dates, identities. */
#include "api/s3/s3.h"

#include "api/signature/dates.h"
#include "base/fault.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define XMLNS "http://s3.amazonaws.com/doc/2006-03-01/"
#define CONTROL_XMLNS "http://awss3control.amazonaws.com/doc/2018-08-20/"

static bool is_same_bucket(const Bucket *a, const Bucket *b)
{
    return a->created == b->created && strcmp(a->account_id, b->account_id) == 0;
}

static bool find_same_bucket(S3Call *call, Txn *txn, Bucket **ret_bucket, GError **error)
{
    Bucket *bucket;
    if (!bucket_get(txn, call->arena, call->bucket_name, &bucket, error))
        return false;
    if (bucket && is_same_bucket(bucket, call->bucket)) {
        *ret_bucket = bucket;
        return true;
    }
    s3_detail(call, "BucketName", call->bucket_name);
    return bucket_none(error);
}

bool s3_begin_write(S3Call *call, Txn **ret_txn, Bucket **ret_bucket, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud_store(call->s3->cloud), &txn, error) ||
        !find_same_bucket(call, txn, ret_bucket, error))
        return false;
    *ret_txn = g_steal_pointer(&txn);
    return true;
}

int64_t s3_now(const S3Call *call)
{
    return clock_now(call->s3->clock);
}

const char *s3_param(const S3Call *call, const char *name)
{
    return params_get(&call->params, name);
}

const char *s3_header(const S3Call *call, const char *name)
{
    return http_header(call->http, name);
}

void s3_reply_header(S3Call *call, const char *name, const char *value)
{
    if (value)
        http_reply_header(call->reply, call->arena, name, value);
}

bool s3_method_not_allowed(GError **error)
{
    return fault_set(error, FAULT_METHOD_NOT_ALLOWED,
                     "The specified method is not allowed against this resource.");
}

bool s3_not_implemented(GError **error)
{
    return fault_set(error, FAULT_NOT_IMPLEMENTED,
                     "A header you provided implies functionality that is not implemented");
}

void s3_detail(S3Call *call, const char *name, const char *value)
{
    S3Detail *detail = arena_new_struct(call->arena, S3Detail);
    *detail = (S3Detail){name, value};
    list_add(&call->details, call->arena, detail);
}

void s3_reply_empty(S3Call *call, unsigned status)
{
    call->reply->status = status;
}

/* ---- XML ---- */

Buffer *s3_xml_begin(S3Call *call, const char *root)
{
    Buffer *xml = &call->reply->body;
    buffer_add_text(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<");
    buffer_add_text(xml, root);
    buffer_add_text(xml, call->control ? " xmlns=\"" CONTROL_XMLNS "\">" : " xmlns=\"" XMLNS "\">");
    return xml;
}

void s3_xml_end(S3Call *call, const char *root)
{
    xml_close(&call->reply->body, xml_name(root, false));
    call->reply->status = 200;
    call->reply->content_type = "application/xml";
}

void s3_xml_open(Buffer *xml, const char *name)
{
    xml_open(xml, xml_name(name, false));
}

void s3_xml_close(Buffer *xml, const char *name)
{
    xml_close(xml, xml_name(name, false));
}

void s3_xml_text(Buffer *xml, const char *name, const char *text)
{
    if (text)
        xml_element(xml, xml_name(name, false), text);
}

void s3_xml_int(Buffer *xml, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    s3_xml_text(xml, name, text);
}

void s3_xml_bool(Buffer *xml, const char *name, bool value)
{
    s3_xml_text(xml, name, value ? "true" : "false");
}

void s3_xml_time(Buffer *xml, const char *name, int64_t time)
{
    char text[CLOCK_TEXT_SIZE];
    s3_xml_text(xml, name, clock_format(time, text));
}

void s3_xml_etag(Buffer *xml, const char *name, const char *etag)
{
    if (!etag)
        return;
    s3_xml_open(xml, name);
    buffer_add_text(xml, "&quot;");
    xml_text(xml, etag);
    buffer_add_text(xml, "&quot;");
    s3_xml_close(xml, name);
}

void s3_identity_of(const Account *account, const char *account_id, const char **ret_id,
                    const char **ret_name)
{
    /* An account that is gone leaves its objects behind. */
    *ret_id = account && account->canonical_id ? account->canonical_id : account_id;
    *ret_name = account && account->name ? account->name : account_id;
}

bool s3_account_identity(S3Call *call, Txn *txn, const char *account_id, const char **ret_id,
                         const char **ret_name, GError **error)
{
    Account *account;
    if (!account_get(txn, call->arena, account_id, &account, error))
        return false;
    s3_identity_of(account, account_id, ret_id, ret_name);
    return true;
}

void s3_xml_identity(Buffer *xml, const char *element, const char *id, const char *name)
{
    s3_xml_open(xml, element);
    s3_xml_text(xml, "ID", id);
    s3_xml_text(xml, "DisplayName", name);
    s3_xml_close(xml, element);
}

bool s3_xml_owner(S3Call *call, Txn *txn, Buffer *xml, const char *account_id, GError **error)
{
    const char *id, *name;
    if (!s3_account_identity(call, txn, account_id, &id, &name, error))
        return false;
    s3_xml_identity(xml, "Owner", id, name);
    return true;
}

/* ---- dates ---- */

static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

char *s3_http_date(Arena *arena, int64_t time)
{
    time_t seconds = (time_t)(time / CLOCK_SECOND);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    return arena_printf(arena, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
                        months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

bool s3_time_read(const char *text, int64_t *ret_time)
{
    return http_date_parse(text, ret_time) || clock_parse(text, ret_time);
}

int64_t s3_header_time(const S3Call *call, const char *name)
{
    const char *text = s3_header(call, name);
    int64_t time;
    return text && s3_time_read(text, &time) ? time : 0;
}
