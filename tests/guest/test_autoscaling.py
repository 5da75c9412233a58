"""A group of real guests behind a balancer, on a clock that runs faster: machines that end, die or
stop serving are replaced; a busy loop in them makes the group grow, its end makes it shrink. What
is measured is what the guests do."""

import http.client
import os
import re
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from cloud import wait_until  # noqa: E402
from guests import BOOT, Guest, GuestCloud, TYPE, low_ports_are_open, why_no_guests  # noqa: E402
from visitors import Visitors  # noqa: E402
from wire import Wire  # noqa: E402

GROUP, CONFIGURATION, BALANCER = "TestAutoScalingGroup", "TestLaunchConfig", "TestLoadBalancer"
ZONE = "us-east-1d"
MIN, MAX = 2, 3
SPEED = 20  # a breach of five minutes is one of 15 seconds: longer than a boot
CHECK = {"Target": "HTTP:80/", "Interval": 5, "Timeout": 4, "UnhealthyThreshold": 2,
         "HealthyThreshold": 2}
DEADLINE = 60
BUSY = ("rm -f /tmp/calm; timeout 120 sh -c 'while [ ! -e /tmp/calm ]; do :; done' "
        "</dev/null >/dev/null 2>&1 &")
CALM = "touch /tmp/calm"
REPLACED = ("an instance was launched in response to an unhealthy instance needing to be replaced.")
# Of idle guests some 2 percent are measured; of those with a loop what others leave of this host.
LOWER, UPPER = 10.0, 20.0

cloud = key = asg = elb = old = None


