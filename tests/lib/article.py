"""The scenario that Cumulet was made for, as ./start --demo plays it (tools/demo.py), and what a test
looks for in what it tells."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

from cloud import BUILD, ROOT
from visitors import Visitors

DEMO = os.path.join(ROOT, "tools", "demo.py")
# What is typed, with what differs from cloud to cloud as a pattern.
TYPED = [
    r"s3cmd mb s3://test-ami-bucket",
    r"s3cmd ls s3://test-ami-bucket",
    r'ec2-register test-ami-bucket/image.manifest.xml -n "Test AMI"',
    r"ec2-describe-images -o self",
    r"ec2-run-instances ami-\w+ -k gsg-keypair -g TestServerSecurityGroup",
    r"ec2-describe-instances",
    r"elb-create-lb TestLoadBalancer --availability-zones us-east-1d --listener "
    r'"protocol=tcp,lb-port=80,instance-port=80"',
    r"elb-register-instances-with-lb TestLoadBalancer --instances i-\w+ i-\w+",
    r"elb-describe-lbs --show-long",
    r"ssh -i ~/.ec2/gsg-keypair root@\S+ 'service httpd stop'",
    r"elb-describe-instance-health TestLoadBalancer",
    r"as-create-launch-config TestLaunchConfig --image-id ami-\w+ --instance-type m1.small",
    r"as-create-auto-scaling-group TestAutoScalingGroup --availability-zones us-east-1d "
    r"--launch-configuration TestLaunchConfig --max-size 10 --min-size 2 "
    r"--load-balancers TestLoadBalancer",
    r"as-create-or-update-trigger TestTrigger --auto-scaling-group TestAutoScalingGroup "
    r'--namespace "AWS/EC2" --measure CPUUtilization --statistic Average '
    r'--dimensions "AutoScalingGroupName=TestAutoScalingGroup" --period 60 '
    r'--lower-threshold 40 --upper-threshold 80 --lower-breach-increment"=-1" '
    r'--upper-breach-increment "1" --breach-duration 300',
    r"ec2-terminate-instances i-\w+",
    r"elb-deregister-instances-from-lb TestLoadBalancer --instances i-\w+ i-\w+",
]
# In the machine that is bundled.
TYPED_INSIDE = [
    r"scp -q -i ~/.ec2/gsg-keypair ~/.ec2/\*.pem root@\S+:/mnt",
    r"ssh -i ~/.ec2/gsg-keypair root@\S+ 'ec2-bundle-vol -k /mnt/pk-\w+.pem -c /mnt/cert-\w+.pem "
    r"-u \d+ -d /mnt'",
    r"ssh -i ~/.ec2/gsg-keypair root@\S+ 'ec2-upload-bundle -b test-ami-bucket "
    r"-m /mnt/image.manifest.xml -a \w+ -s \S+'",
]
SHOWN = [
    r"INSTANCE-ID +i-\w+ +OutOfService +Instance has failed at least the UnhealthyThreshold number "
    r"of health checks consecutively\. +Instance",
    r"INSTANCE-ID +i-\w+ +InService +N/A +N/A",
    r"ACTIVITY,.* trigger TestTrigger breached high threshold value for CPUUtilization, .*",
    r"ACTIVITY,.* trigger TestTrigger breached low threshold value for CPUUtilization, .*",
    r"ACTIVITY,.*",
]


class Article:
    """What is played in a cloud. options: of tools/demo.py."""

    def __init__(self, cloud, *options):
        self.cloud, self.options = cloud, options
        self.told = ""
        self.address, self.is_served = None, False

    def start(self, *options):
        return subprocess.Popen(
            [sys.executable, DEMO, *self.options, *options, BUILD], text=True,
            env={**os.environ, "CUMULET_STATE": self.cloud.state}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def play(self, *options):
        """To its end; what it told."""
        text = ""
        with self.start(*options) as demo:
            for line in demo.stdout:
                text += line
                print(line, end="", file=sys.stderr, flush=True)
        self.told += text
        assert demo.returncode == 0, text
        return text

    def interrupt(self, pattern, lines):
        """Plays until it has told so many lines after one like that, and is interrupted then as by
        the keyboard; what it told."""
        text = ""
        with self.start() as demo:
            for line in demo.stdout:
                text += line
                if re.search(pattern, line):
                    break
            for _, line in zip(range(lines), demo.stdout):
                text += line
            os.killpg(demo.pid, signal.SIGINT)
            text += demo.communicate()[0]
        self.told += text
        print(text, file=sys.stderr)
        assert demo.returncode == 130 and "interrupted" in text, text
        return text

    def type(self, command):
        """What a command prints that is typed at home, in the demo's directory."""
        home = os.path.join(self.cloud.state, "demo")
        return subprocess.run(
            ["sh", "-c", command], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            text=True, timeout=60, env={"HOME": home, "PATH": f"{home}/bin:{os.environ['PATH']}"}
        ).stdout

    def visit(self):
        """Somebody who asks the balancer for pages all the time, from its first page on."""
        return Visitors(self.page, 0.05)

    def page(self, path="/"):
        """What the balancer shows; None before it showed a page for the first time."""
        try:
            with urllib.request.urlopen(f"http://{self.balancer()}{path}", timeout=20) as reply:
                text = reply.read().decode()
            self.is_served = True
            return text
        except OSError:
            if self.is_served:
                raise
            return None

    def balancer(self):
        if not self.address:
            balancers = self.cloud.status()["load_balancers"]
            self.address = balancers[0]["address"] if balancers else None
        return self.address

    def members(self):
        """Ids of the group's instances."""
        group, = self.cloud.boto3("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        return {one["InstanceId"] for one in group["Instances"]}

    def instances(self):
        """Id to state, of those that have not ended."""
        return {one["InstanceId"]: one["State"]["Name"]
                for reservation in self.cloud.ec2.describe_instances()["Reservations"]
                for one in reservation["Instances"]
                if one["State"]["Name"] not in ("terminated", "shutting-down")}


def check_told(test, told, typed):
    for line in typed:
        test.assertRegex(told, rf"(?m)^\$ {line}$")
    for line in SHOWN:
        test.assertRegex(told, rf"(?m)^  {line}$")


def check_visits(test, visitors):
    """visitors: of Article.visit(), ended, from before two machines were behind a balancer until the
    group's were alone there, one of them replaced."""
    pages = [page for page in visitors.served if page]
    test.assertGreater(len(pages), 100)
    # Of machines that end, what is under way may be cut off.
    test.assertLessEqual(len(visitors.errors), 2, visitors.errors)
    served = set(re.findall(r"i-[0-9a-f]{17}", " ".join(pages)))
    test.assertGreaterEqual(len(served), 5, "two by hand, two of the group, and a replacement")
