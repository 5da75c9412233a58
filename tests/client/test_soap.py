"""SOAP, as the EC2 API tools of 2009 to 2013 spoke it with nothing but a key and its certificate:
what works. tests/lib/soap.py signs; what is refused is in test_soap_refusals.py."""

import base64
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import unittest, wait_until  # noqa: E402
from lifecycle import unique  # noqa: E402
from lxml import etree  # noqa: E402
from signers import new_pair  # noqa: E402
from soap import EXCLUSIVE, NAMES, Signer, find  # noqa: E402
from soap_case import SoapTestCase, filters, items  # noqa: E402


class ActionsTest(SoapTestCase):
    """The lists and members of the WSDLs reach the actions."""

    def test_lists_of_names(self):
        image = self.image()
        got = self.call("DescribeImages", items("imagesSet", "imageId", image))
        self.assertEqual(got.all("imageId"), [image])
        owned = self.call("DescribeImages", "<executableBySet/>" + items(
            "ownersSet", "owner", "self", "amazon"))
        self.assertIn(image, owned.all("imageId"))
        self.assertEqual(self.call("DescribeImages", "<imagesSet/>" + items(
            "ownersSet", "owner", "999999999999")).all("imageId"), [])
        regions = self.call("DescribeRegions", items("regionSet", "regionName", "us-east-1"))
        self.assertEqual(regions.all("regionName"), ["us-east-1"])
        zones = self.call("DescribeAvailabilityZones", items(
            "availabilityZoneSet", "zoneName", "us-east-1a", "us-east-1b"))
        self.assertEqual(zones.all("zoneName"), ["us-east-1a", "us-east-1b"])
        attributes = self.call("DescribeAccountAttributes", items(
            "accountAttributeNameSet", "attributeName", "default-vpc"))
        self.assertEqual(attributes.all("attributeName"), ["default-vpc"])
        self.assertEqual(self.call("DescribeBundleTasks", "<bundlesSet/>").all("bundleId"), [])

    def test_all_versions(self):
        for version in ("2009-11-30", "2010-08-31", "2011-12-15", "2012-08-15", "2013-02-01"):
            got = self.call("DescribeRegions", version=version)
            self.assertEqual(etree.QName(got.root).namespace,
                             f"http://ec2.amazonaws.com/doc/{version}/")

    def test_ways_to_sign(self):
        self.call("DescribeRegions", algorithm="sha256")

        def no_expiry(tree):
            time = find(tree, "wsu:Timestamp")
            time.remove(find(tree, "wsu:Expires"))
        self.call("DescribeRegions", before=no_expiry)

        def body_first(tree):
            first, second = tree.findall(".//ds:Reference", NAMES)
            second.addnext(first)
        self.call("DescribeRegions", before=body_first)

        def prefixes(tree):
            for method in tree.iterfind(".//ds:SignedInfo//*[@Algorithm]", NAMES):
                if method.get("Algorithm") == EXCLUSIVE:
                    etree.SubElement(method, f"{{{EXCLUSIVE}}}InclusiveNamespaces",
                                     PrefixList="soap wsu")
        self.call("DescribeRegions", before=prefixes)

        def signature_last(tree):
            security = find(tree, "wsse:Security")
            security.append(find(tree, "ds:Signature"))
        self.call("DescribeRegions", before=signature_last)

    def test_an_instances_life(self):
        key, group = unique("key"), unique("group")
        made = self.call("CreateKeyPair", f"<keyName>{key}</keyName>")
        self.assertIn("PRIVATE KEY", made.find("keyMaterial"))
        self.addCleanup(self.ec2.delete_key_pair, KeyName=key)
        self.assertEqual(self.call("DescribeKeyPairs", items("keySet", "keyName", key)).all(
            "keyName"), [key])
        self.call("CreateSecurityGroup", f"<groupName>{group}</groupName>"
                  "<groupDescription>by SOAP</groupDescription>")
        data = base64.b64encode(b"#!/bin/sh\n").decode()
        run = self.call("RunInstances", f"""<imageId>{self.image()}</imageId>\
<minCount>2</minCount><maxCount>2</maxCount><keyName>{key}</keyName>\
{items("groupSet", "groupId", group)}<additionalInfo></additionalInfo>\
<userData><data>{data}</data></userData><instanceType>m1.small</instanceType>\
<placement><availabilityZone>us-east-1b</availabilityZone></placement>\
<blockDeviceMapping><item><deviceName>/dev/sdf</deviceName><ebs><volumeSize>1</volumeSize>\
<deleteOnTermination>true</deleteOnTermination></ebs></item>\
<item><deviceName>/dev/sdg</deviceName><noDevice/></item></blockDeviceMapping>\
<monitoring><enabled>true</enabled></monitoring><disableApiTermination>false\
</disableApiTermination><instanceInitiatedShutdownBehavior>terminate\
</instanceInitiatedShutdownBehavior>""")
        ids = run.all("instanceId")
        self.assertEqual(len(ids), 2)
        instances = self.ec2.describe_instances(InstanceIds=ids)["Reservations"][0]["Instances"]
        for instance in instances:
            self.assertEqual(instance["KeyName"], key)
            self.assertEqual([g["GroupName"] for g in instance["SecurityGroups"]], [group])
            self.assertEqual(instance["Placement"]["AvailabilityZone"], "us-east-1b")
            self.assertIn(instance["Monitoring"]["State"], ("pending", "enabled"))
        shown = self.call("DescribeInstanceAttribute",
                          f"<instanceId>{ids[0]}</instanceId><userData/>")
        self.assertEqual(shown.find("value"), data)
        wait_until(lambda: set(self.call("DescribeInstances", items(
            "instancesSet", "instanceId", *ids)).all("name")) >= {"running"}, 60, "they run")
        found = self.call("DescribeInstances", "<instancesSet/>" + filters(
            key_name=[key], availability_zone=["us-east-1b", "us-east-1c"]))
        self.assertEqual(sorted(found.all("instanceId")), sorted(ids))
        self.call("CreateTags", items("resourcesSet", "resourceId", *ids) +
                  "<tagSet><item><key>name</key><value>by &lt;SOAP&gt;</value></item></tagSet>")
        tags = self.call("DescribeTags", filters(resource_id=[ids[1]]))
        self.assertEqual(tags.all("value"), ["by <SOAP>"])
        self.call("DeleteTags", items("resourcesSet", "resourceId", *ids) +
                  "<tagSet><item><key>name</key></item></tagSet>")
        for action in ("MonitorInstances", "UnmonitorInstances", "RebootInstances"):
            self.call(action, items("instancesSet", "instanceId", ids[0]))
        self.call("ModifyInstanceAttribute", f"<instanceId>{ids[0]}</instanceId>"
                  "<disableApiTermination><value>true</value></disableApiTermination>")
        self.refused("Client.OperationNotPermitted", ids[0], "TerminateInstances",
                     items("instancesSet", "instanceId", ids[0]))
        self.call("ModifyInstanceAttribute", f"<instanceId>{ids[0]}</instanceId>"
                  "<disableApiTermination><value>false</value></disableApiTermination>")
        self.call("GetConsoleOutput", f"<instanceId>{ids[0]}</instanceId>")
        ended = self.call("TerminateInstances", items("instancesSet", "instanceId", *ids))
        self.assertEqual(sorted(ended.all("instanceId")), sorted(ids))
        wait_until(lambda: self.call("DescribeInstances", items(
            "instancesSet", "instanceId", *ids)).all("name") == ["terminated"] * 2, 60,
            "they are gone")
        self.call("DeleteSecurityGroup", f"<groupName>{group}</groupName>")

    def test_rules_of_groups(self):
        name = unique("group")
        id = self.call("CreateSecurityGroup", f"<groupName>{name}</groupName><groupDescription>"
                       "by SOAP</groupDescription>").find("groupId")
        self.addCleanup(self.ec2.delete_security_group, GroupId=id)
        account = self.ec2.describe_security_groups(GroupIds=[id])["SecurityGroups"][0]["OwnerId"]
        rules = ("<ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>80</fromPort>"
                 "<toPort>81</toPort><groups/>" +
                 items("ipRanges", "cidrIp", "192.0.2.0/24", "198.51.100.0/24") +
                 "</item><item><ipProtocol>udp</ipProtocol><fromPort>53</fromPort><toPort>53"
                 f"</toPort><groups><item><userId>{account}</userId><groupName>{name}</groupName>"
                 "</item></groups><ipRanges/></item></ipPermissions>")
        whose = f"<userId>{account}</userId><groupName>{name}</groupName>"
        self.call("AuthorizeSecurityGroupIngress", whose + rules)
        shown = self.call("DescribeSecurityGroups", items("securityGroupSet", "groupName", name))
        self.assertEqual(sorted(shown.all("fromPort")), ["53", "80"])
        self.assertEqual(set(shown.all("cidrIp")) >= {"192.0.2.0/24", "198.51.100.0/24"}, True)
        by_id = self.call("DescribeSecurityGroups", "<securityGroupSet/>" +
                          items("securityGroupIdSet", "groupId", id))
        self.assertEqual(by_id.find("groupName"), name)
        self.call("RevokeSecurityGroupIngress", whose + rules)
        left = self.call("DescribeSecurityGroups", items("securityGroupSet", "groupName", name))
        self.assertEqual(left.all("fromPort"), [])

    def test_volumes_and_permissions(self):
        volume = self.call("CreateVolume", "<size>1</size><availabilityZone>us-east-1a"
                           "</availabilityZone>").find("volumeId")
        self.addCleanup(self.ec2.delete_volume, VolumeId=volume)
        wait_until(lambda: self.call("DescribeVolumes", items(
            "volumeSet", "volumeId", volume)).find("status") == "available", 60, "it is there")
        snapshot = self.call("CreateSnapshot", f"<volumeId>{volume}</volumeId>"
                             "<description>a &amp; b</description>").find("snapshotId")
        self.addCleanup(self.ec2.delete_snapshot, SnapshotId=snapshot)
        wait_until(lambda: self.call("DescribeSnapshots", items(
            "snapshotSet", "snapshotId", snapshot)).find("status") == "completed", 60, "it is done")
        owned = self.call("DescribeSnapshots", "<snapshotSet/>" + items(
            "ownersSet", "owner", "self"))
        self.assertIn(snapshot, owned.all("snapshotId"))
        public = "<snapshotSet/>" + items("restorableBySet", "user", "all")
        self.assertNotIn(snapshot, self.call("DescribeSnapshots", public).all("snapshotId"))
        which = f"<snapshotId>{snapshot}</snapshotId>"
        self.call("ModifySnapshotAttribute", which + "<createVolumePermission><add><item><group>all"
                  "</group></item></add></createVolumePermission>")
        shown = self.call("DescribeSnapshotAttribute", which + "<createVolumePermission/>")
        self.assertEqual(shown.all("group"), ["all"])
        self.assertIn(snapshot, self.call("DescribeSnapshots", public).all("snapshotId"))
        self.call("ResetSnapshotAttribute", which + "<createVolumePermission/>")
        shown = self.call("DescribeSnapshotAttribute", which + "<createVolumePermission/>")
        self.assertEqual(shown.all("group"), [])

    def test_repeated_requests_are_known(self):
        def run(count):
            return self.ask("RunInstances", f"<imageId>{self.image()}</imageId><minCount>{count}"
                            f"</minCount><maxCount>{count}</maxCount><clientToken>{token}"
                            "</clientToken>")
        token = unique("token")
        first = run(1)
        self.assertEqual(first.all("instanceId"), run(1).all("instanceId"))
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=first.all("instanceId"))
        self.assert_refused("Client.IdempotentParameterMismatch", "", run(2))


