"""Groups that grow when their machines are busy and shrink when they are idle, on a clock that runs
faster: a trigger of 2009, a policy set off by an alarm, target tracking. The machines are the fake
back end's, which are as busy as they are told."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase, wait_until  # noqa: E402
from lifecycle import unique  # noqa: E402
from wire import Wire  # noqa: E402

SPEED = 60  # a minute passes in a second
DEADLINE = 90


class LoadTestCase(CloudTestCase):
    cloud_options = {"backend": "fake"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud.cumulet("clock", "--speed", str(SPEED))

    def setUp(self):
        super().setUp()
        self.asg = self.cloud.boto3("autoscaling")
        self.wire = Wire(self.cloud, "2009-05-15")
        self.image = self.cloud.boto3("ec2").describe_images(Owners=["amazon"], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]

    def group(self, **options):
        name = unique("busy")
        self.asg.create_launch_configuration(LaunchConfigurationName=name, ImageId=self.image,
                                             InstanceType="m1.small")
        self.asg.create_auto_scaling_group(**{
            "AutoScalingGroupName": name, "LaunchConfigurationName": name, "MinSize": 1,
            "MaxSize": 3, "AvailabilityZones": ["us-east-1a"], "DefaultCooldown": 60, **options})
        self.addCleanup(self.asg.delete_auto_scaling_group, AutoScalingGroupName=name,
                        ForceDelete=True)
        return name

    def in_service(self, name):
        group, = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
            "AutoScalingGroups"]
        return [one["InstanceId"] for one in group["Instances"]
                if one["LifecycleState"] == "InService"]

    def load(self, name, percent):
        """All machines of the group are so busy from now on."""
        for id in self.in_service(name):
            reply = self.wire.call_v4(json.dumps({"instance_id": id, "percent": percent}),
                                      path="/_cumulet/load", service="cumulet")
            self.assertEqual(reply.status, 200, reply)

    def wait_size(self, name, size, percent):
        def reached():
            self.load(name, percent)  # the new ones, too
            return len(self.in_service(name)) == size
        wait_until(reached, DEADLINE, lambda: (name, self.in_service(name), self.causes(name)),
                   pause=0.2)

    def causes(self, name):
        return [one["Cause"] for one in self.asg.describe_scaling_activities(
            AutoScalingGroupName=name)["Activities"]]


class TriggerTest(LoadTestCase):
    def trigger_status(self, name):
        return self.wire.call("DescribeTriggers", {"AutoScalingGroupName": name}).text("Status")

    def test_a_trigger_grows_and_shrinks_its_group(self):
        name = self.group()
        self.wait_size(name, 1, 60)
        reply = self.wire.call("CreateOrUpdateScalingTrigger", {
            "TriggerName": "t", "AutoScalingGroupName": name, "MeasureName": "CPUUtilization",
            "Statistic": "Average", "Dimensions.member.1.Name": "AutoScalingGroupName",
            "Dimensions.member.1.Value": name, "Period": 60, "LowerThreshold": 40,
            "UpperThreshold": 80, "LowerBreachScaleIncrement": "-1",
            "UpperBreachScaleIncrement": "1", "BreachDuration": 300})
        self.assertEqual(reply.status, 200, reply)
        wait_until(lambda: self.trigger_status(name) == "NotBreaching", DEADLINE,
                   lambda: self.trigger_status(name))
        self.assertEqual(len(self.in_service(name)), 1)
        self.wait_size(name, 2, 95)
        self.assertRegex(self.causes(name)[0], r"^At \S+ trigger t breached high threshold value "
                         r"for CPUUtilization, 80\.0, adjusting the desired capacity from 1 to 2\.")
        self.wait_size(name, 3, 95)
        wait_until(lambda: self.trigger_status(name) == "HighBreaching", DEADLINE,
                   lambda: self.trigger_status(name))
        self.assertEqual(len(self.in_service(name)), 3)  # and no more
        self.wait_size(name, 1, 5)
        self.assertRegex(self.causes(name)[0], r"^At \S+ trigger t breached low threshold value "
                         r"for CPUUtilization, 40\.0, adjusting the desired capacity from 2 to 1\.")
        wait_until(lambda: self.trigger_status(name) == "LowBreaching", DEADLINE,
                   lambda: self.trigger_status(name))


class PolicyTest(LoadTestCase):
    def test_an_alarm_and_a_policy(self):
        name, alarm = self.group(), unique("alarm")
        cloudwatch = self.cloud.boto3("cloudwatch")
        arn = self.asg.put_scaling_policy(
            AutoScalingGroupName=name, PolicyName="up", AdjustmentType="ChangeInCapacity",
            ScalingAdjustment=1, Cooldown=120)["PolicyARN"]
        cloudwatch.put_metric_alarm(
            AlarmName=alarm, Namespace="AWS/EC2", MetricName="CPUUtilization", Statistic="Average",
            Dimensions=[{"Name": "AutoScalingGroupName", "Value": name}], Period=60,
            EvaluationPeriods=2, Threshold=70, ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[arn])
        self.addCleanup(cloudwatch.delete_alarms, AlarmNames=[alarm])
        self.wait_size(name, 3, 90)
        self.assertIn(f"a monitor alarm {alarm} in state ALARM triggered policy up changing the "
                      "desired capacity from", self.causes(name)[0])

    def test_target_tracking(self):
        name = self.group(DefaultInstanceWarmup=60)
        self.asg.put_scaling_policy(
            AutoScalingGroupName=name, PolicyName="t", PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration={"TargetValue": 40.0, "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ASGAverageCPUUtilization"}})
        self.wait_size(name, 3, 90)
        self.assertIn("-AlarmHigh-", self.causes(name)[0])
        self.wait_size(name, 1, 5)
        self.assertIn("-AlarmLow-", self.causes(name)[0])


if __name__ == "__main__":
    unittest.main()
