"""Classic load balancers by boto3 and the AWS CLI: what can be made and asked, and every fault. No
traffic: the fake back end carries none (tests/guest/test_elb.py)."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from elb import CHECK, HTTP, IN_SERVICE, TCP, ZONES, ElbTestCase  # noqa: E402
from lifecycle import unique  # noqa: E402
from wire import Wire  # noqa: E402

from botocore.exceptions import ClientError  # noqa: E402  (after elb, which skips without it)


class BalancerTest(ElbTestCase):
    def test_a_balancer_comes_and_goes(self):
        name = unique("lb")
        dns = self.elb.create_load_balancer(
            LoadBalancerName=name, Listeners=[HTTP, TCP], AvailabilityZones=ZONES)["DNSName"]
        self.assertRegex(dns, rf"^{name}-[0-9]+\.us-east-1\.elb\.")
        found = self.describe(name)
        self.assertEqual(found["LoadBalancerName"], name)
        self.assertEqual((found["DNSName"], found["CanonicalHostedZoneName"]), (dns, dns))
        self.assertEqual(found["CanonicalHostedZoneNameID"], "Z35SXDOTRQ7X7K")
        self.assertEqual(found["AvailabilityZones"], ZONES)
        self.assertEqual(found["Subnets"], [self.subnets()[zone] for zone in ZONES])
        self.assertEqual(found["VPCId"], self.ec2.describe_vpcs()["Vpcs"][0]["VpcId"])
        self.assertEqual(found["Scheme"], "internet-facing")
        self.assertEqual(found["Instances"], [])
        self.assertEqual(found["ListenerDescriptions"], [
            {"Listener": {"Protocol": "TCP", "LoadBalancerPort": 25, "InstanceProtocol": "TCP",
                          "InstancePort": 25}, "PolicyNames": []},
            {"Listener": {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstanceProtocol": "HTTP",
                          "InstancePort": 8080}, "PolicyNames": []}])
        self.assertEqual(found["HealthCheck"], {"Target": "TCP:8080", "Interval": 30, "Timeout": 5,
                                                "UnhealthyThreshold": 2, "HealthyThreshold": 10})
        self.assertEqual(found["BackendServerDescriptions"], [])
        self.assertEqual(found["Policies"], {"AppCookieStickinessPolicies": [],
                                             "LBCookieStickinessPolicies": [],
                                             "OtherPolicies": []})
        self.elb.delete_load_balancer(LoadBalancerName=name)
        said = self.refuse("LoadBalancerNotFound", self.describe, name)
        self.assertEqual(said, f"There is no ACTIVE Load Balancer named '{name}'")
        self.elb.delete_load_balancer(LoadBalancerName=name)

    def test_creating_it_again(self):
        name = self.create(HTTP)
        dns = self.describe(name)["DNSName"]
        again = self.elb.create_load_balancer(LoadBalancerName=name, Listeners=[HTTP],
                                              AvailabilityZones=ZONES[::-1])
        self.assertEqual(again["DNSName"], dns)
        for difference in ({"Listeners": [TCP]}, {"AvailabilityZones": ZONES[:1]},
                           {"Scheme": "internal"}):
            said = self.refuse("DuplicateLoadBalancerName", self.elb.create_load_balancer, **{
                "LoadBalancerName": name, "Listeners": [HTTP], "AvailabilityZones": ZONES,
                **difference})
            self.assertEqual(said, f"Load Balancer named {name} already exists and it is "
                                   "configured with different parameters.")
        self.refuse("DuplicateLoadBalancerName", self.elb.create_load_balancer,
                    LoadBalancerName=name.upper(), Listeners=[HTTP], AvailabilityZones=ZONES)
        self.refuse("LoadBalancerNotFound", self.describe, name.upper())

    def test_names_that_are_none(self):
        for name in ("a_b", "-a", "a-", "a" * 33, "internal-a", "a.b", "é"):
            self.refuse("ValidationError", self.elb.create_load_balancer, LoadBalancerName=name,
                        Listeners=[TCP], AvailabilityZones=ZONES)
        self.create()
        long = unique("lb") + "-" + "x" * (31 - len(unique("lb")))
        self.elb.create_load_balancer(LoadBalancerName=long, Listeners=[TCP],
                                      AvailabilityZones=ZONES)
        self.elb.delete_load_balancer(LoadBalancerName=long)

    def test_a_balancer_needs_listeners_and_a_place(self):
        make, name = self.elb.create_load_balancer, unique("lb")
        self.refuse("ValidationError", make, LoadBalancerName=name, Listeners=[],
                    AvailabilityZones=ZONES)
        self.refuse("ValidationError", make, LoadBalancerName=name, Listeners=[TCP])
        self.refuse("ValidationError", make, LoadBalancerName=name, Listeners=[TCP],
                    AvailabilityZones=ZONES, Subnets=[self.subnets()[ZONES[0]]])
        self.refuse("ValidationError", make, LoadBalancerName=name, Listeners=[TCP],
                    AvailabilityZones=["us-east-1q"])
        self.refuse("SubnetNotFound", make, LoadBalancerName=name, Listeners=[TCP],
                    Subnets=["subnet-01234567"])
        self.refuse("InvalidScheme", make, LoadBalancerName=name, Listeners=[TCP],
                    AvailabilityZones=ZONES, Scheme="public")
        self.refuse("InvalidSecurityGroup", make, LoadBalancerName=name, Listeners=[TCP],
                    AvailabilityZones=ZONES, SecurityGroups=["sg-01234567"])
        self.refuse("LoadBalancerNotFound", self.describe, name)

    def test_an_internal_one_says_so_in_its_name(self):
        name = self.create(Scheme="internal", Subnets=[self.subnets()[ZONES[0]]])
        found = self.describe(name)
        self.assertTrue(found["DNSName"].startswith(f"internal-{name}-"))
        self.assertEqual((found["Scheme"], found["AvailabilityZones"]), ("internal", ZONES[:1]))

    def test_pages(self):
        names = sorted(self.create() for _ in range(3))
        seen, marker = [], None
        while True:
            page = self.elb.describe_load_balancers(
                PageSize=1, **({"Marker": marker} if marker else {}))
            seen += [item["LoadBalancerName"] for item in page["LoadBalancerDescriptions"]]
            marker = page.get("NextMarker")
            if not marker:
                break
            self.assertEqual(len(page["LoadBalancerDescriptions"]), 1)
        self.assertEqual([name for name in seen if name in names], names)
        self.refuse("ValidationError", self.elb.describe_load_balancers, Marker="mine")
        wire = Wire(self.cloud, "2012-06-01")
        for size in (0, 401, "x"):
            reply = wire.call("DescribeLoadBalancers", {"PageSize": size})
            self.assertEqual((reply.status, reply.code), (400, "ValidationError"))

    def test_limits(self):
        limits = {item["Name"]: item["Max"]
                  for item in self.elb.describe_account_limits()["Limits"]}
        self.assertEqual(limits, {"classic-load-balancers": "20", "classic-listeners": "100",
                                  "classic-registered-instances": "1000"})
        first = self.elb.describe_account_limits(PageSize=2)
        rest = self.elb.describe_account_limits(Marker=first["NextMarker"])
        self.assertEqual((len(first["Limits"]), len(rest["Limits"])), (2, 1))

    def test_no_more_than_the_quota(self):
        cloud = self.start_cloud()
        elb = cloud.boto3("elb")
        for i in range(20):
            elb.create_load_balancer(LoadBalancerName=f"lb{i}", Listeners=[TCP],
                                     AvailabilityZones=ZONES)
        self.refuse("TooManyLoadBalancers", elb.create_load_balancer, LoadBalancerName="lb20",
                    Listeners=[TCP], AvailabilityZones=ZONES)
        elb.delete_load_balancer(LoadBalancerName="lb7")
        elb.create_load_balancer(LoadBalancerName="lb20", Listeners=[TCP],
                                 AvailabilityZones=ZONES)

    def test_names_and_addresses_outlive_the_daemon(self):
        cloud = self.start_cloud()
        elb = cloud.boto3("elb")
        for name in ("one", "two"):
            elb.create_load_balancer(LoadBalancerName=name, Listeners=[TCP],
                                     AvailabilityZones=ZONES)
        before = cloud.status()["load_balancers"]
        self.assertEqual([item["name"] for item in before], ["one", "two"])
        self.assertEqual(len({item["address"] for item in before}), 2)
        cloud.kill()
        cloud.start()
        self.assertEqual(cloud.status()["load_balancers"], before)

    def test_another_accounts_are_unseen(self):
        name = self.create()
        made = json.loads(self.cloud.cumulet("account", "create", unique("a"), "--json").stdout)
        keys = {"aws_access_key_id": made["access_key_id"],
                "aws_secret_access_key": made["secret_access_key"]}
        other = self.cloud.boto3("elb", **keys)
        self.assertEqual(other.describe_load_balancers()["LoadBalancerDescriptions"], [])
        self.refuse("LoadBalancerNotFound", other.describe_instance_health, LoadBalancerName=name)
        other.delete_load_balancer(LoadBalancerName=name)
        other.create_load_balancer(LoadBalancerName=name, Listeners=[HTTP],
                                   AvailabilityZones=ZONES)
        self.assertEqual(self.describe(name)["ListenerDescriptions"][0]["Listener"]["Protocol"],
                         "TCP")
        mine, = self.run_instances()
        self.refuse("InvalidInstance", other.register_instances_with_load_balancer,
                    LoadBalancerName=name, Instances=[{"InstanceId": mine}])
        other.delete_load_balancer(LoadBalancerName=name)

    def test_a_reset_takes_them_away(self):
        cloud = self.start_cloud()
        elb = cloud.boto3("elb")
        elb.create_load_balancer(LoadBalancerName="a", Listeners=[TCP], AvailabilityZones=ZONES,
                                 Tags=[{"Key": "k", "Value": "v"}])
        cloud.cumulet("reset")
        self.assertEqual(elb.describe_load_balancers()["LoadBalancerDescriptions"], [])
        elb.create_load_balancer(LoadBalancerName="a", Listeners=[TCP], AvailabilityZones=ZONES)
        self.assertEqual(elb.describe_tags(LoadBalancerNames=["a"])["TagDescriptions"][0]["Tags"],
                         [])


class ListenerTest(ElbTestCase):
    def ports(self, name):
        return [item["Listener"]["LoadBalancerPort"]
                for item in self.describe(name)["ListenerDescriptions"]]

    def add(self, name, **listener):
        self.elb.create_load_balancer_listeners(LoadBalancerName=name, Listeners=[listener])

    def test_listeners_come_and_go(self):
        name = self.create(TCP)
        for _ in range(2):  # saying it again is fine
            self.elb.create_load_balancer_listeners(LoadBalancerName=name, Listeners=[
                HTTP, {**HTTP, "LoadBalancerPort": 65535}])
        self.assertEqual(self.ports(name), [25, 80, 65535])
        self.elb.delete_load_balancer_listeners(LoadBalancerName=name, LoadBalancerPorts=[25, 1234])
        self.assertEqual(self.ports(name), [80, 65535])
        said = self.refuse("DuplicateListener", self.add, name, **{**HTTP, "InstancePort": 81})
        self.assertEqual(said, f"A listener already exists for {name} with LoadBalancerPort 80, "
                         "but with a different InstancePort, Protocol, or SSLCertificateId")

    def test_protocols(self):
        name = self.create(TCP)
        self.refuse("UnsupportedProtocol", self.add, name, **{**HTTP, "Protocol": "UDP"})
        self.refuse("UnsupportedProtocol", self.add, name, **{**HTTP, "InstanceProtocol": "FTP"})
        self.refuse("InvalidConfigurationRequest", self.add, name,
                    **{**HTTP, "InstanceProtocol": "TCP"})
        self.refuse("InvalidConfigurationRequest", self.add, name,
                    **{**TCP, "LoadBalancerPort": 26, "InstanceProtocol": "http"})
        # One port of an instance either speaks TLS or does not.
        self.refuse("InvalidConfigurationRequest", self.add, name,
                    **{**TCP, "LoadBalancerPort": 26, "InstanceProtocol": "SSL"})
        self.refuse("ValidationError", self.add, name, **{**HTTP, "Protocol": "HTTPS"})
        self.refuse("CertificateNotFound", self.add, name, **{
            **HTTP, "Protocol": "HTTPS",
            "SSLCertificateId": f"arn:aws:iam::{self.account}:server-certificate/none"})
        self.assertEqual(self.ports(name), [25])

    def test_ports_that_are_none(self):
        name = self.create(TCP)
        for port in (0, 65536, "http"):
            for member in ("LoadBalancerPort", "InstancePort"):
                reply = Wire(self.cloud, "2012-06-01").call("CreateLoadBalancerListeners", {
                    "LoadBalancerName": name, "Listeners.member.1.Protocol": "TCP",
                    "Listeners.member.1.LoadBalancerPort": 81,
                    "Listeners.member.1.InstancePort": 81, f"Listeners.member.1.{member}": port})
                self.assertEqual((reply.status, reply.code), (400, "ValidationError"))
        self.refuse("ValidationError", self.elb.delete_load_balancer_listeners,
                    LoadBalancerName=name, LoadBalancerPorts=[70000])
        self.refuse("LoadBalancerNotFound", self.elb.delete_load_balancer_listeners,
                    LoadBalancerName="none", LoadBalancerPorts=[25])

    def make_certificate(self):
        """Its ARN."""
        iam, name = self.cloud.boto3("iam"), unique("cert")
        with tempfile.TemporaryDirectory() as directory:
            key, body = os.path.join(directory, "key"), os.path.join(directory, "body")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                            key, "-out", body, "-subj", "/CN=www.example.test", "-days", "30"],
                           check=True, capture_output=True)
            with open(key) as private, open(body) as public:
                made = iam.upload_server_certificate(
                    ServerCertificateName=name, CertificateBody=public.read(),
                    PrivateKey=private.read())
        # After the balancers that have it.
        self.addCleanup(iam.delete_server_certificate, ServerCertificateName=name)
        return made["ServerCertificateMetadata"]["Arn"]

    def test_certificates(self):
        one, other = self.make_certificate(), self.make_certificate()
        name = self.create({**HTTP, "Protocol": "HTTPS", "LoadBalancerPort": 443,
                            "SSLCertificateId": one}, TCP)
        https, = [item for item in self.describe(name)["ListenerDescriptions"]
                  if item["Listener"]["LoadBalancerPort"] == 443]
        self.assertEqual(https["Listener"], {
            "Protocol": "HTTPS", "LoadBalancerPort": 443, "InstanceProtocol": "HTTP",
            "InstancePort": 8080, "SSLCertificateId": one})
        self.assertEqual(https["PolicyNames"], ["ELBSecurityPolicy-2016-08"])
        change = self.elb.set_load_balancer_listener_ssl_certificate
        change(LoadBalancerName=name, LoadBalancerPort=443, SSLCertificateId=other)
        https, = [item for item in self.describe(name)["ListenerDescriptions"]
                  if item["Listener"]["LoadBalancerPort"] == 443]
        self.assertEqual(https["Listener"]["SSLCertificateId"], other)
        self.refuse("ListenerNotFound", change, LoadBalancerName=name, LoadBalancerPort=444,
                    SSLCertificateId=other)
        self.refuse("InvalidConfigurationRequest", change, LoadBalancerName=name,
                    LoadBalancerPort=25, SSLCertificateId=other)
        self.refuse("CertificateNotFound", change, LoadBalancerName=name, LoadBalancerPort=443,
                    SSLCertificateId=other + "x")
        self.refuse("LoadBalancerNotFound", change, LoadBalancerName="none", LoadBalancerPort=443,
                    SSLCertificateId=other)


class WorldTest(ElbTestCase):
    def test_the_status_report(self):
        name = self.create(HTTP)
        one, = self.run_instances()
        self.register(name, one)
        self.wait_health(name, one, *IN_SERVICE)
        found, = [item for item in self.cloud.status()["load_balancers"] if item["name"] == name]
        self.assertEqual(found["dns_name"], self.describe(name)["DNSName"])
        self.assertTrue(found["address"].startswith("127."))
        self.assertEqual(found["listeners"], [{"port": 80, "protocol": "HTTP",
                                               "instance_port": 8080, "instance_protocol": "HTTP"}])
        self.assertEqual(found["instances"], [{"id": one, "state": "InService",
                                               "description": "N/A"}])
        text = self.cloud.cumulet("status").stdout
        self.assertIn(name, text)
        self.assertIn(found["address"], text)

    def test_addresses_are_nobody_elses(self):
        addresses = set()
        for _ in range(4):
            name = self.create()
            one, = self.run_instances()
            described = self.ec2.describe_instances(InstanceIds=[one])
            addresses.add(described["Reservations"][0]["Instances"][0].get("PublicIpAddress"))
            addresses |= {item["address"] for item in self.cloud.status()["load_balancers"]
                          if item["name"] == name}
        self.assertEqual(len(addresses), 8)

    def test_policies_name_balancers(self):
        iam, user = self.cloud.boto3("iam"), unique("user")
        mine, other = self.create(), self.create()
        iam.create_user(UserName=user)
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "elasticloadbalancing:Describe*", "Resource": "*"},
                {"Effect": "Allow", "Action": "elasticloadbalancing:*", "Resource":
                 f"arn:aws:elasticloadbalancing:us-east-1:{self.account}:loadbalancer/{mine}"}]}))
        key = iam.create_access_key(UserName=user)["AccessKey"]
        elb = self.cloud.boto3("elb", aws_access_key_id=key["AccessKeyId"],
                               aws_secret_access_key=key["SecretAccessKey"])
        elb.describe_load_balancers(LoadBalancerNames=[other])
        elb.configure_health_check(LoadBalancerName=mine, HealthCheck=CHECK)
        elb.add_tags(LoadBalancerNames=[mine], Tags=[{"Key": "k", "Value": "v"}])
        for verb, options in (
                (elb.configure_health_check, {"LoadBalancerName": other, "HealthCheck": CHECK}),
                (elb.add_tags, {"LoadBalancerNames": [mine, other],
                                "Tags": [{"Key": "k", "Value": "v"}]}),
                (elb.delete_load_balancer, {"LoadBalancerName": other})):
            with self.assertRaisesRegex(ClientError, "AccessDenied"):
                verb(**options)

    def test_the_aws_cli(self):
        def aws(*arguments):
            return json.loads(self.cloud.cumulet(
                "aws", "elb", *arguments, "--output", "json").stdout or "null")
        name = unique("cli")
        made = aws("create-load-balancer", "--load-balancer-name", name, "--availability-zones",
                   "us-east-1d", "--listeners", "Protocol=tcp,LoadBalancerPort=80,InstancePort=80")
        self.addCleanup(self.elb.delete_load_balancer, LoadBalancerName=name)
        self.assertTrue(made["DNSName"].startswith(name))
        one, = self.run_instances(zone="us-east-1d")
        self.assertEqual(aws("register-instances-with-load-balancer", "--load-balancer-name", name,
                             "--instances", one), {"Instances": [{"InstanceId": one}]})
        self.wait_health(name, one, *IN_SERVICE)
        self.assertEqual(aws("describe-instance-health", "--load-balancer-name", name), {
            "InstanceStates": [{"InstanceId": one, "State": "InService", "ReasonCode": "N/A",
                                "Description": "N/A"}]})

    def test_what_is_no_request(self):
        wire = Wire(self.cloud, "2012-06-01")
        reply = wire.call("DescribeLoadBalancers", version="2008-01-01")
        self.assertEqual((reply.status, reply.code), (400, "NoSuchVersion"))
        for action, params in (("CreateLoadBalancer", {"LoadBalancerName": "a"}),
                               ("RegisterInstancesWithLoadBalancer", {"LoadBalancerName": "a"}),
                               ("ConfigureHealthCheck", {"LoadBalancerName": "a"}),
                               ("ConfigureHealthCheck", {"LoadBalancerName": "a",
                                                         "HealthCheck.Target": "TCP:80"}),
                               ("SetLoadBalancerListenerSSLCertificate", {}),
                               ("CreateLBCookieStickinessPolicy", {"LoadBalancerName": "a"}),
                               ("DescribeInstanceHealth", {}), ("AddTags", {})):
            reply = wire.call(action, params)
            self.assertEqual((reply.status, reply.code), (400, "ValidationError"), action)
        self.assertEqual(reply.namespace,
                         "http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/")


if __name__ == "__main__":
    unittest.main()
