"""Classic load balancers as the clients of 2009 to 2012 ask for them: by hand, by boto 2.49 with
each signature, and by fog-aws."""

import json
import os
import subprocess
import sys
import unittest
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from elb import ZONES, ElbTestCase  # noqa: E402
from lifecycle import unique  # noqa: E402
from wire import Wire  # noqa: E402

os.environ["BOTO_CONFIG"] = os.devnull
try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from boto.ec2.elb import ELBConnection
        from boto.ec2.elb import HealthCheck
        from boto.exception import BotoServerError
        from boto.regioninfo import RegionInfo
except ImportError:
    ELBConnection = object

RUBY = "/usr/bin/ruby"
VERSIONS = ["2009-05-15", "2009-11-25", "2010-07-01", "2011-04-05", "2011-08-15", "2011-11-15",
            "2012-06-01"]


def listener(n, protocol, port, instance_port):
    prefix = f"Listeners.member.{n}."
    return {prefix + "Protocol": protocol, prefix + "LoadBalancerPort": port,
            prefix + "InstancePort": instance_port}


class FormsTest(ElbTestCase):
    def setUp(self):
        super().setUp()
        self.wire = Wire(self.cloud)

    def ok(self, action, params, version):
        reply = self.wire.call(action, params, version=version)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.namespace,
                         f"http://elasticloadbalancing.amazonaws.com/doc/{version}/")
        return reply

    def make(self, version):
        name = unique("lb")
        self.addCleanup(self.elb.delete_load_balancer, LoadBalancerName=name)
        reply = self.ok("CreateLoadBalancer", {
            "LoadBalancerName": name, "AvailabilityZones.member.1": ZONES[0],
            **listener(1, "HTTP", 80, 8080)}, version)
        self.assertTrue(reply.text("DNSName").startswith(name + "-"))
        return name

    def members(self, reply):
        """The tags in the description of the one balancer."""
        found = reply.root.find(".//{*}LoadBalancerDescriptions/{*}member")
        return {element.tag.rpartition("}")[2]: element for element in found}

    def test_every_version_makes_and_describes(self):
        for version in VERSIONS:
            with self.subTest(version):
                name = self.make(version)
                seen = self.members(self.ok("DescribeLoadBalancers", {
                    "LoadBalancerNames.member.1": name}, version))
                self.assertEqual("Listeners" in seen, version == "2009-05-15")
                self.assertEqual("ListenerDescriptions" in seen, version >= "2009-11-25")
                self.assertEqual("Policies" in seen, version >= "2009-11-25")
                self.assertEqual("SourceSecurityGroup" in seen, version >= "2011-04-05")
                self.assertEqual("BackendServerDescriptions" in seen, version >= "2011-08-15")
                self.assertEqual("VPCId" in seen, version >= "2011-11-15")
                self.assertEqual("Scheme" in seen, version >= "2012-06-01")
                self.ok("DeleteLoadBalancer", {"LoadBalancerName": name}, version)

    def test_the_listeners_of_the_first_version(self):
        name = self.make("2009-05-15")
        seen = self.members(self.ok("DescribeLoadBalancers", {"LoadBalancerName": name},
                                    "2009-05-15"))
        self.assertEqual([{child.tag.rpartition("}")[2]: child.text for child in member}
                          for member in seen["Listeners"]],
                         [{"Protocol": "HTTP", "LoadBalancerPort": "80", "InstancePort": "8080"}])

    def test_actions_that_came_later(self):
        for action, since in (("CreateAppCookieStickinessPolicy", "2009-11-25"),
                              ("CreateLoadBalancerListeners", "2010-07-01"),
                              ("DescribeLoadBalancerPolicies", "2011-08-15"),
                              ("AttachLoadBalancerToSubnets", "2011-11-15"),
                              ("DescribeLoadBalancerAttributes", "2012-06-01")):
            for version in VERSIONS:
                reply = self.wire.call(action, {}, version=version)
                self.assertEqual(reply.code == "InvalidAction", version < since,
                                 (action, version, reply))

    def test_names_in_the_forms_of_old_clients(self):
        one, two = self.make("2009-11-25"), self.make("2009-11-25")
        for params in ({"LoadBalancerName": one}, {"LoadBalancerName.member.1": one},
                       {"LoadBalancerNames.member.1": one}, {"LoadBalancerNames.1": one}):
            reply = self.ok("DescribeLoadBalancers", params, "2009-11-25")
            self.assertEqual(reply.texts("LoadBalancerName"), [one], params)
        reply = self.ok("DescribeLoadBalancers", {"LoadBalancerName.member.1": one,
                                                  "LoadBalancerName.member.2": two}, "2009-11-25")
        self.assertEqual(set(reply.texts("LoadBalancerName")), {one, two})

    def test_the_group_of_all_balancers(self):
        self.make("2011-04-05")
        group = self.ec2.create_security_group(GroupName=unique("g"), Description="d")["GroupId"]
        self.addCleanup(self.ec2.delete_security_group, GroupId=group)
        rule = {"GroupId": group, "SourceSecurityGroupName": "amazon-elb-sg",
                "SourceSecurityGroupOwnerId": "amazon-elb"}
        for action in ("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"):
            reply = self.wire.call(action, rule, version="2011-05-15")
            self.assertEqual(reply.status, 200, reply)
            rules = self.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0][
                "IpPermissions"]
            sources = {pair["GroupId"] for rule in rules for pair in rule["UserIdGroupPairs"]}
            names = [item["GroupName"] for item in self.ec2.describe_security_groups(
                GroupIds=list(sources))["SecurityGroups"]] if sources else []
            self.assertEqual([name[:12] for name in names],
                             ["default_elb_"] if action.startswith("Auth") else [])

    def test_instances_in_the_forms_of_old_clients(self):
        name, (one, two) = self.make("2009-05-15"), self.run_instances(2)
        self.ok("RegisterInstancesWithLoadBalancer", {
            "LoadBalancerName": name, "Instances.member.1.InstanceId": one,
            "Instances.member.2.InstanceId": two}, "2009-05-15")
        for params in ({"Instances.member.1": one}, {"instances.member.1": one},
                       {"Instances.member.1.InstanceId": one}):
            reply = self.ok("DescribeInstanceHealth", {"LoadBalancerName": name, **params},
                            "2009-05-15")
            self.assertEqual(reply.texts("InstanceId"), [one], params)
        reply = self.ok("DeregisterInstancesFromLoadBalancer", {
            "LoadBalancerName": name, "Instances.member.1.InstanceId": one}, "2009-05-15")
        self.assertEqual(reply.texts("InstanceId"), [two])


