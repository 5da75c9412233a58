"""Auto Scaling by boto3 and the AWS CLI: groups that keep their size, and why they change it."""

import datetime
import json
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase, wait_until  # noqa: E402
from lifecycle import unique  # noqa: E402

try:
    from botocore.exceptions import ClientError
except ImportError:
    raise unittest.SkipTest("no boto3 here (apt-get install python3-boto3)") from None

ZONES = ["us-east-1a", "us-east-1b"]
DEADLINE = 30


class ScalingTestCase(CloudTestCase):
    cloud_options = {"backend": "fake"}

    def setUp(self):
        super().setUp()
        self.asg = self.cloud.boto3("autoscaling")
        self.ec2 = self.cloud.boto3("ec2")
        self.image = self.ec2.describe_images(Owners=["amazon"], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]

    def refuse(self, code, verb, **options):
        with self.assertRaises(ClientError) as caught:
            verb(**options)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]

    def configuration(self, **options):
        name = unique("config")
        self.asg.create_launch_configuration(**{
            "LaunchConfigurationName": name, "ImageId": self.image, "InstanceType": "m1.small",
            **options})
        return name

    def group(self, size=2, **options):
        """A new group whose instances are in service."""
        name = unique("group")
        self.asg.create_auto_scaling_group(**{
            "AutoScalingGroupName": name, "MinSize": 0, "MaxSize": 10, "DesiredCapacity": size,
            "AvailabilityZones": ZONES, **({} if "LaunchConfigurationName" in options else {
                "LaunchConfigurationName": self.configuration()}), **options})
        self.addCleanup(self.delete, name)
        self.wait_in_service(name, size)
        return name

    def delete(self, name):
        try:
            self.asg.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
        except ClientError:
            return
        self.wait(lambda: not self.found(name), lambda: self.found(name))

    def found(self, name):
        return self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
            "AutoScalingGroups"]

    def view(self, name):
        return self.found(name)[0]

    def states(self, name):
        return {item["InstanceId"]: item["LifecycleState"] for item in self.view(name)["Instances"]}

    def members(self, name, state="InService"):
        return sorted(id for id, now in self.states(name).items() if now == state)

    def wait(self, condition, what):
        return wait_until(condition, DEADLINE, what)

    def wait_in_service(self, name, size):
        def settled():
            states = self.states(name)
            return len(states) == size and set(states.values()) <= {"InService"} and \
                not self.under_way(name)
        self.wait(settled, lambda: (self.states(name), self.activities(name)[:3]))
        return self.members(name)

    def activities(self, name):
        return self.asg.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]

    def under_way(self, name):
        return [one for one in self.activities(name) if one["StatusCode"] not in
                ("Successful", "Failed", "Cancelled")]

    def cause(self, name, beginning):
        """The cause of the newest activity whose description begins so."""
        return next(one["Cause"] for one in self.activities(name)
                    if one["Description"].startswith(beginning))

    def ec2_state(self, id):
        return self.ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0][
            "State"]["Name"]


TIME = r"At \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ "


class ConfigurationTest(ScalingTestCase):
    def test_everything_comes_back(self):
        name = unique("config")
        given = {
            "LaunchConfigurationName": name, "ImageId": self.image, "InstanceType": "m1.small",
            "KeyName": "k", "SecurityGroups": ["default"], "UserData": "aGVsbG8=",
            "InstanceMonitoring": {"Enabled": False}, "IamInstanceProfile": "p",
            "EbsOptimized": True, "AssociatePublicIpAddress": True, "PlacementTenancy": "default",
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
                {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 3, "VolumeType": "gp2",
                                                   "DeleteOnTermination": True}}],
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2,
                                "HttpEndpoint": "enabled"}}
        self.asg.create_launch_configuration(**{**given, "UserData": "hello"})  # boto3 encodes it
        found = self.asg.describe_launch_configurations(LaunchConfigurationNames=[name])[
            "LaunchConfigurations"][0]
        self.assertEqual({key: found[key] for key in given}, given)
        self.assertRegex(found["LaunchConfigurationARN"],
                         f":launchConfiguration:[0-9a-f-]+:launchConfigurationName/{name}$")
        self.assertIn("already exists", self.refuse(
            "AlreadyExists", self.asg.create_launch_configuration, **given))
        self.asg.delete_launch_configuration(LaunchConfigurationName=name)
        self.refuse("ValidationError", self.asg.delete_launch_configuration,
                    LaunchConfigurationName=name)

    def test_from_an_instance(self):
        id = self.ec2.run_instances(ImageId=self.image, InstanceType="m1.small", MinCount=1,
                                    MaxCount=1)["Instances"][0]["InstanceId"]
        name = unique("config")
        self.asg.create_launch_configuration(LaunchConfigurationName=name, InstanceId=id)
        found = self.asg.describe_launch_configurations(LaunchConfigurationNames=[name])[
            "LaunchConfigurations"][0]
        self.assertEqual((found["ImageId"], found["InstanceType"]), (self.image, "m1.small"))
        self.assertRegex(found["SecurityGroups"][0], "^sg-")

    def test_what_is_refused(self):
        good = {"ImageId": self.image, "InstanceType": "m1.small"}
        for bad in ({"ImageId": self.image}, {"InstanceType": "m1.small"},
                    {**good, "SpotPrice": "0.1"}, {**good, "UserData": 16385 * "x"},
                    {"InstanceId": "i-0123456789abcdef0"},
                    {**good, "LaunchConfigurationName": "with:colon"}):
            self.refuse("ValidationError", self.asg.create_launch_configuration,
                        **{"LaunchConfigurationName": unique("config"), **bad})

    def test_one_in_use_stays(self):
        name = self.configuration()
        self.group(0, LaunchConfigurationName=name)
        self.refuse("ResourceInUse", self.asg.delete_launch_configuration,
                    LaunchConfigurationName=name)

    def test_pages(self):
        names = sorted(self.configuration() for _ in range(3))
        pages = list(self.asg.get_paginator("describe_launch_configurations").paginate(
            LaunchConfigurationNames=names, PaginationConfig={"PageSize": 2}))
        self.assertEqual([one["LaunchConfigurationName"] for page in pages
                          for one in page["LaunchConfigurations"]], names)
        self.refuse("InvalidNextToken", self.asg.describe_launch_configurations, NextToken="no")


