"""DNS by hand: questions, answers taken apart, and clouds that have a DNS server."""

import random
import socket
import struct

from cloud import Cloud, CloudTestCase
from waiting import wait_until

SUFFIX = "cloud.test"
A, NS, SOA, AAAA, OPT, AXFR, ANY = 1, 2, 6, 28, 41, 252, 255
OK, FORMAT, NO_NAME, NOT_IMPLEMENTED, REFUSED, BAD_VERSION = 0, 1, 3, 4, 5, 16
DEADLINE = 30


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode("latin-1")
                    for label in name.split(".") if label) + b"\0"


def question(name, type_=A, class_=1, id_=None, flags=0x0100, extra=b"", counts=(1, 0, 0, 0)):
    id_ = random.randrange(65536) if id_ is None else id_
    return (struct.pack(">6H", id_, flags, *counts) + wire_name(name) +
            struct.pack(">2H", type_, class_) + extra)


def edns(version=0):
    return struct.pack(">BHHBBHH", 0, OPT, 1400, 0, version, 0, 0)


class Answer:
    """A message taken apart."""

    def __init__(self, data):
        self.data = data
        self.id, self.flags, *counts = struct.unpack(">6H", data[:12])
        self.at = 12
        self.questions = [(self._name(), *self._take(">2H")) for _ in range(counts[0])]
        self.answers, self.authority, self.additional = (
            [self._record() for _ in range(n)] for n in counts[1:])
        assert self.at == len(data), "nothing is left over"

    @property
    def code(self):
        extended = [ttl >> 24 << 4 for _, type_, _, ttl, _ in self.additional if type_ == OPT]
        return (self.flags & 15) | sum(extended)

    @property
    def addresses(self):
        return [socket.inet_ntoa(data) for _, type_, _, _, data in self.answers if type_ == A]

    def _take(self, form):
        size = struct.calcsize(form)
        self.at += size
        return struct.unpack(form, self.data[self.at - size:self.at])

    def _name(self):
        labels, back = [], None
        while True:
            size, = self._take(">B")
            if size & 0xc0:
                low, = self._take(">B")
                back = back if back is not None else self.at
                self.at = (size & 0x3f) << 8 | low
            elif size == 0:
                break
            else:
                labels.append(self.data[self.at:self.at + size].decode("latin-1"))
                self.at += size
        if back is not None:
            self.at = back
        return ".".join(labels)

    def _record(self):
        name = self._name()
        type_, class_, ttl, size = self._take(">HHIH")
        begin = self.at
        if type_ == SOA:
            self._name(), self._name(), self._take(">5I")
        else:
            self.at += size
        assert self.at == begin + size, "the record's size is right"
        return name, type_, class_, ttl, self.data[begin:self.at]


def named_cloud(**options):
    """A cloud with a DNS server; its port is cloud.dns_port."""
    cloud = Cloud("fake", start=False, **options)
    cloud.dns_port = cloud.place.port + 2000
    cloud.args += ["--dns-suffix", SUFFIX, "--dns-port", str(cloud.dns_port)]
    try:
        cloud.start()
    except BaseException:
        cloud.destroy()
        raise
    return cloud


class NamesTestCase(CloudTestCase):
    cloud_options = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud = named_cloud()
        cls.addClassCleanup(cls.cloud.close)
        cls.ec2, cls.elb = cls.cloud.boto3("ec2"), cls.cloud.boto3("elb")
        cls.image = cls.ec2.describe_images(Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]

    def instance(self):
        made = self.ec2.run_instances(ImageId=self.image, InstanceType="m1.small", MinCount=1,
                                      MaxCount=1)["Instances"][0]["InstanceId"]
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=[made])

        def described():
            found = self.ec2.describe_instances(InstanceIds=[made])
            return found["Reservations"][0]["Instances"][0]
        wait_until(lambda: described()["State"]["Name"] == "running", DEADLINE, "it runs")
        return described()

    def balancer(self, name, **options):
        return self.elb.create_load_balancer(
            LoadBalancerName=name, AvailabilityZones=["us-east-1a"], Listeners=[
                {"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 80}],
            **options)["DNSName"]

    def send(self, message, timeout=10):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(timeout)
            client.connect(("127.0.0.1", self.cloud.dns_port))
            client.send(message)
            return Answer(client.recv(4096))

    def ask(self, name, type_=A, **options):
        message = question(name, type_, **options)
        answer = self.send(message)
        self.assertEqual(answer.id, struct.unpack(">H", message[:2])[0])
        self.assertTrue(answer.flags & 0x8000)
        self.assertLessEqual(len(answer.data), 512)
        return answer

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.cloud.dns_port), timeout=10)
        self.addCleanup(client.close)
        return client
