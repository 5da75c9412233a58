"""Names as a guest sees them: load balancers, public names, the endpoint's; and what is behind."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from cloud import wait_until  # noqa: E402
from guests import GuestCloud, why_no_guests  # noqa: E402

DEADLINE = 60
SUFFIX = "cloud.test"
ROUTER = "172.31.0.1"

cloud = guest = elb = None


def setUpModule():
    global cloud, guest, elb
    reason = why_no_guests()
    if reason:
        raise unittest.SkipTest(reason)
    cloud = GuestCloud(start=False)
    unittest.addModuleCleanup(end)
    cloud.args += ["--dns-suffix", SUFFIX]
    cloud.start()
    elb = cloud.boto3("elb")
    key = cloud.make_key("k")
    cloud.open_ports(22, 80)
    guest = cloud.run_guest(key)
    guest.wait_page()
    guest.wait_ssh()


def end():
    if sys.exc_info()[0]:
        print(cloud.log(), file=sys.stderr)
    cloud.close()


def resolve(name):
    """The addresses of a name, in the guest."""
    out = guest.ssh(f"nslookup {name} 2>&1 || true")
    answer = out.partition("\nName:")[2]
    return [line.rpartition(": ")[2].split()[0] for line in answer.splitlines()
            if line.startswith("Address")]


def is_unknown(name):
    return "NXDOMAIN" in guest.ssh(f"nslookup {name} 2>&1 || true")


def fetch(url):
    """What the guest gets there, or None."""
    return guest.ssh(f"timeout 5 wget -q -O - {url} || true") or None


class Asking:
    """The guest asks for a name all the time, whoever listens to it meanwhile."""

    def __init__(self, name):
        guest.ssh(f"(while [ ! -e /tmp/end ]; do nslookup {name} >/tmp/said 2>&1 && echo known ||"
                  " cat /tmp/said; done >/tmp/answers 2>&1; mv /tmp/end /tmp/ended) "
                  "</dev/null >/dev/null 2>&1 &")

    def end(self):
        """What it was told: "known", or else what nslookup said."""
        guest.ssh("touch /tmp/end")
        wait_until(lambda: guest.ssh("ls /tmp/ended 2>&1 || true") == "/tmp/ended\n", DEADLINE,
                   "the asking has ended")
        return guest.ssh("cat /tmp/answers; rm /tmp/answers /tmp/ended").splitlines()


def make_balancer(name, port=80, **options):
    """Its DNS name."""
    made = elb.create_load_balancer(LoadBalancerName=name, AvailabilityZones=["us-east-1d"],
                                    Listeners=[{"Protocol": "HTTP", "LoadBalancerPort": port,
                                                "InstancePort": 80}], **options)
    zones = [zone["ZoneName"] for zone in
             cloud.ec2.describe_availability_zones()["AvailabilityZones"]]
    elb.enable_availability_zones_for_load_balancer(LoadBalancerName=name, AvailabilityZones=zones)
    elb.configure_health_check(LoadBalancerName=name, HealthCheck={
        "Target": "HTTP:80/", "Interval": 5, "Timeout": 2, "UnhealthyThreshold": 2,
        "HealthyThreshold": 2})
    elb.register_instances_with_load_balancer(LoadBalancerName=name,
                                              Instances=[{"InstanceId": guest.id}])
    return made["DNSName"]


class Balancers(unittest.TestCase):
    def balancer(self, name, **options):
        dns_name = make_balancer(name, **options)
        self.addCleanup(elb.delete_load_balancer, LoadBalancerName=name)
        return dns_name

    def test_a_guest_uses_a_balancer_by_its_name(self):
        name = self.balancer("Web")
        self.assertTrue(name.endswith(f".us-east-1.elb.{SUFFIX}"))
        wait_until(lambda: resolve(name), DEADLINE, "the name is known")
        address, = resolve(name)
        self.assertFalse(address.startswith("127."), address)
        wait_until(lambda: guest.id in (fetch(f"http://{name}/") or ""), DEADLINE,
                   lambda: f"{name} serves the page\n{cloud.log()}")
        self.assertIn(guest.id, fetch(f"http://{name.upper()}/"))
        self.assertEqual(resolve(name), [address])

    def test_an_internal_one_on_another_port(self):
        name = self.balancer("Within", port=8080, Scheme="internal")
        self.assertTrue(name.startswith("internal-Within-"))
        wait_until(lambda: guest.id in (fetch(f"http://{name}:8080/") or ""), DEADLINE,
                   lambda: f"{name} serves the page\n{cloud.log()}")
        self.assertIsNone(fetch(f"http://{name}:8081/"), "nothing listens there")

    def test_a_name_comes_and_goes_with_its_balancer(self):
        stays = self.balancer("Stays")
        wait_until(lambda: resolve(stays), DEADLINE, "the name is known")
        asking = Asking(stays)
        for round_ in range(5):
            name = make_balancer(f"Goes{round_}")
            wait_until(lambda: resolve(name), DEADLINE, "the name is known")
            elb.delete_load_balancer(LoadBalancerName=f"Goes{round_}")
            wait_until(lambda: is_unknown(name), DEADLINE, "the name is forgotten")
        answers = asking.end()
        self.assertGreater(len(answers), 20)
        self.assertEqual(set(answers), {"known"}, "no question is lost meanwhile")

    def test_groups_of_the_balancer_say_which_guests_may_come(self):
        group = cloud.ec2.create_security_group(GroupName="shut", Description="d")["GroupId"]
        name = self.balancer("Shut", SecurityGroups=[group])
        wait_until(lambda: resolve(name), DEADLINE, "the name is known")
        wait_until(lambda: elb.describe_instance_health(LoadBalancerName="Shut")[
            "InstanceStates"][0]["State"] == "InService", DEADLINE, "the instance is in service")
        self.assertIsNone(fetch(f"http://{name}/"))
        cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80,
             "UserIdGroupPairs": [{"GroupId": cloud.default_group}]}])
        wait_until(lambda: guest.id in (fetch(f"http://{name}/") or ""), DEADLINE,
                   "members of the group are let in")
        elb.delete_load_balancer(LoadBalancerName="Shut")
        cloud.ec2.delete_security_group(GroupId=group)

    def test_a_guest_that_may_send_nothing_reaches_no_balancer(self):
        name = self.balancer("Closed")
        wait_until(lambda: guest.id in (fetch(f"http://{name}/") or ""), DEADLINE, "it serves")
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        cloud.ec2.revoke_security_group_egress(GroupId=cloud.default_group,
                                               IpPermissions=everything)
        try:
            wait_until(lambda: fetch(f"http://{name}/") is None, DEADLINE, "it is out of reach")
            self.assertTrue(resolve(name), "names are answered all the same")
        finally:
            cloud.ec2.authorize_security_group_egress(GroupId=cloud.default_group,
                                                      IpPermissions=everything)
        wait_until(lambda: guest.id in (fetch(f"http://{name}/") or ""), DEADLINE, "again")


class Names(unittest.TestCase):
    def test_the_public_name_means_the_private_address(self):
        public = guest.describe()["PublicDnsName"]
        self.assertEqual(public, f"ec2-{guest.public.replace('.', '-')}.compute-1.{SUFFIX}")
        self.assertEqual(resolve(public), [guest.private])
        self.assertIn(guest.id, fetch(f"http://{public}/"))

    def test_the_private_name_and_the_way_back(self):
        private = guest.describe()["PrivateDnsName"]
        self.assertEqual(resolve(private), [guest.private])
        self.assertIn(private, guest.ssh(f"nslookup {guest.private} 2>&1"))

    def test_the_endpoint(self):
        for name in (f"s3.{SUFFIX}", f"bucket.s3.{SUFFIX}", f"ec2.{SUFFIX}",
                     f"ec2.us-east-1.{SUFFIX}"):
            self.assertEqual(resolve(name), [ROUTER], name)
        cloud.boto3("s3").create_bucket(Bucket="shelf", ACL="public-read")
        cloud.boto3("s3").put_object(Bucket="shelf", Key="note", Body=b"kept",
                                     ACL="public-read")
        self.assertEqual(fetch(f"http://shelf.s3.{SUFFIX}/note"), "kept")

    def test_nothing_else_is_known_there(self):
        for name in (f"nothing.{SUFFIX}", f"ec2-1-2-3-4.compute-1.{SUFFIX}",
                     f"Web-1.us-east-1.elb.{SUFFIX}", "ip-172-31-0-99.ec2.internal"):
            self.assertTrue(is_unknown(name), name)

    def test_names_outlive_the_daemon(self):
        name = make_balancer("Outlives")
        wait_until(lambda: resolve(name), DEADLINE, "the name is known")
        address, dnsmasq = resolve(name), cloud.survivors()["dnsmasq"]
        asking = Asking(name)
        cloud.stop(keep_running=True)
        cloud.start()
        guest.wait_ssh()
        self.assertEqual(set(asking.end()), {"known"})
        self.assertEqual(resolve(name), address)
        self.assertEqual(cloud.survivors()["dnsmasq"], dnsmasq)
        elb.delete_load_balancer(LoadBalancerName="Outlives")
        wait_until(lambda: is_unknown(name), DEADLINE, "the name is forgotten")


if __name__ == "__main__":
    unittest.main()