class GroupTest(ScalingTestCase):
    def test_a_group_grows_and_shrinks_as_it_is_told(self):
        name = self.group(2)
        first = self.members(name)
        self.assertRegex(
            self.cause(name, "Launching a new EC2 instance: i-"),
            f"^{TIME}a user request created an AutoScalingGroup changing the desired capacity from "
            f"0 to 2\\.  {TIME}an instance was started in response to a difference between desired "
            "and actual capacity, increasing the capacity from [01] to [12]\\.$")
        zones = sorted(item["AvailabilityZone"] for item in self.view(name)["Instances"])
        self.assertEqual(zones, ZONES)
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
        self.assertTrue(set(first) < set(self.wait_in_service(name, 3)))
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        self.wait_in_service(name, 1)
        self.assertRegex(
            self.cause(name, "Terminating EC2 instance: i-"),
            f"^{TIME}a user request explicitly set group desired capacity changing the desired "
            f"capacity from 3 to 1\\.  {TIME}an instance was taken out of service in response to a "
            "difference between desired and actual capacity, shrinking the capacity from [23] to "
            f"[12]\\.  {TIME}instance i-[0-9a-f]+ was selected for termination\\.$")
        for one in self.activities(name):
            self.assertEqual((one["StatusCode"], one["Progress"]), ("Successful", 100))
            self.assertGreaterEqual(one["EndTime"], one["StartTime"])

    def test_instances_carry_the_tags_of_their_group(self):
        name = self.group(1, Tags=[
            {"Key": "a", "Value": "1", "PropagateAtLaunch": True},
            {"Key": "b", "Value": "2", "PropagateAtLaunch": False}])
        id = self.members(name)[0]
        tags = {tag["Key"]: tag["Value"] for tag in self.ec2.describe_instances(
            InstanceIds=[id])["Reservations"][0]["Instances"][0]["Tags"]}
        self.assertEqual(tags, {"a": "1", "aws:autoscaling:groupName": name})

    def test_one_that_is_terminated_is_replaced(self):
        name = self.group(2)
        victim, other = self.members(name)
        self.ec2.terminate_instances(InstanceIds=[victim])
        self.wait(lambda: victim not in self.states(name), lambda: self.states(name))
        after = self.wait_in_service(name, 2)
        self.assertIn(other, after)
        self.assertRegex(self.cause(name, f"Terminating EC2 instance: {victim}"),
                         f"^{TIME}an instance was taken out of service in response to an EC2 "
                         "health check indicating it has been terminated or stopped\\.$")
        self.assertRegex(self.cause(name, "Launching"),
                         f"^{TIME}an instance was launched in response to an unhealthy instance "
                         "needing to be replaced\\.$")

    def test_one_that_is_stopped_is_replaced_and_terminated(self):
        name = self.group(1)
        victim = self.members(name)[0]
        self.ec2.stop_instances(InstanceIds=[victim])
        self.wait(lambda: victim not in self.states(name), lambda: self.states(name))
        self.wait_in_service(name, 1)
        self.assertEqual(self.ec2_state(victim), "terminated")

    def test_one_that_is_said_to_be_unhealthy(self):
        name = self.group(1)
        victim = self.members(name)[0]
        self.asg.set_instance_health(InstanceId=victim, HealthStatus="Unhealthy",
                                     ShouldRespectGracePeriod=False)
        self.wait(lambda: victim not in self.states(name), lambda: self.states(name))
        self.wait_in_service(name, 1)
        self.assertIn("a user health-check",
                      self.cause(name, f"Terminating EC2 instance: {victim}"))
        self.refuse("ValidationError", self.asg.set_instance_health, InstanceId=victim,
                    HealthStatus="Unhealthy")
        self.refuse("ValidationError", self.asg.set_instance_health,
                    InstanceId=self.members(name)[0], HealthStatus="fine")

    def test_terminated_by_name(self):
        name = self.group(2)
        one, other = self.members(name)
        activity = self.asg.terminate_instance_in_auto_scaling_group(
            InstanceId=one, ShouldDecrementDesiredCapacity=True)["Activity"]
        self.assertEqual(activity["StatusCode"], "InProgress")
        self.assertRegex(activity["Cause"],
                         f"^{TIME}instance {one} was taken out of service in response to a user "
                         "request, shrinking the capacity from 2 to 1\\.$")
        self.assertEqual(self.wait_in_service(name, 1), [other])
        self.assertEqual(self.view(name)["DesiredCapacity"], 1)
        self.asg.terminate_instance_in_auto_scaling_group(
            InstanceId=other, ShouldDecrementDesiredCapacity=False)
        self.wait(lambda: other not in self.states(name), lambda: self.states(name))
        self.wait_in_service(name, 1)
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=1)
        said = self.refuse("ValidationError", self.asg.terminate_instance_in_auto_scaling_group,
                           InstanceId=self.members(name)[0], ShouldDecrementDesiredCapacity=True)
        self.assertIn("desiredSize equals minSize (1)", said)
        self.refuse("ValidationError", self.asg.terminate_instance_in_auto_scaling_group,
                    InstanceId="i-0123456789abcdef0", ShouldDecrementDesiredCapacity=True)

    def test_sizes_are_kept_within_bounds(self):
        name = self.group(1)
        for size in (11, -1):
            self.refuse("ValidationError", self.asg.set_desired_capacity,
                        AutoScalingGroupName=name, DesiredCapacity=size)
        self.refuse("ValidationError", self.asg.update_auto_scaling_group,
                    AutoScalingGroupName=name, MinSize=5, MaxSize=4)
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=2, MaxSize=3)
        self.assertEqual(self.view(name)["DesiredCapacity"], 2)
        self.wait_in_service(name, 2)
        self.assertIn("constraints to min: 2, max: 3, desired: 2 changing the desired capacity "
                      "from 1 to 2.", self.cause(name, "Launching"))

    def test_what_a_new_group_must_say(self):
        good = {"MinSize": 0, "MaxSize": 1, "AvailabilityZones": ZONES,
                "LaunchConfigurationName": self.configuration()}
        for bad in ({"LaunchConfigurationName": "none"}, {"AvailabilityZones": ["us-east-1z"]},
                    {"MinSize": 2}, {"DesiredCapacity": 2}, {"HealthCheckType": "X"},
                    {"TerminationPolicies": ["X"]}, {"VPCZoneIdentifier": "subnet-00000000"},
                    {"LoadBalancerNames": ["none"]}, {"MaxInstanceLifetime": 5}):
            self.refuse("ValidationError", self.asg.create_auto_scaling_group,
                        **{"AutoScalingGroupName": unique("group"), **good, **bad})
        for missing in ("LaunchConfigurationName", "AvailabilityZones"):
            self.refuse("ValidationError", self.asg.create_auto_scaling_group,
                        AutoScalingGroupName=unique("group"),
                        **{key: value for key, value in good.items() if key != missing})
        name = self.group(0)
        self.refuse("AlreadyExists", self.asg.create_auto_scaling_group,
                    AutoScalingGroupName=name, **good)
        for verb in (self.asg.update_auto_scaling_group, self.asg.delete_auto_scaling_group,
                     self.asg.describe_lifecycle_hooks, self.asg.suspend_processes):
            self.assertIn("AutoScalingGroup name not found", self.refuse(
                "ValidationError", verb, AutoScalingGroupName="none"))

    def test_deleting(self):
        name = self.group(1)
        self.assertIn("in the group", self.refuse(
            "ResourceInUse", self.asg.delete_auto_scaling_group, AutoScalingGroupName=name))
        id = self.members(name)[0]
        self.asg.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
        self.wait(lambda: not self.found(name), lambda: self.found(name))
        self.assertEqual(self.ec2_state(id), "terminated")
        self.refuse("ValidationError", self.activities, name=name)
        past = self.asg.describe_scaling_activities(AutoScalingGroupName=name,
                                                    IncludeDeletedGroups=True)["Activities"]
        self.assertEqual({one["AutoScalingGroupState"] for one in past}, {"Deleted"})

    def test_a_group_of_an_instance(self):
        id = self.ec2.run_instances(ImageId=self.image, MinCount=1, MaxCount=1, Placement={
            "AvailabilityZone": ZONES[1]})["Instances"][0]["InstanceId"]
        name = unique("group")
        self.asg.create_auto_scaling_group(AutoScalingGroupName=name, InstanceId=id, MinSize=1,
                                           MaxSize=1)
        self.addCleanup(self.delete, name)
        view = self.view(name)
        self.assertEqual((view["LaunchConfigurationName"], view["AvailabilityZones"]),
                         (name, [ZONES[1]]))
        self.wait_in_service(name, 1)

    def test_a_launch_that_fails_says_so_and_is_not_tried_all_the_time(self):
        name = self.group(0, LaunchConfigurationName=self.configuration(KeyName="none"))
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        self.wait(lambda: self.activities(name), "an activity")
        failed = self.activities(name)
        self.assertLessEqual(len(failed), 2)
        self.assertEqual((failed[0]["StatusCode"], failed[0]["Progress"]), ("Failed", 100))
        self.assertEqual(failed[0]["StatusMessage"], "The key pair 'none' does not exist. "
                         "Launching EC2 instance failed.")
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name,
                                           LaunchConfigurationName=self.configuration())
        self.wait_in_service(name, 1)

    def test_groups_are_found_by_tags_and_in_pages(self):
        mark = unique("mark")
        names = sorted(self.group(0, Tags=[{"Key": mark, "Value": "x"}]) for _ in range(3))
        pages = list(self.asg.get_paginator("describe_auto_scaling_groups").paginate(
            Filters=[{"Name": f"tag:{mark}", "Values": ["x"]}], PaginationConfig={"PageSize": 2}))
        self.assertEqual([one["AutoScalingGroupName"] for page in pages
                          for one in page["AutoScalingGroups"]], names)
        self.assertEqual(self.asg.describe_auto_scaling_groups(Filters=[
            {"Name": "tag-key", "Values": [mark + "no"]}])["AutoScalingGroups"], [])
        self.refuse("ValidationError", self.asg.describe_auto_scaling_groups, Filters=[
            {"Name": "colour", "Values": ["red"]}])

    def test_termination_policies(self):
        for policy, place in (("OldestInstance", 0), ("NewestInstance", -1)):
            name = self.group(1, AvailabilityZones=ZONES[:1], TerminationPolicies=[policy])
            order = self.members(name)
            for size in (2, 3):
                self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=size)
                order += [id for id in self.wait_in_service(name, size) if id not in order]
            self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
            left = self.wait_in_service(name, 2)
            self.assertEqual([id for id in order if id not in left], [order[place]], policy)

    def test_zones_are_balanced_again(self):
        name = self.group(4, AvailabilityZones=ZONES[:1])
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name, AvailabilityZones=ZONES)

        def zones():
            return sorted(item["AvailabilityZone"] for item in self.view(name)["Instances"]
                          if item["LifecycleState"] == "InService")
        self.wait(lambda: zones() == sorted(2 * ZONES), zones)
        self.assertIn("to balance instances in zones", self.cause(name, "Launching"))

    def test_protected_instances_stay(self):
        name = self.group(2, NewInstancesProtectedFromScaleIn=True)
        one, other = self.members(name)
        self.asg.set_instance_protection(AutoScalingGroupName=name, InstanceIds=[one],
                                         ProtectedFromScaleIn=False)
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0)
        self.wait(lambda: self.states(name) == {other: "InService"}, lambda: self.states(name))
        self.refuse("ValidationError", self.asg.set_instance_protection, InstanceIds=[one],
                    AutoScalingGroupName=name, ProtectedFromScaleIn=True)

    def test_describing_instances(self):
        name = self.group(1)
        id = self.members(name)[0]
        found, = self.asg.describe_auto_scaling_instances(InstanceIds=[id])["AutoScalingInstances"]
        self.assertEqual((found["AutoScalingGroupName"], found["LifecycleState"],
                          found["HealthStatus"]), (name, "InService", "HEALTHY"))
        self.assertEqual(self.asg.describe_auto_scaling_instances(
            InstanceIds=["i-0123456789abcdef0"])["AutoScalingInstances"], [])