class Connection(ELBConnection):
    """With the signature and version that a test wants."""

    signature = "hmac-v4"

    def _required_auth_capability(self):
        return [self.signature]


@unittest.skipIf(ELBConnection is object, "no boto 2 here (apt-get install python3-boto)")
class Boto2Test(ElbTestCase):
    def connect(self, signature, version):
        class Chosen(Connection):
            APIVersion = version
        Chosen.signature = signature
        credentials = self.cloud.credentials
        host, _, port = self.cloud.endpoint.partition("//")[2].rstrip("/").partition(":")
        elb = Chosen(credentials["aws_access_key_id"], credentials["aws_secret_access_key"],
                     is_secure=False, region=RegionInfo(name="us-east-1", endpoint=host),
                     port=int(port), path="/")
        elb.num_retries = 0
        return elb

    def session(self, signature, version):
        """What a script of the time does."""
        elb, name, (one, two) = self.connect(signature, version), unique("lb"), \
            self.run_instances(2)
        made = elb.create_load_balancer(name, ZONES, [(80, 8080, "HTTP"), (25, 25, "tcp")])
        self.addCleanup(self.elb.delete_load_balancer, LoadBalancerName=name)
        self.assertTrue(made.dns_name.startswith(name))
        check = made.configure_health_check(HealthCheck(
            interval=6, target="HTTP:8080/index.html", healthy_threshold=3))
        self.assertEqual((check.interval, check.target), (6, "HTTP:8080/index.html"))
        made.register_instances([one, two])
        self.wait_health(name, one, "InService", "N/A", "N/A")
        self.assertEqual({state.instance_id for state in elb.describe_instance_health(name)},
                         {one, two})
        self.assertEqual([state.state for state in elb.describe_instance_health(name, [one])],
                         ["InService"])
        found, = elb.get_all_load_balancers([name])
        self.assertEqual(found.name, name)
        self.assertEqual({item.id for item in found.instances}, {one, two})
        self.assertEqual(set(found.availability_zones), set(ZONES))
        self.assertEqual(set(elb.disable_availability_zones(name, ZONES[1:])), set(ZONES[:1]))
        self.assertEqual(set(elb.enable_availability_zones(name, ZONES[1:])), set(ZONES))
        found.deregister_instances([one])
        with self.assertRaises(BotoServerError) as caught:
            elb.get_all_load_balancers(["none"])
        self.assertEqual((caught.exception.status, caught.exception.error_code),
                         (400, "LoadBalancerNotFound"))
        return elb, name

    def test_2009_with_the_first_signature(self):
        elb, name = self.session("sign-v1", "2009-11-25")
        elb.create_app_cookie_stickiness_policy("SESSION", name, "by-app")
        elb.create_lb_cookie_stickiness_policy(60, name, "by-time")
        elb.set_lb_policies_of_listener(name, 80, ["by-time"])
        found, = elb.get_all_load_balancers([name])
        self.assertEqual([(item.policy_name, item.cookie_expiration_period)
                          for item in found.policies.lb_cookie_stickiness_policies],
                         [("by-time", "60")])
        self.assertEqual([item.cookie_name
                          for item in found.policies.app_cookie_stickiness_policies], ["SESSION"])
        elb.set_lb_policies_of_listener(name, 80, [])
        elb.delete_lb_policy(name, "by-time")

    def test_2011_with_the_second(self):
        elb, name = self.session("sign-v2", "2011-04-05")
        elb.create_load_balancer_listeners(name, [(81, 8080, "HTTP")])
        found, = elb.get_all_load_balancers([name])
        self.assertIn((81, 8080, "HTTP"), [item.get_tuple() for item in found.listeners])
        self.assertTrue(found.source_security_group.name.startswith("default_elb_"))
        elb.delete_load_balancer_listeners(name, [81])
        elb.delete_load_balancer(name)

    def test_2012_with_the_fourth(self):
        elb, name = self.session("hmac-v4", "2012-06-01")
        self.assertTrue(elb.modify_lb_attribute(name, "crossZoneLoadBalancing", True))
        self.assertTrue(elb.get_lb_attribute(name, "crossZoneLoadBalancing"))
        elb.create_lb_policy(name, "proxy", "ProxyProtocolPolicyType", {"ProxyProtocol": True})
        elb.set_lb_policies_of_backend_server(name, 25, ["proxy"])
        found, = elb.get_all_load_balancers([name])
        self.assertEqual([(item.instance_port, [policy.policy_name for policy in item.policies])
                          for item in found.backends], [(25, ["proxy"])])


