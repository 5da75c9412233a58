"""What scaling groups do about what does not work: machines that do not start, no memory for one
more, a balancer that is gone. The activity says why, tries become rarer, nothing flaps."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase, wait_until  # noqa: E402
from lifecycle import unique  # noqa: E402

DEADLINE = 60
ZONE = "us-east-1a"
TYPE, TYPE_MIB = "t2.nano", 512
ROOM = 3  # guests of this type
SPEED = 10
FIRST_PAUSE = 5 / SPEED  # seconds
SLACK = 0.1  # times are told in milliseconds, and a look takes its time


class FailuresTest(CloudTestCase):
    cloud_options = {"backend": "fake", "args": ["--memory", str(ROOM * TYPE_MIB)]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud.cumulet("clock", "--speed", str(SPEED))

    def setUp(self):
        super().setUp()
        self.asg, self.ec2 = self.cloud.boto3("autoscaling"), self.cloud.boto3("ec2")
        self.image = self.ec2.describe_images(Owners=["amazon"], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]
        self.name = unique("failing")
        self.asg.create_launch_configuration(LaunchConfigurationName=self.name, ImageId=self.image,
                                             InstanceType=TYPE)

    def group(self, size, **options):
        self.asg.create_auto_scaling_group(
            AutoScalingGroupName=self.name, LaunchConfigurationName=self.name, MinSize=0, MaxSize=9,
            DesiredCapacity=size, AvailabilityZones=[ZONE], **options)
        self.addCleanup(self.remove)

    def remove(self):
        self.asg.delete_auto_scaling_group(AutoScalingGroupName=self.name, ForceDelete=True)
        wait_until(lambda: not self.alive(), DEADLINE, self.alive)

    def states(self):
        group, = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])[
            "AutoScalingGroups"]
        return {one["InstanceId"]: one["LifecycleState"] for one in group["Instances"]}

    def wait_in_service(self, size):
        wait_until(lambda: list(self.states().values()) == size * ["InService"], DEADLINE,
                   lambda: (self.states(), self.activities()))
        return set(self.states())

    def activities(self):
        """The oldest first."""
        return self.asg.describe_scaling_activities(AutoScalingGroupName=self.name)[
            "Activities"][::-1]

    def failed(self):
        return [one for one in self.activities() if one["StatusCode"] == "Failed"]

    def wait_failed(self, number):
        wait_until(lambda: len(self.failed()) >= number, DEADLINE, self.activities)
        return self.failed()

    def alive(self):
        return [instance["InstanceId"] for reservation in self.ec2.describe_instances(Filters=[
            {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped",
                                                       "shutting-down"]}])["Reservations"]
                for instance in reservation["Instances"]]

    def assert_rarer(self, failed, first=0):
        """Between one that failed and the next passes twice the time of before; from `first` on."""
        starts = [one["StartTime"].timestamp() for one in failed][first:]
        for number, (one, following) in enumerate(zip(starts, starts[1:])):
            self.assertGreaterEqual(following - one, FIRST_PAUSE * 2 ** number - SLACK, starts)

    def test_no_memory_for_one_more(self):
        self.group(ROOM)
        there = self.wait_in_service(ROOM)
        self.asg.set_desired_capacity(AutoScalingGroupName=self.name, DesiredCapacity=ROOM + 1)
        failed = self.wait_failed(4)
        self.assertEqual(
            {one["StatusMessage"] for one in failed},
            {f"There is no memory for 1 more instance(s) of type {TYPE}: guests hold "
             f"{ROOM * TYPE_MIB} MiB of {ROOM * TYPE_MIB} MiB. Choose a smaller type, terminate "
             "instances, or raise --memory. Launching EC2 instance failed."})
        self.assert_rarer(failed)
        self.assertEqual((set(self.states()), set(self.alive())), (there, there))
        # One ends, and what was freed is used for a replacement, not more.
        victim = min(there)
        self.ec2.terminate_instances(InstanceIds=[victim])
        wait_until(lambda: victim not in self.states() and
                   list(self.states().values()) == ROOM * ["InService"], DEADLINE,
                   lambda: (self.states(), self.activities()))
        self.assertEqual(there & set(self.states()), there - {victim})
        self.asg.set_desired_capacity(AutoScalingGroupName=self.name, DesiredCapacity=ROOM)
        number = len(self.failed())
        self.wait_in_service(ROOM)
        self.assertEqual(len(self.failed()), number)

    def test_machines_that_do_not_start(self):
        """The back end's books cannot be written, so no machine is made."""
        books = os.path.join(self.cloud.state, "fake", "machines")
        os.rename(books, books + ".away")
        try:
            self.group(1)
            failed = self.wait_failed(5)
            self.assertEqual(
                {one["StatusMessage"] for one in failed},
                {"Instance became unhealthy while waiting for instance to be in InService state. "
                 "Termination Reason: Server.InternalError: Internal error on launch"})
            self.assert_rarer(failed, 1)  # the first is replaced at once
            self.assertLessEqual(len(self.alive()), 1)
        finally:
            os.rename(books + ".away", books)
        self.wait_in_service(1)

    def test_a_balancer_that_is_gone(self):
        elb, balancer = self.cloud.boto3("elb"), unique("gone")

        def make():
            elb.create_load_balancer(
                LoadBalancerName=balancer, AvailabilityZones=[ZONE], Listeners=[
                    {"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 80}])

        def registered():
            return {one["InstanceId"] for one in elb.describe_load_balancers(
                LoadBalancerNames=[balancer])["LoadBalancerDescriptions"][0]["Instances"]}
        make()
        self.group(1, LoadBalancerNames=[balancer], HealthCheckType="ELB", HealthCheckGracePeriod=0)
        first = self.wait_in_service(1)
        elb.delete_load_balancer(LoadBalancerName=balancer)
        self.asg.set_desired_capacity(AutoScalingGroupName=self.name, DesiredCapacity=2)
        both = self.wait_in_service(2)
        self.assertLess(first, both)
        victim = min(first)
        self.asg.terminate_instance_in_auto_scaling_group(
            InstanceId=victim, ShouldDecrementDesiredCapacity=False)
        wait_until(lambda: victim not in self.states(), DEADLINE, self.states)
        left = self.wait_in_service(2)
        self.assertEqual({one["StatusCode"] for one in self.activities()}, {"Successful"})
        make()
        self.addCleanup(elb.delete_load_balancer, LoadBalancerName=balancer)
        wait_until(lambda: registered() == left, DEADLINE, registered)
        self.assertEqual(set(self.states()), left)


if __name__ == "__main__":
    unittest.main()
