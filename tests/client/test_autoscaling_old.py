"""Auto Scaling as clients of its first years speak it: requests of 2009-05-15 by hand, with SigV2,
whose replies are compared in structure with what was recorded then; and boto 2.49."""

import base64
import os
import sys
import unittest
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase, wait_until  # noqa: E402
from lifecycle import unique  # noqa: E402
from wire import Wire  # noqa: E402

VERSION = "2009-05-15"
ZONE = "us-east-1a"
DEADLINE = 30
NAMESPACE = "http://autoscaling.amazonaws.com/doc/2009-05-15/"

LAUNCH_CONFIGURATION = {"LaunchConfigurationName", "ImageId", "InstanceType", "KeyName",
                        "SecurityGroups", "UserData", "KernelId", "RamdiskId",
                        "BlockDeviceMappings", "CreatedTime"}
GROUP = {"MinSize", "MaxSize", "DesiredCapacity", "Cooldown", "CreatedTime",
         "LaunchConfigurationName", "AutoScalingGroupName", "AvailabilityZones",
         "LoadBalancerNames", "Instances"}
INSTANCE = {"InstanceId", "LifecycleState", "AvailabilityZone"}
ACTIVITY = {"ActivityId", "StartTime", "EndTime", "Progress", "StatusCode", "Cause", "Description"}
TRIGGER = {"TriggerName", "AutoScalingGroupName", "MeasureName", "Statistic", "Dimensions",
           "Period", "Unit", "CustomUnit", "Namespace", "LowerThreshold", "UpperThreshold",
           "LowerBreachScaleIncrement", "UpperBreachScaleIncrement", "BreachDuration", "Status",
           "CreatedTime"}


def local(element):
    return element.tag.rpartition("}")[2]


def names(element):
    return {local(child) for child in element}


def items(element, name):
    """The <member>s of a list."""
    found = next(child for child in element if local(child) == name)
    for item in found:
        assert local(item) == "member", item.tag
    return list(found)


def text(element, name):
    return next(child.text or "" for child in element if local(child) == name)


class Wire2009(CloudTestCase):
    cloud_options = {"backend": "fake"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wire = Wire(cls.cloud, VERSION)
        cls.image = cls.cloud.boto3("ec2").describe_images(Owners=["amazon"], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]

    def ok(self, action, params):
        reply = self.wire.call(action, params)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.namespace, NAMESPACE)
        self.assertEqual(local(reply.root), f"{action}Response")
        return reply

    def write(self, action, params):
        """A reply without a result."""
        root = self.ok(action, params).root
        self.assertEqual([local(child) for child in root], ["ResponseMetadata"])
        self.assertEqual([local(child) for child in root[0]], ["RequestId"])

    def read(self, action, params):
        root = self.ok(action, params).root
        self.assertEqual([local(child) for child in root], [f"{action}Result", "ResponseMetadata"])
        return root[0]

    def refuse(self, code, action, params):
        reply = self.wire.call(action, params)
        self.assertEqual((reply.status, reply.code), (400, code), reply)
        error = reply.root[0]
        self.assertEqual([local(reply.root), local(error), names(error)],
                         ["ErrorResponse", "Error", {"Type", "Code", "Message"}])
        return reply.message

    def configuration(self, **more):
        name = unique("config")
        self.write("CreateLaunchConfiguration", {
            "LaunchConfigurationName": name, "ImageId": self.image, "InstanceType": "m1.small",
            **more})
        return name

    def group(self, size=1, **more):
        name = unique("group")
        self.write("CreateAutoScalingGroup", {
            "AutoScalingGroupName": name, "LaunchConfigurationName": self.configuration(),
            "MinSize": size, "MaxSize": 4, "Cooldown": 60, "AvailabilityZones.member.1": ZONE,
            **more})
        self.addCleanup(self.wire.call, "DeleteAutoScalingGroup", {
            "AutoScalingGroupName": name, "ForceDelete": "true"}, version="2011-01-01")
        self.settle(name, size)
        return name

    def view(self, name):
        return items(self.read("DescribeAutoScalingGroups", {
            "AutoScalingGroupNames.member.1": name}), "AutoScalingGroups")[0]

    def instances(self, name):
        return [text(item, "InstanceId") for item in items(self.view(name), "Instances")
                if text(item, "LifecycleState") == "InService"]

    def settle(self, name, size):
        wait_until(lambda: len(self.instances(name)) == size ==
                   len(items(self.view(name), "Instances")), DEADLINE, name)

    def trigger(self, group, **more):
        return {"TriggerName": "t", "AutoScalingGroupName": group, "MeasureName": "CPUUtilization",
                "Statistic": "Average", "Dimensions.member.1.Name": "AutoScalingGroupName",
                "Dimensions.member.1.Value": group, "Period": 60, "LowerThreshold": 40,
                "UpperThreshold": 80, "LowerBreachScaleIncrement": "-1",
                "UpperBreachScaleIncrement": "10%", "BreachDuration": 300, **more}


