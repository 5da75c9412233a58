"""SOAP: the names that EC2's WSDLs have for the members of each action are understood, and no
others."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import ROOT, unittest  # noqa: E402
from lxml import etree  # noqa: E402
from soap import find  # noqa: E402
from soap_case import SoapTestCase, filters, items  # noqa: E402

INSTANCE = "<instanceId>i-12345678</instanceId>"
INSTANCES = items("instancesSet", "instanceId", "i-12345678")
VOLUME = "<volumeId>vol-12345678</volumeId>"
SNAPSHOT = "<snapshotId>snap-12345678</snapshotId>"
IMAGE = "<imageId>ami-12345678</imageId>"
GROUP = "<groupId>sg-12345678</groupId>"
PEOPLE = "<item><userId>111122223333</userId></item><item><group>all</group></item>"
RULES = ("<ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>1</fromPort><toPort>2</toPort>"
         "<groups><item><userId>111122223333</userId><groupId>sg-12345678</groupId></item></groups>"
         "<ipRanges><item><cidrIp>192.0.2.0/24</cidrIp></item></ipRanges></item></ipPermissions>")
DEVICES = ("<blockDeviceMapping><item><deviceName>/dev/sdb</deviceName><virtualName>ephemeral0"
           "</virtualName></item><item><deviceName>/dev/sdc</deviceName><ebs>" + SNAPSHOT +
           "<volumeSize>1</volumeSize><deleteOnTermination>true</deleteOnTermination><volumeType>"
           "io1</volumeType><iops>100</iops></ebs></item><item><deviceName>/dev/sdd</deviceName>"
           "<noDevice/></item></blockDeviceMapping>")
INTERFACES = ("<networkInterfaceSet><item><deviceIndex>0</deviceIndex><subnetId>subnet-12345678"
              "</subnetId><description>first</description><privateIpAddress>192.0.2.1"
              "</privateIpAddress>" + items("groupSet", "groupId", "sg-12345678") +
              "<deleteOnTermination>true</deleteOnTermination></item></networkInterfaceSet>")
NO_INSTANCE = "InvalidInstanceID.NotFound"
NO_VOLUME = "InvalidVolume.NotFound"
NO_SNAPSHOT = "InvalidSnapshot.NotFound"
NO_IMAGE = "InvalidAMIID.NotFound"
NO_GROUP = "InvalidGroup.NotFound"
# What the WSDL of 2013-02-01 has for each action, and the code of what is wrong with it in the end,
# after all of it was understood. What it has as a choice stands in several rows.
MEMBERS = [
    ("AttachVolume", VOLUME + INSTANCE + "<device>/dev/sdf</device>", NO_VOLUME),
    ("AuthorizeSecurityGroupEgress", GROUP + RULES, NO_GROUP),
    ("AuthorizeSecurityGroupIngress", "<userId>111122223333</userId>" + GROUP + RULES, NO_GROUP),
    ("BundleInstance", INSTANCE + "<storage><S3><bucket>bucket</bucket><prefix>image</prefix>"
     "<awsAccessKeyId>AKIAIOSFODNN7EXAMPLE</awsAccessKeyId><uploadPolicy>e30=</uploadPolicy>"
     "<uploadPolicySignature>c2lnbmVk</uploadPolicySignature></S3></storage>", "AuthFailure"),
    ("CancelBundleTask", "<bundleId>bun-12345678</bundleId>", "InvalidBundleID.NotFound"),
    ("CopyImage", "<sourceRegion>us-east-1</sourceRegion><sourceImageId>ami-12345678"
     "</sourceImageId><name>copy</name><description>a copy</description><clientToken>token"
     "</clientToken>", NO_IMAGE),
    ("CopySnapshot", "<sourceRegion>us-east-1</sourceRegion><sourceSnapshotId>snap-12345678"
     "</sourceSnapshotId><description>a copy</description>", NO_SNAPSHOT),
    ("CreateImage", INSTANCE + "<name>image</name><description>an image</description>"
     "<noReboot>true</noReboot>" + DEVICES, NO_INSTANCE),
    ("CreateKeyPair", "<keyName/>", "MissingParameter"),
    ("CreateSecurityGroup", "<groupName>default</groupName><groupDescription>one"
     "</groupDescription><vpcId>vpc-12345678</vpcId>", "InvalidParameterValue"),
    ("CreateSnapshot", VOLUME + "<description>a snapshot</description>", NO_VOLUME),
    ("CreateTags", items("resourcesSet", "resourceId", "i-12345678") +
     "<tagSet><item><key>a</key><value>b</value></item></tagSet>", NO_INSTANCE),
    ("CreateVolume", "<size>1</size>" + SNAPSHOT + "<availabilityZone>us-east-1a"
     "</availabilityZone><volumeType>io1</volumeType><iops>100</iops>", NO_SNAPSHOT),
    ("DeleteKeyPair", "<keyName>no-such-key</keyName>", None),
    ("DeleteSecurityGroup", GROUP, NO_GROUP),
    ("DeleteSecurityGroup", "<groupName>no-such-group</groupName>", NO_GROUP),
    ("DeleteSnapshot", SNAPSHOT, NO_SNAPSHOT),
    ("DeleteTags", items("resourcesSet", "resourceId", "i-12345678") +
     "<tagSet><item><key>a</key><value>b</value></item></tagSet>", NO_INSTANCE),
    ("DeleteVolume", VOLUME, NO_VOLUME),
    ("DeregisterImage", IMAGE, NO_IMAGE),
    ("DescribeAccountAttributes", items("accountAttributeNameSet", "attributeName",
                                        "max-instances"), None),
    ("DescribeAvailabilityZones", items("availabilityZoneSet", "zoneName", "us-east-1a") +
     filters(state=["available"]), None),
    ("DescribeBundleTasks", items("bundlesSet", "bundleId", "bun-12345678") +
     filters(state=["complete"]), "InvalidBundleID.NotFound"),
    *[("DescribeImageAttribute", f"{IMAGE}<{name}/>", NO_IMAGE) for name in (
        "launchPermission", "productCodes", "kernel", "ramdisk", "blockDeviceMapping",
        "description")],
    ("DescribeImages", items("executableBySet", "user", "self") +
     items("imagesSet", "imageId", "ami-12345678") + items("ownersSet", "owner", "self") +
     filters(name=["a", "b"]), NO_IMAGE),
    *[("DescribeInstanceAttribute", f"{INSTANCE}<{name}/>", NO_INSTANCE) for name in (
        "instanceType", "kernel", "ramdisk", "userData", "disableApiTermination",
        "instanceInitiatedShutdownBehavior", "rootDeviceName", "blockDeviceMapping",
        "sourceDestCheck", "groupSet", "productCodes", "ebsOptimized")],
    ("DescribeInstanceStatus", INSTANCES + "<includeAllInstances>true</includeAllInstances>",
     NO_INSTANCE),
    ("DescribeInstanceStatus", "<instancesSet/>" + filters(availability_zone=["us-east-1a"]) +
     "<maxResults>10</maxResults>", None),
    ("DescribeInstances", INSTANCES + filters(key_name=["a"]), NO_INSTANCE),
    ("DescribeKeyPairs", items("keySet", "keyName", "no-such-key") + filters(key_name=["a"]),
     "InvalidKeyPair.NotFound"),
    ("DescribeRegions", items("regionSet", "regionName", "us-east-1") +
     filters(region_name=["us-east-1"]), None),
    ("DescribeSecurityGroups", items("securityGroupSet", "groupName", "no-such-group") +
     filters(group_name=["a"]), NO_GROUP),
    ("DescribeSecurityGroups", "<securityGroupSet/>" +
     items("securityGroupIdSet", "groupId", "sg-12345678"), NO_GROUP),
    *[("DescribeSnapshotAttribute", f"{SNAPSHOT}<{name}/>", NO_SNAPSHOT) for name in (
        "createVolumePermission", "productCodes")],
    ("DescribeSnapshots", items("snapshotSet", "snapshotId", "snap-12345678") +
     items("ownersSet", "owner", "self") + items("restorableBySet", "user", "self") +
     filters(status=["completed"]), NO_SNAPSHOT),
    ("DescribeSubnets", items("subnetSet", "subnetId", "subnet-12345678") +
     filters(vpc_id=["vpc-12345678"]), "InvalidSubnetID.NotFound"),
    ("DescribeTags", filters(key=["a"]), None),
    *[("DescribeVolumeAttribute", f"{VOLUME}<{name}/>", NO_VOLUME) for name in (
        "autoEnableIO", "productCodes")],
    ("DescribeVolumeStatus", items("volumeSet", "volumeId", "vol-12345678"), NO_VOLUME),
    ("DescribeVolumeStatus", "<volumeSet/>" + filters(availability_zone=["us-east-1a"]) +
     "<maxResults>10</maxResults>", None),
    ("DescribeVolumes", items("volumeSet", "volumeId", "vol-12345678") +
     filters(status=["available"]), NO_VOLUME),
    ("DescribeVpcs", items("vpcSet", "vpcId", "vpc-12345678") + filters(state=["available"]),
     "InvalidVpcID.NotFound"),
    ("DetachVolume", VOLUME + INSTANCE + "<device>/dev/sdf</device><force>true</force>", NO_VOLUME),
    ("EnableVolumeIO", VOLUME, NO_VOLUME),
    ("GetConsoleOutput", INSTANCE, NO_INSTANCE),
    ("ImportKeyPair", "<keyName>imported</keyName><publicKeyMaterial>YWJj</publicKeyMaterial>",
     "InvalidKey.Format"),
    *[("ModifyImageAttribute", f"{IMAGE}{change}", NO_IMAGE) for change in (
        f"<launchPermission><add>{PEOPLE}</add></launchPermission>",
        f"<launchPermission><remove>{PEOPLE}</remove></launchPermission>",
        "<description><value>new</value></description>")],
    *[("ModifyInstanceAttribute", f"{INSTANCE}<{name}><value>{value}</value></{name}>", NO_INSTANCE)
      for name, value in (
          ("instanceType", "m1.small"), ("kernel", "aki-12345678"), ("ramdisk", "ari-12345678"),
          ("userData", "YWJj"), ("disableApiTermination", "true"),
          ("instanceInitiatedShutdownBehavior", "stop"), ("sourceDestCheck", "false"),
          ("ebsOptimized", "false"))],
    ("ModifyInstanceAttribute", INSTANCE + items("groupSet", "groupId", "sg-12345678"),
     NO_INSTANCE),
    ("ModifyInstanceAttribute", INSTANCE + "<blockDeviceMapping><item><deviceName>/dev/sdf"
     "</deviceName><ebs>" + VOLUME + "<deleteOnTermination>true</deleteOnTermination></ebs></item>"
     "</blockDeviceMapping>", NO_INSTANCE),
    *[("ModifySnapshotAttribute", f"{SNAPSHOT}<createVolumePermission><{how}>{PEOPLE}</{how}>"
       "</createVolumePermission>", NO_SNAPSHOT) for how in ("add", "remove")],
    ("ModifyVolumeAttribute", VOLUME + "<autoEnableIO><value>true</value></autoEnableIO>",
     NO_VOLUME),
    ("MonitorInstances", INSTANCES, NO_INSTANCE),
    ("RebootInstances", INSTANCES, NO_INSTANCE),
    ("RegisterImage", "<name>image</name><description>an image</description><architecture>x86_64"
     "</architecture><kernelId>aki-12345678</kernelId><ramdiskId>ari-12345678</ramdiskId>"
     "<rootDeviceName>/dev/sda1</rootDeviceName>" + DEVICES, NO_IMAGE),
    ("RegisterImage", "<imageLocation>no-such-bucket/image.manifest.xml</imageLocation>"
     "<name>image</name>", "InvalidManifest"),
    ("ResetImageAttribute", f"{IMAGE}<launchPermission/>", NO_IMAGE),
    ("ResetSnapshotAttribute", f"{SNAPSHOT}<createVolumePermission/>", NO_SNAPSHOT),
    ("RevokeSecurityGroupEgress", GROUP + RULES, NO_GROUP),
    ("RevokeSecurityGroupIngress", "<userId>111122223333</userId>" + GROUP + RULES, NO_GROUP),
    ("RunInstances", IMAGE + "<minCount>1</minCount><maxCount>1</maxCount><keyName>key</keyName>"
     "<groupSet><item><groupId>sg-12345678</groupId></item><item><groupName>group</groupName>"
     "</item></groupSet><additionalInfo>info</additionalInfo><userData><data>YWJj</data></userData>"
     "<instanceType>m1.small</instanceType><placement><availabilityZone>us-east-1a"
     "</availabilityZone><groupName/><tenancy>default</tenancy></placement>"
     "<kernelId>aki-12345678</kernelId><ramdiskId>ari-12345678</ramdiskId>" + DEVICES +
     "<monitoring><enabled>true</enabled></monitoring><subnetId>subnet-12345678</subnetId>"
     "<disableApiTermination>true</disableApiTermination><instanceInitiatedShutdownBehavior>stop"
     "</instanceInitiatedShutdownBehavior><privateIpAddress>192.0.2.1</privateIpAddress>"
     "<clientToken>token</clientToken><iamInstanceProfile><name>web</name></iamInstanceProfile>"
     "<ebsOptimized>false</ebsOptimized>", NO_IMAGE),
    ("RunInstances", IMAGE + "<minCount>1</minCount><maxCount>1</maxCount><groupSet/>" +
     INTERFACES, NO_IMAGE),
    ("StartInstances", INSTANCES, NO_INSTANCE),
    ("StopInstances", INSTANCES + "<force>true</force>", NO_INSTANCE),
    ("TerminateInstances", INSTANCES, NO_INSTANCE),
    ("UnmonitorInstances", INSTANCES, NO_INSTANCE),
]


def actions():
    """Those that the daemon has of the WSDL's."""
    with open(os.path.join(ROOT, "api", "ec2", "actions.def")) as file:
        rows = re.findall(r'^ACTION\((\w+),.*, (?:NULL|"(.*?)"), (?:NULL|".*?")\)$', file.read(),
                          re.MULTILINE)
    return {name for name, since in rows if since <= "2013-02-01"}