class ProcessTest(ScalingTestCase):
    def test_what_is_suspended_is_not_done(self):
        name = self.group(1)
        self.asg.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["Launch"])
        suspended, = self.view(name)["SuspendedProcesses"]
        self.assertEqual(suspended["ProcessName"], "Launch")
        self.assertRegex(suspended["SuspensionReason"], "^User suspended at ")
        victim = self.members(name)[0]
        self.ec2.terminate_instances(InstanceIds=[victim])
        self.wait(lambda: self.states(name) == {}, lambda: self.states(name))
        self.asg.resume_processes(AutoScalingGroupName=name)
        self.wait_in_service(name, 1)
        self.refuse("ValidationError", self.asg.suspend_processes, AutoScalingGroupName=name,
                    ScalingProcesses=["Sleep"])

    def test_the_unhealthy_stay_while_nobody_replaces_them(self):
        name = self.group(1)
        self.asg.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["ReplaceUnhealthy"])
        id = self.members(name)[0]
        self.ec2.stop_instances(InstanceIds=[id])
        self.wait(lambda: self.view(name)["Instances"][0]["HealthStatus"] == "Unhealthy",
                  lambda: self.view(name))
        self.assertEqual(self.members(name), [id])
        self.asg.resume_processes(AutoScalingGroupName=name, ScalingProcesses=["ReplaceUnhealthy"])
        self.wait(lambda: id not in self.states(name), lambda: self.states(name))

    def test_metrics_that_are_collected(self):
        name = self.group(0)
        self.asg.enable_metrics_collection(AutoScalingGroupName=name, Granularity="1Minute",
                                           Metrics=["GroupMinSize", "GroupMaxSize"])
        self.asg.disable_metrics_collection(AutoScalingGroupName=name, Metrics=["GroupMinSize"])
        self.assertEqual(self.view(name)["EnabledMetrics"],
                         [{"Metric": "GroupMaxSize", "Granularity": "1Minute"}])
        self.refuse("ValidationError", self.asg.enable_metrics_collection,
                    AutoScalingGroupName=name, Granularity="1Second")
        cloudwatch = self.cloud.boto3("cloudwatch")
        self.wait(lambda: [one for one in cloudwatch.list_metrics(
            Namespace="AWS/AutoScaling", Dimensions=[
                {"Name": "AutoScalingGroupName", "Value": name}])["Metrics"]
            if one["MetricName"] == "GroupMaxSize"], "GroupMaxSize")

    def test_what_there_is_to_choose_from(self):
        def names(reply, list, member):
            return [one[member] for one in reply[list]]
        self.assertIn("GroupInServiceInstances", names(
            self.asg.describe_metric_collection_types(), "Metrics", "Metric"))
        self.assertEqual(names(self.asg.describe_adjustment_types(), "AdjustmentTypes",
                               "AdjustmentType"),
                         ["ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"])
        self.assertIn("AZRebalance", names(self.asg.describe_scaling_process_types(), "Processes",
                                           "ProcessName"))
        self.assertIn("OldestInstance", self.asg.describe_termination_policy_types()[
            "TerminationPolicyTypes"])
        self.assertIn("autoscaling:EC2_INSTANCE_LAUNCH",
                      self.asg.describe_auto_scaling_notification_types()[
                          "AutoScalingNotificationTypes"])
        self.assertEqual(len(self.asg.describe_lifecycle_hook_types()["LifecycleHookTypes"]), 2)
        before = self.asg.describe_account_limits()
        self.group(0)
        after = self.asg.describe_account_limits()
        self.assertEqual(after["NumberOfAutoScalingGroups"],
                         before["NumberOfAutoScalingGroups"] + 1)
        self.assertEqual(after["MaxNumberOfLaunchConfigurations"], 200)


