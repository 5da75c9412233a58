"""The daemon is killed at every step of a scaling group, one after the other: the next one goes on,
and no instance is lost or doubled."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase, wait_until  # noqa: E402

from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402

POINTS = ("scaling-begin", "scaling-done")
STEPS_MOST = 12
DEADLINE = 30
ZONES = ["us-east-1a", "us-east-1b"]


class Kills(CloudTestCase):
    def setUp(self):
        self.connect()
        image = self.ec2.describe_images(Owners=["amazon"], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]
        self.asg.create_launch_configuration(LaunchConfigurationName=self.id(), ImageId=image,
                                             InstanceType="m1.small")
        self.asg.create_auto_scaling_group(
            AutoScalingGroupName=self.id(), LaunchConfigurationName=self.id(), MinSize=0, MaxSize=5,
            AvailabilityZones=ZONES)

    def tearDown(self):
        self.asg.delete_auto_scaling_group(AutoScalingGroupName=self.id(), ForceDelete=True)
        wait_until(lambda: not self.asg.describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.id()])["AutoScalingGroups"], DEADLINE, "no group")

    def connect(self):
        self.asg, self.ec2 = self.cloud.boto3("autoscaling"), self.cloud.boto3("ec2")

    def restart(self, plan):
        """Another daemon, which dies at the point that the plan names."""
        if self.cloud.process and self.cloud.process.poll() is None:
            self.cloud.kill()
        self.cloud.process = None
        self.cloud.daemon_env = {"CUMULET_FAULTPOINT": plan} if plan else {}
        self.cloud.start()
        self.connect()

    def view(self):
        return self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[self.id()])[
            "AutoScalingGroups"][0]

    def members(self):
        return {one["InstanceId"]: one["LifecycleState"] for one in self.view()["Instances"]}

    def alive(self):
        """Instances that bear the group's tag and are not ended or ending, in EC2's eyes."""
        return {instance["InstanceId"] for reservation in self.ec2.describe_instances(Filters=[
            {"Name": "tag:aws:autoscaling:groupName", "Values": [self.id()]},
            {"Name": "instance-state-name", "Values": ["pending", "running", "stopping",
                                                       "stopped"]}])["Reservations"]
                for instance in reservation["Instances"]}

    def under_way(self):
        return [one for one in self.asg.describe_scaling_activities(
            AutoScalingGroupName=self.id())["Activities"] if not one.get("EndTime")]

    def is_settled(self, size):
        members = self.members()
        return len(members) == size and set(members.values()) <= {"InService"} and \
            not self.under_way()

    def settle(self, size):
        wait_until(lambda: self.is_settled(size), DEADLINE,
                   lambda: (self.members(), self.under_way()))
        self.assertEqual(self.alive(), set(self.members()))

    def died(self, is_done):
        """Whether the daemon died before it was done."""
        def ended():
            try:
                return "done" if is_done() else None
            except (BotoCoreError, ClientError, OSError):
                return "died"
        return wait_until(lambda: self.cloud.process.poll() is not None and "died" or ended(),
                          DEADLINE, "an end") == "died"

    def killed_while(self, deed, undo, size, is_done=None):
        """deed() asks for something after which the group has `size` instances in service, whenever
        the daemon was killed; undo() brings back what was before. is_done() tells when it is so,
        where the size alone does not."""
        is_done = is_done or (lambda: self.is_settled(size))
        kills = 0
        for point in POINTS:
            for number in range(1, STEPS_MOST):
                with self.subTest(point=point, number=number):
                    self.restart(f"serve:1,{point}:{number}")
                    try:
                        deed()
                    except (BotoCoreError, OSError):
                        pass  # it died before it had answered; what was asked for is written
                    died = self.died(is_done)
                    kills += died
                    self.restart(None)
                    wait_until(is_done, DEADLINE, lambda: (self.members(), self.under_way()))
                    self.settle(size)
                    undo()
                if not died:
                    break
        self.assertGreaterEqual(kills, 2 * len(POINTS))

    def set_size(self, size):
        self.asg.set_desired_capacity(AutoScalingGroupName=self.id(), DesiredCapacity=size)

    def resize(self, size):
        self.set_size(size)
        self.settle(size)

    def test_growing(self):
        self.killed_while(lambda: self.set_size(2), lambda: self.resize(0), 2)

    def test_shrinking(self):
        self.resize(2)
        self.killed_while(lambda: self.set_size(0), lambda: self.resize(2), 0)

    def test_replacing(self):
        self.resize(2)

        gone = []

        def end_one():
            gone.append(min(self.members()))
            self.ec2.terminate_instances(InstanceIds=gone[-1:])

        self.killed_while(end_one, lambda: None, 2, lambda: gone[-1] not in self.members() and
                          self.is_settled(2))
        self.assertEqual(set(gone) & self.alive(), set())

    def test_refreshing(self):
        self.resize(2)

        def refresh():
            self.asg.start_instance_refresh(AutoScalingGroupName=self.id(), Preferences={
                "InstanceWarmup": 0, "MinHealthyPercentage": 50})

        def is_done():
            return {one["Status"] for one in self.asg.describe_instance_refreshes(
                AutoScalingGroupName=self.id())["InstanceRefreshes"]} == {"Successful"}
        self.killed_while(refresh, lambda: None, 2, is_done)


if __name__ == "__main__":
    unittest.main()
