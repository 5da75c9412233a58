"""Images by boto3: made of instances and snapshots, copied, shared, taken back."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cloud import wait_until  # noqa: E402
from test_volumes import Case  # noqa: E402

STRANGER = "210987654321"


class Images(Case):
    def shown(self, id):
        return self.ec2.describe_images(ImageIds=[id])["Images"][0]

    def wait_available(self, id):
        wait_until(lambda: self.shown(id)["State"] == "available", 10, lambda: self.shown(id))
        return self.shown(id)

    def make(self, instance, name, **options):
        return self.ec2.create_image(InstanceId=instance, Name=name, **options)["ImageId"]

    def test_of_a_running_instance(self):
        instance = self.run_instance(BlockDeviceMappings=[
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 2}}])
        image = self.make(
            instance, "of-running", NoReboot=True, Description="with data",
            BlockDeviceMappings=[{"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 3}},
                                 {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"}],
            TagSpecifications=[{"ResourceType": "image", "Tags": [{"Key": "a", "Value": "b"}]},
                               {"ResourceType": "snapshot", "Tags": [{"Key": "c", "Value": "d"}]}])
        shown = self.wait_available(image)
        devices = {one["DeviceName"]: one for one in shown["BlockDeviceMappings"]}
        root = self.image()["RootDeviceName"]
        self.assertEqual(set(devices), {root, "/dev/sdb", "/dev/sdf", "/dev/sdg"})
        self.assertEqual(devices["/dev/sdb"]["VirtualName"], "ephemeral0")
        self.assertEqual(devices["/dev/sdf"]["Ebs"]["VolumeSize"], 2)
        self.assertNotIn("SnapshotId", devices["/dev/sdg"]["Ebs"])
        self.assertEqual((shown["Tags"], shown["Public"], shown["Description"]),
                         ([{"Key": "a", "Value": "b"}], False, "with data"))
        snapshot = self.snapshot(devices["/dev/sdf"]["Ebs"]["SnapshotId"])
        self.assertEqual(snapshot["Tags"], [{"Key": "c", "Value": "d"}])
        self.assertEqual(self.instance(instance)["State"]["Name"], "running")

        copy = self.run_instance(ImageId=image)
        self.assertEqual(set(self.devices(copy)), {root, "/dev/sdf", "/dev/sdg"})
        self.assertEqual(self.volume(self.devices(copy)["/dev/sdf"]["VolumeId"])["SnapshotId"],
                         devices["/dev/sdf"]["Ebs"]["SnapshotId"])
        self.refused("InvalidSnapshot.InUse", self.ec2.delete_snapshot,
                     SnapshotId=devices["/dev/sdf"]["Ebs"]["SnapshotId"])

    def test_with_a_reboot(self):
        instance = self.run_instance()
        self.wait_available(self.make(instance, "rebooted"))
        self.wait_instance(instance, "running")

    def test_of_a_stopped_instance(self):
        instance = self.run_instance()
        self.ec2.stop_instances(InstanceIds=[instance])
        self.wait_instance(instance, "stopped")
        self.wait_available(self.make(instance, "stopped"))
        self.assertEqual(self.instance(instance)["State"]["Name"], "stopped")

    def test_names(self):
        instance = self.run_instance()
        image = self.make(instance, "taken", NoReboot=True)
        self.assertIn(image, self.refused("InvalidAMIName.Duplicate", self.ec2.create_image,
                                          InstanceId=instance, Name="taken"))
        for name in ("ab", "x" * 129, "semi;colon"):
            self.refused("InvalidAMIName.Malformed", self.ec2.create_image, InstanceId=instance,
                         Name=name)
        self.wait_available(image)
        self.ec2.deregister_image(ImageId=image)
        self.wait_available(self.make(instance, "taken", NoReboot=True))

    def test_what_cannot_be_made(self):
        instance = self.run_instance()
        root = self.image()["RootDeviceName"]
        self.refused("InvalidInstanceID.NotFound", self.ec2.create_image,
                     InstanceId="i-0123456789abcdef0", Name="no-instance")
        self.refused("InvalidBlockDeviceMapping", self.ec2.create_image, InstanceId=instance,
                     Name="no-root", BlockDeviceMappings=[{"DeviceName": root, "NoDevice": ""}])
        self.refused("InvalidBlockDeviceMapping", self.ec2.create_image, InstanceId=instance,
                     Name="small-root",
                     BlockDeviceMappings=[{"DeviceName": root, "Ebs": {"VolumeSize": 1}}])
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.wait_instance(instance, "terminated")
        self.refused("IncorrectInstanceState", self.ec2.create_image, InstanceId=instance,
                     Name="of-nothing")

    def test_registered_of_a_snapshot(self):
        snapshot = self.take(self.create(Size=8))
        image = self.ec2.register_image(
            Name="registered", Architecture="x86_64", RootDeviceName="/dev/xvda",
            VirtualizationType="hvm", EnaSupport=True, BlockDeviceMappings=[
                {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}},
                {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}])["ImageId"]
        shown = self.shown(image)
        self.assertEqual((shown["State"], shown["RootDeviceName"], shown["EnaSupport"]),
                         ("available", "/dev/xvda", True))
        # A bare file system: it starts with the starter image's kernel.
        self.assertEqual(shown["KernelId"], self.image()["KernelId"])
        self.assertEqual(set(self.devices(self.run_instance(ImageId=image))),
                         {"/dev/xvda", "/dev/sdf"})
        self.refused("InvalidBlockDeviceMapping", self.ec2.register_image, Name="without root",
                     RootDeviceName="/dev/xvda")
        self.refused("InvalidParameterValue", self.ec2.register_image, Name="of another kind",
                     Architecture="arm64", RootDeviceName="/dev/xvda", BlockDeviceMappings=[
                         {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}])

    def test_copied(self):
        source = self.wait_available(self.make(self.run_instance(), "source", NoReboot=True))
        copy = self.ec2.copy_image(Name="copy", SourceImageId=source["ImageId"],
                                   SourceRegion="us-east-1")["ImageId"]
        self.ec2.deregister_image(ImageId=source["ImageId"])
        self.ec2.delete_snapshot(
            SnapshotId=source["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"])
        self.wait_available(copy)
        self.run_instance(ImageId=copy)
        self.refused("InvalidAMIID.NotFound", self.ec2.copy_image, Name="copy-2",
                     SourceImageId="ami-0123456789abcdef0", SourceRegion="us-east-1")

    def test_deregistered(self):
        instance = self.run_instance()
        image = self.wait_available(self.make(instance, "short-lived", NoReboot=True))["ImageId"]
        copy = self.run_instance(ImageId=image)
        self.ec2.deregister_image(ImageId=image)
        self.assertEqual(self.ec2.describe_images(Owners=["self"], Filters=[
            {"Name": "image-id", "Values": [image]}])["Images"], [])
        self.refused("InvalidAMIID.Unavailable", self.ec2.run_instances, ImageId=image, MinCount=1,
                     MaxCount=1)
        self.refused("InvalidAMIID.Unavailable", self.ec2.deregister_image, ImageId=image)
        self.ec2.stop_instances(InstanceIds=[copy])
        self.wait_instance(copy, "stopped")
        self.ec2.start_instances(InstanceIds=[copy])
        self.wait_instance(copy, "running")
        self.refused("AuthFailure", self.ec2.deregister_image, ImageId=self.image()["ImageId"])

    def test_shared(self):
        image = self.wait_available(self.make(self.run_instance(), "shared", NoReboot=True))

        def permissions():
            return self.ec2.describe_image_attribute(
                ImageId=image["ImageId"], Attribute="launchPermission").get("LaunchPermissions", [])
        self.assertEqual(permissions(), [])
        self.ec2.modify_image_attribute(ImageId=image["ImageId"], LaunchPermission={
            "Add": [{"UserId": STRANGER}]})
        self.assertEqual(permissions(), [{"UserId": STRANGER}])
        found = self.ec2.describe_images(ExecutableUsers=[STRANGER], Owners=["self"])["Images"]
        self.assertEqual([one["ImageId"] for one in found], [image["ImageId"]])
        self.ec2.modify_image_attribute(
            ImageId=image["ImageId"], Attribute="launchPermission", OperationType="add",
            UserGroups=["all"])
        self.assertTrue(self.shown(image["ImageId"])["Public"])
        self.ec2.reset_image_attribute(ImageId=image["ImageId"], Attribute="launchPermission")
        self.assertEqual(permissions(), [])
        self.assertFalse(self.shown(image["ImageId"])["Public"])
        self.refused("InvalidAMIAttributeItemValue", self.ec2.modify_image_attribute,
                     ImageId=image["ImageId"], LaunchPermission={"Add": [{"UserId": "friend"}]})

    def test_attributes(self):
        image = self.wait_available(self.make(self.run_instance(), "described", NoReboot=True))
        id = image["ImageId"]
        self.ec2.modify_image_attribute(ImageId=id, Description={"Value": "as it is"})
        self.assertEqual(self.ec2.describe_image_attribute(
            ImageId=id, Attribute="description")["Description"], {"Value": "as it is"})
        self.assertEqual(self.ec2.describe_image_attribute(
            ImageId=id, Attribute="kernel")["KernelId"], {"Value": image["KernelId"]})
        self.assertEqual(len(self.ec2.describe_image_attribute(
            ImageId=id, Attribute="blockDeviceMapping")["BlockDeviceMappings"]), 1)
        soon = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(time.time() + 7200))
        self.ec2.enable_image_deprecation(ImageId=id, DeprecateAt=soon)
        self.assertEqual(self.shown(id)["DeprecationTime"][:16], soon[:16])
        self.ec2.disable_image_deprecation(ImageId=id)
        self.assertNotIn("DeprecationTime", self.shown(id))
        self.refused("InvalidParameterValue", self.ec2.enable_image_deprecation, ImageId=id,
                     DeprecateAt="2010-01-01T00:00:00Z")


del Case  # its own tests are test_volumes'


if __name__ == "__main__":
    unittest.main()
