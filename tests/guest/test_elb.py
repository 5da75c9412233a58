"""A classic load balancer over two real guests: traffic, health, rules, ports."""

import datetime
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from cloud import wait_until  # noqa: E402
from guests import GuestCloud, is_refused, low_ports_are_open, why_no_guests  # noqa: E402
from visitors import Visitors  # noqa: E402

NAME = "TestLoadBalancer"
FAILED = ("Instance has failed at least the UnhealthyThreshold number of health checks "
          "consecutively.")
CHECK = {"Target": "HTTP:80/", "Interval": 5, "Timeout": 2, "UnhealthyThreshold": 2,
         "HealthyThreshold": 2}
DEADLINE = 60

cloud = a = b = elb = None


def setUpModule():
    global cloud, a, b, elb
    reason = why_no_guests()
    if not reason and not low_ports_are_open():
        reason = "this user may not listen on ports 22 and 80 (net.ipv4.ip_unprivileged_port_start)"
    if reason:
        raise unittest.SkipTest(reason)
    cloud = GuestCloud()
    unittest.addModuleCleanup(end)
    elb = cloud.boto3("elb")
    key = cloud.make_key("k")
    cloud.open_ports(22, 80)
    a, b = [cloud.run_guest(key, Placement={"AvailabilityZone": "us-east-1d"}) for _ in range(2)]
    for guest in (a, b):
        guest.wait_page()
        guest.wait_ssh()
    cli("create-load-balancer", "--availability-zones", "us-east-1d", "--listeners",
        "Protocol=tcp,LoadBalancerPort=80,InstancePort=80")
    elb.configure_health_check(LoadBalancerName=NAME, HealthCheck=CHECK)
    cli("register-instances-with-load-balancer", "--instances", a.id, b.id)


def end():
    if sys.exc_info()[0]:
        print(cloud.log(), file=sys.stderr)
    cloud.close()


def cli(verb, *arguments):
    return json.loads(cloud.cumulet("aws", "elb", verb, "--load-balancer-name", NAME, *arguments,
                                    "--output", "json").stdout or "null")


def balancer():
    found, = [item for item in cloud.status()["load_balancers"] if item["name"] == NAME]
    return found


def health(guest):
    """(state, reason, description)"""
    states = cli("describe-instance-health")["InstanceStates"]
    return next(((item["State"], item["ReasonCode"], item["Description"])
                 for item in states if item["InstanceId"] == guest.id), None)


def wait_health(guest, *wanted):
    wait_until(lambda: health(guest) == wanted, DEADLINE,
               lambda: f"{guest.id} is {wanted}, not {health(guest)}\n{cloud.log()}", 0.2)


def wait_in_service(*guests):
    for guest in guests:
        wait_health(guest, "InService", "N/A", "N/A")


def page(address, port=80):
    """Whose page it is."""
    connection = http.client.HTTPConnection(address, port, timeout=10)
    try:
        connection.request("GET", "/")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    return next((guest.id for guest in (a, b) if guest.id in text), text)


def connects(address, port):
    try:
        socket.create_connection((address, port), 5).close()
        return True
    except OSError:
        return False


