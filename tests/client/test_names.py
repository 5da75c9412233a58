"""Names on the host: the daemon's DNS server."""

import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CUMULETD, Cloud, CloudError, CloudTestCase, wait_until  # noqa: E402
from names import (A, AAAA, ANY, AXFR, BAD_VERSION, DEADLINE, FORMAT, NO_NAME,  # noqa: E402
                   NOT_IMPLEMENTED, NS, OK, OPT, REFUSED, SOA, SUFFIX, Answer, NamesTestCase, edns,
                   named_cloud, question)


class AnswersTest(NamesTestCase):
    def test_an_instance_is_known_by_both_its_names(self):
        instance = self.instance()
        self.assertTrue(instance["PublicDnsName"].endswith(f".compute-1.{SUFFIX}"))
        answer = self.ask(instance["PublicDnsName"])
        self.assertEqual((answer.code, answer.addresses), (OK, [instance["PublicIpAddress"]]))
        self.assertTrue(answer.flags & 0x0400, "it is the authority")
        self.assertEqual(self.ask(instance["PrivateDnsName"]).addresses,
                         [instance["PrivateIpAddress"]])

    def test_a_terminated_one_is_forgotten(self):
        instance = self.instance()
        self.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
        for name in (instance["PublicDnsName"], instance["PrivateDnsName"]):
            wait_until(lambda: self.ask(name).code == NO_NAME, DEADLINE, "it is forgotten")

    def test_a_balancer_is_known_from_its_making_to_its_end(self):
        name = self.balancer("Web")
        address, = [item["address"] for item in self.cloud.status()["load_balancers"]]
        self.assertEqual(self.ask(name).addresses, [address])
        self.assertEqual(self.ask(name.swapcase()).addresses, [address], "letters have no case")
        self.assertEqual(self.ask(name.replace("Web-", "Wed-")).code, NO_NAME)
        self.elb.delete_load_balancer(LoadBalancerName="Web")
        self.assertEqual(self.ask(name).code, NO_NAME)

    def test_an_internal_balancer(self):
        name = self.balancer("Within", Scheme="internal")
        self.addCleanup(self.elb.delete_load_balancer, LoadBalancerName="Within")
        self.assertTrue(name.startswith("internal-Within-"))
        self.assertEqual(len(self.ask(name).addresses), 1)
        self.assertEqual(self.ask(name.removeprefix("internal-")).code, NO_NAME)

    def test_the_endpoint_and_buckets(self):
        for name in ("", "s3", "ec2", "ec2.us-east-1", "elasticloadbalancing.eu-west-1", "sts",
                     "bucket.s3", "my.dotted.bucket.s3", "bucket.s3.us-east-1",
                     "bucket.s3-website.us-east-1"):
            answer = self.ask(f"{name}.{SUFFIX}")
            self.assertEqual((answer.code, answer.addresses), (OK, ["127.0.0.1"]), name)

    def test_a_bucket_is_reached_by_its_name(self):
        s3 = self.cloud.boto3("s3")
        s3.create_bucket(Bucket="shelf")
        s3.put_object(Bucket="shelf", Key="note", Body=b"kept", ACL="public-read")
        address, = self.ask(f"shelf.s3.{SUFFIX}").addresses
        done = self.cloud.run("curl", "-sS", "--noproxy", "*", "--resolve",
                              f"shelf.s3.{SUFFIX}:{self.cloud.place.port}:{address}",
                              f"http://shelf.s3.{SUFFIX}:{self.cloud.place.port}/note") \
            if shutil.which("curl") else self.skipTest("no curl here (apt-get install curl)")
        self.assertEqual(done.stdout, "kept")

    def test_what_is_not_there(self):
        for name in ("nothing", "bucket.ec2", "ec2-1-2-3-4.compute-1", "ec2-1-2-3.compute-1",
                     "ec2-1-2-3-4-5.compute-1", "ec2-01-2-3-4.compute-1", "ec2--1-2-3-4.compute-1",
                     "ec2-999-1-1-1.compute-1", "web-1.us-east-1.elb", "-.us-east-1.elb",
                     "web.us-east-1.elb", "web-1.eu-west-1.elb", "s3.nowhere", "x.us-east-1"):
            answer = self.ask(f"{name}.{SUFFIX}")
            self.assertEqual((answer.code, answer.answers), (NO_NAME, []), name)
            self.assertEqual([(record[0], record[1]) for record in answer.authority],
                             [(SUFFIX, SOA)])
        for name in ("ip-172-31-0-99", "ip-172-31-0", "host", "ec2-172-31-0-99"):
            self.assertEqual(self.ask(f"{name}.ec2.internal").code, NO_NAME, name)

    def test_names_with_others_below_them_are_empty(self):
        for name in (f"compute-1.{SUFFIX}", f"elb.{SUFFIX}", f"us-east-1.elb.{SUFFIX}",
                     f"eu-west-1.{SUFFIX}", "ec2.internal"):
            answer = self.ask(name)
            self.assertEqual((answer.code, answer.answers), (OK, []), name)

    def test_other_types_have_no_answer(self):
        for type_ in (AAAA, NS, 15, 16, 33, 65, 65535):
            answer = self.ask(f"s3.{SUFFIX}", type_)
            self.assertEqual((answer.code, answer.answers), (OK, []), type_)
            self.assertEqual(answer.authority[0][0], SUFFIX)
        self.assertEqual(self.ask(f"s3.{SUFFIX}", ANY).addresses, ["127.0.0.1"])
        self.assertEqual(self.ask(SUFFIX, SOA).answers[0][1], SOA)
        self.assertEqual(self.ask(f"nothing.{SUFFIX}", AAAA).code, NO_NAME)

    def test_what_is_not_ours_is_refused(self):
        for name in ("", "test", "example.com", f"not{SUFFIX}", f"{SUFFIX}.example.com", "internal",
                     "s3.amazonaws.com", "1.0.0.127.in-addr.arpa"):
            self.assertEqual(self.ask(name).code, REFUSED, name)
        self.assertEqual(self.ask(SUFFIX, AXFR).code, REFUSED)
        self.assertEqual(self.ask(SUFFIX, class_=3).code, REFUSED)

    def test_edns(self):
        answer = self.ask(f"s3.{SUFFIX}", extra=edns(), counts=(1, 0, 0, 1))
        self.assertEqual(answer.addresses, ["127.0.0.1"])
        self.assertEqual([record[1] for record in answer.additional], [OPT])
        self.assertEqual(self.ask(f"s3.{SUFFIX}", extra=edns(1), counts=(1, 0, 0, 1)).code,
                         BAD_VERSION)
        self.assertEqual(self.ask(f"s3.{SUFFIX}").additional, [])

    def test_the_question_comes_back_letter_by_letter(self):
        name = f"S3.{SUFFIX.upper()}"
        answer = self.ask(name, flags=0)
        self.assertEqual(answer.questions, [(name, A, 1)])
        self.assertEqual(answer.flags & 0x0180, 0, "recursion is neither wanted nor to be had")
        self.assertEqual(answer.answers[0][0], name)

    def test_by_tcp_one_connection_takes_many_questions(self):
        client = self.connect()
        names = [f"s3.{SUFFIX}", f"nothing.{SUFFIX}", "example.com"] * 20
        messages = [question(name, id_=i) for i, name in enumerate(names)]
        stream = b"".join(struct.pack(">H", len(message)) + message for message in messages)
        client.sendall(stream[:7])
        client.sendall(stream[7:])
        with client.makefile("rb") as file:
            for i, code in enumerate([OK, NO_NAME, REFUSED] * 20):
                answer = Answer(file.read(struct.unpack(">H", file.read(2))[0]))
                self.assertEqual((answer.id, answer.code), (i, code))


