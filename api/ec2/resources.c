/* ARNs out of requests. Invariant: whatever way a request names a resource in, policies see the one
 * ARN that it has; a name that is nobody's stands for itself, and the handler will refuse it. */
#include "api/ec2/resources.h"

#include "base/fault.h"
#include "cloud/launch_template_data.h"
#include "cloud/launch_templates.h"
#include "cloud/security_groups.h"
#include <string.h>

typedef enum Naming { BY_ID, GROUP, KEY_NAME, TEMPLATE_NAME } Naming;

static const struct {
    const char *parameter; /* its indices left out */
    Naming naming;
} parameters[] = {
    {"AllocationId", BY_ID},
    {"BlockDeviceMapping.Ebs.SnapshotId", BY_ID},
    {"GroupId", GROUP},
    {"GroupName", GROUP},
    {"ImageId", BY_ID},
    {"InstanceSpecification.InstanceId", BY_ID},
    {"InstanceId", BY_ID},
    {"KeyName", KEY_NAME},
    {"KeyPairId", BY_ID},
    {"LaunchTemplate.LaunchTemplateId", BY_ID},
    {"LaunchTemplate.LaunchTemplateName", TEMPLATE_NAME},
    {"LaunchTemplateId", BY_ID},
    {"LaunchTemplateName", TEMPLATE_NAME},
    {"NetworkInterface.NetworkInterfaceId", BY_ID},
    {"NetworkInterface.SecurityGroupId", GROUP},
    {"NetworkInterface.SubnetId", BY_ID},
    {"NetworkInterfaceId", BY_ID},
    {"ResourceId", BY_ID},
    {"SecurityGroup", GROUP},
    {"SecurityGroupId", GROUP},
    {"SecurityGroupRuleId", BY_ID},
    {"SnapshotId", BY_ID},
    {"SourceImageId", BY_ID},
    {"SourceSnapshotId", BY_ID},
    {"SubnetId", BY_ID},
    {"VolumeId", BY_ID},
    {"VpcId", BY_ID},
};

static const struct {
    const char *id, *type; /* how its ids begin */
    bool of_nobody;        /* ARNs without an account: whoever owns it, others use it */
} types[] = {
    {"aki-", "image", true},
    {"ami-", "image", true},
    {"ari-", "image", true},
    {"eipalloc-", "elastic-ip", false},
    {"eni-", "network-interface", false},
    {"i-", "instance", false},
    {"key-", "key-pair", false},
    {"lt-", "launch-template", false},
    {"sg-", "security-group", false},
    {"sgr-", "security-group-rule", false},
    {"snap-", "snapshot", true},
    {"subnet-", "subnet", false},
    {"vol-", "volume", false},
    {"vpc-", "vpc", false},
};

/* What an action makes, which has no id yet. */
static const struct {
    const char *action, *resource;
    bool of_nobody;
} made[] = {
    {"CopyImage", "image/*", true},
    {"CopySnapshot", "snapshot/*", true},
    {"CreateImage", "image/*", true},
    {"CreateLaunchTemplate", "launch-template/*", false},
    {"CreateSecurityGroup", "security-group/*", false},
    {"CreateSnapshot", "snapshot/*", true},
    {"CreateVolume", "volume/*", false},
    {"RegisterImage", "image/*", true},
    {"RunInstances", "instance/*", false},
    {"RunInstances", "network-interface/*", false},
    {"RunInstances", "volume/*", false},
};

typedef struct Resources {
    Context *context;
    Txn *txn;
    List *arns;
} Resources;

static void add(const Resources *resources, bool of_nobody, const char *resource)
{
    const Context *context = resources->context;
    list_add(resources->arns, context->arena,
             arena_printf(context->arena, "arn:aws:ec2:%s:%s:%s", context->region,
                          of_nobody ? "" : context->caller.account_id, resource));
}

static void add_typed(const Resources *resources, const char *type, const char *name)
{
    add(resources, false, arena_printf(resources->context->arena, "%s/%s", type, name));
}

/* An id that no kind of resource has is the handler's to refuse. */
static void add_id(const Resources *resources, const char *id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (g_str_has_prefix(id, types[i].id))
            add(resources, types[i].of_nobody,
                arena_printf(resources->context->arena, "%s/%s", types[i].type, id));
    }
}

/* ARNs of key pairs have their names. */
static bool add_key_id(const Resources *resources, const char *id, GError **error)
{
    const Context *context = resources->context;
    KeyPair *pair;
    if (!key_pair_get(resources->txn, context->arena, id, &pair, error))
        return false;
    bool ours = pair && strcmp(pair->account_id, context->caller.account_id) == 0;
    add_typed(resources, "key-pair", ours ? pair->name : id);
    return true;
}

/* Old clients put names where ids are, and ids where names are. */
static bool add_group(const Resources *resources, const char *text, GError **error)
{
    const GroupRef ref = {.id = text};
    SecurityGroup *group;
    g_autoptr(GError) missing = NULL;
    if (security_group_resolve(resources->context, resources->txn, &ref, &group, &missing))
        text = group->id;
    else if (missing->domain != FAULT_DOMAIN) {
        g_propagate_error(error, g_steal_pointer(&missing));
        return false;
    }
    add_typed(resources, "security-group", text);
    return true;
}

