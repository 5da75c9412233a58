"""The tools of Elastic Load Balancing: every one of them, column by column."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from classic import ClassicTestCase  # noqa: E402
from cloud import wait_until  # noqa: E402
from lifecycle import unique  # noqa: E402

ZONE = "us-east-1a"
HTTP = "protocol=http, lb-port=80, instance-port=8080"


class ElbToolsTest(ClassicTestCase):
    def new(self, *listeners, **options):
        name = unique("lb")
        self.tool("elb-create-lb", name, "--availability-zones", ZONE, "--listener",
                  *(listeners or [HTTP]))
        self.addCleanup(lambda: self.tool("elb-delete-lb", name, "-f"))
        return name

    def long(self, name):
        """The one line of a balancer, its titles to its values."""
        import csv
        rows = list(csv.reader(self.tool("elb-describe-lbs", name, "--show-long",
                                         "--headers").splitlines()))
        return dict(zip(*rows))

    def test_a_balancer(self):
        name = unique("lb")
        made, = self.columns("elb-create-lb", name, "-z", ZONE, "-l", HTTP,
                             "protocol=tcp,lb-port=25,instance-port=25")
        self.addCleanup(lambda: self.tool("elb-delete-lb", name, "-f"))
        self.assertEqual(made[0], "DNS-NAME")
        row, = self.columns("elb-describe-lbs", name)
        self.assertEqual(row[:3], ["LOAD-BALANCER", name, made[1]])
        long = self.long(name)
        self.assertEqual(long["LOAD-BALANCER"], "LOAD-BALANCER")
        self.assertEqual((long["NAME"], long["DNS-NAME"], long["AVAILABILITY-ZONES"]),
                         (name, made[1], ZONE))
        self.assertEqual(long["HEALTH-CHECK"],
                         "{interval=30,target=TCP:8080,timeout=5,healthy-threshold=10,"
                         "unhealthy-threshold=2}")
        self.assertEqual(long["LISTENER-DESCRIPTIONS"],
                         "{protocol=TCP,lb-port=25,instance-protocol=TCP,instance-port=25},"
                         "{protocol=HTTP,lb-port=80,instance-protocol=HTTP,instance-port=8080}")
        self.assertEqual((long["INSTANCE-ID"], long["OTHER-POLICIES"]), ("(nil)", "(nil)"))
        self.refused("elb-create-lb:  DuplicateLoadBalancerName: ", "elb-create-lb", name, "-z",
                     "us-east-1b", "-l", HTTP)
        self.assertEqual({row[1] for row in self.columns("elb-describe-lbs", name)}, {name})

    def test_instances_and_their_health(self):
        name, id = self.new(), self.launch("-z", ZONE)
        self.assertEqual(self.columns("elb-register-instances-with-lb", name, "--instances", id),
                         [["INSTANCE-ID", id]])
        wait_until(lambda: self.columns("elb-describe-instance-health", name, "--instances", id)
                   == [["INSTANCE-ID", id, "InService", "N/A", "N/A"]], 60, "it is in service")
        head, row = self.tool("elb-describe-instance-health", name, "--headers").splitlines()
        self.assertEqual(head.split(), ["INSTANCE-ID", "INSTANCE-ID", "STATE", "DESCRIPTION",
                                        "REASON-CODE"])
        self.assertEqual(head.index("STATE"), row.index("InService"))
        self.assertEqual(self.tool("elb-deregister-instances-from-lb", name, "--instances", id), "")
        self.assertEqual(self.tool("elb-describe-instance-health", name), "")
        self.refused("elb-register-instances-with-lb:  InvalidInstance: ",
                     "elb-register-instances-with-lb", name, "--instances", "i-0123456789abcdef0")

    def test_the_health_check(self):
        name = self.new()
        self.assertEqual(
            self.columns("elb-configure-healthcheck", name, "--headers", "--target",
                         "HTTP:80/index.html", "--interval", "6", "--timeout", "3",
                         "--unhealthy-threshold", "2", "--healthy-threshold", "4"),
            [["HEALTH-CHECK", "TARGET", "INTERVAL", "TIMEOUT", "HEALTHY-THRESHOLD",
              "UNHEALTHY-THRESHOLD"],
             ["HEALTH-CHECK", "HTTP:80/index.html", "6", "3", "4", "2"]])
        self.refused("elb-configure-healthcheck:  Malformed input-", "elb-configure-healthcheck",
                     name, "-t", "gopher:80", "-i", "6", "--timeout", "3", "-u", "2",
                     "--healthy-threshold", "4")

    def test_listeners(self):
        name = self.new()
        self.assertEqual(self.tool("elb-create-lb-listeners", name, "--listener",
                                   "lb-port=443,instance-port=443,protocol=TCP"),
                         "OK-Creating LoadBalancer Listener\n")
        self.assertIn("lb-port=443", self.long(name)["LISTENER-DESCRIPTIONS"])
        self.refused("elb-set-lb-listener-ssl-cert:  InvalidConfigurationRequest: ",
                     "elb-set-lb-listener-ssl-cert", name, "--lb-port", "443", "--cert-id",
                     "arn:aws:iam::123456789012:server-certificate/absent")
        self.assertEqual(self.tool("elb-delete-lb-listeners", name, "--lb-ports", "443,80", "-f"),
                         "OK-Deleting LoadBalancer Listener\n")
        self.assertEqual(self.long(name)["LISTENER-DESCRIPTIONS"], "(nil)")

    def test_zones_subnets_and_groups(self):
        name = self.new()
        rows = self.columns("elb-enable-zones-for-lb", name, "--availability-zones", "us-east-1b")
        self.assertEqual(rows, [["AVAILABILITY-ZONES", "us-east-1a,us-east-1b"]])
        rows = self.columns("elb-disable-zones-for-lb", name, "-z", "us-east-1b")
        self.assertEqual(rows, [["AVAILABILITY-ZONES", ZONE]])
        subnet = next(row[1] for row in self.lines("ec2-describe-subnets")
                      if row[6] == "us-east-1b")
        rows = self.columns("elb-attach-lb-to-subnets", name, "--subnets", subnet)
        self.assertEqual(rows[0][0], "SUBNETS")
        self.assertIn(subnet, rows[0][1].split(","))
        rows = self.columns("elb-detach-lb-from-subnets", name, "-s", subnet)
        self.assertNotIn(subnet, rows[0][1].split(","))
        group = self.lines("ec2-create-group", unique("group"), "-d", "of a test")[0][1]
        rows = self.columns("elb-apply-security-groups-to-lb", name, "--security-groups", group)
        self.assertEqual(rows, [["SECURITY-GROUPS", group]])

    def test_policies(self):
        name = self.new(HTTP, "protocol=tcp,lb-port=25,instance-port=25")
        self.assertEqual(self.tool("elb-create-app-cookie-stickiness-policy", name, "--cookie-name",
                                   "PHPSESSID", "--policy-name", "php"),
                         "OK-Creating App Stickiness Policy\n")
        self.assertEqual(self.tool("elb-create-lb-cookie-stickiness-policy", name, "--policy-name",
                                   "own", "--expiration-period", "900"),
                         "OK-Creating LB Stickiness Policy\n")
        self.assertEqual(self.tool("elb-create-lb-policy", name, "--policy-name", "proxy",
                                   "--policy-type", "ProxyProtocolPolicyType", "--attribute",
                                   "name=ProxyProtocol,value=true"),
                         "OK-Creating LoadBalancer Policy\n")
        self.assertEqual(self.tool("elb-set-lb-policies-of-listener", name, "--lb-port", "80",
                                   "--policy-names", "php"), "OK-Setting Policies\n")
        self.assertEqual(self.tool("elb-set-lb-policies-for-backend-server", name,
                                   "--instance-port", "25", "-p", "proxy"),
                         "OK-Setting Policies\n")
        long = self.long(name)
        self.assertIn("policies=php", long["LISTENER-DESCRIPTIONS"])
        self.assertEqual(long["BACKEND-SERVER-DESCRIPTIONS"],
                         "{instance-port=25,policies=proxy}")
        self.assertEqual(long["APP-COOKIE-STICKINESS-POLICIES"],
                         "{policy-name=php,cookie-name=PHPSESSID}")
        self.assertEqual(long["LB-COOKIE-STICKINESS-POLICIES"],
                         "{policy-name=own,expiration-period=900}")
        rows = self.columns("elb-describe-lb-policies", name, "--policy-names", "proxy")
        self.assertEqual(rows, [["POLICY", "proxy", "ProxyProtocolPolicyType"],
                                ["ATTRIBUTE", "ProxyProtocol", "true"]])
        self.tool("elb-set-lb-policies-of-listener", name, "-l", "80")  # none
        self.assertNotIn("policies=php", self.long(name)["LISTENER-DESCRIPTIONS"])
        self.assertEqual(self.tool("elb-delete-lb-policy", name, "-p", "php", "--force"),
                         "OK-Deleting LoadBalancer Policy\n")
        self.refused("PolicyNotFound: ", "elb-describe-lb-policies", name, "-p", "php")
        types = self.columns("elb-describe-lb-policy-types")
        self.assertIn("ProxyProtocolPolicyType", [row[1] for row in self.of("POLICY-TYPE", types)])
        self.assertTrue(self.of("ATTRIBUTE-TYPE", types))

    def test_attributes_and_tags(self):
        name = self.new()
        rows = self.columns("elb-modify-lb-attributes", name, "--connection-draining",
                            "enabled=true,timeout=60", "--cross-zone", "true")
        self.assertIn(["CONNECTION-DRAINING", "true", "60"], rows)
        rows = self.columns("elb-describe-lb-attributes", name)
        self.assertIn(["CROSS-ZONE", "true"], rows)
        self.assertIn(["CONNECTION-SETTINGS", "60"], rows)
        self.assertEqual(self.tool("elb-add-tags", name, "--tag", "k=project, v=lima", "k=empty"),
                         "OK-Added tags\n")
        rows = self.columns("elb-describe-tags", name)
        self.assertEqual(rows[0], ["LOAD-BALANCER", name])
        self.assertIn(["TAG", "project", "lima"], rows)
        self.assertEqual(self.tool("elb-remove-tags", name, "--keys", "project"),
                         "OK-Removed tags\n")
        self.assertNotIn("project", self.tool("elb-describe-tags", name))

    def test_limits_and_versions(self):
        self.assertEqual(self.columns("elb-describe-account-limits")[0][0], "LIMIT")
        self.assertIn("2012-06-01", self.tool("elb-version"))