class BadInputTest(NamesTestCase):
    def assert_serves(self):
        self.assertEqual(self.ask(f"s3.{SUFFIX}").addresses, ["127.0.0.1"])

    def test_malformed_questions(self):
        whole = question(f"s3.{SUFFIX}")
        for message in (
                whole[:12], whole[:20], whole[:-1],
                question("s3", counts=(0, 0, 0, 0)), question("s3", counts=(2, 0, 0, 0)),
                question("s3", counts=(1, 0, 0, 1)),
                question("s3", counts=(1, 65535, 65535, 65535)),
                struct.pack(">6H", 7, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1",  # a pointer to itself
                struct.pack(">6H", 7, 0, 1, 0, 0, 0) + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
                question(".".join(["a" * 63] * 4) + ".abc"),  # 256 bytes
                question("s3", extra=edns() + edns(), counts=(1, 0, 0, 2)),
                question("s3", extra=b"\1a" + edns(), counts=(1, 0, 0, 1))):
            self.assertEqual(self.send(message).code, FORMAT, message)
        self.assert_serves()

    def test_the_longest_name_is_answered(self):
        room = 253 - len(SUFFIX) - 1
        labels = ["a" * 63] * 3 + ["b" * (room - 3 * 64)]
        name = ".".join(labels + [SUFFIX])
        self.assertEqual(len(name), 253)
        answer = self.ask(name, extra=edns(), counts=(1, 0, 0, 1))
        self.assertEqual((answer.code, answer.questions[0][0]), (NO_NAME, name))

    def test_bytes_that_no_name_has(self):
        for name in ("a\0b", "s3\xff", "*", "a b"):
            self.assertEqual(self.ask(f"{name}.{SUFFIX}").code, NO_NAME, name)
        # A dot within a label is none between labels.
        message = struct.pack(">6H", 7, 0, 1, 0, 0, 0) + b"\x0ds3.cloud.test\0\0\1\0\1"
        self.assertEqual(self.send(message).code, REFUSED)

    def test_other_operations_are_not_there(self):
        for opcode in (1, 2, 4, 5, 15):
            self.assertEqual(self.ask(SUFFIX, flags=opcode << 11).code, NOT_IMPLEMENTED)

    def test_what_is_no_question_gets_no_answer(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", self.cloud.dns_port))
            client.settimeout(10)
            for message in (b"", b"x" * 11, question(f"s3.{SUFFIX}", flags=0x8180)):
                client.send(message)
            client.send(question(f"s3.{SUFFIX}", id_=99))
            self.assertEqual(Answer(client.recv(4096)).id, 99, "the first to be answered")

    def test_noise(self):
        noise = random.Random(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", self.cloud.dns_port))
            for _ in range(100):
                for _ in range(30):
                    client.send(noise.randbytes(noise.randrange(1500)))
                self.assert_serves()

    def test_bad_streams_are_ended(self):
        for data in (b"\xff\xff" + b"x" * 10, b"\0\0", b"\0\x05hello"):
            client = self.connect()
            client.sendall(data)
            self.assertEqual(client.recv(1), b"", data)
        self.assert_serves()

    def test_clients_that_say_nothing_do_not_keep_others_out(self):
        silent = [self.connect() for _ in range(100)]
        client = self.connect()
        message = question(f"s3.{SUFFIX}")
        client.sendall(struct.pack(">H", len(message)) + message)
        with client.makefile("rb") as file:
            self.assertEqual(Answer(file.read(struct.unpack(">H", file.read(2))[0])).code, OK)
        self.assertEqual(silent[0].recv(1), b"", "who was silent longest made room")

    def test_one_that_never_reads_is_dropped(self):
        client = self.connect()
        client.settimeout(20)
        message = question(f"s3.{SUFFIX}")
        stream = (struct.pack(">H", len(message)) + message) * 1000
        with self.assertRaises(OSError):
            for _ in range(10000):
                client.sendall(stream)
        self.assert_serves()


class OptionsTest(CloudTestCase):
    cloud_options = None

    def refused(self, *args):
        with tempfile.TemporaryDirectory() as directory:
            done = subprocess.run([CUMULETD, "--state", os.path.join(directory, "s"), "--backend",
                                   "fake", *args], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=60)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr

    def test_options_that_make_no_sense(self):
        for port in ("-2", "65536", "4566", "x"):
            self.assertIn("--dns-port", self.refused("--dns-port", port))
        for suffix in ("", ".", "a..b", "-a", "a b", "a\nb", "a/b", "x" * 64, "a." * 80 + "a"):
            self.assertIn("--dns-suffix", self.refused("--dns-suffix", suffix))
        self.assertIn("--addresses", self.refused("--addresses", "127.0.0.0/8"))

    def test_a_port_that_is_taken(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            cloud = Cloud("fake", start=False)
            self.addCleanup(cloud.destroy)
            cloud.args += ["--dns-port", str(taken.getsockname()[1])]
            with self.assertRaisesRegex(CloudError, "is taken.*--dns-port"):
                cloud.start()

    def test_status_says_where_names_are_answered(self):
        cloud = named_cloud()
        self.addCleanup(cloud.close)
        self.assertEqual(cloud.status()["dns"], {"address": "127.0.0.1", "port": cloud.dns_port,
                                                 "domains": [SUFFIX, "ec2.internal"]})
        self.assertIn(f"names      127.0.0.1 port {cloud.dns_port}: {SUFFIX}, ec2.internal\n",
                      cloud.cumulet("status").stdout)
        without = self.start_cloud()
        self.assertNotIn("port", without.status()["dns"])
        self.assertNotIn("\nnames ", without.cumulet("status").stdout)


if __name__ == "__main__":
    unittest.main()