/* ARNs of launch templates have their ids. */
static bool add_template(const Resources *resources, const char *name, GError **error)
{
    void *template;
    if (!record_query_one(resources->txn, resources->context->arena, QUERY_LAUNCH_TEMPLATE_BY_NAME,
                          &template, error, resources->context->caller.account_id, name))
        return false;
    add_typed(resources, "launch-template",
              template ? ((const LaunchTemplate *)template)->id : name);
    return true;
}

static bool add_named(const Resources *resources, Naming naming, const char *value, GError **error)
{
    switch (naming) {
    case GROUP:
        return g_str_has_prefix(value, "sg-") ? (add_id(resources, value), true)
                                              : add_group(resources, value, error);
    case KEY_NAME:
        add_typed(resources, "key-pair", value);
        return true;
    case TEMPLATE_NAME:
        return add_template(resources, value, error);
    case BY_ID:
        if (g_str_has_prefix(value, "key-"))
            return add_key_id(resources, value, error);
        add_id(resources, value);
        return true;
    }
    g_assert_not_reached();
}

/* "NetworkInterface.1.SecurityGroupId.2" is NetworkInterface.SecurityGroupId. */
static bool parameter_is(const char *name, const char *wanted)
{
    for (;;) {
        size_t size = strcspn(name, ".");
        bool index = size > 0 && strspn(name, "0123456789") == size;
        if (!index) {
            if (strncmp(name, wanted, size) != 0 || (wanted[size] && wanted[size] != '.'))
                return false;
            wanted += size + (wanted[size] == '.');
        }
        name += size;
        if (!*name++)
            return !*wanted;
    }
}

static bool add_param(const Resources *resources, const Param *param, GError **error)
{
    for (size_t i = 0; *param->value && i < G_N_ELEMENTS(parameters); i++) {
        if (parameter_is(param->name, parameters[i].parameter))
            return add_named(resources, parameters[i].naming, param->value, error);
    }
    return true;
}

/* "Describe" with "Attribute" is of one resource; the others list, and are on no resource. */
static bool lists(const char *action)
{
    return g_str_has_prefix(action, "Describe") && !g_str_has_suffix(action, "Attribute");
}

/* A new group's name is not that of a group, nor a new template's that of a template. */
static bool names_what_it_makes(const char *action, const Param *param)
{
    return (strcmp(action, "CreateSecurityGroup") == 0 && strcmp(param->name, "GroupName") == 0) ||
           (strcmp(action, "CreateLaunchTemplate") == 0 &&
            strcmp(param->name, "LaunchTemplateName") == 0);
}

/* Whether a request says itself what the member of a template is about. */
static bool is_said(const Params *params, const char *member)
{
    size_t size = strcspn(member, ".");
    for (size_t i = 0; i < params->n; i++)
        if (strcspn(params->items[i].name, ".") == size &&
            strncmp(params->items[i].name, member, size) == 0)
            return true;
    return false;
}

/* Launched by a template, an instance is on what the template names as if the request named it. A
 * template that is not there is the handler's to refuse. */
static bool add_of_template(const Resources *resources, const Params *params, GError **error)
{
    const LaunchTemplateRef ref = {
        .id = params_get(params, "LaunchTemplate.LaunchTemplateId"),
        .name = params_get(params, "LaunchTemplate.LaunchTemplateName"),
    };
    LaunchVersionView view;
    g_autoptr(GError) missing = NULL;
    if (!ref.id && !ref.name)
        return true;
    if (!launch_template_resolve(resources->context, resources->txn, &ref,
                                 params_get(params, "LaunchTemplate.Version"), &view, &missing)) {
        if (missing->domain == FAULT_DOMAIN)
            return true;
        g_propagate_error(error, g_steal_pointer(&missing));
        return false;
    }
    List members = launch_data_members(resources->context->arena, view.version->data);
    LIST_EACH (const DataMember *, member, &members) {
        const Param param = {member->name, member->value};
        if (!is_said(params, member->name) && !add_param(resources, &param, error))
            return false;
    }
    return true;
}

bool ec2_resources(Context *context, Txn *txn, const char *action, const Params *params, List *arns,
                   GError **error)
{
    const Resources resources = {context, txn, arns};
    for (size_t i = 0; !lists(action) && i < params->n; i++) {
        if (!names_what_it_makes(action, &params->items[i]) &&
            !add_param(&resources, &params->items[i], error))
            return false;
    }
    if (strcmp(action, "RunInstances") == 0 && !add_of_template(&resources, params, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(made); i++) {
        if (strcmp(made[i].action, action) == 0)
            add(&resources, made[i].of_nobody, made[i].resource);
    }
    if (arns->n == 0)
        list_add(arns, context->arena, "*");
    return true;
}
