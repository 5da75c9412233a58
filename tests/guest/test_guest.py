"""What instances do when they are real machines: two guests of one cloud, shared by most tests, and
a few more that come and go."""

import contextlib
import gzip
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from cloud import wait_until  # noqa: E402
from guests import (GuestCloud, encoded, is_refused, low_ports_are_open,  # noqa: E402
                    why_no_guests)

METADATA = "169.254.169.254"
ROUTER = "172.31.0.1"
TOKEN = "X-aws-ec2-metadata-token"
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
SCRIPT = "#!/bin/sh\necho once >>/root/ran\necho said by user data\n"

cloud = a = b = group_a = group_b = rsa = ed25519 = None


def setUpModule():
    global cloud, a, b, group_a, group_b, rsa, ed25519
    reason = why_no_guests()
    if not reason and not low_ports_are_open():
        reason = "this user may not listen on ports 22 and 80 (net.ipv4.ip_unprivileged_port_start)"
    if reason:
        raise unittest.SkipTest(reason)
    cloud = GuestCloud()
    unittest.addModuleCleanup(end)
    rsa, ed25519 = cloud.make_key("rsa", "rsa"), cloud.make_key("ed25519")
    group_a, group_b = make_group("a"), make_group("b")
    a = cloud.run_guest(
        rsa, SecurityGroupIds=[group_a], UserData=SCRIPT,
        MetadataOptions={"InstanceMetadataTags": "enabled", "HttpPutResponseHopLimit": 3},
        TagSpecifications=[{"ResourceType": "instance",
                            "Tags": [{"Key": "Name", "Value": "first one"},
                                     {"Key": "role", "Value": "web"}]}])
    b = cloud.run_guest(ed25519, SecurityGroupIds=[group_b],
                        UserData=gzip.compress(SCRIPT.encode()))
    for guest in (a, b):
        guest.wait_page()
    for guest in (a, b):
        guest.wait_ssh()
        wait_until(lambda: "user data done" in guest.console(), 60, guest.console, 0.1)


def end():
    if sys.exc_info()[0]:
        print(cloud.log(), file=sys.stderr)
    cloud.close()


def make_group(name):
    group = cloud.ec2.create_security_group(GroupName=name, Description=name)["GroupId"]
    cloud.open_ports(22, 80, group=group)
    return group


def load_tests(loader, _tests, _pattern):
    # In this order: what comes and goes last.
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in (
        Boot, Metadata, Names, Objects, SecurityGroups, Volumes, Lives, Clouds))


def exchange(guest, requests, host=METADATA, port=80):
    """Sends HTTP requests (method, path, headers) from inside the guest over one connection; the
    answers as (status, headers in lower case, body)."""
    text = ""
    for number, (method, path, headers) in enumerate(requests):
        headers = {"Host": host, **headers}
        if number == len(requests) - 1:
            headers["Connection"] = "close"
        text += f"{method} {path} HTTP/1.1\r\n"
        text += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    rest = guest.ssh(f"timeout 20 nc -w 5 {host} {port}", input=text.encode(), text=False)
    answers = []
    for _ in requests:
        head, _, rest = rest.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip()
                   for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        answers.append((int(status.split()[1]), headers, rest[:length].decode()))
        rest = rest[length:]
    return answers


def ask(guest, path, headers=None, method="GET", **options):
    return exchange(guest, [(method, path, headers or {})], **options)[0]


def metadata(guest, path):
    """A value by version 2."""
    status, _, token = ask(guest, "/latest/api/token", {TTL: "60"}, "PUT")
    assert status == 200, status
    status, _, value = ask(guest, path, {TOKEN: token})
    assert status == 200, (path, status)
    return value


def can_connect(guest, address, port, seconds=2):
    out = guest.ssh(f"timeout {seconds + 1} nc -w {seconds} {address} {port} </dev/null "
                    ">/dev/null 2>&1 && echo yes || echo no")
    return out == "yes\n"


@contextlib.contextmanager
def echo_service(guest, port):
    """A server in the guest that says again what it hears."""
    guest.ssh(f"nc -ll -p {port} -e cat </dev/null >/dev/null 2>&1 & echo $! >/run/echo-{port}")
    try:
        yield
    finally:
        guest.ssh(f"kill $(cat /run/echo-{port})", check=False)


class Echo:
    """A connection to such a server at a public address."""

    def __init__(self, address, port):
        self.connection = socket.create_connection((address, port), 5)

    def answers(self):
        try:
            self.connection.sendall(b"hello\n")
            return self.connection.recv(100) == b"hello\n"
        except TimeoutError:
            raise
        except OSError:
            return False

    def close(self):
        self.connection.close()


def opens(address, port):
    """An echo connection, as soon as the port is open and answers."""
    def try_it():
        try:
            connection = Echo(address, port)
        except OSError:
            return None
        if connection.answers():
            return connection
        connection.close()
        return None
    return wait_until(try_it, 10, f"{address} port {port} answers")


