/* Refusals in S3's form. Invariant: a HEAD request and a 304 get no body. */
#include "api/s3/error.h"

#include "base/fault.h"
#include <errno.h>

typedef struct Refusal {
    unsigned status;
    const char *code, *message;
} Refusal;

static Refusal refusal_of(const S3Call *call, const GError *error)
{
    if (error->domain == FAULT_DOMAIN) {
        switch ((Fault)error->code) {
        case FAULT_REQUEST_LIMIT_EXCEEDED:
            return (Refusal){503, "SlowDown", "Please reduce your request rate."};
        case FAULT_UNAVAILABLE:
            return (Refusal){503, "ServiceUnavailable", error->message};
        case FAULT_REQUEST_TOO_LARGE:
            return (Refusal){400, "EntityTooLarge",
                             "Your proposed upload exceeds the maximum allowed size"};
        default:
            return (Refusal){fault_status((Fault)error->code), fault_code((Fault)error->code),
                             error->message};
        }
    }
    g_warning("S3 %s failed, request %s: %s",
              call->operation ? call->operation->name : call->http->method, call->request_id,
              error->message);
    if (error->code == ENOSPC || error->code == EDQUOT)
        return (Refusal){503, "ServiceUnavailable",
                         "The disk that holds the objects is full: make room and try again."};
    return (Refusal){500, "InternalError", "We encountered an internal error. Please try again."};
}

static void write_document(S3Call *call, const Refusal *refusal)
{
    Buffer *xml = &call->reply->body;
    buffer_add_text(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    if (call->control)
        s3_xml_open(xml, "ErrorResponse");
    s3_xml_open(xml, "Error");
    s3_xml_text(xml, "Code", refusal->code);
    s3_xml_text(xml, "Message", refusal->message);
    LIST_EACH (const S3Detail *, detail, &call->details)
        s3_xml_text(xml, detail->name, detail->value);
    if (call->control) {
        s3_xml_text(xml, "AccountId", call->control->caller_says);
        s3_xml_close(xml, "Error");
    } else {
        s3_xml_text(xml, "Resource", call->http->path);
    }
    s3_xml_text(xml, "RequestId", call->request_id);
    s3_xml_text(xml, "HostId", call->host_id);
    s3_xml_close(xml, call->control ? "ErrorResponse" : "Error");
}

void s3_answer_error(S3Call *call, const GError *error)
{
    Refusal refusal = refusal_of(call, error);
    HttpReply *reply = call->reply;
    List headers = reply->headers;
    const char *request_id = reply->request_id, *allow = reply->allow;
    http_reply_clear(reply);
    *reply = (HttpReply){.status = refusal.status, .request_id = request_id, .headers = headers};
    if (refusal.status == 304)
        return;
    reply->content_type = "application/xml";
    if (refusal.status == 405)
        reply->allow = allow ? allow : "GET, HEAD, PUT, POST, DELETE, OPTIONS";
    if (strcmp(call->http->method, "HEAD") != 0)
        write_document(call, &refusal);
}