class FormsTest(Wire2009):
    def test_launch_configurations(self):
        encoded = base64.b64encode(b"encoded").decode()
        for user_data in ("#!/bin/sh\necho raw", encoded):
            name = self.configuration(**{
                "UserData": user_data, "SecurityGroups.member.1": "default",
                "BlockDeviceMappings.member.1.DeviceName": "/dev/sdb",
                "BlockDeviceMappings.member.1.VirtualName": "ephemeral0"})
            shown, = items(self.read("DescribeLaunchConfigurations", {
                "LaunchConfigurationNames.member.1": name}), "LaunchConfigurations")
            self.assertEqual(names(shown), LAUNCH_CONFIGURATION)
            self.assertEqual([text(shown, "UserData"), text(shown, "KernelId")], [user_data, ""])
            self.assertEqual([item.text for item in items(shown, "SecurityGroups")], ["default"])
            mapping, = items(shown, "BlockDeviceMappings")
            self.assertEqual(names(mapping), {"DeviceName", "VirtualName"})
            self.refuse("AlreadyExists", "CreateLaunchConfiguration", {
                "LaunchConfigurationName": name, "ImageId": self.image,
                "InstanceType": "m1.small"})
            self.write("DeleteLaunchConfiguration", {"LaunchConfigurationName": name})

    def test_user_data_reaches_the_instance_either_way(self):
        ec2 = self.cloud.boto3("ec2")
        for user_data in ("raw data!", base64.b64encode(b"raw data!").decode()):
            group = self.group(1, LaunchConfigurationName=self.configuration(UserData=user_data))
            found = ec2.describe_instance_attribute(InstanceId=self.instances(group)[0],
                                                    Attribute="userData")["UserData"]["Value"]
            self.assertEqual(base64.b64decode(found), b"raw data!")

    def test_groups(self):
        name = self.group(2)
        shown = self.view(name)
        self.assertEqual(names(shown), GROUP)
        self.assertEqual([text(shown, "Cooldown"), text(shown, "DesiredCapacity")], ["60", "2"])
        self.assertEqual([item.text for item in items(shown, "AvailabilityZones")], [ZONE])
        self.assertEqual([names(item) for item in items(shown, "Instances")], 2 * [INSTANCE])
        self.write("UpdateAutoScalingGroup", {"AutoScalingGroupName": name, "MinSize": 3,
                                              "Cooldown": 5})
        self.settle(name, 3)
        self.assertEqual([text(self.view(name), "DesiredCapacity"),
                          text(self.view(name), "Cooldown")], ["3", "5"])
        self.write("UpdateAutoScalingGroup", {"AutoScalingGroupName": name, "MinSize": 0,
                                              "MaxSize": 1})
        self.settle(name, 1)
        self.write("SetDesiredCapacity", {"AutoScalingGroupName": name, "DesiredCapacity": 0})
        self.settle(name, 0)
        self.write("DeleteAutoScalingGroup", {"AutoScalingGroupName": name})
        self.assertEqual(items(self.read("DescribeAutoScalingGroups", {
            "AutoScalingGroupNames.member.1": name}), "AutoScalingGroups"), [])

    def test_there_is_no_desired_capacity_yet(self):
        name = self.group(0, DesiredCapacity=2)
        self.assertEqual(text(self.view(name), "DesiredCapacity"), "0")

    def test_activities(self):
        name = self.group(2)
        victim = self.instances(name)[0]
        self.write("UpdateAutoScalingGroup", {"AutoScalingGroupName": name, "MinSize": 1})
        result = self.read("TerminateInstanceInAutoScalingGroup", {
            "InstanceId": victim, "ShouldDecrementDesiredCapacity": "True"})
        self.assertEqual(names(result), {"Activity"})
        self.assertLessEqual(names(result[0]), ACTIVITY)
        self.settle(name, 1)
        shown = items(self.read("DescribeScalingActivities", {"AutoScalingGroupName": name}),
                      "Activities")
        self.assertEqual([names(item) for item in shown], 3 * [ACTIVITY])
        self.assertEqual([text(item, "Description") for item in shown],
                         ["Terminating EC2 instance", *2 * ["Launching a new EC2 instance"]])
        one, = items(self.read("DescribeScalingActivities", {
            "AutoScalingGroupName": name,
            "ActivityIds.member.1": text(shown[1], "ActivityId")}), "Activities")
        self.assertEqual(text(one, "Cause"), text(shown[1], "Cause"))
        page = self.read("DescribeScalingActivities", {"AutoScalingGroupName": name,
                                                       "MaxRecords": 2})
        self.assertEqual(len(items(page, "Activities")), 2)
        page = self.read("DescribeScalingActivities", {
            "AutoScalingGroupName": name, "NextToken": text(page, "NextToken")})
        self.assertEqual((len(items(page, "Activities")), names(page)), (1, {"Activities"}))

    def test_triggers(self):
        name = self.group(0)
        self.write("CreateOrUpdateScalingTrigger", self.trigger(name))
        shown, = items(self.read("DescribeTriggers", {"AutoScalingGroupName": name}), "Triggers")
        self.assertEqual(names(shown), TRIGGER)
        self.assertEqual([text(shown, one) for one in (
            "LowerThreshold", "UpperThreshold", "UpperBreachScaleIncrement", "Status",
            "Namespace")], ["40.0", "80.0", "10%", "NoData", "AWS/EC2"])
        dimension, = items(shown, "Dimensions")
        self.assertEqual([text(dimension, "Name"), text(dimension, "Value")],
                         ["AutoScalingGroupName", name])
        self.write("CreateOrUpdateScalingTrigger", self.trigger(name, UpperThreshold="75.5"))
        self.refuse("AlreadyExists", "CreateOrUpdateScalingTrigger",
                    self.trigger(name, TriggerName="another"))
        shown, = items(self.read("DescribeTriggers", {"AutoScalingGroupName": name}), "Triggers")
        self.assertEqual(text(shown, "UpperThreshold"), "75.5")
        self.refuse("ValidationError", "DeleteTrigger", {
            "AutoScalingGroupName": name, "TriggerName": "another"})
        self.write("DeleteTrigger", {"AutoScalingGroupName": name, "TriggerName": "t"})
        self.assertEqual(items(self.read("DescribeTriggers", {"AutoScalingGroupName": name}),
                               "Triggers"), [])

    def test_triggers_that_cannot_be(self):
        name = self.group(0)
        for bad in ({"Period": 61}, {"BreachDuration": 90}, {"BreachDuration": 60, "Period": 120},
                    {"LowerThreshold": 90}, {"UpperBreachScaleIncrement": "much"},
                    {"MeasureName": "Temperature"}, {"Statistic": "Median"},
                    {"AutoScalingGroupName": "none"}, {"TriggerName": ""}, {"Period": "x"}):
            self.refuse("ValidationError", "CreateOrUpdateScalingTrigger",
                        self.trigger(name, **bad))

    def test_each_version_has_its_own(self):
        name = self.group(0)
        for version in ("2010-08-01", "2011-01-01"):
            reply = self.wire.call("DescribeTriggers", {"AutoScalingGroupName": name},
                                   version=version)
            self.assertEqual((reply.status, reply.code), (400, "InvalidAction"))
            reply = self.wire.call("DescribeAutoScalingGroups", {
                "AutoScalingGroupNames.member.1": name}, version=version)
            self.assertEqual((reply.text("DefaultCooldown"), reply.text("Cooldown")), ("60", None))
        reply = self.wire.call("DescribePolicies", {})
        self.assertEqual((reply.status, reply.code), (400, "InvalidAction"))

    def test_what_is_missing(self):
        for action, params in (("CreateAutoScalingGroup", {"AutoScalingGroupName": "g"}),
                               ("CreateLaunchConfiguration", {"ImageId": self.image}),
                               ("DeleteAutoScalingGroup", {"AutoScalingGroupName": "none"}),
                               ("SetDesiredCapacity", {"AutoScalingGroupName": "none",
                                                       "DesiredCapacity": 1}),
                               ("TerminateInstanceInAutoScalingGroup", {
                                   "InstanceId": "i-01234567",
                                   "ShouldDecrementDesiredCapacity": "true"})):
            self.refuse("ValidationError", action, params)


