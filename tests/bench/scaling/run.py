#!/usr/bin/env python3
"""What Auto Scaling takes.

    run.py BUILD [--quick]

BUILD holds cumuletd and cumulet. Two parts:

  load   CPU of a daemon with 10,000 machines of the fake back end, which are sampled every five
         seconds, in 1,000 groups, each with a trigger, two alarms and two policies
  death  real guests behind a balancer: from the death of one's QEMU until its replacement is
         recorded and until its QEMU runs; and until the balancer sends it visitors, against a boot
         of the same machine by hand and a cycle of healthy answers. Takes root. The death is
         noticed when init has reaped QEMU; the bench is its own init, since that of a container
         may take its time

Exits 1 when a goal is missed by more than SLACK. --quick: 1,000 machines in 100 groups, a minute of
them, one death."""

import argparse
import ctypes
import os
import pathlib
import signal
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "lib"))

from measure import cpu_seconds, memory_bytes  # noqa: E402

SLACK = 1.15
LOAD_GOAL, START_GOAL, SERVICE_GOAL = 0.05, 1.0, 1.2
SIZE = 10  # of a group of fake machines
PER_ACCOUNT = 500
ZONE = "us-east-1a"
ZONES = [f"us-east-1{letter}" for letter in "abcd"]  # a subnet has 4,091 addresses
BALANCER, GROUP = "bench", "bench"
INTERVAL, HEALTHY = 5, 2  # seconds, answers
DEADLINE = 180

missed = False


def tell(what, value, unit, goal=None, shown=None):
    """A line; `shown` in place of the value that the goal is of."""
    global missed
    verdict = ""
    if goal is not None:
        verdict = f"(goal {goal:g}): " + (
            "met" if value <= goal else "met with slack" if value <= goal * SLACK else "MISSED")
        missed |= value > goal * SLACK
    print(f"{what:60} {shown or f'{value:.3g} {unit}':>12} {verdict}", flush=True)


# ---- load ----