class BelongingsTest(ScalingTestCase):
    def test_tags(self):
        name = self.group(0)
        tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": "k", "Value": "v",
               "PropagateAtLaunch": True}
        self.asg.create_or_update_tags(Tags=[tag])
        found = self.asg.describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [name]}])
        self.assertEqual(found["Tags"], [tag])
        self.assertEqual(self.view(name)["Tags"], [tag])
        self.assertEqual(self.asg.describe_tags(Filters=[
            {"Name": "auto-scaling-group", "Values": [name]},
            {"Name": "value", "Values": ["w"]}])["Tags"], [])
        self.asg.delete_tags(Tags=[{**tag, "Value": ""}])
        self.assertEqual(self.view(name)["Tags"], [])
        self.refuse("ValidationError", self.asg.create_or_update_tags,
                    Tags=[{**tag, "Key": "aws:mine"}])
        self.refuse("ValidationError", self.asg.create_or_update_tags,
                    Tags=[{**tag, "ResourceId": "none"}])

    def test_notifications_are_recorded(self):
        name, topic = self.group(0), "arn:aws:sns:us-east-1:000000000000:t"
        types = ["autoscaling:EC2_INSTANCE_LAUNCH", "autoscaling:EC2_INSTANCE_TERMINATE"]
        self.asg.put_notification_configuration(AutoScalingGroupName=name, TopicARN=topic,
                                                NotificationTypes=types)
        found = self.asg.describe_notification_configurations(AutoScalingGroupNames=[name])
        self.assertEqual([(one["TopicARN"], one["NotificationType"])
                          for one in found["NotificationConfigurations"]],
                         [(topic, type) for type in types])
        self.asg.delete_notification_configuration(AutoScalingGroupName=name, TopicARN=topic)
        self.refuse("ValidationError", self.asg.delete_notification_configuration,
                    AutoScalingGroupName=name, TopicARN=topic)
        self.refuse("ValidationError", self.asg.put_notification_configuration,
                    AutoScalingGroupName=name, TopicARN=topic, NotificationTypes=["x"])
        for number in range(10):
            self.asg.put_notification_configuration(
                AutoScalingGroupName=name, TopicARN=f"{topic}{number}", NotificationTypes=types)
        self.refuse("LimitExceeded", self.asg.put_notification_configuration,
                    AutoScalingGroupName=name, TopicARN=topic, NotificationTypes=types)

    def test_behind_a_balancer(self):
        elb, balancer = self.cloud.boto3("elb"), unique("lb")
        elb.create_load_balancer(LoadBalancerName=balancer, AvailabilityZones=ZONES, Listeners=[
            {"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 80}])
        self.addCleanup(elb.delete_load_balancer, LoadBalancerName=balancer)

        def registered():
            return sorted(one["InstanceId"] for one in elb.describe_load_balancers(
                LoadBalancerNames=[balancer])["LoadBalancerDescriptions"][0]["Instances"])
        name = self.group(2, LoadBalancerNames=[balancer])
        self.assertEqual(registered(), self.members(name))
        victim = self.members(name)[0]
        self.ec2.terminate_instances(InstanceIds=[victim])
        self.wait(lambda: victim not in self.states(name), lambda: self.states(name))
        self.assertEqual(self.wait_in_service(name, 2), registered())
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        self.assertEqual(self.wait_in_service(name, 1), registered())
        self.assertEqual(self.asg.describe_load_balancers(AutoScalingGroupName=name)[
            "LoadBalancers"], [{"LoadBalancerName": balancer, "State": "Added"}])
        self.asg.detach_load_balancers(AutoScalingGroupName=name, LoadBalancerNames=[balancer])
        self.wait(lambda: registered() == [], registered)
        self.asg.attach_load_balancers(AutoScalingGroupName=name, LoadBalancerNames=[balancer])
        self.wait(lambda: registered() == self.members(name), registered)
        self.refuse("ValidationError", self.asg.attach_load_balancers, AutoScalingGroupName=name,
                    LoadBalancerNames=["none"])
        self.refuse("ValidationError", self.asg.detach_load_balancers, AutoScalingGroupName=name,
                    LoadBalancerNames=["none"])


class MemberTest(ScalingTestCase):
    def test_attached_and_detached(self):
        name = self.group(0)
        id = self.ec2.run_instances(ImageId=self.image, MinCount=1, MaxCount=1, Placement={
            "AvailabilityZone": ZONES[0]})["Instances"][0]["InstanceId"]
        self.wait(lambda: self.ec2_state(id) == "running", id)
        self.asg.attach_instances(AutoScalingGroupName=name, InstanceIds=[id])
        self.assertEqual(self.wait_in_service(name, 1), [id])
        self.assertEqual(self.view(name)["DesiredCapacity"], 1)
        self.assertIn("is already part of", self.refuse(
            "ValidationError", self.asg.attach_instances, AutoScalingGroupName=name,
            InstanceIds=[id]))
        activity, = self.asg.detach_instances(AutoScalingGroupName=name, InstanceIds=[id],
                                              ShouldDecrementDesiredCapacity=True)["Activities"]
        self.assertIn(f"instance {id} was detached in response to a user request, shrinking the "
                      "capacity from 1 to 0.", activity["Cause"])
        self.wait(lambda: self.states(name) == {}, lambda: self.states(name))
        self.assertEqual(self.ec2_state(id), "running")
        self.refuse("ValidationError", self.asg.detach_instances, AutoScalingGroupName=name,
                    InstanceIds=[id], ShouldDecrementDesiredCapacity=True)
        self.refuse("ValidationError", self.asg.attach_instances, AutoScalingGroupName=name,
                    InstanceIds=["i-0123456789abcdef0"])

    def test_standby(self):
        name = self.group(2)
        one, other = self.members(name)
        activity, = self.asg.enter_standby(AutoScalingGroupName=name, InstanceIds=[one],
                                           ShouldDecrementDesiredCapacity=True)["Activities"]
        self.assertEqual(activity["Description"], f"Moving EC2 instance to Standby: {one}")
        self.wait(lambda: self.states(name) == {one: "Standby", other: "InService"},
                  lambda: self.states(name))
        self.assertEqual(self.view(name)["DesiredCapacity"], 1)
        self.refuse("ValidationError", self.asg.enter_standby, AutoScalingGroupName=name,
                    InstanceIds=[one], ShouldDecrementDesiredCapacity=True)
        self.asg.exit_standby(AutoScalingGroupName=name, InstanceIds=[one])
        self.assertEqual(self.wait_in_service(name, 2), [one, other])
        self.asg.enter_standby(AutoScalingGroupName=name, InstanceIds=[one],
                               ShouldDecrementDesiredCapacity=False)
        self.wait(lambda: len(self.members(name)) == 2 and
                  self.members(name, "Standby") == [one], lambda: self.states(name))
        self.refuse("ValidationError", self.asg.exit_standby, AutoScalingGroupName=name,
                    InstanceIds=[other])


class HookTest(ScalingTestCase):
    def hook(self, name, transition, **options):
        self.asg.put_lifecycle_hook(**{
            "AutoScalingGroupName": name, "LifecycleHookName": "h", "HeartbeatTimeout": 600,
            "LifecycleTransition": f"autoscaling:EC2_INSTANCE_{transition}", **options})

    def waiting(self, name, state):
        return self.wait(lambda: self.members(name, state), lambda: self.states(name))[0]

    def test_a_launch_waits(self):
        name = self.group(0)
        self.hook(name, "LAUNCHING")
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        id = self.waiting(name, "Pending:Wait")
        self.asg.record_lifecycle_action_heartbeat(AutoScalingGroupName=name, InstanceId=id,
                                                   LifecycleHookName="h")
        self.asg.complete_lifecycle_action(AutoScalingGroupName=name, LifecycleHookName="h",
                                           InstanceId=id, LifecycleActionResult="CONTINUE")
        self.assertEqual(self.wait_in_service(name, 1), [id])
        self.refuse("ValidationError", self.asg.complete_lifecycle_action,
                    AutoScalingGroupName=name, LifecycleHookName="h", InstanceId=id,
                    LifecycleActionResult="CONTINUE")

    def test_a_launch_that_is_abandoned_is_tried_again(self):
        name = self.group(0)
        self.hook(name, "LAUNCHING")
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        first = self.waiting(name, "Pending:Wait")
        self.asg.complete_lifecycle_action(AutoScalingGroupName=name, LifecycleHookName="h",
                                           InstanceId=first, LifecycleActionResult="ABANDON")
        self.wait(lambda: first not in self.states(name), lambda: self.states(name))
        self.assertIn("was abandoned", next(
            one["StatusMessage"] for one in self.activities(name)
            if one["Description"].endswith(first) and one["StatusCode"] == "Cancelled"))
        second = self.waiting(name, "Pending:Wait")
        # Who waits for a hook that goes is abandoned, too; the next waits for nobody.
        self.asg.delete_lifecycle_hook(AutoScalingGroupName=name, LifecycleHookName="h")
        self.wait(lambda: second not in self.states(name), lambda: self.states(name))
        self.wait_in_service(name, 1)

    def test_an_end_waits(self):
        name = self.group(1)
        id = self.members(name)[0]
        self.hook(name, "TERMINATING", DefaultResult="CONTINUE")
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0)
        self.assertEqual(self.waiting(name, "Terminating:Wait"), id)
        self.assertEqual(self.ec2_state(id), "running")
        self.asg.complete_lifecycle_action(AutoScalingGroupName=name, LifecycleHookName="h",
                                           InstanceId=id, LifecycleActionResult="CONTINUE")
        self.wait(lambda: self.states(name) == {}, lambda: self.states(name))

    def test_a_group_that_is_deleted_by_force_waits_for_nobody(self):
        name = self.group(1)
        self.hook(name, "TERMINATING")
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0)
        self.waiting(name, "Terminating:Wait")
        self.asg.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
        self.wait(lambda: not self.found(name), lambda: self.found(name))

    def test_hooks_come_back(self):
        name = self.group(0, LifecycleHookSpecificationList=[{
            "LifecycleHookName": "first", "HeartbeatTimeout": 30,
            "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}])
        hook, = self.asg.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]
        self.assertEqual((hook["HeartbeatTimeout"], hook["GlobalTimeout"], hook["DefaultResult"]),
                         (30, 3000, "ABANDON"))
        for bad in ({"HeartbeatTimeout": 10}, {"LifecycleTransition": "x"},
                    {"DefaultResult": "x"}):
            self.refuse("ValidationError", self.asg.put_lifecycle_hook, **{
                "AutoScalingGroupName": name, "LifecycleHookName": "h",
                "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", **bad})
        self.refuse("ValidationError", self.asg.delete_lifecycle_hook, AutoScalingGroupName=name,
                    LifecycleHookName="none")


class PolicyTest(ScalingTestCase):
    def test_simple(self):
        name = self.group(1)
        self.asg.put_scaling_policy(AutoScalingGroupName=name, PolicyName="up", Cooldown=600,
                                    AdjustmentType="ChangeInCapacity", ScalingAdjustment=1)
        self.asg.execute_policy(AutoScalingGroupName=name, PolicyName="up", HonorCooldown=True)
        self.wait_in_service(name, 2)
        self.assertIn("a user request executed policy up changing the desired capacity from 1 to "
                      "2.", self.cause(name, "Launching"))
        for verb in (self.asg.execute_policy, self.asg.set_desired_capacity):
            self.refuse("ScalingActivityInProgress", verb, AutoScalingGroupName=name,
                        HonorCooldown=True, **({"PolicyName": "up"} if verb ==
                                               self.asg.execute_policy else {"DesiredCapacity": 3}))
        self.asg.execute_policy(AutoScalingGroupName=name, PolicyName="up")
        self.wait_in_service(name, 3)

    def test_percent_and_exact(self):
        name = self.group(4)
        arn = self.asg.put_scaling_policy(
            AutoScalingGroupName=name, PolicyName="half", ScalingAdjustment=-50,
            AdjustmentType="PercentChangeInCapacity", MinAdjustmentMagnitude=1)["PolicyARN"]
        self.assertRegex(arn, ":scalingPolicy:[0-9a-f-]+:"
                              f"autoScalingGroupName/{name}:policyName/half$")
        self.asg.execute_policy(PolicyName=arn)
        self.wait_in_service(name, 2)
        self.asg.put_scaling_policy(AutoScalingGroupName=name, PolicyName="one",
                                    AdjustmentType="ExactCapacity", ScalingAdjustment=1)
        self.asg.execute_policy(AutoScalingGroupName=name, PolicyName="one")
        self.wait_in_service(name, 1)
        self.asg.delete_policy(PolicyName=arn)
        self.assertEqual([one["PolicyName"] for one in self.asg.describe_policies(
            AutoScalingGroupName=name)["ScalingPolicies"]], ["one"])
        self.refuse("ValidationError", self.asg.delete_policy, PolicyName=arn)

    def test_steps(self):
        name = self.group(1, DefaultCooldown=0)
        steps = [{"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0,
                  "ScalingAdjustment": 1},
                 {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 3}]
        self.asg.put_scaling_policy(
            AutoScalingGroupName=name, PolicyName="s", PolicyType="StepScaling",
            AdjustmentType="ChangeInCapacity", StepAdjustments=steps, EstimatedInstanceWarmup=0)
        found, = self.asg.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"]
        self.assertEqual(found["StepAdjustments"], steps)
        self.asg.execute_policy(AutoScalingGroupName=name, PolicyName="s", MetricValue=75,
                                BreachThreshold=60)
        self.wait_in_service(name, 4)
        self.refuse("ValidationError", self.asg.execute_policy, AutoScalingGroupName=name,
                    PolicyName="s")
        for bad in ([], [steps[1], steps[1]],
                    [steps[0], {"MetricIntervalLowerBound": 20.0, "ScalingAdjustment": 1}]):
            self.refuse("ValidationError", self.asg.put_scaling_policy, AutoScalingGroupName=name,
                        PolicyName="bad", PolicyType="StepScaling",
                        AdjustmentType="ChangeInCapacity", StepAdjustments=bad)

    def test_target_tracking_makes_its_alarms(self):
        cloudwatch = self.cloud.boto3("cloudwatch")
        name = self.group(0)
        reply = self.asg.put_scaling_policy(
            AutoScalingGroupName=name, PolicyName="t", PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration={"TargetValue": 50.0, "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ASGAverageCPUUtilization"}})
        names = sorted(one["AlarmName"] for one in reply["Alarms"])
        self.assertRegex(names[0], f"^TargetTracking-{name}-AlarmHigh-")
        alarms = {one["AlarmName"]: one for one in cloudwatch.describe_alarms(
            AlarmNames=names)["MetricAlarms"]}
        self.assertEqual([alarms[one]["Threshold"] for one in names], [50.0, 45.0])
        self.assertEqual(alarms[names[0]]["AlarmActions"], [reply["PolicyARN"]])
        found, = self.asg.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"]
        self.assertEqual(sorted(one["AlarmName"] for one in found["Alarms"]), names)
        self.assertEqual(found["TargetTrackingConfiguration"]["TargetValue"], 50.0)
        self.refuse("ValidationError", self.asg.execute_policy, AutoScalingGroupName=name,
                    PolicyName="t")
        self.asg.delete_policy(AutoScalingGroupName=name, PolicyName="t")
        self.assertEqual(cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"], [])

    def test_an_alarm_sets_a_policy_off(self):
        cloudwatch, alarm = self.cloud.boto3("cloudwatch"), unique("alarm")
        name = self.group(1)
        arn = self.asg.put_scaling_policy(
            AutoScalingGroupName=name, PolicyName="up", AdjustmentType="ChangeInCapacity",
            ScalingAdjustment=1)["PolicyARN"]
        cloudwatch.put_metric_alarm(
            AlarmName=alarm, Namespace="mine", MetricName="m", Statistic="Average", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[arn])
        self.addCleanup(cloudwatch.delete_alarms, AlarmNames=[alarm])
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
        self.wait_in_service(name, 2)
        self.assertIn(f"a monitor alarm {alarm} in state ALARM triggered policy up changing the "
                      "desired capacity from 1 to 2.", self.cause(name, "Launching"))

    def test_what_is_refused(self):
        name = self.group(0)
        for bad in ({"AdjustmentType": "X", "ScalingAdjustment": 1},
                    {"AdjustmentType": "ChangeInCapacity"},
                    {"ScalingAdjustment": 1},
                    {"AdjustmentType": "ExactCapacity", "ScalingAdjustment": -1},
                    {"AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1,
                     "MinAdjustmentMagnitude": 2},
                    {"PolicyType": "X", "AdjustmentType": "ChangeInCapacity",
                     "ScalingAdjustment": 1},
                    {"PolicyType": "TargetTrackingScaling"}):
            self.refuse("ValidationError", self.asg.put_scaling_policy, AutoScalingGroupName=name,
                        PolicyName="p", **bad)


class ScheduleTest(ScalingTestCase):
    def test_one_that_is_due_is_carried_out_once(self):
        name = self.group(0)
        now = datetime.datetime.now(datetime.timezone.utc)
        self.asg.put_scheduled_update_group_action(
            AutoScalingGroupName=name, ScheduledActionName="s", MinSize=1, DesiredCapacity=2,
            StartTime=now + datetime.timedelta(seconds=2))
        self.wait_in_service(name, 2)
        self.assertIn("a scheduled action update of AutoScalingGroup constraints to min: 1, max: "
                      "10, desired: 2 changing", self.cause(name, "Launching"))
        self.assertEqual(self.schedules(name), [])

    def schedules(self, name):
        return self.asg.describe_scheduled_actions(AutoScalingGroupName=name)[
            "ScheduledUpdateGroupActions"]

    def test_recurrence(self):
        name = self.group(0)
        self.asg.put_scheduled_update_group_action(
            AutoScalingGroupName=name, ScheduledActionName="s", MaxSize=5,
            Recurrence="30 6 * * 1-5", TimeZone="Europe/Paris")
        found, = self.schedules(name)
        self.assertEqual((found["StartTime"].minute, found["MaxSize"]), (30, 5))
        self.assertIn(found["StartTime"].astimezone(datetime.timezone.utc).hour, (4, 5))
        self.asg.delete_scheduled_action(AutoScalingGroupName=name, ScheduledActionName="s")
        self.refuse("ValidationError", self.asg.delete_scheduled_action, AutoScalingGroupName=name,
                    ScheduledActionName="s")

    def test_several_at_once(self):
        name = self.group(0)
        failed = self.asg.batch_put_scheduled_update_group_action(
            AutoScalingGroupName=name, ScheduledUpdateGroupActions=[
                {"ScheduledActionName": "good", "Recurrence": "0 0 * * *", "MaxSize": 1},
                {"ScheduledActionName": "bad", "Recurrence": "0 0 * *", "MaxSize": 1}])
        self.assertEqual([one["ScheduledActionName"] for one in
                          failed["FailedScheduledUpdateGroupActions"]], ["bad"])
        failed = self.asg.batch_delete_scheduled_action(
            AutoScalingGroupName=name, ScheduledActionNames=["good", "bad"])
        self.assertEqual([(one["ScheduledActionName"], one["ErrorCode"]) for one in
                          failed["FailedScheduledActions"]], [("bad", "ValidationError")])

    def test_what_is_refused(self):
        name = self.group(0)
        past = datetime.datetime(2010, 1, 1)
        for bad in ({"Recurrence": "0 0 * * *"}, {"MaxSize": 1},
                    {"MaxSize": 1, "StartTime": past},
                    {"MaxSize": 1, "Recurrence": "61 0 * * *"},
                    {"MaxSize": 1, "Recurrence": "0 0 * * *", "TimeZone": "Mars/Base"},
                    {"MaxSize": 1, "MinSize": 2, "Recurrence": "0 0 * * *"}):
            self.refuse("ValidationError", self.asg.put_scheduled_update_group_action,
                        AutoScalingGroupName=name, ScheduledActionName="s", **bad)


class RefreshTest(ScalingTestCase):
    def refreshes(self, name):
        return self.asg.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"]

    def test_every_instance_is_replaced(self):
        name = self.group(3)
        before = self.members(name)
        id = self.asg.start_instance_refresh(AutoScalingGroupName=name, Preferences={
            "MinHealthyPercentage": 50, "InstanceWarmup": 0})["InstanceRefreshId"]
        self.wait(lambda: self.refreshes(name)[0]["Status"] == "Successful",
                  lambda: (self.refreshes(name), self.states(name)))
        self.assertEqual(self.refreshes(name)[0]["InstanceRefreshId"], id)
        self.assertEqual(self.refreshes(name)[0]["PercentageComplete"], 100)
        self.assertEqual(set(before) & set(self.wait_in_service(name, 3)), set())

    def test_one_at_a_time_and_cancelled(self):
        name = self.group(1)
        self.asg.start_instance_refresh(AutoScalingGroupName=name, Preferences={
            "MinHealthyPercentage": 100, "InstanceWarmup": 3600})
        self.refuse("InstanceRefreshInProgress", self.asg.start_instance_refresh,
                    AutoScalingGroupName=name)
        self.asg.cancel_instance_refresh(AutoScalingGroupName=name)
        self.assertEqual(self.refreshes(name)[0]["Status"], "Cancelled")
        self.refuse("ActiveInstanceRefreshNotFound", self.asg.cancel_instance_refresh,
                    AutoScalingGroupName=name)
        self.wait_in_service(name, 1)


@unittest.skipUnless(shutil.which("aws"), "no AWS CLI here")
class CommandLineTest(ScalingTestCase):
    def aws(self, *words):
        done = self.cloud.run("aws", "autoscaling", *words, "--endpoint-url", self.cloud.endpoint)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def test_a_session(self):
        config, name = unique("TestLaunchConfig"), unique("TestAutoScalingGroup")
        self.aws("create-launch-configuration", "--launch-configuration-name", config, "--image-id",
                 self.image, "--instance-type", "m1.small")
        self.aws("create-auto-scaling-group", "--auto-scaling-group-name", name,
                 "--availability-zones", ZONES[0], "--launch-configuration-name", config,
                 "--max-size", "10", "--min-size", "2")
        self.addCleanup(self.delete, name)
        self.wait_in_service(name, 2)
        shown = self.aws("describe-scaling-activities", "--auto-scaling-group-name", name)
        self.assertEqual([one["StatusCode"] for one in shown["Activities"]], 2 * ["Successful"])


if __name__ == "__main__":
    unittest.main()