def setUpModule():
    global cloud, key, asg, elb, old
    reason = why_no_guests()
    if not reason and not low_ports_are_open():
        reason = "this user may not listen on ports 22 and 80 (net.ipv4.ip_unprivileged_port_start)"
    if reason:
        raise unittest.SkipTest(reason)
    cloud = GuestCloud()
    unittest.addModuleCleanup(end)
    asg, elb = cloud.boto3("autoscaling"), cloud.boto3("elb")
    old = Wire(cloud, "2009-05-15")
    key = cloud.make_key("k")
    cloud.open_ports(22, 80)
    cloud.cumulet("clock", "--speed", str(SPEED))
    elb.create_load_balancer(LoadBalancerName=BALANCER, AvailabilityZones=[ZONE], Listeners=[
        {"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 80}])
    elb.configure_health_check(LoadBalancerName=BALANCER, HealthCheck=CHECK)
    asg.create_launch_configuration(LaunchConfigurationName=CONFIGURATION, ImageId=cloud.image,
                                    InstanceType=TYPE, KeyName="k", SecurityGroups=["default"])
    asg.create_auto_scaling_group(
        AutoScalingGroupName=GROUP, AvailabilityZones=[ZONE], LaunchConfigurationName=CONFIGURATION,
        MinSize=MIN, MaxSize=MAX, DefaultCooldown=300, LoadBalancerNames=[BALANCER])


def end():
    if sys.exc_info()[0]:
        print(cloud.log(), file=sys.stderr)
    cloud.close()


def members():
    """{id: lifecycle state}, the oldest first."""
    group, = asg.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"]
    started = {one["InstanceId"]: one["LaunchTime"]
               for reservation in cloud.ec2.describe_instances()["Reservations"]
               for one in reservation["Instances"]}
    return {one["InstanceId"]: one["LifecycleState"]
            for one in sorted(group["Instances"], key=lambda one: started[one["InstanceId"]])}


def healths():
    """{id: state} at the balancer."""
    return {one["InstanceId"]: one["State"] for one in elb.describe_instance_health(
        LoadBalancerName=BALANCER)["InstanceStates"]}


def activities():
    return asg.describe_scaling_activities(AutoScalingGroupName=GROUP)["Activities"]


def causes(verb, id):
    """Why this instance was launched or terminated."""
    return [one["Cause"] for one in activities() if one["Description"].startswith(verb) and
            one["Description"].endswith(id)]


def situation():
    shown = "\n".join(f"{one['Description']}: {one['StatusCode']}: {one['Cause']}"
                      for one in activities()[:6])
    return f"{members()} {healths()}\n{shown}"


def in_service(size):
    """The ids of so many members, if all are in service here and at the balancer, and no others."""
    here = members()
    return list(here) if len(here) == size and set(here.values()) == {"InService"} and \
        healths() == dict.fromkeys(here, "InService") else None


def wait_in_service(size):
    return wait_until(lambda: in_service(size), BOOT, situation, 0.2)


def wait_replaced(victim, others):
    """The id of the one that has come instead, beside the others that were there before."""
    wait_until(lambda: victim not in members(), DEADLINE, situation, 0.2)
    new, = set(wait_in_service(MIN)) - set(others)
    return new


class AutoScaling(unittest.TestCase):
    def setUp(self):
        self.oldest, self.other = wait_in_service(MIN)
        found, = [one for one in cloud.status()["load_balancers"] if one["name"] == BALANCER]
        self.visitors = Visitors(lambda: self.page(found["address"]), 0.3)
        self.addCleanup(self.visitors.end)
        wait_until(lambda: len(set(self.visitors.served)) == MIN, DEADLINE, "both serve")

    def page(self, address):
        """Whose it is."""
        connection = http.client.HTTPConnection(address, 80, timeout=10)
        try:
            connection.request("GET", "/")
            reply = connection.getresponse()
            text = reply.read().decode()
        finally:
            connection.close()
        return re.search("i-[0-9a-f]+", text).group()

    def visited_by(self, ids):
        """Visitors are served by these, and nobody went away without but who was being served."""
        first = len(self.visitors.served)
        wait_until(lambda: set(self.visitors.served[first:]) == set(ids), DEADLINE,
                   lambda: set(self.visitors.served[first:]))
        self.assertLessEqual(len(self.visitors.errors), 1, self.visitors.errors)

    def assert_replaced(self, victim, why):
        new = wait_replaced(victim, [self.other])
        self.visited_by({self.other, new})
        ended, = causes("Terminating", victim)
        self.assertRegex(ended, rf"^At \S+Z an instance was taken out of service in response to "
                                rf"{re.escape(why)}\.$")
        launched, = causes("Launching", new)
        self.assertRegex(launched, rf"^At \S+Z {re.escape(REPLACED)}$")

    def test_one_that_is_terminated_is_replaced(self):
        cloud.ec2.terminate_instances(InstanceIds=[self.oldest])
        self.assert_replaced(
            self.oldest, "an EC2 health check indicating it has been terminated or stopped")

    def test_one_whose_machine_dies_is_replaced(self):
        os.kill(cloud.machines()[self.oldest], signal.SIGKILL)
        self.assert_replaced(
            self.oldest, "an EC2 health check indicating it has been terminated or stopped")

    def test_one_that_serves_nothing_is_replaced_after_its_grace_period(self):
        asg.update_auto_scaling_group(AutoScalingGroupName=GROUP, HealthCheckType="ELB",
                                      HealthCheckGracePeriod=24 * 3600)
        self.addCleanup(asg.update_auto_scaling_group, AutoScalingGroupName=GROUP,
                        HealthCheckType="EC2", HealthCheckGracePeriod=0)
        Guest(cloud, self.oldest, key).ssh("service httpd stop", keep=False)
        wait_until(lambda: healths()[self.oldest] == "OutOfService", DEADLINE, situation, 0.2)
        self.visited_by({self.other})
        self.assertEqual(members()[self.oldest], "InService")
        # Long over for this one, and long enough for a boot.
        asg.update_auto_scaling_group(AutoScalingGroupName=GROUP, HealthCheckGracePeriod=60 * SPEED)
        self.assert_replaced(self.oldest, "an ELB system health check failure")

    def trigger(self, action, **params):
        reply = old.call(action, {"AutoScalingGroupName": GROUP, "TriggerName": "busy", **params})
        self.assertEqual(reply.status, 200, reply)
        return reply

    def test_the_load_of_the_guests_makes_the_group_grow_and_shrink(self):
        self.trigger("CreateOrUpdateScalingTrigger", **{
            "MeasureName": "CPUUtilization", "Statistic": "Average",
            "Dimensions.member.1.Name": "AutoScalingGroupName", "Dimensions.member.1.Value": GROUP,
            "Namespace": "AWS/EC2", "Period": 60, "LowerThreshold": LOWER, "UpperThreshold": UPPER,
            "LowerBreachScaleIncrement": "-1", "UpperBreachScaleIncrement": "1",
            "BreachDuration": 300})
        self.addCleanup(self.trigger, "DeleteTrigger")
        for id in (self.oldest, self.other):
            Guest(cloud, id, key).ssh(BUSY, keep=False)
        ids = wait_in_service(MAX)
        new, = set(ids) - {self.oldest, self.other}
        self.visited_by(ids)
        launched, = causes("Launching", new)
        self.assertRegex(launched, r"^At \S+Z trigger busy breached high threshold value for "
                                   rf"CPUUtilization, {UPPER}, adjusting the desired capacity from "
                                   r"2 to 3\.  At \S+Z an instance was started in response to a "
                                   r"difference between desired and actual capacity, increasing "
                                   r"the capacity from 2 to 3\.$")
        for id in (self.oldest, self.other):
            Guest(cloud, id, key).ssh(CALM, keep=False)
        left = wait_in_service(MIN)
        gone, = set(ids) - set(left)
        self.visited_by(left)
        ended, = causes("Terminating", gone)
        self.assertRegex(ended, r"^At \S+Z trigger busy breached low threshold value for "
                                rf"CPUUtilization, {LOWER}, adjusting the desired capacity from 3 "
                                r"to 2\.  At \S+Z an instance was taken out of service in response "
                                r"to a difference between desired and actual capacity, shrinking "
                                rf"the capacity from 3 to 2\.  At \S+Z instance {gone} was "
                                r"selected for termination\.$")
        wait_until(lambda: self.trigger("DescribeTriggers").text("Status") == "LowBreaching",
                   DEADLINE, situation, 0.2)
        self.assertEqual(len(members()), MIN)  # and no fewer


if __name__ == "__main__":
    unittest.main()
