"""Forms of requests that the clients of other years send, byte for byte: security groups and keys."""

import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase  # noqa: E402
from lifecycle import unique  # noqa: E402
from wire import Wire  # noqa: E402

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKS21TCYsMB+WvyQQwuUP+kIsQ5G08DLLcju79BpGnk5"


class OldFormsTest(CloudTestCase):
    cloud_options = {"backend": "fake"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wire = Wire(cls.cloud)
        cls.owner = cls.ok("DescribeVpcs").text("ownerId")

    @classmethod
    def ok(cls, action, params=None, **options):
        reply = cls.wire.call(action, params, **options)
        if reply.status != 200:
            raise AssertionError(reply)
        return reply

    def group(self):
        name = unique("g")
        self.ok("CreateSecurityGroup", {"GroupName": name, "GroupDescription": "d"})
        self.addCleanup(self.wire.call, "DeleteSecurityGroup", {"GroupName": name})
        return name

    def permissions(self, name, version=None):
        """(protocol, from, to, ranges, groups) of each permission to come in."""
        root = self.ok("DescribeSecurityGroups", {"GroupName.1": name}, version=version).root
        return [(*(item.findtext("{*}" + tag) for tag in ("ipProtocol", "fromPort", "toPort")),
                 [found.text for found in item.findall("{*}ipRanges/{*}item/{*}cidrIp")],
                 [found.text for found in item.findall("{*}groups/{*}item/{*}groupId")])
                for item in root.findall(".//{*}ipPermissions/{*}item")]

    def test_a_flat_permission_of_2009(self):
        name = self.group()
        flat = {"GroupName": name, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
                "CidrIp": "10.1.2.3/8"}
        reply = self.ok("AuthorizeSecurityGroupIngress", flat, version="2009-11-30")
        self.assertEqual(reply.text("return"), "true")
        self.assertEqual(self.permissions(name, "2009-11-30"),
                         [("tcp", "22", "22", ["10.0.0.0/8"], [])])
        self.ok("RevokeSecurityGroupIngress", flat, version="2009-11-30")
        self.assertEqual(self.permissions(name), [])

    def test_a_range_without_its_member(self):
        name = self.group()
        self.ok("AuthorizeSecurityGroupIngress", {
            "GroupName": name, "IpPermissions.1.IpProtocol": "udp", "IpPermissions.1.FromPort": 53,
            "IpPermissions.1.ToPort": 53, "IpPermissions.1.IpRanges.1": "192.0.2.0/24"})
        self.assertEqual(self.permissions(name), [("udp", "53", "53", ["192.0.2.0/24"], [])])

    def test_a_source_group_without_protocol_is_let_in_with_all(self):
        name = self.group()
        flat = {"GroupName": name, "SourceSecurityGroupName": name,
                "SourceSecurityGroupOwnerId": self.owner}
        self.ok("AuthorizeSecurityGroupIngress", flat)
        self.assertEqual([item[:3] for item in self.permissions(name)],
                         [("tcp", "0", "65535"), ("udp", "0", "65535"), ("icmp", "-1", "-1")])
        self.ok("RevokeSecurityGroupIngress", flat)
        self.assertEqual(self.permissions(name), [])

    def test_a_source_group_by_name_and_owner(self):
        name = self.group()
        self.ok("AuthorizeSecurityGroupIngress", {
            "GroupName": name, "IpPermissions.1.IpProtocol": "tcp", "IpPermissions.1.FromPort": 1,
            "IpPermissions.1.ToPort": 2, "IpPermissions.1.Groups.1.UserId": self.owner,
            "IpPermissions.1.Groups.1.GroupName": name})
        (_, _, _, ranges, groups), = self.permissions(name)
        self.assertEqual(ranges, [])
        self.assertRegex(groups[0], "^sg-")

    def test_rules_with_the_same_ports_are_one_permission(self):
        name = self.group()
        permission = {"GroupName": name}
        for i, cidr in enumerate(["10.0.0.0/8", "192.0.2.0/24"], 1):
            permission |= {f"IpPermissions.{i}.IpProtocol": "tcp", f"IpPermissions.{i}.FromPort": 80,
                           f"IpPermissions.{i}.ToPort": 80,
                           f"IpPermissions.{i}.IpRanges.1.CidrIp": cidr}
        reply = self.ok("AuthorizeSecurityGroupIngress", permission)
        self.assertEqual(len(set(reply.texts("securityGroupRuleId"))), 2)
        self.assertEqual(self.permissions(name),
                         [("tcp", "80", "80", ["10.0.0.0/8", "192.0.2.0/24"], [])])

    def test_a_permission_that_names_nobody_is_refused(self):
        name = self.group()
        reply = self.wire.call("AuthorizeSecurityGroupIngress", {
            "GroupName": name, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22})
        self.assertEqual((reply.status, reply.code), (400, "MissingParameter"))
        reply = self.wire.call("AuthorizeSecurityGroupIngress", {"GroupName": name})
        self.assertEqual((reply.status, reply.code), (400, "MissingParameter"))

    def test_a_name_in_the_place_of_an_id(self):
        name = self.group()
        self.ok("AuthorizeSecurityGroupIngress", {
            "GroupId": name, "IpProtocol": "-1", "CidrIp": "192.0.2.1/32"})
        self.assertEqual(self.permissions(name), [("-1", None, None, ["192.0.2.1/32"], [])])

    def test_ids_may_come_with_a_page_size(self):
        id = self.ok("DescribeSecurityGroups").text("groupId")
        self.assertEqual(self.ok("DescribeSecurityGroups", {"GroupId.1": id, "MaxResults": 5})
                         .text("groupId"), id)

    def test_a_public_key_has_its_name_once(self):
        name = unique("k")
        self.ok("ImportKeyPair", {
            "KeyName": name, "PublicKeyMaterial": base64.encodebytes(
                f"{PUBLIC_KEY} me@home\n".encode()).decode()})
        self.addCleanup(self.wire.call, "DeleteKeyPair", {"KeyName": name})
        reply = self.ok("DescribeKeyPairs", {"KeyName.1": name, "IncludePublicKey": "true"})
        self.assertEqual(reply.text("publicKey"), f"{PUBLIC_KEY} {name}")
        self.assertIsNone(self.ok("DescribeKeyPairs", {"KeyName.1": name}).text("publicKey"))

    def test_a_key_is_deleted_twice(self):
        for _ in range(2):
            self.assertEqual(self.ok("DeleteKeyPair", {"KeyName": "nokey"}).text("return"), "true")
