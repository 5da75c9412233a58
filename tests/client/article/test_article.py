"""The scenario that Cumulet was made for, in the commands of 2010 with real guests: a web server is
bundled, registered, run, balanced, stopped and started, scaled by the load that is measured, and
replaced when it ends. It is interrupted in each of its steps, goes on, and leaves nothing when it is
taken away. On Debian: tests/guest/test_debian.py."""

import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from article import DEMO, TYPED, Article, check_told, check_visits  # noqa: E402
from cloud import BUILD  # noqa: E402
from guests import GuestCloud, low_ports_are_open, why_no_guests  # noqa: E402

STEPS = ["A key pair", "The machine that will be bundled", "What is installed", "It is bundled",
         "The bundle becomes", "Two machines", "A load balancer", "A web server stops",
         "A group that scales", "Load makes it grow", "Without load", "A machine ends",
         "The machines started by hand"]

cloud = article = None


def setUpModule():
    global cloud, article
    reason = why_no_guests()
    if not reason and not low_ports_are_open():
        reason = "this user may not listen on ports 22 and 80 (net.ipv4.ip_unprivileged_port_start)"
    if reason:
        raise unittest.SkipTest(reason)
    cloud = GuestCloud()
    unittest.addModuleCleanup(cloud.destroy)
    article = Article(cloud, "--quick")


class ArticleTest(unittest.TestCase):
    """In the order of their names: one scenario."""

    timeout = 900

    def test_1_interrupted_in_each_step_it_goes_on(self):
        visitors = article.visit()
        self.addCleanup(visitors.end)
        for step in STEPS:
            with self.subTest(step):
                # In what comes after the title.
                told = article.interrupt(rf"== {step}", 1)
                self.assertNotIn("this failed", told)
        told = article.play()
        visitors.end()
        check_told(self, article.told, TYPED)
        check_visits(self, visitors)
        # What was there was not made again.
        for made in ("ec2-add-keypair", "ec2-add-group", "ec2-bundle-instance", "ec2-register",
                     "elb-create-lb", "as-create-launch-config", "as-create-auto-scaling-group"):
            with self.subTest(made):
                self.assertNotIn(f"{made} ", told)
                self.assertIn(f"{made} ", article.told)
        self.assertRegex(told, r"(?m)^ +[0-9.]+ s  The machines started by hand leave")

    def test_2_what_it_leaves_running(self):
        members = article.members()
        self.assertEqual(len(members), 2)
        # Those by hand, and the group's.
        self.assertEqual(len(article.instances()), 4, article.instances())
        self.assertLessEqual(members, set(article.instances()))
        self.assertEqual(article.page("/installed.txt"), "installed\n")

    def test_3_it_is_taken_away(self):
        article.play("--clean")
        self.assertEqual(article.instances(), {})
        self.assertEqual(cloud.ec2.describe_images(Owners=["self"])["Images"], [])
        self.assertEqual(cloud.ec2.describe_key_pairs()["KeyPairs"], [])
        group, = [one for one in cloud.ec2.describe_security_groups()["SecurityGroups"]
                  if not one["GroupName"].startswith("default_elb")]
        self.assertEqual(group["GroupName"], "default")
        self.assertEqual([rule for rule in group["IpPermissions"] if rule.get("IpRanges")], [])
        self.assertEqual(cloud.boto3("s3").list_buckets()["Buckets"], [])
        self.assertEqual(
            cloud.boto3("elb").describe_load_balancers()["LoadBalancerDescriptions"], [])
        autoscaling = cloud.boto3("autoscaling")
        self.assertEqual(autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"], [])
        self.assertEqual(
            autoscaling.describe_launch_configurations()["LaunchConfigurations"], [])
        self.assertFalse(os.path.exists(os.path.join(cloud.state, "demo")))

    def test_4_wrong_use_is_explained(self):
        done = subprocess.run([sys.executable, DEMO, "--slow", BUILD], capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, re.escape("--slow"))