class MembersTest(SoapTestCase):
    """The members of each action, by the names that the WSDLs have for them."""

    def test_every_action_is_here(self):
        self.assertEqual({action for action, _, _ in MEMBERS}, actions())

    def test_every_action_knows_its_members(self):
        for action, members, code in MEMBERS:
            answer = self.ask(action, members)
            with self.subTest(action, members=members, reason=answer.reason):
                self.assertEqual(answer.fault, code and f"Client.{code}")

    def test_what_are_no_members(self):
        for members in ("<colour>red</colour>", "<item/>", items("imagesSet", "colour", "red"),
                        "<imageId>ami-1</imageId><x><y/></x>"):
            self.refused("Client.UnknownParameter", "is not recognized", "DescribeImages", members)
        self.refused("Client.MalformedXML", "must hold items", "DescribeImages",
                     "<imagesSet><imageId>ami-1</imageId></imagesSet>")
        self.refused("Client.MalformedXML", "must hold text", "DeleteVolume",
                     "<volumeId><x/></volumeId>")
        self.refused("Client.MissingParameter", "VolumeId", "DeleteVolume")
        self.refused("Client.InvalidParameterValue", "must be an integer", "CreateVolume",
                     "<size>big</size><availabilityZone>us-east-1a</availabilityZone>")
        self.refused("Client.InvalidParameterCombination", "more than once", "DeleteVolume",
                     "<volumeId>vol-1</volumeId><volumeId>vol-2</volumeId>")
        self.refused("Client.InvalidAMIID.Malformed", "nonsense", "DescribeImages",
                     items("imagesSet", "imageId", "nonsense"))
        self.refused("Client.InvalidVolume.NotFound", "vol-12345678", "DeleteVolume",
                     "<volumeId>vol-12345678</volumeId>")

        def foreign(tree):
            find(tree, "soap:Body")[0].append(etree.Element("{urn:x}imagesSet"))
        self.refused("Client.UnknownParameter", "imagesSet", "DescribeImages", before=foreign)

        def nil(tree):
            element = etree.SubElement(find(tree, "soap:Body")[0],
                                       "{http://ec2.amazonaws.com/doc/2013-02-01/}imagesSet")
            element.set("{http://www.w3.org/2001/XMLSchema-instance}nil", "true")
        self.call("DescribeImages", before=nil)


if __name__ == "__main__":
    unittest.main()
