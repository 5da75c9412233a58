/* Server certificates. Invariant: a private key comes in and never goes out. */
#include "cloud/server_certificates.h"
#include "api/iam/handlers.h"
#include "api/iam/iam_page.h"

static ServerCertificateMetadata *metadata_of(Arena *arena, const ServerCertificate *certificate)
{
    ServerCertificateMetadata *item = shape_new(arena, ServerCertificateMetadata_shape());
    item->path = certificate->path;
    item->name = certificate->name;
    item->id = certificate->id;
    item->arn = certificate->arn;
    item->upload_date = certificate->uploaded;
    item->expiration = certificate->expires;
    return item;
}

/* IamTag * of ServerCertificateTag *. */
static void show_tags(Arena *arena, const List *tags, List *items)
{
    LIST_EACH (const ServerCertificateTag *, tag, tags) {
        IamTag *item = shape_new(arena, IamTag_shape());
        item->key = tag->key;
        item->value = tag->value;
        list_add(items, arena, item);
    }
}

/* And back. */
static List read_tags(Arena *arena, const List *items)
{
    List tags = {0};
    LIST_EACH (const IamTag *, item, items) {
        ServerCertificateTag *tag = arena_new_struct(arena, ServerCertificateTag);
        *tag = (ServerCertificateTag){.key = item->key, .value = item->value};
        list_add(&tags, arena, tag);
    }
    return tags;
}

bool iam_api_upload_server_certificate(Call *call, const UploadServerCertificateRequest *request,
                                       UploadServerCertificateReply *reply, GError **error)
{
    Arena *arena = call->context.arena;
    const ServerCertificateSpec spec = {
        .name = request->name,
        .path = request->path,
        .body = request->certificate_body,
        .private_key = request->private_key,
        .chain = request->certificate_chain,
        .tags = read_tags(arena, &request->tags),
    };
    ServerCertificate *certificate;
    if (!server_certificate_upload(&call->context, &spec, &certificate, error))
        return false;
    reply->metadata = metadata_of(arena, certificate);
    show_tags(arena, &spec.tags, &reply->tags);
    return true;
}

static const char *certificate_key(Arena *arena, const void *item)
{
    return ((const ServerCertificate *)item)->name;
}

bool iam_api_list_server_certificates(Call *call, const ListServerCertificatesRequest *request,
                                      ListServerCertificatesReply *reply, GError **error)
{
    List all = {0}, page = {0};
    if (!server_certificates_list(&call->context, request->path_prefix, &all, error) ||
        !iam_page(call, &request->page, "server-certificates", &all, certificate_key, &page,
                  &reply->end, error))
        return false;
    LIST_EACH (const ServerCertificate *, certificate, &page)
        list_add(&reply->certificates, call->context.arena,
                 metadata_of(call->context.arena, certificate));
    return true;
}

bool iam_api_get_server_certificate(Call *call, const GetServerCertificateRequest *request,
                                    GetServerCertificateReply *reply, GError **error)
{
    Arena *arena = call->context.arena;
    ServerCertificate *certificate;
    List tags = {0};
    if (!server_certificate_find(&call->context, request->name, &certificate, &tags, error))
        return false;
    ServerCertificateItem *item = shape_new(arena, ServerCertificateItem_shape());
    item->metadata = metadata_of(arena, certificate);
    item->certificate_body = certificate->body;
    item->certificate_chain = certificate->chain;
    show_tags(arena, &tags, &item->tags);
    reply->certificate = item;
    return true;
}

bool iam_api_update_server_certificate(Call *call, const UpdateServerCertificateRequest *request,
                                       UpdateServerCertificateReply *reply, GError **error)
{
    return server_certificate_rename(&call->context, request->name, request->new_name,
                                     request->new_path, error);
}

bool iam_api_delete_server_certificate(Call *call, const DeleteServerCertificateRequest *request,
                                       DeleteServerCertificateReply *reply, GError **error)
{
    return server_certificate_remove(&call->context, request->name, error);
}

bool iam_api_tag_server_certificate(Call *call, const TagServerCertificateRequest *request,
                                    TagServerCertificateReply *reply, GError **error)
{
    const List tags = read_tags(call->context.arena, &request->tags);
    return server_certificate_tag_add(&call->context, request->name, &tags, error);
}

bool iam_api_untag_server_certificate(Call *call, const UntagServerCertificateRequest *request,
                                      UntagServerCertificateReply *reply, GError **error)
{
    return server_certificate_untag(&call->context, request->name, &request->tag_keys, error);
}

static const char *tag_key(Arena *arena, const void *item)
{
    return ((const ServerCertificateTag *)item)->key;
}

bool iam_api_list_server_certificate_tags(Call *call,
                                          const ListServerCertificateTagsRequest *request,
                                          ListServerCertificateTagsReply *reply, GError **error)
{
    ServerCertificate *certificate;
    List all = {0}, page = {0};
    if (!server_certificate_find(&call->context, request->name, &certificate, &all, error) ||
        !iam_page(call, &request->page, "server-certificate-tags", &all, tag_key, &page,
                  &reply->end, error))
        return false;
    show_tags(call->context.arena, &page, &reply->tags);
    return true;
}
