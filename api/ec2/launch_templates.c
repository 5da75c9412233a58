/* Launch templates. */
#include "cloud/launch_templates.h"

#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/tag_items.h"
#include "api/shape_text.h"
#include "base/fault.h"

#define PAGE_MIN 1
#define PAGE_MAX 200

static const char *const taggable[] = {"launch-template", NULL};

static LaunchTemplateRef ref_of(const LaunchTemplateNamed *named)
{
    return (LaunchTemplateRef){.id = named->template_id, .name = named->name};
}

static LaunchTemplateItem *template_item(Call *call, const LaunchTemplateView *view)
{
    const LaunchTemplate *template = view->template;
    LaunchTemplateItem *item = EC2_NEW(call, LaunchTemplateItem);
    item->template_id = template->id;
    item->name = template->name;
    item->created = template->created;
    item->created_by = template->created_by;
    item->default_version = template->default_version;
    item->latest_version = template->latest_version;
    item->tags = ec2_tag_items(call, view->tags);
    return item;
}

static bool version_item(Call *call, const LaunchVersionView *view,
                         LaunchTemplateVersionItem **ret_item, GError **error)
{
    void *data;
    LaunchTemplateVersionItem *item = EC2_NEW(call, LaunchTemplateVersionItem);
    if (!shape_from_text(call->context.arena, TemplateData_shape(), view->version->data,
                         call->version, &data, error))
        return false;
    item->template_id = view->template->id;
    item->name = view->template->name;
    item->number = view->number;
    item->description = view->version->description;
    item->created = view->version->created;
    item->created_by = view->version->created_by;
    item->is_default = view->number == view->template->default_version;
    item->data = data;
    *ret_item = item;
    return true;
}

static const char *data_text(Call *call, const TemplateData *data)
{
    return shape_text(call->context.arena, TemplateData_shape(), data);
}

bool ec2_create_launch_template(Call *call, const CreateLaunchTemplateRequest *request,
                                LaunchTemplateReply *reply, GError **error)
{
    LaunchTemplateView view;
    LaunchTemplateSpec spec = {
        .description = request->description,
        .data = data_text(call, request->data),
        .client_token = request->client_token,
        .digest = call->digest,
    };
    if (!ec2_tag_specification(call, &request->tag_specifications, "launch-template", taggable,
                               &spec.tags, error) ||
        !launch_template_create(&call->context, request->name, &spec, &view, error))
        return false;
    reply->template = template_item(call, &view);
    return true;
}

bool ec2_create_launch_template_version(Call *call,
                                        const CreateLaunchTemplateVersionRequest *request,
                                        CreateLaunchTemplateVersionReply *reply, GError **error)
{
    LaunchVersionView view;
    const LaunchTemplateRef ref = ref_of(&request->of);
    const LaunchTemplateSpec spec = {
        .description = request->description,
        .data = data_text(call, request->data),
        .client_token = request->client_token,
        .digest = call->digest,
    };
    return launch_template_add_version(&call->context, &ref, request->source, &spec, &view,
                                       error) &&
           version_item(call, &view, &reply->version, error);
}

bool ec2_describe_launch_templates(Call *call, const DescribeLaunchTemplatesRequest *request,
                                   DescribeLaunchTemplatesReply *reply, GError **error)
{
    Page page;
    List views = {0};
    if (!ec2_page_of(call, &request->selection, &request->ids, PAGE_MIN, PAGE_MAX, &page, error) ||
        !launch_templates_find(&call->context, &page, &request->names, &views, &reply->next_token,
                               error))
        return false;
    LIST_EACH (const LaunchTemplateView *, view, &views)
        list_add(&reply->templates, call->context.arena, template_item(call, view));
    return true;
}

bool ec2_describe_launch_template_versions(Call *call,
                                           const DescribeLaunchTemplateVersionsRequest *request,
                                           DescribeLaunchTemplateVersionsReply *reply,
                                           GError **error)
{
    List views = {0};
    LaunchVersionQuery query = {
        .ref = ref_of(&request->of),
        .versions = request->versions,
        .first = request->first,
        .last = request->last,
    };
    if (!ec2_page_of(call, &request->selection, NULL, PAGE_MIN, PAGE_MAX, &query.page, error) ||
        !launch_versions_find(&call->context, &query, &views, &reply->next_token, error))
        return false;
    LIST_EACH (const LaunchVersionView *, view, &views) {
        LaunchTemplateVersionItem *item;
        if (!version_item(call, view, &item, error))
            return false;
        list_add(&reply->versions, call->context.arena, item);
    }
    return true;
}

bool ec2_modify_launch_template(Call *call, const ModifyLaunchTemplateRequest *request,
                                LaunchTemplateReply *reply, GError **error)
{
    LaunchTemplateView view;
    const LaunchTemplateRef ref = ref_of(&request->of);
    if (!request->default_version)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter SetDefaultVersion");
    if (!launch_template_set_default(&call->context, &ref, request->default_version, &view, error))
        return false;
    reply->template = template_item(call, &view);
    return true;
}

bool ec2_delete_launch_template(Call *call, const DeleteLaunchTemplateRequest *request,
                                LaunchTemplateReply *reply, GError **error)
{
    LaunchTemplateView view;
    const LaunchTemplateRef ref = ref_of(&request->of);
    if (!launch_template_remove(&call->context, &ref, &view, error))
        return false;
    reply->template = template_item(call, &view);
    return true;
}

static void fill_version(const LaunchTemplate *template, int64_t number, DeletedVersionItem *item)
{
    item->template_id = template->id;
    item->name = template->name;
    item->number = number;
}

bool ec2_delete_launch_template_versions(Call *call,
                                         const DeleteLaunchTemplateVersionsRequest *request,
                                         DeleteLaunchTemplateVersionsReply *reply, GError **error)
{
    const LaunchTemplate *template;
    List removals = {0};
    const LaunchTemplateRef ref = ref_of(&request->of);
    if (!launch_template_remove_versions(&call->context, &ref, &request->versions, &template,
                                         &removals, error))
        return false;
    LIST_EACH (const LaunchVersionRemoval *, removal, &removals) {
        if (!removal->code) {
            DeletedVersionItem *item = EC2_NEW(call, DeletedVersionItem);
            fill_version(template, removal->number, item);
            list_add(&reply->deleted, call->context.arena, item);
            continue;
        }
        KeptVersionItem *item = EC2_NEW(call, KeptVersionItem);
        fill_version(template, removal->number, &item->version);
        item->why = EC2_NEW(call, VersionErrorItem);
        item->why->code = removal->code;
        item->why->message = removal->message;
        list_add(&reply->kept, call->context.arena, item);
    }
    return true;
}