class LoadBalancer(unittest.TestCase):
    def setUp(self):
        wait_in_service(a, b)
        self.address = balancer()["address"]

    def test_the_page_alternates(self):
        seen = [page(self.address) for _ in range(10)]
        self.assertEqual({seen.count(guest.id) for guest in (a, b)}, {5})

    def test_a_server_that_stops_is_noticed_by_nobody(self):
        visitors = Visitors(lambda: page(self.address))
        self.addCleanup(visitors.end)
        wait_until(lambda: len(visitors.served) > 10, DEADLINE, "visitors are served")
        a.ssh("service httpd stop")
        wait_health(a, "OutOfService", "Instance", FAILED)
        self.assertEqual({page(self.address) for _ in range(6)}, {b.id})
        a.ssh("service httpd start")
        wait_in_service(a)
        wait_until(lambda: {page(self.address) for _ in range(4)} == {a.id, b.id}, DEADLINE,
                   "both are sent visitors again")
        visitors.end()
        self.assertGreater(len(visitors.served), 100)
        self.assertLessEqual(len(visitors.errors), 1, "more than what was in flight")

    def test_groups_of_the_balancer_say_who_may_come(self):
        group = cloud.ec2.create_security_group(GroupName="closed", Description="d")["GroupId"]
        before = elb.describe_load_balancers(LoadBalancerNames=[NAME])[
            "LoadBalancerDescriptions"][0]["SecurityGroups"]
        elb.apply_security_groups_to_load_balancer(LoadBalancerName=NAME, SecurityGroups=[group])
        wait_until(lambda: is_refused(self.address, 80), DEADLINE, "nobody is let in")
        cloud.ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="127.0.0.1/32")
        wait_until(lambda: not is_refused(self.address, 80), DEADLINE, "we are let in")
        elb.apply_security_groups_to_load_balancer(LoadBalancerName=NAME, SecurityGroups=before)
        cloud.ec2.delete_security_group(GroupId=group)

    def test_groups_of_the_instances_let_the_balancer_in(self):
        source = elb.describe_load_balancers(LoadBalancerNames=[NAME])[
            "LoadBalancerDescriptions"][0]["SourceSecurityGroup"]
        cloud.close_ports(80)
        for guest in (a, b):
            wait_health(guest, "OutOfService", "Instance", FAILED)
        self.assertTrue(is_refused(self.address, 80))
        cloud.ec2.authorize_security_group_ingress(GroupId=cloud.default_group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [
                {"GroupName": source["GroupName"], "UserId": source["OwnerAlias"]}]}])
        wait_in_service(a, b)
        self.assertTrue(is_refused(a.public, 80), "the rule is for the balancer alone")
        self.assertIn(page(self.address), (a.id, b.id))
        cloud.open_ports(80)
        cloud.ec2.revoke_security_group_ingress(GroupId=cloud.default_group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [
                {"GroupName": source["GroupName"], "UserId": source["OwnerAlias"]}]}])

    def test_a_port_that_is_taken_is_reported_and_opened_when_it_is_free(self):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind((self.address, 8080))
            taken.listen()
            elb.create_load_balancer_listeners(LoadBalancerName=NAME, Listeners=[
                {"Protocol": "TCP", "LoadBalancerPort": 8080, "InstancePort": 80}])
            wait_until(lambda: balancer()["listeners"][1].get("problem"), DEADLINE,
                       lambda: balancer())
            self.assertTrue(any(NAME in problem for problem in cloud.status()["problems"]))
            self.assertIn(page(self.address), (a.id, b.id))
        wait_until(lambda: "problem" not in balancer()["listeners"][1], DEADLINE,
                   lambda: balancer())
        self.assertIn(page(self.address, 8080), (a.id, b.id))
        elb.delete_load_balancer_listeners(LoadBalancerName=NAME, LoadBalancerPorts=[8080])
        wait_until(lambda: is_refused(self.address, 8080), DEADLINE, "the port is closed")

    def test_deregistered_and_registered(self):
        cli("deregister-instances-from-load-balancer", "--instances", a.id)
        wait_until(lambda: {page(self.address) for _ in range(4)} == {b.id}, DEADLINE,
                   "only one is left")
        cli("register-instances-with-load-balancer", "--instances", a.id)
        wait_in_service(a)

    def test_draining_lets_what_is_under_way_end(self):
        elb.modify_load_balancer_attributes(LoadBalancerName=NAME, LoadBalancerAttributes={
            "ConnectionDraining": {"Enabled": True, "Timeout": 600}})
        self.addCleanup(
            elb.modify_load_balancer_attributes, LoadBalancerName=NAME, LoadBalancerAttributes={
                "ConnectionDraining": {"Enabled": False}})
        open_ones = [socket.create_connection((self.address, 80), 10) for _ in range(2)]
        for one in open_ones:
            self.addCleanup(one.close)
            one.sendall(b"GET / HTTP/1.0\r\n")
        cli("deregister-instances-from-load-balancer", "--instances", a.id)
        self.assertEqual(health(a), ("InService", "N/A",
                                     "Instance deregistration currently in progress."))
        wait_until(lambda: {page(self.address) for _ in range(4)} == {b.id}, DEADLINE,
                   "nothing new is sent there")
        served = []
        for one in open_ones:
            one.sendall(b"\r\n")
            with one.makefile() as file:
                served.append(file.read())
        self.assertTrue(any(a.id in text for text in served), served)
        wait_until(lambda: health(a) is None, DEADLINE, "it has drained before its time")
        cli("register-instances-with-load-balancer", "--instances", a.id)
        wait_in_service(a)

    def make_certificate(self, name):
        """Its ARN and itself in PEM."""
        with tempfile.TemporaryDirectory() as directory:
            key, body = os.path.join(directory, "key"), os.path.join(directory, "body")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                            key, "-out", body, "-subj", f"/CN={name}.test", "-days", "30"],
                           check=True, capture_output=True)
            with open(key) as private, open(body) as public:
                text = public.read()
                made = cloud.boto3("iam").upload_server_certificate(
                    ServerCertificateName=name, CertificateBody=text, PrivateKey=private.read())
        return made["ServerCertificateMetadata"]["Arn"], text

    def test_tls_ends_at_the_balancer(self):
        (one, first), (other, second) = self.make_certificate("one"), self.make_certificate("two")
        elb.create_load_balancer_listeners(LoadBalancerName=NAME, Listeners=[
            {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstanceProtocol": "HTTP",
             "InstancePort": 80, "SSLCertificateId": one},
            {"Protocol": "SSL", "LoadBalancerPort": 465, "InstanceProtocol": "TCP",
             "InstancePort": 80, "SSLCertificateId": one}])
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        for port in (443, 465):
            wait_until(lambda: connects(self.address, port), DEADLINE, "the port is open")
            with socket.create_connection((self.address, port), 10) as plain, \
                    trust.wrap_socket(plain) as secure:
                shown = ssl.DER_cert_to_PEM_cert(secure.getpeercert(True))
                self.assertEqual("".join(shown.split()), "".join(first.split()))
                secure.sendall(b"GET / HTTP/1.0\r\n\r\n")
                with secure.makefile(errors="replace") as file:
                    text = file.read()
                self.assertTrue(a.id in text or b.id in text, text)
        elb.set_load_balancer_listener_ssl_certificate(
            LoadBalancerName=NAME, LoadBalancerPort=443, SSLCertificateId=other)
        wait_until(lambda: "".join(ssl.get_server_certificate((self.address, 443)).split()) ==
                   "".join(second.split()), DEADLINE, "the other certificate is shown", 0.1)
        elb.delete_load_balancer_listeners(LoadBalancerName=NAME, LoadBalancerPorts=[443, 465])

    def test_cookies_stick(self):
        elb.create_load_balancer_listeners(LoadBalancerName=NAME, Listeners=[
            {"Protocol": "HTTP", "LoadBalancerPort": 8082, "InstancePort": 80}])
        elb.create_lb_cookie_stickiness_policy(LoadBalancerName=NAME, PolicyName="sticky")
        elb.set_load_balancer_policies_of_listener(
            LoadBalancerName=NAME, LoadBalancerPort=8082, PolicyNames=["sticky"])

        def ask(cookie=None):
            connection = http.client.HTTPConnection(self.address, 8082, timeout=10)
            try:
                connection.request("GET", "/", headers={"Cookie": cookie} if cookie else {})
                reply = connection.getresponse()
                text = reply.read().decode()
            finally:
                connection.close()
            return (reply.headers.get("Set-Cookie") or "").split(";")[0], \
                a.id if a.id in text else b.id
        wait_until(lambda: not is_refused(self.address, 8082) and ask()[0], DEADLINE,
                   "a cookie is given")
        cookie, first = ask()
        self.assertTrue(cookie.startswith("AWSELB="))
        self.assertEqual({ask(cookie)[1] for _ in range(6)}, {first})
        elb.delete_load_balancer_listeners(LoadBalancerName=NAME, LoadBalancerPorts=[8082])

    def test_metrics_and_access_logs(self):
        s3, bucket = cloud.boto3("s3"), "elb-logs"
        s3.create_bucket(Bucket=bucket)
        elb.create_load_balancer_listeners(LoadBalancerName=NAME, Listeners=[
            {"Protocol": "HTTP", "LoadBalancerPort": 8081, "InstancePort": 80}])
        elb.modify_load_balancer_attributes(LoadBalancerName=NAME, LoadBalancerAttributes={
            "AccessLog": {"Enabled": True, "S3BucketName": bucket, "S3BucketPrefix": "p",
                          "EmitInterval": 5}})
        wait_until(lambda: not is_refused(self.address, 8081), DEADLINE, "the port is open")
        cloud.cumulet("clock", "--speed", "60")
        self.addCleanup(cloud.cumulet, "clock", "--speed", "1")
        for _ in range(10):
            self.assertIn(page(self.address, 8081), (a.id, b.id))
        watch = cloud.boto3("cloudwatch")

        def values(name, statistic, **dimensions):
            now = datetime.datetime.now(datetime.timezone.utc)
            points = watch.get_metric_statistics(
                Namespace="AWS/ELB", MetricName=name, Period=60, Statistics=[statistic],
                StartTime=now - datetime.timedelta(hours=2),
                EndTime=now + datetime.timedelta(hours=2),
                Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()])
            return [point[statistic] for point in points["Datapoints"]]

        for dimensions in ({"LoadBalancerName": NAME},
                           {"LoadBalancerName": NAME, "AvailabilityZone": "us-east-1d"}, {}):
            wait_until(lambda: sum(values("RequestCount", "Sum", **dimensions)) >= 10, DEADLINE,
                       f"requests are counted: {dimensions}", 0.2)
            wait_until(lambda: sum(values("HTTPCode_Backend_2XX", "Sum", **dimensions)) >= 10,
                       DEADLINE, f"answers are counted: {dimensions}", 0.2)
        self.assertEqual(max(values("HealthyHostCount", "Maximum", LoadBalancerName=NAME)), 2)
        self.assertLess(max(values("Latency", "Maximum", LoadBalancerName=NAME)), 10)

        account = cloud.credentials["account_id"]
        self.assertTrue(s3.head_object(Bucket=bucket,
                                       Key=f"p/AWSLogs/{account}/ELBAccessLogTestFile"))

        def logs():
            return s3.list_objects_v2(
                Bucket=bucket, Prefix=f"p/AWSLogs/{account}/elasticload").get("Contents")
        key = wait_until(logs, DEADLINE, "the access log is delivered", 0.2)[0]["Key"]
        self.assertRegex(key, rf"^p/AWSLogs/{account}/elasticloadbalancing/us-east-1/\d+/\d+/\d+/"
                              rf"{account}_elasticloadbalancing_us-east-1_{NAME}_\d+T\d+Z_"
                              rf"{self.address}_\w+\.log$")
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        self.assertRegex(text, rf' {NAME} 127\.0\.0\.1:\d+ (?:{a.private}|{b.private}):80 [\d.]+ '
                               rf'[\d.]+ [\d.]+ 200 200 0 \d+ '
                               rf'"GET http://{self.address}:8081/ HTTP/1.1" ')
        elb.delete_load_balancer_listeners(LoadBalancerName=NAME, LoadBalancerPorts=[8081])

    def test_z_the_next_daemon_goes_on(self):
        before = balancer()
        cloud.stop(keep_running=True)
        cloud.start()
        self.assertEqual(balancer(), before)
        wait_until(lambda: not is_refused(self.address, 80), DEADLINE, "it answers again")
        self.assertEqual({page(self.address) for _ in range(4)}, {a.id, b.id})

    def test_zz_an_instance_that_ends(self):
        a.terminate()
        wait_health(a, "OutOfService", "Instance", "Instance is in terminated state.")
        self.assertEqual({page(self.address) for _ in range(4)}, {b.id})


if __name__ == "__main__":
    unittest.main()
