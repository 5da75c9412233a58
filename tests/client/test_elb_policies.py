"""Classic load balancers by boto3: policies and tags."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from elb import HTTP, TCP, ElbTestCase  # noqa: E402


class PolicyTest(ElbTestCase):
    def policy(self, name, policy):
        found, = self.elb.describe_load_balancer_policies(
            LoadBalancerName=name, PolicyNames=[policy])["PolicyDescriptions"]
        return {item["AttributeName"]: item["AttributeValue"]
                for item in found["PolicyAttributeDescriptions"]}

    def listener(self, name, port):
        found, = [item for item in self.describe(name)["ListenerDescriptions"]
                  if item["Listener"]["LoadBalancerPort"] == port]
        return found["PolicyNames"]

    def make(self, name, policy, type, **attributes):
        self.elb.create_load_balancer_policy(
            LoadBalancerName=name, PolicyName=policy, PolicyTypeName=type, PolicyAttributes=[
                {"AttributeName": key.replace("__", "-"), "AttributeValue": value}
                for key, value in attributes.items()])

    def test_stickiness(self):
        name = self.create(HTTP, TCP)
        self.elb.create_lb_cookie_stickiness_policy(
            LoadBalancerName=name, PolicyName="by-time", CookieExpirationPeriod=60)
        self.elb.create_lb_cookie_stickiness_policy(LoadBalancerName=name, PolicyName="browser")
        self.elb.create_app_cookie_stickiness_policy(
            LoadBalancerName=name, PolicyName="by-app", CookieName="SESSION")
        self.assertEqual(self.describe(name)["Policies"], {
            "AppCookieStickinessPolicies": [{"PolicyName": "by-app", "CookieName": "SESSION"}],
            "LBCookieStickinessPolicies": [
                {"PolicyName": "browser"},
                {"PolicyName": "by-time", "CookieExpirationPeriod": 60}],
            "OtherPolicies": []})
        put = self.elb.set_load_balancer_policies_of_listener
        put(LoadBalancerName=name, LoadBalancerPort=80, PolicyNames=["by-time"])
        self.assertEqual(self.listener(name, 80), ["by-time"])
        self.refuse("InvalidConfigurationRequest", put, LoadBalancerName=name, LoadBalancerPort=25,
                    PolicyNames=["by-time"])
        self.refuse("InvalidConfigurationRequest", put, LoadBalancerName=name, LoadBalancerPort=80,
                    PolicyNames=["by-time", "by-app"])
        said = self.refuse("PolicyNotFound", put, LoadBalancerName=name, LoadBalancerPort=80,
                           PolicyNames=["none"])
        self.assertEqual(said, f"There is no policy with name none for load balancer {name}")
        self.refuse("ListenerNotFound", put, LoadBalancerName=name, LoadBalancerPort=81,
                    PolicyNames=["by-time"])
        self.refuse("LoadBalancerNotFound", put, LoadBalancerName="none", LoadBalancerPort=80,
                    PolicyNames=[])
        remove = self.elb.delete_load_balancer_policy
        self.refuse("InvalidConfigurationRequest", remove, LoadBalancerName=name,
                    PolicyName="by-time")
        put(LoadBalancerName=name, LoadBalancerPort=80, PolicyNames=[])
        self.assertEqual(self.listener(name, 80), [])
        for _ in range(2):
            remove(LoadBalancerName=name, PolicyName="by-time")
        self.refuse("PolicyNotFound", self.policy, name, "by-time")
        self.refuse("LoadBalancerNotFound", remove, LoadBalancerName="none", PolicyName="p")

    def test_policies_that_are_none(self):
        name = self.create(HTTP)
        create = self.elb.create_lb_cookie_stickiness_policy
        create(LoadBalancerName=name, PolicyName="p", CookieExpirationPeriod=1)
        self.refuse("DuplicatePolicyName", create, LoadBalancerName=name, PolicyName="p")
        self.refuse("ValidationError", create, LoadBalancerName=name, PolicyName="a b")
        for period in (0, -1, 1 << 40):
            self.refuse("InvalidConfigurationRequest", create, LoadBalancerName=name,
                        PolicyName="q", CookieExpirationPeriod=period)
        for cookie in ("a b", "a;b", "a=b"):
            self.refuse("InvalidConfigurationRequest",
                        self.elb.create_app_cookie_stickiness_policy, LoadBalancerName=name,
                        PolicyName="q", CookieName=cookie)
        self.refuse("PolicyTypeNotFound", self.make, name, "q", "NoPolicyType")
        self.refuse("InvalidConfigurationRequest", self.make, name, "q", "ProxyProtocolPolicyType")
        self.refuse("InvalidConfigurationRequest", self.make, name, "q", "ProxyProtocolPolicyType",
                    ProxyProtocol="yes")
        self.refuse("InvalidConfigurationRequest", self.make, name, "q", "ProxyProtocolPolicyType",
                    ProxyProtocol="true", Other="true")
        self.refuse("InvalidConfigurationRequest", self.make, name, "q", "PublicKeyPolicyType",
                    PublicKey="no key")
        self.refuse("PolicyNotFound", self.make, name, "q",
                    "BackendServerAuthenticationPolicyType", PublicKeyPolicyName="none")
        self.refuse("InvalidConfigurationRequest", self.make, name, "q",
                    "BackendServerAuthenticationPolicyType", PublicKeyPolicyName="p")
        self.refuse("InvalidConfigurationRequest", self.make, name, "q",
                    "SSLNegotiationPolicyType", Reference__Security__Policy="none")
        self.refuse("InvalidConfigurationRequest", self.make, name, "q",
                    "SSLNegotiationPolicyType", NOCIPHER="true")
        self.refuse("LoadBalancerNotFound", create, LoadBalancerName="none", PolicyName="p")

    def test_no_more_policies_than_the_quota(self):
        name = self.create(HTTP)
        for i in range(100):
            self.elb.create_lb_cookie_stickiness_policy(LoadBalancerName=name, PolicyName=f"p{i}")
        self.refuse("TooManyPolicies", self.elb.create_lb_cookie_stickiness_policy,
                    LoadBalancerName=name, PolicyName="p100")

    def test_what_tls_negotiates(self):
        name = self.create(HTTP)
        self.make(name, "old", "SSLNegotiationPolicyType",
                  **{"Reference__Security__Policy": "ELBSecurityPolicy-2015-05"})
        self.make(name, "mine", "SSLNegotiationPolicyType", **{
            "Protocol__TLSv1.2": "true", "AES128__SHA": "true",
            "Server__Defined__Cipher__Order": "true"})
        old, mine = self.policy(name, "old"), self.policy(name, "mine")
        self.assertEqual(old["Reference-Security-Policy"], "ELBSecurityPolicy-2015-05")
        self.assertEqual((old["Protocol-TLSv1"], old["Protocol-SSLv3"]), ("true", "false"))
        self.assertEqual({key for key, value in mine.items() if value == "true"},
                         {"Protocol-TLSv1.2", "AES128-SHA", "Server-Defined-Cipher-Order"})
        self.assertEqual(self.describe(name)["Policies"]["OtherPolicies"], ["mine", "old"])
        self.refuse("InvalidConfigurationRequest",
                    self.elb.set_load_balancer_policies_of_listener, LoadBalancerName=name,
                    LoadBalancerPort=80, PolicyNames=["mine"])
        samples = {item["PolicyName"]: item for item in
                   self.elb.describe_load_balancer_policies()["PolicyDescriptions"]}
        self.assertIn("ELBSecurityPolicy-2016-08", samples)
        one, = self.elb.describe_load_balancer_policies(
            PolicyNames=["ELBSecurityPolicy-2016-08"])["PolicyDescriptions"]
        self.assertEqual(one, samples["ELBSecurityPolicy-2016-08"])
        self.refuse("PolicyNotFound", self.elb.describe_load_balancer_policies,
                    PolicyNames=["ELBSecurityPolicy-1999-01"])
        self.refuse("LoadBalancerNotFound", self.elb.describe_load_balancer_policies,
                    LoadBalancerName="none")

    def test_policies_of_instance_ports(self):
        name = self.create(TCP, {**TCP, "LoadBalancerPort": 443, "InstancePort": 443,
                                 "InstanceProtocol": "SSL"})
        key = subprocess.run("openssl genrsa 2048 2>/dev/null | openssl rsa -pubout 2>/dev/null",
                             shell=True, check=True, capture_output=True, text=True).stdout
        key = "".join(key.splitlines()[1:-1])
        self.make(name, "proxy", "ProxyProtocolPolicyType", ProxyProtocol="true")
        self.make(name, "key", "PublicKeyPolicyType", PublicKey=key)
        self.make(name, "trust", "BackendServerAuthenticationPolicyType",
                  PublicKeyPolicyName="key")
        put = self.elb.set_load_balancer_policies_for_backend_server
        put(LoadBalancerName=name, InstancePort=25, PolicyNames=["proxy"])
        put(LoadBalancerName=name, InstancePort=443, PolicyNames=["trust"])
        self.assertEqual(self.describe(name)["BackendServerDescriptions"], [
            {"InstancePort": 25, "PolicyNames": ["proxy"]},
            {"InstancePort": 443, "PolicyNames": ["trust"]}])
        self.assertEqual(self.policy(name, "key"), {"PublicKey": key})
        self.refuse("InvalidConfigurationRequest", put, LoadBalancerName=name, InstancePort=25,
                    PolicyNames=["trust"])
        self.refuse("InvalidConfigurationRequest", put, LoadBalancerName=name, InstancePort=25,
                    PolicyNames=["key"])
        self.refuse("PolicyNotFound", put, LoadBalancerName=name, InstancePort=25,
                    PolicyNames=["none"])
        for policy in ("key", "trust", "proxy"):
            self.refuse("InvalidConfigurationRequest", self.elb.delete_load_balancer_policy,
                        LoadBalancerName=name, PolicyName=policy)
        put(LoadBalancerName=name, InstancePort=25, PolicyNames=[])
        self.assertEqual(len(self.describe(name)["BackendServerDescriptions"]), 1)
        self.elb.delete_load_balancer_policy(LoadBalancerName=name, PolicyName="proxy")

    def test_types(self):
        types = {item["PolicyTypeName"]: item for item in
                 self.elb.describe_load_balancer_policy_types()["PolicyTypeDescriptions"]}
        self.assertEqual(set(types), {
            "AppCookieStickinessPolicyType", "BackendServerAuthenticationPolicyType",
            "LBCookieStickinessPolicyType", "ProxyProtocolPolicyType", "PublicKeyPolicyType",
            "SSLNegotiationPolicyType"})
        cookie, = types["AppCookieStickinessPolicyType"]["PolicyAttributeTypeDescriptions"]
        self.assertEqual((cookie["AttributeName"], cookie["AttributeType"],
                          cookie["Cardinality"]), ("CookieName", "String", "ONE"))
        one, = self.elb.describe_load_balancer_policy_types(
            PolicyTypeNames=["SSLNegotiationPolicyType"])["PolicyTypeDescriptions"]
        self.assertEqual(one, types["SSLNegotiationPolicyType"])
        self.refuse("PolicyTypeNotFound", self.elb.describe_load_balancer_policy_types,
                    PolicyTypeNames=["NoPolicyType"])


class TagTest(ElbTestCase):
    def tags(self, name):
        described, = self.elb.describe_tags(LoadBalancerNames=[name])["TagDescriptions"]
        self.assertEqual(described["LoadBalancerName"], name)
        return {tag["Key"]: tag["Value"] for tag in described["Tags"]}

    def test_tags_come_and_go(self):
        one = self.create(Tags=[{"Key": "a", "Value": "1"}, {"Key": "empty"}])
        two = self.create()
        self.assertEqual(self.tags(one), {"a": "1", "empty": ""})
        self.elb.add_tags(LoadBalancerNames=[one, two], Tags=[{"Key": "a", "Value": "2"}])
        self.assertEqual((self.tags(one)["a"], self.tags(two)), ("2", {"a": "2"}))
        self.elb.remove_tags(LoadBalancerNames=[one, two], Tags=[{"Key": "a"}, {"Key": "none"}])
        self.assertEqual((self.tags(one), self.tags(two)), ({"empty": ""}, {}))
        # They are no tags of EC2's.
        self.assertNotIn("empty", [tag["Key"] for tag in self.ec2.describe_tags()["Tags"]])

    def test_tags_that_are_none(self):
        name = self.create()
        add = self.elb.add_tags
        self.refuse("DuplicateTagKeys", add, LoadBalancerNames=[name], Tags=[
            {"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])
        self.refuse("TooManyTags", add, LoadBalancerNames=[name],
                    Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(51)])
        self.refuse("ValidationError", add, LoadBalancerNames=[name],
                    Tags=[{"Key": "aws:a", "Value": "v"}])
        self.refuse("ValidationError", add, LoadBalancerNames=[name],
                    Tags=[{"Key": "k" * 129, "Value": "v"}])
        self.refuse("ValidationError", add, LoadBalancerNames=[name],
                    Tags=[{"Key": "k", "Value": "v" * 257}])
        self.refuse("LoadBalancerNotFound", add, LoadBalancerNames=[name, "none"],
                    Tags=[{"Key": "k", "Value": "v"}])
        self.assertEqual(self.tags(name), {}, "something of a refused call was done")
        self.refuse("LoadBalancerNotFound", self.elb.remove_tags, LoadBalancerNames=["none"],
                    Tags=[{"Key": "k"}])
        self.refuse("LoadBalancerNotFound", self.tags, "none")


if __name__ == "__main__":
    unittest.main()