def make_groups(cloud, account, n):
    """n groups of SIZE machines each with all that looks after them."""
    from wire import Wire
    keys = {"aws_access_key_id": account["access_key_id"],
            "aws_secret_access_key": account["secret_access_key"]}
    asg, watch = cloud.boto3("autoscaling", **keys), cloud.boto3("cloudwatch", **keys)
    old = Wire(cloud, "2009-05-15")
    old.key, old.secret = account["access_key_id"], account["secret_access_key"]
    image = cloud.boto3("ec2", **keys).describe_images(Owners=["amazon"], Filters=[
        {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]
    asg.create_launch_configuration(LaunchConfigurationName="c", ImageId=image,
                                    InstanceType="t2.nano")
    for number in range(n):
        name = f"g{number}"
        asg.create_auto_scaling_group(
            AutoScalingGroupName=name, LaunchConfigurationName="c", MinSize=SIZE,
            MaxSize=2 * SIZE, AvailabilityZones=[ZONES[number % len(ZONES)]])
        reply = old.call("CreateOrUpdateScalingTrigger", {
            "TriggerName": "t", "AutoScalingGroupName": name, "MeasureName": "CPUUtilization",
            "Statistic": "Average", "Dimensions.member.1.Name": "AutoScalingGroupName",
            "Dimensions.member.1.Value": name, "Period": 60, "LowerThreshold": 40,
            "UpperThreshold": 80, "LowerBreachScaleIncrement": "-1",
            "UpperBreachScaleIncrement": "1", "BreachDuration": 300})
        assert reply.status == 200, reply
        for policy, amount, comparison, threshold in (("up", 1, "GreaterThanThreshold", 80),
                                                      ("down", -1, "LessThanThreshold", 20)):
            arn = asg.put_scaling_policy(
                AutoScalingGroupName=name, PolicyName=policy, AdjustmentType="ChangeInCapacity",
                ScalingAdjustment=amount)["PolicyARN"]
            watch.put_metric_alarm(
                AlarmName=f"{name}-{policy}", Namespace="AWS/EC2", MetricName="CPUUtilization",
                Statistic="Average", Period=60, EvaluationPeriods=5, Threshold=threshold,
                ComparisonOperator=comparison, AlarmActions=[arn],
                Dimensions=[{"Name": "AutoScalingGroupName", "Value": name}])


def count_running(cloud):
    return len(os.listdir(os.path.join(cloud.state, "fake", "machines")))


def measure_load(groups, seconds):
    import json

    from cloud import Cloud
    from waiting import wait_until
    with Cloud("fake") as cloud:
        left = groups
        while left > 0:
            account = json.loads(cloud.cumulet("account", "create", f"a{left}", "--json").stdout)
            make_groups(cloud, account.get("account", account), min(left, PER_ACCOUNT))
            left -= PER_ACCOUNT
        wait_until(lambda: count_running(cloud) == groups * SIZE, 600,
                   lambda: f"{count_running(cloud)} machines", 0.5)
        # All alarms and triggers have what they look back on, and cooldowns are over.
        cloud.cumulet("clock", "--speed", "60")
        time.sleep(15)
        cloud.cumulet("clock", "--speed", "1")
        time.sleep(10)
        before, begin = cpu_seconds(cloud.pid), time.monotonic()
        time.sleep(seconds)
        used = (cpu_seconds(cloud.pid) - before) / (time.monotonic() - begin)
        what = f"{groups * SIZE:,} machines in {groups:,} groups"
        tell(f"{what}: CPU of a core", used, "", LOAD_GOAL, f"{used * 100:.2f} %")
        tell(f"{what}: PSS", memory_bytes(cloud.pid) / (1 << 20), "MiB")


# ---- death ----

class Group:
    """Two guests behind a balancer."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.asg, self.elb = cloud.boto3("autoscaling"), cloud.boto3("elb")
        self.elb.create_load_balancer(LoadBalancerName=BALANCER, AvailabilityZones=[ZONE],
                                      Listeners=[{"Protocol": "tcp", "LoadBalancerPort": 80,
                                                  "InstancePort": 80}])
        self.elb.configure_health_check(LoadBalancerName=BALANCER, HealthCheck={
            "Target": "HTTP:80/", "Interval": INTERVAL, "Timeout": 4, "UnhealthyThreshold": 2,
            "HealthyThreshold": HEALTHY})
        self.asg.create_launch_configuration(
            LaunchConfigurationName=GROUP, ImageId=cloud.image, InstanceType="t2.nano",
            SecurityGroups=["default"])
        self.asg.create_auto_scaling_group(
            AutoScalingGroupName=GROUP, LaunchConfigurationName=GROUP, MinSize=2, MaxSize=2,
            AvailabilityZones=[ZONE], LoadBalancerNames=[BALANCER])
        self.members = self.wait_serving()

    def ids(self):
        group, = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])[
            "AutoScalingGroups"]
        return {one["InstanceId"] for one in group["Instances"]}

    def serving(self):
        return {one["InstanceId"] for one in self.elb.describe_instance_health(
            LoadBalancerName=BALANCER)["InstanceStates"] if one["State"] == "InService"}

    def wait_serving(self):
        """The ids, when all are in service at the balancer."""
        from waiting import wait_until
        wait_until(lambda: len(self.ids()) == 2 and self.serving() == self.ids(), DEADLINE,
                   self.ids, 0.1)
        return self.ids()

    def grow_old(self):
        """What dies within minutes of its launch is replaced later, if it happens again."""
        self.cloud.cumulet("clock", "--speed", "3600")
        time.sleep(1)
        self.cloud.cumulet("clock", "--speed", "1")

    def kill_one(self):
        """Seconds until another one is recorded, its QEMU runs, it is in service."""
        from waiting import wait_until
        self.grow_old()
        victim = min(self.members)
        pid = self.cloud.machines()[victim]
        began = time.monotonic()

        def passed(condition, pause):
            wait_until(condition, DEADLINE, self.cloud.log, pause)
            return time.monotonic() - began
        os.kill(pid, signal.SIGKILL)
        recorded = passed(lambda: self.ids() - self.members, 0.005)
        new, = self.ids() - self.members
        runs = passed(lambda: new in self.cloud.machines(), 0.005)
        serves = passed(lambda: new in self.serving(), 0.05)
        self.members = self.wait_serving()
        return recorded, runs, serves


def measure_death(rounds):
    from by_hand import by_hand
    from guests import GuestCloud, why_no_guests
    reason = why_no_guests() or (os.geteuid() and "a tap in the guests' network takes root")
    if reason:
        print(f"skipped: the death of real guests: {reason}")
        return
    deaths, hands = [], []
    with GuestCloud() as cloud:
        cloud.open_ports(80)
        guest = cloud.run_guest()
        guest.wait_page()
        group = Group(cloud)
        for _ in range(rounds):
            deaths.append(group.kill_one())
            hands.append(by_hand(cloud, guest))
    recorded, runs, serves = (statistics.median(column) for column in zip(*deaths))
    hand, cycle = statistics.median(hands), INTERVAL * HEALTHY
    tell("QEMU killed until its replacement is recorded", recorded, "s", START_GOAL)
    tell("until the replacement's QEMU runs", runs, "s", START_GOAL)
    tell("until the balancer sends it visitors", serves, "s")
    tell(f"the same against {hand:.1f} s of a boot by hand and a cycle of {cycle} s",
         serves / (hand + cycle), "", SERVICE_GOAL)


def with_an_init(what):
    """Exits with what() returned in a process whose orphaned descendants are reaped at once."""
    be_the_parent_of_orphans = 36  # PR_SET_CHILD_SUBREAPER
    if ctypes.CDLL(None, use_errno=True).prctl(be_the_parent_of_orphans, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    worker = os.fork()
    if worker == 0:
        sys.exit(what())
    while True:
        pid, status = os.wait()
        if pid == worker:
            sys.exit(os.waitstatus_to_exitcode(status))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    os.environ["CUMULET_BUILD"] = str(options.build.resolve())
    measure_death(1 if options.quick else 5)
    measure_load(100 if options.quick else 1000, 60 if options.quick else 120)
    return 1 if missed else 0


if __name__ == "__main__":
    with_an_init(main)