FOG = r"""
require 'json'
require 'fog/aws'
Fog::Logger[:warning] = nil
Fog::Logger[:deprecation] = nil
uri = URI(ENV.fetch('AWS_ENDPOINT_URL'))
elb = Fog::AWS::ELB.new(
  aws_access_key_id: ENV.fetch('AWS_ACCESS_KEY_ID'),
  aws_secret_access_key: ENV.fetch('AWS_SECRET_ACCESS_KEY'),
  region: ENV.fetch('AWS_DEFAULT_REGION'), scheme: uri.scheme, host: uri.host, port: uri.port)
name, zones, id = ARGV[0], JSON.parse(ARGV[1]), ARGV[2]
made = elb.load_balancers.create(id: name, availability_zones: zones, 'ListenerDescriptions' => [
  {'Listener' => {'Protocol' => 'HTTP', 'LoadBalancerPort' => 80, 'InstancePort' => 8080,
                  'InstanceProtocol' => 'HTTP'}, 'PolicyNames' => []}])
made.register_instances(id)
elb.configure_health_check(name, {'Target' => 'TCP:8080', 'Interval' => 6, 'Timeout' => 5,
                                  'UnhealthyThreshold' => 2, 'HealthyThreshold' => 2})
elb.add_tags(name, {'a' => 'b'})
seen = elb.load_balancers.get(name)
absent = elb.load_balancers.get('none')
begin
  elb.describe_load_balancers('LoadBalancerNames' => ['none'])
rescue Fog::AWS::ELB::NotFound
  refused = true
end
puts JSON.dump(dns: seen.dns_name, zones: seen.availability_zones, instances: seen.instances,
               check: seen.health_check['Interval'], tags: seen.tags, absent: absent,
               refused: refused,
               health: elb.describe_instance_health(name).body['DescribeInstanceHealthResult'][
                 'InstanceStates'].map { |state| state['InstanceId'] })
made.destroy
"""


class FogTest(ElbTestCase):
    def test_a_session(self):
        if subprocess.run([RUBY, "-e", "require 'fog/aws'"], capture_output=True).returncode != 0:
            self.skipTest("no fog-aws here (apt-get install ruby-fog-aws)")
        name, (one,) = unique("fog"), self.run_instances()
        done = self.cloud.run(RUBY, "-e", FOG, name, json.dumps(ZONES), one,
                              env={**self.cloud.environment, "LC_ALL": "C.UTF-8"})
        seen = json.loads(done.stdout)
        self.assertTrue(seen.pop("dns").startswith(name))
        self.assertEqual(seen, {"zones": ZONES, "instances": [one], "check": 6,
                                "tags": {"a": "b"}, "absent": None, "refused": True,
                                "health": [one]})
        names = [item["LoadBalancerName"] for item in
                 self.elb.describe_load_balancers()["LoadBalancerDescriptions"]]
        self.assertNotIn(name, names)


if __name__ == "__main__":
    unittest.main()
