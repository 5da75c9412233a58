/* The forms of replies: XML of the Query protocols, the same in an envelope of SOAP, JSON, CBOR.
 * Invariant: what is our own trouble is InternalError to the client. */
#include "api/answer.h"

#include "api/render.h"
#include "api/soap.h"
#include "base/fault.h"

static const char *const content_types[] = {
    [WIRE_QUERY] = "text/xml;charset=UTF-8",
    [WIRE_JSON] = "application/x-amz-json-1.0",
    [WIRE_CBOR] = "application/cbor",
    [WIRE_SOAP] = "text/xml;charset=UTF-8",
};

void answer_head(const Answer *to, unsigned status, HttpReply *reply)
{
    reply->status = status;
    reply->content_type = content_types[to->form];
    reply->request_id = to->request_id;
    if (to->form == WIRE_CBOR)
        http_reply_header(reply, to->arena, "smithy-protocol", "rpc-v2-cbor");
}

static void writer_init(DocumentWriter *writer, WireForm form, Buffer *out)
{
    if (form == WIRE_CBOR)
        cbor_writer_init(writer, out);
    else
        json_writer_init(writer, out);
}

void answer_with_error(const Answer *to, const GError *error, HttpReply *reply)
{
    bool is_fault = error->domain == FAULT_DOMAIN;
    Fault fault = is_fault ? (Fault)error->code : FAULT_INTERNAL_ERROR;
    const char *code = fault_code(fault);
    const char *message = is_fault ? error->message : "An internal error has occurred";
    answer_head(to, fault_status(fault), reply);
    if (fault == FAULT_METHOD_NOT_ALLOWED)
        reply->allow = "GET, POST";
    if (to->form == WIRE_QUERY) {
        render_error(&reply->body, to->service, to->version, to->request_id, reply->status, code,
                     message);
        return;
    }
    if (to->form == WIRE_SOAP) {
        soap_fault(&reply->body, reply->status, code, message, to->request_id);
        reply->status = 500; /* of every fault of SOAP's */
        return;
    }
    /* Clients that spoke Query before know errors by their codes there. */
    http_reply_header(
        reply, to->arena, "x-amzn-query-error",
        arena_printf(to->arena, "%s;%s", code, reply->status >= 500 ? "Receiver" : "Sender"));
    DocumentWriter writer;
    writer_init(&writer, to->form, &reply->body);
    document_error(&writer, to->service, code, message);
}

void answer_with_object(const Answer *to, const Action *action, const void *object,
                        HttpReply *reply)
{
    const Shape *shape = action->reply();
    answer_head(to, 200, reply);
    if (to->form == WIRE_QUERY) {
        render_reply(&reply->body, to->service, action->name, shape, to->version, to->request_id,
                     object);
        return;
    }
    if (to->form == WIRE_SOAP) {
        soap_begin(&reply->body);
        render_response(&reply->body, to->service, action->name, shape, to->version, to->request_id,
                        object);
        soap_end(&reply->body);
        return;
    }
    /* An action without a reply has an empty body in CBOR and an empty object in JSON. */
    DocumentWriter writer;
    writer_init(&writer, to->form, &reply->body);
    if (to->form == WIRE_JSON || shape->n_fields > 0)
        document_reply(&writer, shape, to->version, object);
}