class Boot(unittest.TestCase):
    def test_the_page_names_its_instance(self):
        for guest in (a, b):
            page = guest.get()
            for text in (guest.id, guest.private, guest.public, "t2.nano", "us-east-1"):
                self.assertIn(text, page)

    def test_ssh_takes_the_key_of_the_launch_and_no_other(self):
        self.assertEqual(a.ssh("id -un", keep=False), "root\n")  # RSA
        self.assertEqual(b.ssh("id -un", keep=False), "root\n")  # ED25519
        stranger = subprocess.run(
            ["ssh", "-q", "-F", "none", "-i", ed25519, "-o", "BatchMode=yes", "-o",
             "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o",
             "UserKnownHostsFile=/dev/null", f"root@{a.public}", "true"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        self.assertEqual(stranger.returncode, 255)

    def test_the_host_name_is_the_private_dns_name(self):
        for guest in (a, b):
            name = guest.describe()["PrivateDnsName"]
            self.assertEqual(name, f"ip-{guest.private.replace('.', '-')}.ec2.internal")
            self.assertEqual(guest.ssh("hostname").strip(), name.split(".")[0])

    def test_user_data_ran_once_plain_and_compressed(self):
        for guest in (a, b):
            self.assertEqual(guest.ssh("cat /root/ran"), "once\n")

    def test_the_machine_looks_like_ec2(self):
        vendor, product, uuid = a.ssh(
            "cd /sys/class/dmi/id; cat sys_vendor product_name product_uuid").splitlines()
        self.assertEqual((vendor, product), ("Amazon EC2", "t2.nano"))
        self.assertTrue(uuid.lower().startswith("ec2"), uuid)

    def test_the_disk_is_as_large_as_the_volume(self):
        sectors = int(a.ssh("cat /sys/class/block/vda/size"))
        self.assertEqual(sectors * 512, 8 << 30)

    def test_console_output_is_what_the_machine_said(self):
        text = a.console_output()
        for part in ("said by user data", f"{a.id} is up after", "BEGIN SSH HOST KEY FINGERPRINTS"):
            self.assertIn(part, text)
        with open(os.path.join(cloud.state, "instances", a.id, "console.log")) as log:
            self.assertIn(f"{a.id} is up after", log.read())

    def test_console_shows_the_keys_that_ssh_meets(self):
        scan = subprocess.run(["ssh-keyscan", "-T", "30", "-t", "ed25519", b.public],
                              capture_output=True, text=True, check=True).stdout
        key = re.search(r"ssh-ed25519 (\S+)", scan).group(1)
        self.assertIn(key, b.console_output())

    def test_qemu_has_no_privilege(self):
        for guest in (a, b):
            with open(f"/proc/{guest.pid()}/status") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            for name in ("Uid", "Gid"):
                self.assertNotIn("0", status[name].split())
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(status[name], 16), 0, name)
            self.assertNotIn("0", status["Groups"].split())

    def test_the_state_directory_is_the_daemons_alone(self):
        self.assertEqual(os.stat(cloud.state).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(os.path.join(cloud.state, "credentials")).st_mode & 0o777, 0o600)

    def test_status_checks_pass(self):
        for guest in (a, b):
            wait_until(lambda: instance_status(guest) == ("ok", "ok"), 30, "status ok")


def instance_status(guest):
    found = cloud.ec2.describe_instance_status(InstanceIds=[guest.id])["InstanceStatuses"]
    return found and (found[0]["InstanceStatus"]["Status"], found[0]["SystemStatus"]["Status"])


class Metadata(unittest.TestCase):
    def test_version_1_answers_without_a_token(self):
        status, _, body = ask(a, "/latest/meta-data/instance-id")
        self.assertEqual((status, body), (200, a.id))
        self.assertEqual(ask(b, "/2009-04-04/meta-data/local-ipv4")[2], b.private)

    def test_version_2_gives_tokens_with_a_life(self):
        status, headers, token = ask(a, "/latest/api/token", {TTL: "60"}, "PUT")
        self.assertEqual((status, headers[TTL.lower()]), (200, "60"))
        self.assertEqual(ask(a, "/latest/meta-data/instance-id", {TOKEN: token})[2], a.id)
        # It is worth nothing elsewhere, nor is a wrong one.
        self.assertEqual(ask(b, "/latest/meta-data/instance-id", {TOKEN: token})[0], 401)
        self.assertEqual(ask(a, "/latest/meta-data/instance-id", {TOKEN: "x"})[0], 401)
        self.assertEqual(ask(a, "/latest/api/token", {}, "PUT")[0], 400)
        self.assertEqual(ask(a, "/latest/api/token", {TTL: "0"}, "PUT")[0], 400)

    def test_required_tokens_are_required(self):
        cloud.ec2.modify_instance_metadata_options(InstanceId=b.id, HttpTokens="required")
        try:
            self.assertEqual(ask(b, "/latest/meta-data/instance-id")[0], 401)
            self.assertEqual(metadata(b, "/latest/meta-data/instance-id"), b.id)
            self.assertEqual(ask(a, "/latest/meta-data/instance-id")[0], 200)
        finally:
            cloud.ec2.modify_instance_metadata_options(InstanceId=b.id, HttpTokens="optional")
        self.assertEqual(ask(b, "/latest/meta-data/instance-id")[0], 200)

    def test_the_service_can_be_switched_off(self):
        cloud.ec2.modify_instance_metadata_options(InstanceId=b.id, HttpEndpoint="disabled")
        try:
            self.assertEqual(ask(b, "/latest/meta-data/instance-id")[0], 403)
        finally:
            cloud.ec2.modify_instance_metadata_options(InstanceId=b.id, HttpEndpoint="enabled")

    def test_token_replies_go_only_as_many_hops(self):
        if os.geteuid() != 0:
            self.skipTest("seeing packets in the guests' network takes root")
        for guest, hops in ((a, 3), (b, 1)):
            with Sniffer(guest) as sniffer:
                self.assertEqual(ask(guest, "/latest/api/token", {TTL: "60"}, "PUT")[0], 200)
            self.assertIn(hops, sniffer.ttls)  # the reply; what only acknowledges may have more

    def test_every_category_that_is_listed_can_be_read(self):
        directories, leaves, missing = ["/latest/meta-data/", "/latest/dynamic/"], {}, []
        while directories:
            listings = exchange(a, [("GET", path, {}) for path in directories])
            below, paths = [], []
            for path, (status, _, body) in zip(directories, listings):
                if status != 200:
                    missing.append(path)
                    continue
                for entry in body.splitlines():
                    entry = re.sub(r"^(\d+)=.*$", r"\1/", entry)
                    (below if entry.endswith("/") else paths).append(path + entry)
            for start in range(0, len(paths), 40):
                part = paths[start:start + 40]
                for path, (status, _, body) in zip(
                        part, exchange(a, [("GET", path, {}) for path in part])):
                    leaves[path] = body
                    if status != 200:
                        missing.append(path)
            directories = below
        self.assertEqual(missing, [])
        instance = a.describe()
        mac = instance["NetworkInterfaces"][0]["MacAddress"]
        for path, value in {
                "ami-id": instance["ImageId"], "ami-launch-index": "0",
                "hostname": instance["PrivateDnsName"], "instance-type": "t2.nano",
                "local-ipv4": a.private, "mac": mac, "public-ipv4": a.public,
                "placement/availability-zone": instance["Placement"]["AvailabilityZone"],
                "placement/region": "us-east-1", "security-groups": "a",
                f"network/interfaces/macs/{mac}/interface-id":
                    instance["NetworkInterfaces"][0]["NetworkInterfaceId"],
                f"network/interfaces/macs/{mac}/vpc-id": instance["VpcId"],
                f"network/interfaces/macs/{mac}/security-group-ids": group_a,
                f"network/interfaces/macs/{mac}/subnet-ipv4-cidr-block": "172.31.0.0/20",
                f"network/interfaces/macs/{mac}/ipv4-associations/{a.public}": a.private,
        }.items():
            self.assertEqual(leaves["/latest/meta-data/" + path], value, path)
        key = leaves["/latest/meta-data/public-keys/0/openssh-key"]
        self.assertTrue(key.startswith("ssh-rsa ") and key.strip().endswith(" rsa"), key)

    def test_tags_are_there_when_enabled(self):
        self.assertEqual(ask(a, "/latest/meta-data/tags/instance/")[2].split("\n"),
                         ["Name", "role"])
        self.assertEqual(ask(a, "/latest/meta-data/tags/instance/Name")[2], "first one")
        self.assertEqual(ask(b, "/latest/meta-data/tags/instance/")[0], 404)
        cloud.ec2.create_tags(Resources=[a.id], Tags=[{"Key": "late", "Value": "yes"}])
        self.assertEqual(ask(a, "/latest/meta-data/tags/instance/late")[2], "yes")
        cloud.ec2.delete_tags(Resources=[a.id], Tags=[{"Key": "late"}])

    def test_user_data_arrives_as_it_was_sent(self):
        self.assertEqual(metadata(a, "/latest/user-data"), SCRIPT)

    def test_the_identity_document_is_signed(self):
        document = metadata(a, "/latest/dynamic/instance-identity/document")
        fields = json.loads(document)
        self.assertEqual((fields["instanceId"], fields["privateIp"], fields["region"]),
                         (a.id, a.private, "us-east-1"))
        self.assertEqual(fields["accountId"], cloud.credentials["account_id"])
        with tempfile.TemporaryDirectory() as directory:
            def write(name, text):
                path = os.path.join(directory, name)
                with open(path, "w") as file:
                    file.write(text)
                return path
            with open(os.path.join(cloud.state, "secrets", "identity.pem")) as file:
                pem = file.read()
            certificate = write("certificate", pem[pem.index("-----BEGIN CERTIFICATE"):])
            pkcs7 = write("pkcs7", "-----BEGIN PKCS7-----\n"
                          + metadata(a, "/latest/dynamic/instance-identity/pkcs7")
                          + "\n-----END PKCS7-----\n")
            openssl = subprocess.run(
                ["openssl", "smime", "-verify", "-inform", "PEM", "-in", pkcs7, "-certfile",
                 certificate, "-noverify"], capture_output=True, text=True)
            self.assertEqual(openssl.returncode, 0, openssl.stderr)
            self.assertEqual(openssl.stdout.replace("\r\n", "\n"), document)

            signature = os.path.join(directory, "signature")
            subprocess.run(["openssl", "base64", "-d", "-out", signature], check=True, text=True,
                           input=metadata(a, "/latest/dynamic/instance-identity/signature") + "\n")
            public = write("public", subprocess.run(
                ["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True,
                capture_output=True, text=True).stdout)
            subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature",
                            signature, write("document", document)], check=True,
                           capture_output=True)


