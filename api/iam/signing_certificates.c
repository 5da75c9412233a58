/* Signing certificates of users and roots. */
#include "cloud/signing_certificates.h"
#include "api/iam/handlers.h"
#include "api/iam/iam_page.h"
#include <string.h>

static SigningCertificateItem *item_of(Arena *arena, const SigningCertificate *certificate)
{
    SigningCertificateItem *item = shape_new(arena, SigningCertificateItem_shape());
    item->user_name = certificate->user_name;
    item->certificate_id = certificate->id;
    item->certificate_body = certificate->body;
    item->status = certificate->active ? "Active" : "Inactive";
    item->upload_date = certificate->created;
    return item;
}

bool iam_api_upload_signing_certificate(Call *call, const UploadSigningCertificateRequest *request,
                                        UploadSigningCertificateReply *reply, GError **error)
{
    SigningCertificate *certificate;
    if (!signing_certificate_upload(&call->context, request->user_name, request->certificate_body,
                                    &certificate, error))
        return false;
    reply->certificate = item_of(call->context.arena, certificate);
    return true;
}

static const char *certificate_key(Arena *arena, const void *item)
{
    return ((const SigningCertificate *)item)->id;
}

bool iam_api_list_signing_certificates(Call *call, const ListSigningCertificatesRequest *request,
                                       ListSigningCertificatesReply *reply, GError **error)
{
    List all = {0}, page = {0};
    if (!signing_certificates_list(&call->context, request->user_name, &all, error) ||
        !iam_page(call, &request->page, "signing-certificates", &all, certificate_key, &page,
                  &reply->end, error))
        return false;
    LIST_EACH (const SigningCertificate *, certificate, &page)
        list_add(&reply->certificates, call->context.arena,
                 item_of(call->context.arena, certificate));
    return true;
}

bool iam_api_update_signing_certificate(Call *call, const UpdateSigningCertificateRequest *request,
                                        UpdateSigningCertificateReply *reply, GError **error)
{
    return signing_certificate_set_active(&call->context, request->user_name,
                                          request->certificate_id,
                                          strcmp(request->status, "Active") == 0, error);
}

bool iam_api_delete_signing_certificate(Call *call, const DeleteSigningCertificateRequest *request,
                                        DeleteSigningCertificateReply *reply, GError **error)
{
    return signing_certificate_remove(&call->context, request->user_name, request->certificate_id,
                                      error);
}
