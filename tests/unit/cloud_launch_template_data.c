/* cloud/launch_template_data.h and api/shape_text.h: what templates say, kept as text. */
#include "tests/unit/cloud_fixture.h"
#include "api/ec2/shapes.h"
#include "api/shape_text.h"
#include "cloud/launch_template_data.h"

#define VERSION "2016-11-15"

static const char *merged(Arena *arena, const char *data, const char *over)
{
    return launch_data_merge(arena, data, over);
}

static void whole_members_are_replaced(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(merged(arena, "ImageId=a&KeyName=k", "KeyName=l"), "KeyName=l&ImageId=a");
    assert_string_equal(merged(arena, "SecurityGroupId.1=a&SecurityGroupId.2=b&SecurityGroup.1=c",
                               "SecurityGroupId.1=d"),
                        "SecurityGroupId.1=d&SecurityGroup.1=c");
    assert_string_equal(merged(arena, "Placement.Tenancy=t", "Placement.GroupName=g"),
                        "Placement.GroupName=g");
    assert_string_equal(merged(arena, "", "A=1"), "A=1");
    assert_string_equal(merged(arena, "A=1", ""), "A=1");
}

static void values_are_decoded(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *data = "KeyName=a%26b%3D%25&UserData=&ImageId=ami-1";
    assert_string_equal(launch_data_value(arena, data, "KeyName"), "a&b=%");
    assert_string_equal(launch_data_value(arena, data, "UserData"), "");
    assert_null(launch_data_value(arena, data, "Image"));
    assert_null(launch_data_value(arena, NULL, "ImageId"));
}

static void a_launch_is_as_it_says(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    RunSpec spec = {.associate_public_address = -1};
    bool has_interface;
    assert_works(launch_data_use(
        context,
        "ImageId=ami-1&Monitoring.Enabled=true&BlockDeviceMapping.1.DeviceName=a"
        "&BlockDeviceMapping.1.Ebs.VolumeSize=3&BlockDeviceMapping.2.DeviceName=b"
        "&BlockDeviceMapping.2.NoDevice=&TagSpecification.1.ResourceType=volume"
        "&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v"
        "&TagSpecification.2.Tag.1.Key=of-nothing&SecurityGroupId.1=sg-1&IamInstanceProfile.Name=p",
        &spec, &has_interface, error));
    assert_string_equal(spec.image_id, "ami-1");
    assert_true(spec.monitoring);
    assert_int_equal(spec.volumes.n, 2);
    const RunVolume *first = list_at(&spec.volumes, 0), *second = list_at(&spec.volumes, 1);
    assert_int_equal(first->size_gib, 3);
    assert_int_equal(first->delete_on_termination, -1);
    assert_true(second->no_device && !first->no_device);
    assert_int_equal(spec.volume_tags.n, 1);
    assert_int_equal(spec.instance_tags.n, 0);
    assert_string_equal(((const TagPair *)list_at(&spec.volume_tags, 0))->value, "v");
    assert_string_equal(spec.iam_profile, "arn:aws:iam::" ACCOUNT ":instance-profile/p");
    assert_int_equal(spec.associate_public_address, -1);
    assert_false(has_interface);
}

static void interfaces_that_cannot_be_are_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    RunSpec spec = {0};
    bool unused;
    assert_fault(launch_data_use(context, "NetworkInterface.2.SubnetId=s", &spec, &unused, error),
                 FAULT_UNSUPPORTED_OPERATION, "one new network interface");
    assert_fault(
        launch_data_use(context, "NetworkInterface.1.DeviceIndex=1", &spec, &unused, error),
        FAULT_UNSUPPORTED_OPERATION, "one new network interface");
    assert_fault(launch_data_use(context, "NetworkInterface.1.SubnetId=s&SecurityGroup.1=default",
                                 &spec, &unused, error),
                 FAULT_INVALID_PARAMETER_COMBINATION, "security groups");
}

static void an_object_comes_back_from_its_text(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *text = "EbsOptimized=false&BlockDeviceMapping.1.DeviceName=%2Fdev%2Fsdf"
                       "&BlockDeviceMapping.1.Ebs.VolumeSize=3&ImageId=a%20%26%20b"
                       "&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value="
                       "&SecurityGroupId.1=sg-1&SecurityGroupId.2=sg-2";
    void *object;
    assert_works(shape_from_text(arena, TemplateData_shape(), text, VERSION, &object, error));
    const TemplateData *data = object;
    assert_string_equal(data->image_id, "a & b");
    assert_int_equal(data->ebs_optimized, 0);
    assert_int_equal(data->disable_api_stop, ABSENT_BOOL);
    assert_int_equal(data->group_ids.n, 2);
    assert_string_equal(shape_text(arena, TemplateData_shape(), data), text);
    assert_string_equal(
        shape_text(arena, TemplateData_shape(), shape_new(arena, TemplateData_shape())), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_members_are_replaced),
        cmocka_unit_test(values_are_decoded),
        cloud_test(a_launch_is_as_it_says),
        cloud_test(interfaces_that_cannot_be_are_refused),
        cmocka_unit_test(an_object_comes_back_from_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