class Sniffer:
    """The TTLs of what the metadata service sends to a guest, seen on the guest's tap."""

    PROGRAM = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
print("ready", flush=True)
while True:
    packet = s.recv(65536)
    if packet[12:14] == b"\\x08\\x00" and packet[26:30] == bytes([169, 254, 169, 254]):
        header = (packet[14] & 15) * 4
        if int.from_bytes(packet[16:18], "big") > header + (packet[14 + header + 12] >> 4) * 4:
            print(packet[22], flush=True)  # it carries data
"""

    def __init__(self, guest):
        eni = guest.describe()["NetworkInterfaces"][0]["NetworkInterfaceId"]
        tap = next(name for name in cloud.taps() if eni.endswith(name.removeprefix("tap")))
        self.process = subprocess.Popen(
            ["nsenter", "--target", str(cloud.survivors()["holder"]), "--net", sys.executable,
             "-c", self.PROGRAM, tap], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.ttls = [int(line) for line in self.process.stdout]
        self.process.wait()
        self.process.stdout.close()


class Names(unittest.TestCase):
    def resolve(self, guest, name):
        out = guest.ssh(f"nslookup {name} 2>&1", check=False)
        return re.findall(r"^Address(?: \d+)?: ([0-9.]+)", out.partition("Name:")[2], re.M)

    def test_guests_know_each_other_by_name(self):
        for guest in (a, b):
            for peer in (a, b):
                name = peer.describe()["PrivateDnsName"]
                self.assertEqual(self.resolve(guest, name), [peer.private])

    def test_aws_names_lead_to_the_daemon(self):
        for name in ("s3.amazonaws.com", "bucket.s3.amazonaws.com", "s3.us-east-1.amazonaws.com",
                     "any.dotted.bucket.s3.us-east-1.amazonaws.com", "ec2.us-east-1.amazonaws.com",
                     "sts.amazonaws.com"):
            self.assertEqual(self.resolve(a, name), [ROUTER], name)

    def test_the_api_answers_inside(self):
        for port in (80, cloud.place.port):
            status, _, body = ask(a, "/?Action=DescribeInstances&Version=2016-11-15",
                                  host="ec2.us-east-1.amazonaws.com", port=port)
            self.assertIn(status, (400, 401, 403))
            self.assertRegex(body, r"<Response>\s*<Errors>\s*<Error>\s*<Code>\w+</Code>")

    def test_a_signed_call_from_inside_works(self):
        from botocore.auth import SigV4QueryAuth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        keys = cloud.credentials
        request = AWSRequest("GET", "http://ec2.us-east-1.amazonaws.com/"
                             "?Action=DescribeInstances&Version=2016-11-15")
        SigV4QueryAuth(Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"]),
                       "ec2", "us-east-1").add_auth(request)
        out = a.ssh(f"timeout 10 wget -q -O - '{request.url}'")
        self.assertIn(a.id, out)

    def test_guests_have_the_certificate_of_the_clouds_authority(self):
        with open(os.path.join(cloud.state, "certificates", "authority.pem")) as file:
            authority = file.read()
        self.assertEqual(metadata(a, "/latest/dynamic/cumulet/authority.pem"), authority)
        for guest in (a, b):
            self.assertEqual(guest.ssh("cat /etc/ssl/certs/ca-certificates.crt"), authority)

    def test_nothing_of_the_hosts_loopback_is_reachable(self):
        with Listener("127.0.0.1") as local, Listener("127.77.0.1") as other:
            # The routers, the metadata service, the way out's own addresses, and 127/8, which is
            # the guest's own unless it sends it away on purpose.
            gateways = [ROUTER, "172.31.16.1", METADATA, "192.0.0.1", "192.0.0.2", "192.0.0.3",
                        "127.0.0.1", "127.77.0.1", a.public]
            tries = [f"{address} {port}" for address in gateways
                     for port in (local.port, other.port, cloud.place.port)
                     if not (address.startswith("172.31.") and port == cloud.place.port)]
            out = a.ssh(f"ip route add 127.77.0.1 via {ROUTER} dev eth0 table local; "
                        "echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet; "
                        + "".join(f"(timeout 3 nc -w 2 {where} </dev/null >/dev/null 2>&1 && "
                                  f"echo {where}) & " for where in tries)
                        + "wait; ip route del 127.77.0.1 table local; true")
            self.assertEqual(out, "")
            self.assertEqual((local.met, other.met), (0, 0))

    def test_a_guest_cannot_use_an_address_that_is_not_its_own(self):
        def answered(source):
            return "1 packets received" in a.ssh(
                f"ping -c 1 -W 2 -I {source} {ROUTER} 2>&1", check=False)
        self.assertTrue(answered(a.private))
        for address in ("172.31.15.250", b.private, "10.1.2.3"):
            a.ssh(f"ip addr add {address}/32 dev eth0")
            try:
                self.assertFalse(answered(address), address)
            finally:
                a.ssh(f"ip addr del {address}/32 dev eth0")
        self.assertTrue(answered(a.private))
        self.assertIsNotNone(b.get())


class Listener:
    """A server on the host that counts who came."""

    def __init__(self, address):
        self.socket = socket.create_server((address, 0))
        self.port = self.socket.getsockname()[1]
        self.met = 0
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.met += 1
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


class Objects(unittest.TestCase):
    """S3 by its own names, for programs in guests that know no other address."""

    @classmethod
    def setUpClass(cls):
        from botocore.config import Config
        cls.bucket, cls.key = "guests-objects", "dir/a key"
        cls.body = "from the bucket\n" * 20000  # more than is kept in the database
        cls.s3 = cloud.boto3("s3")
        cls.s3.create_bucket(Bucket=cls.bucket)
        cls.s3.put_object(Bucket=cls.bucket, Key=cls.key, Body=cls.body, ACL="public-read")
        cls.s3.put_object(Bucket=cls.bucket, Key="private", Body=b"for those who sign\n")
        # Never asked: it only makes addresses.
        cls.signer = cloud.boto3("s3", endpoint_url="http://s3.us-east-1.amazonaws.com",
                                 config=Config(signature_version="s3v4",
                                               s3={"addressing_style": "virtual"}))

    def presigned(self, operation, key):
        url = self.signer.generate_presigned_url(operation, {"Bucket": self.bucket, "Key": key})
        self.assertTrue(url.startswith(f"http://{self.bucket}.s3.us-east-1.amazonaws.com/"), url)
        return url

    def test_a_public_object_by_every_address(self):
        for address in (f"s3.amazonaws.com/{self.bucket}", f"{self.bucket}.s3.amazonaws.com",
                        f"s3.us-east-1.amazonaws.com/{self.bucket}",
                        f"{self.bucket}.s3.us-east-1.amazonaws.com"):
            with self.subTest(address=address):
                out = a.ssh(f"timeout 20 wget -q -O - 'http://{address}/dir/a%20key'")
                self.assertEqual(out, self.body)

    def test_a_public_object_by_https(self):
        for address in (f"s3.amazonaws.com/{self.bucket}",
                        f"{self.bucket}.s3.us-east-1.amazonaws.com"):
            with self.subTest(address=address):
                out = a.ssh(f"timeout 20 wget -q -O - 'https://{address}/dir/a%20key'")
                self.assertEqual(out, self.body)

    def test_what_is_not_public_is_refused(self):
        url = f"http://{self.bucket}.s3.amazonaws.com/private"
        out = a.ssh(f"timeout 20 wget -O - {url} 2>&1", check=False)
        self.assertIn("403 Forbidden", out)
        self.assertNotIn("for those who sign", out)

    def test_presigned_addresses(self):
        out = a.ssh(f"timeout 20 wget -q -O - '{self.presigned('get_object', 'private')}'")
        self.assertEqual(out, "for those who sign\n")
        # busybox's wget cannot PUT.
        host, _, path = self.presigned("put_object", "up").removeprefix("http://").partition("/")
        body = "from the guest\n"
        request = (f"PUT /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
                   f"Connection: close\r\n\r\n{body}")
        reply = a.ssh(f"timeout 20 nc -w 5 {host} 80", input=request)
        self.assertTrue(reply.startswith("HTTP/1.1 200 "), reply)
        self.assertEqual(self.s3.get_object(Bucket=self.bucket, Key="up")["Body"].read(),
                         body.encode())

    def test_a_form_of_wgets_own(self):
        form = self.s3.generate_presigned_post(self.bucket, "posted")["fields"]
        parts = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                        for name, value in form.items())
        parts += ('--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
                  "by wget\r\n--x--\r\n")
        a.ssh("cat >/tmp/form", input=parts)
        a.ssh("timeout 20 wget -q -O - --header 'Content-Type: multipart/form-data; boundary=x' "
              f"--post-file /tmp/form http://{self.bucket}.s3.amazonaws.com/")
        self.assertEqual(self.s3.get_object(Bucket=self.bucket, Key="posted")["Body"].read(),
                         b"by wget")


class SecurityGroups(unittest.TestCase):
    def authorize(self, group, egress=False, **permission):
        verb = "egress" if egress else "ingress"
        getattr(cloud.ec2, "authorize_security_group_" + verb)(GroupId=group,
                                                               IpPermissions=[permission])
        return lambda: getattr(cloud.ec2, "revoke_security_group_" + verb)(
            GroupId=group, IpPermissions=[permission])

    def test_a_port_opens_and_closes_at_the_public_address(self):
        with echo_service(a, 5000), echo_service(a, 5001):
            self.assertTrue(is_refused(a.public, 5000))
            cloud.open_ports(5000, 5001, group=group_a)
            first, second = opens(a.public, 5000), opens(a.public, 5001)
            cloud.close_ports(5000, group=group_a)
            wait_until(lambda: not first.answers(), 5, "the connection is cut")
            wait_until(lambda: is_refused(a.public, 5000), 5, "the port is closed")
            self.assertTrue(second.answers())
            cloud.close_ports(5001, group=group_a)
            wait_until(lambda: not second.answers(), 5, "the other connection is cut, too")
            first.close()
            second.close()
        self.assertEqual(a.ssh("echo still here"), "still here\n")

    def test_a_rule_lets_in_only_the_addresses_it_names(self):
        with echo_service(a, 5002):
            rule = {"IpProtocol": "tcp", "FromPort": 5002, "ToPort": 5002}
            revoke = self.authorize(group_a, **rule, IpRanges=[{"CidrIp": "10.0.0.0/8"}])
            wait_until(lambda: listens(a.public, 5002), 5, "the rule is applied")
            self.assertTrue(is_refused(a.public, 5002))
            also = self.authorize(group_a, **rule, IpRanges=[{"CidrIp": "127.0.0.0/8"}])
            connection = opens(a.public, 5002)
            revoke()
            self.assertTrue(connection.answers())
            connection.close()
            also()
            wait_until(lambda: is_refused(a.public, 5002), 5, "the port is closed")

    def test_a_group_lets_in_the_members_of_another(self):
        with echo_service(b, 6000):
            self.assertFalse(can_connect(a, b.private, 6000))
            revoke = self.authorize(group_b, IpProtocol="tcp", FromPort=6000, ToPort=6000,
                                    UserIdGroupPairs=[{"GroupId": group_a}])
            wait_until(lambda: can_connect(a, b.private, 6000), 10, "a reaches b")
            self.assertFalse(can_connect(a, b.private, 6001, 1))
            # A connection between them ends with the rule that allowed it.
            a.ssh(f"rm -f /tmp/heard; setsid sh -c '(while usleep 100000; do echo x; done) | "
                  f"nc {b.private} 6000 >/tmp/heard' >/dev/null 2>&1 </dev/null &")

            def heard():
                return int(a.ssh("wc -c </tmp/heard 2>/dev/null || echo 0"))
            wait_until(lambda: heard() > 4, 10, "the connection speaks")
            revoke()
            wait_until(lambda: not can_connect(a, b.private, 6000, 1), 10, "b is closed again")
            before = heard()
            time.sleep(1)  # that nothing comes takes a while to see
            self.assertEqual(heard(), before)
            a.ssh("kill $(pidof nc) 2>/dev/null", check=False)

    def test_what_egress_does_not_allow_does_not_leave(self):
        with echo_service(b, 6002):
            revoke_in = self.authorize(group_b, IpProtocol="tcp", FromPort=6002, ToPort=6002,
                                       IpRanges=[{"CidrIp": "172.31.0.0/16"}])
            wait_until(lambda: can_connect(a, b.private, 6002), 10, "a reaches b")
            everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            cloud.ec2.revoke_security_group_egress(GroupId=group_a, IpPermissions=[everything])
            try:
                wait_until(lambda: not can_connect(a, b.private, 6002, 1), 10, "a is kept in")
                # The relay, names and metadata are not a matter of groups.
                self.assertIsNotNone(a.get())
                self.assertEqual(ask(a, "/latest/meta-data/instance-id")[0], 200)
                revoke = self.authorize(group_a, egress=True, IpProtocol="tcp", FromPort=6002,
                                        ToPort=6002, UserIdGroupPairs=[{"GroupId": group_b}])
                wait_until(lambda: can_connect(a, b.private, 6002), 10, "a reaches b again")
                revoke()
            finally:
                self.authorize(group_a, egress=True, **everything)
            revoke_in()

    def test_icmp_is_allowed_like_all_else(self):
        def pings():
            return "1 packets received" in a.ssh(f"ping -c 1 -W 1 {b.private} 2>&1", check=False)
        self.assertFalse(pings())
        revoke = self.authorize(group_b, IpProtocol="icmp", FromPort=8, ToPort=-1,
                                IpRanges=[{"CidrIp": f"{a.private}/32"}])
        wait_until(pings, 10, "b answers")
        revoke()
        wait_until(lambda: not pings(), 10, "b is silent")

    def test_groups_of_an_instance_can_be_replaced(self):
        other = cloud.ec2.create_security_group(GroupName="other", Description="-")["GroupId"]
        cloud.open_ports(22, group=other)
        cloud.ec2.modify_instance_attribute(InstanceId=b.id, Groups=[other])
        try:
            wait_until(lambda: is_refused(b.public, 80), 10, "port 80 is closed")
            self.assertEqual(b.ssh("echo here"), "here\n")
        finally:
            cloud.ec2.modify_instance_attribute(InstanceId=b.id, Groups=[group_b])
        wait_until(b.get, 10, "the page is back")
        cloud.ec2.delete_security_group(GroupId=other)


class Volumes(unittest.TestCase):
    def volume(self, id):
        return cloud.ec2.describe_volumes(VolumeIds=[id])["Volumes"][0]

    def make(self, guest, **options):
        zone = guest.describe()["Placement"]["AvailabilityZone"]
        id = cloud.ec2.create_volume(AvailabilityZone=zone, **options)["VolumeId"]
        wait_until(lambda: self.volume(id)["State"] == "available", 10, lambda: self.volume(id))
        return id

    def attach(self, volume, guest, device):
        cloud.ec2.attach_volume(VolumeId=volume, InstanceId=guest.id, Device=f"/dev/{device}")
        wait_until(lambda: self.volume(volume)["Attachments"][0]["State"] == "attached", 20,
                   lambda: self.volume(volume))
        guest.ssh(f"until [ -b /dev/{device} ]; do sleep 0.1; done")

    def detach(self, volume):
        cloud.ec2.detach_volume(VolumeId=volume)
        wait_until(lambda: self.volume(volume)["State"] == "available", 20,
                   lambda: self.volume(volume))

    def take(self, volume):
        id = cloud.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]

        def shown():
            return cloud.ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]
        wait_until(lambda: shown()["State"] == "completed", 20, shown)
        return id

    def test_a_volume_and_its_snapshot(self):
        volume = self.make(a, Size=1)
        self.attach(volume, a, "xvdf")
        a.ssh("mke2fs /dev/xvdf >/dev/null && mkdir -p /mnt/v && mount /dev/xvdf /mnt/v && "
              "echo first >/mnt/v/file && sync")
        serial = a.ssh("ls /dev/disk/by-id")
        self.assertIn(volume.replace("-", ""), serial)
        snapshot = self.take(volume)
        a.ssh("echo second >/mnt/v/file && umount /mnt/v")
        self.detach(volume)
        a.ssh("while [ -b /dev/xvdf ]; do sleep 0.1; done")

        earlier = self.make(b, SnapshotId=snapshot)
        self.attach(earlier, b, "xvdf")
        self.assertEqual(b.ssh("mkdir -p /mnt/e && mount -r /dev/xvdf /mnt/e && cat /mnt/e/file"),
                         "first\n")
        cloud.ec2.modify_volume(VolumeId=earlier, Size=2)
        b.ssh("until [ $(blockdev --getsize64 /dev/xvdf) = 2147483648 ]; do sleep 0.1; done")
        b.ssh("umount /mnt/e")
        self.detach(earlier)
        for id in (earlier, volume):
            cloud.ec2.delete_volume(VolumeId=id)
        cloud.ec2.delete_snapshot(SnapshotId=snapshot)

    def test_an_image_of_a_running_guest_boots(self):
        a.ssh("echo changed >/var/www/html/made.html; sync")
        files = set(os.listdir(os.path.join(cloud.state, "volumes")))
        image = cloud.ec2.create_image(InstanceId=a.id, Name="made", NoReboot=True)["ImageId"]

        def shown():
            return cloud.ec2.describe_images(ImageIds=[image])["Images"][0]
        wait_until(lambda: shown()["State"] == "available", 20, shown)
        copy = cloud.run_guest(rsa, ImageId=image, SecurityGroupIds=[group_a])
        self.assertEqual(copy.wait_page("/made.html"), "changed\n")
        copy.wait_ssh()
        self.assertEqual(copy.ssh("cat /root/ran"), "once\n")  # a's: it came with no user data
        self.assertEqual(a.ssh("cat /var/www/html/made.html"), "changed\n")
        cloud.ec2.deregister_image(ImageId=image)
        snapshot = shown_snapshots(a)[0]["SnapshotId"]
        cloud.ec2.delete_snapshot(SnapshotId=snapshot)
        copy.terminate()
        copy.wait_state("terminated", timeout=40)
        # What the copy wrote is gone; what a froze stays under a.
        left = set(os.listdir(os.path.join(cloud.state, "volumes"))) - files
        self.assertEqual(len(left), 1, left)


def shown_snapshots(guest):
    volume = guest.describe()["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    return cloud.ec2.describe_snapshots(OwnerIds=["self"], Filters=[
        {"Name": "volume-id", "Values": [volume]}])["Snapshots"]


def listens(address, port):
    """Whether the host has a listener there, whoever it lets in."""
    wanted = "".join(f"{int(part):02X}" for part in reversed(address.split("."))) + f":{port:04X}"
    with open("/proc/net/tcp") as table:
        return any(line.split()[1] == wanted and line.split()[3] == "0A"
                   for line in list(table)[1:])


class Lives(unittest.TestCase):
    def gone(self, guest, disk, eni):
        """Nothing is left of an instance that was terminated."""
        self.assertFalse(os.path.exists(disk))
        self.assertIsNone(guest.pid())
        if os.geteuid() == 0:
            self.assertFalse([tap for tap in cloud.taps() if eni.endswith(tap.removeprefix("tap"))])

    def test_a_service_that_is_stopped_refuses_and_comes_back(self):
        a.ssh("service httpd stop")
        wait_until(lambda: is_refused(a.public, 80), 5, "the page is refused")
        self.assertTrue(listens(a.public, 80))
        a.ssh("service httpd start")
        wait_until(a.get, 10, "the page is back")

    def test_b_reboots_with_its_address_and_disk(self):
        b.ssh("echo kept >/root/kept; sync; cat /proc/sys/kernel/random/boot_id >/var/www/html/boot")
        boot = b.get("/boot")
        public = b.public
        b.cloud.hang_up()
        cloud.ec2.reboot_instances(InstanceIds=[b.id])
        wait_until(lambda: not b.get(timeout=1), 60, "it goes down")
        b.wait_page()
        b.wait_ssh()
        self.assertEqual(b.describe()["PublicIpAddress"], public)
        self.assertNotEqual(b.ssh("cat /proc/sys/kernel/random/boot_id"), boot)
        self.assertEqual(b.ssh("cat /root/kept /root/ran"), "kept\nonce\n")
        self.assertEqual(b.state, "running")

    def test_b_that_powers_itself_off_is_stopped_and_starts_again(self):
        b.ssh("echo stays >/root/stays; sync")
        disk, public, private = b.disk(), b.public, b.private
        b.cloud.hang_up()
        b.ssh("poweroff", check=False, keep=False)
        stopped = b.wait_state("stopped")
        self.assertEqual(stopped["StateReason"]["Code"], "Client.InstanceInitiatedShutdown")
        self.assertNotIn("PublicIpAddress", stopped)
        self.assertEqual(stopped["PrivateIpAddress"], private)
        self.assertIsNone(b.pid())
        self.assertTrue(os.path.exists(disk))
        self.assertFalse(listens(public, 80))

        cloud.ec2.start_instances(InstanceIds=[b.id])
        b.wait_state("running")
        self.assertNotEqual(b.public, public)
        b.wait_page()
        b.wait_ssh()
        self.assertEqual(b.ssh("cat /root/stays /root/ran"), "stays\nonce\n")
        self.assertIn(b.public, b.get())

    def test_c_is_checked_powers_itself_off_and_is_terminated(self):
        guest = cloud.run_guest(ed25519, SecurityGroupIds=[group_a], UserData=encoded(SCRIPT),
                                InstanceInitiatedShutdownBehavior="terminate")
        guest.wait_state("running")
        self.assertEqual(instance_status(guest)[0], "initializing")
        guest.wait_page()
        wait_until(lambda: instance_status(guest) == ("ok", "ok"), 30, "status ok")
        guest.wait_ssh()
        wait_until(lambda: "user data done" in guest.console(), 60, guest.console)
        self.assertEqual(guest.ssh("cat /root/ran"), "once\n")  # base64 that the user had made

        disk, public = guest.disk(), guest.public
        eni = guest.describe()["NetworkInterfaces"][0]["NetworkInterfaceId"]
        self.assertTrue(os.path.exists(disk))
        self.assertTrue(listens(public, 22))
        cloud.hang_up()
        guest.ssh("poweroff", check=False, keep=False)
        reason = guest.wait_state("terminated")["StateReason"]["Code"]
        self.assertEqual(reason, "Client.InstanceInitiatedShutdown")
        self.gone(guest, disk, eni)
        wait_until(lambda: not listens(public, 22), 5, "its ports are closed")

    def test_d_whose_machine_is_killed_is_stopped(self):
        guest = cloud.run_guest(SecurityGroupIds=[group_a])
        guest.wait_state("running")
        disk = guest.disk()
        eni = guest.describe()["NetworkInterfaces"][0]["NetworkInterfaceId"]
        os.kill(guest.pid(), 9)
        stopped = guest.wait_state("stopped", timeout=40)
        self.assertEqual(stopped["StateReason"]["Code"], "Server.InternalError")

        cloud.ec2.start_instances(InstanceIds=[guest.id])
        self.assertNotIn("StateReason", guest.wait_state("running"))
        cloud.ec2.stop_instances(InstanceIds=[guest.id], Force=True)
        reason = guest.wait_state("stopped", timeout=20)["StateReason"]["Code"]
        self.assertEqual(reason, "Client.UserInitiatedShutdown")
        guest.terminate()
        reason = guest.wait_state("terminated", timeout=20)["StateReason"]["Code"]
        self.assertEqual(reason, "Client.UserInitiatedShutdown")
        self.gone(guest, disk, eni)

    def test_e_terminates_while_it_boots(self):
        guest = cloud.run_guest(SecurityGroupIds=[group_a])
        disk = guest.disk()
        eni = guest.describe()["NetworkInterfaces"][0]["NetworkInterfaceId"]
        guest.terminate()
        guest.wait_state("terminated", timeout=40)
        self.gone(guest, disk, eni)


class Clouds(unittest.TestCase):
    def test_two_clouds_side_by_side(self):
        with GuestCloud(args=["--memory", "600"]) as other:
            other.open_ports(80)
            guest = other.run_guest()
            with self.assertRaisesRegex(Exception, "InsufficientInstanceCapacity"):
                other.run_guest()
            self.assertEqual(len(other.ec2.describe_instances()["Reservations"]), 1)
            guest.wait_page()
            self.assertNotEqual(guest.public, a.public)
            self.assertIn(a.id, a.get())
            self.assertNotEqual(other.network_namespace(), cloud.network_namespace())
            guest.terminate()
            guest.wait_state("terminated")
        self.assertIn(a.id, a.get())


if __name__ == "__main__":
    unittest.main()