class Boto2Test(CloudTestCase):
    cloud_options = {"backend": "fake"}

    def setUp(self):
        super().setUp()
        os.environ["BOTO_CONFIG"] = os.devnull
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from boto.ec2 import autoscale
                from boto.regioninfo import RegionInfo
        except ImportError:
            self.skipTest("no boto 2 here (apt-get install python3-boto)")
        self.autoscale = autoscale
        host, _, port = self.cloud.endpoint.partition("//")[2].rstrip("/").partition(":")
        credentials = self.cloud.credentials
        self.connection = autoscale.AutoScaleConnection(
            credentials["aws_access_key_id"], credentials["aws_secret_access_key"],
            is_secure=False, port=int(port), region=RegionInfo(name="local", endpoint=host))
        self.image = self.cloud.boto3("ec2").describe_images(Owners=["amazon"], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]

    def group(self, name):
        return self.connection.get_all_groups([name])[0]

    def settle(self, name, size):
        wait_until(lambda: [one.lifecycle_state for one in self.group(name).instances] ==
                   size * ["InService"], DEADLINE, name)

    def test_a_session(self):
        name, config = unique("group"), unique("config")
        launch = self.autoscale.LaunchConfiguration(
            connection=self.connection, name=config, image_id=self.image,
            instance_type="m1.small", security_groups=["default"], user_data="hello")
        self.connection.create_launch_configuration(launch)
        self.connection.create_auto_scaling_group(self.autoscale.AutoScalingGroup(
            connection=self.connection, group_name=name, launch_config=launch, min_size=1,
            max_size=3, availability_zones=[ZONE], default_cooldown=60,
            tags=[self.autoscale.Tag(key="k", value="v", propagate_at_launch=True,
                                     resource_id=name)]))
        self.settle(name, 1)
        found = self.group(name)
        self.assertEqual((found.min_size, found.max_size, found.default_cooldown,
                          found.launch_config_name, [tag.key for tag in found.tags]),
                         (1, 3, 60, config, ["k"]))
        self.connection.create_scaling_policy(self.autoscale.policy.ScalingPolicy(
            name="up", as_name=name, adjustment_type="ChangeInCapacity", scaling_adjustment=1,
            cooldown=0))
        self.connection.execute_policy("up", name)
        self.settle(name, 2)
        policy, = self.connection.get_all_policies(name)
        self.assertEqual((policy.name, policy.scaling_adjustment), ("up", 1))
        self.connection.set_desired_capacity(name, 1)
        self.settle(name, 1)
        activities = self.connection.get_all_activities(name)
        self.assertEqual({one.status_code for one in activities}, {"Successful"})
        instance, = self.connection.get_all_autoscaling_instances()
        self.assertEqual((instance.group_name, instance.health_status), (name, "HEALTHY"))
        found.shutdown_instances()
        self.settle(name, 0)
        wait_until(lambda: self.removed(found), DEADLINE, name)
        self.connection.delete_launch_configuration(config)

    def removed(self, group):
        from boto.exception import BotoServerError
        try:
            group.delete()
        except BotoServerError as error:
            self.assertEqual(error.error_code, "ScalingActivityInProgress")
            return False
        return True


if __name__ == "__main__":
    unittest.main()