class UsersTest(SoapTestCase):
    def test_policies_of_a_user_count(self):
        iam = self.cloud.boto3("iam")
        name = unique("user")
        iam.create_user(UserName=name)
        self.addCleanup(iam.delete_user, UserName=name)
        key, path = new_pair(self, name)
        with open(path) as file:
            id = iam.upload_signing_certificate(
                UserName=name, CertificateBody=file.read())["Certificate"]["CertificateId"]
        self.addCleanup(iam.delete_signing_certificate, UserName=name, CertificateId=id)
        self.signer = Signer(key, path)
        self.refused("Client.UnauthorizedOperation", "not authorized")
        iam.put_user_policy(UserName=name, PolicyName="regions", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "ec2:DescribeRegions", "Resource": "*"}]}))
        self.addCleanup(iam.delete_user_policy, UserName=name, PolicyName="regions")
        self.call("DescribeRegions")
        self.refused("Client.UnauthorizedOperation", "not authorized", "DescribeImages")
        iam.update_signing_certificate(UserName=name, CertificateId=id, Status="Inactive")
        self.refused("Client.AuthFailure", "not active")

    def test_strangers_certificates(self):
        self.signer = Signer(*new_pair(self, "stranger"))
        self.refused("Client.AuthFailure", "not registered")

    def test_a_strangers_key_with_a_registered_certificate(self):
        self.signer.key = Signer(*new_pair(self, "stranger")).key
        self.refused("Client.AuthFailure", "The signature is not of the certificate's key")
        self.assertNotIn("signature", self.cloud.log())  # it is no matter for it


if __name__ == "__main__":
    unittest.main()
