/* api/ec2/resources.h: the ARNs of what requests name. */
#include "tests/unit/cloud_fixture.h"
#include "api/ec2/resources.h"
#include "cloud/key_pairs.h"
#include "cloud/launch_templates.h"
#include "cloud/security_groups.h"

#define OURS "arn:aws:ec2:us-east-1:" ACCOUNT ":"
#define OF_NOBODY "arn:aws:ec2:us-east-1::"

/* All of them, with spaces between. */
static const char *resources_of(Context *context, const char *action, const char *query)
{
    g_autoptr(Txn) txn = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    List arns = {0};
    Params params = {0};
    assert_works(params_decode(&params, context->arena, query, strlen(query), error) &&
                 txn_begin_read(cloud_store(context->cloud), &txn, error) &&
                 ec2_resources(context, txn, action, &params, &arns, error));
    LIST_EACH (const char *, arn, &arns)
        g_string_append_printf(text, "%s%s", text->len ? " " : "", arn);
    return arena_strdup(context->arena, text->str);
}

static void what_is_named_is_the_resource(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    static const struct {
        const char *action, *query, *arns;
    } rows[] = {
        {"StopInstances", "Action=StopInstances&InstanceId.1=i-1&InstanceId.2=i-2",
         OURS "instance/i-1 " OURS "instance/i-2"},
        {"GetConsoleOutput", "InstanceId=i-1", OURS "instance/i-1"},
        {"DescribeInstanceAttribute", "InstanceId=i-1&Attribute=x", OURS "instance/i-1"},
        {"AttachVolume", "VolumeId=vol-1&InstanceId=i-1", OURS "volume/vol-1 " OURS "instance/i-1"},
        {"CreateVolume", "SnapshotId=snap-1", OF_NOBODY "snapshot/snap-1 " OURS "volume/*"},
        {"DeregisterImage", "ImageId=ami-1", OF_NOBODY "image/ami-1"},
        {"CreateKeyPair", "KeyName=blue", OURS "key-pair/blue"},
        {"CreateTags", "ResourceId.1=i-1&ResourceId.2=vpc-2&Tag.1.Key=i-3",
         OURS "instance/i-1 " OURS "vpc/vpc-2"},
        {"RunInstances", "ImageId=ami-1&NetworkInterface.1.SubnetId=subnet-1&KeyName=blue",
         OF_NOBODY "image/ami-1 " OURS "subnet/subnet-1 " OURS "key-pair/blue " OURS
                   "instance/* " OURS "network-interface/* " OURS "volume/*"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_string_equal(resources_of(context, rows[i].action, rows[i].query), rows[i].arns);
}

static void what_names_nothing_is_on_everything(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    assert_string_equal(resources_of(context, "DescribeInstances", "InstanceId.1=i-1"), "*");
    assert_string_equal(resources_of(context, "DescribeRegions", ""), "*");
    assert_string_equal(resources_of(context, "StopInstances", "InstanceId.1=nonsense"), "*");
    assert_string_equal(resources_of(context, "StopInstances", "InstanceId.1.Name=i-1"), "*");
    assert_string_equal(resources_of(context, "StopInstances", "InstanceId.1="), "*");
}

static void a_group_is_the_same_by_id_and_by_name(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const char *id = NULL;
    List none = {0};
    assert_works(security_group_create(context, "web", "for the web", NULL, &none, &id, error));
    const char *arn = arena_printf(context->arena, OURS "security-group/%s", id);
    static const char *const queries[] = {"GroupName=web", "GroupId=web", "SecurityGroup.1=web",
                                          "NetworkInterface.1.SecurityGroupId.1=web"};
    for (size_t i = 0; i < G_N_ELEMENTS(queries); i++)
        assert_string_equal(resources_of(context, "DeleteSecurityGroup", queries[i]), arn);
    assert_string_equal(resources_of(context, "DeleteSecurityGroup",
                                     arena_printf(context->arena, "GroupName=%s", id)),
                        arn);
    assert_string_equal(resources_of(context, "DeleteSecurityGroup", "GroupName=absent"),
                        OURS "security-group/absent");
    /* The name of a group that is to be. */
    assert_string_equal(resources_of(context, "CreateSecurityGroup", "GroupName=web"),
                        OURS "security-group/*");
}

static void a_key_pair_is_the_same_by_id_and_by_name(void **state)
{
    CloudFixture *fixture = *state;
    Context *context = &fixture->context;
    KeyPair *pair = NULL;
    const char *material;
    List none = {0};
    assert_works(key_pair_create(context, "blue", "ed25519", NULL, &none, &pair, &material, error));
    const char *query = arena_printf(context->arena, "KeyPairId=%s", pair->id);
    assert_string_equal(resources_of(context, "DeleteKeyPair", query), OURS "key-pair/blue");
    assert_string_equal(resources_of(&fixture->other, "DeleteKeyPair", query),
                        arena_printf(context->arena,
                                     "arn:aws:ec2:us-east-1:" OTHER_ACCOUNT ":key-pair/%s",
                                     pair->id));
}

static void what_a_template_names_is_named(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const LaunchTemplateSpec spec = {.data = "ImageId=ami-1&KeyName=blue"};
    LaunchTemplateView view;
    context->caller.arn = "arn:aws:iam::" ACCOUNT ":root";
    assert_works(launch_template_create(context, "web", &spec, &view, error));
    const char *id = view.template->id;
    const char *arn = arena_printf(context->arena, OURS "launch-template/%s", id);
    assert_string_equal(resources_of(context, "DeleteLaunchTemplate", "LaunchTemplateName=web"),
                        arn);
    assert_string_equal(resources_of(context, "DeleteLaunchTemplate",
                                     arena_printf(context->arena, "LaunchTemplateId=%s", id)),
                        arn);
    assert_string_equal(resources_of(context, "DeleteLaunchTemplate", "LaunchTemplateName=absent"),
                        OURS "launch-template/absent");
    assert_string_equal(resources_of(context, "CreateLaunchTemplate", "LaunchTemplateName=web"),
                        OURS "launch-template/*");
    assert_string_equal(
        resources_of(context, "RunInstances", "LaunchTemplate.LaunchTemplateName=web&KeyName=red"),
        arena_printf(context->arena,
                     "%s " OURS "key-pair/red " OF_NOBODY "image/ami-1 " OURS "instance/* " OURS
                     "network-interface/* " OURS "volume/*",
                     arn));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cloud_test(what_is_named_is_the_resource),
        cloud_test(what_names_nothing_is_on_everything),
        cloud_test(a_group_is_the_same_by_id_and_by_name),
        cloud_test(a_key_pair_is_the_same_by_id_and_by_name),
        cloud_test(what_a_template_names_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
