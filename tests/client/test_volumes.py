"""Volumes and snapshots by boto3: what they go through, what is refused and how."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase, wait_until  # noqa: E402

try:
    from botocore.exceptions import ClientError
except ImportError:
    raise unittest.SkipTest("no boto3 here (apt-get install python3-boto3)") from None

ZONE = "us-east-1a"


class Case(CloudTestCase):
    def setUp(self):
        self.ec2 = self.cloud.boto3("ec2")

    def refused(self, code, verb, **options):
        with self.assertRaises(ClientError) as caught:
            verb(**options)
        self.assertEqual(caught.exception.response["Error"]["Code"], code,
                         caught.exception.response["Error"]["Message"])
        return caught.exception.response["Error"]["Message"]

    def volume(self, id):
        return self.ec2.describe_volumes(VolumeIds=[id])["Volumes"][0]

    def wait_volume(self, id, state):
        wait_until(lambda: self.volume(id)["State"] == state, 10, lambda: self.volume(id))
        return self.volume(id)

    def create(self, **options):
        options.setdefault("AvailabilityZone", ZONE)
        id = self.ec2.create_volume(**options)["VolumeId"]
        self.wait_volume(id, "available")
        return id

    def snapshot(self, id):
        return self.ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]

    def take(self, volume, **options):
        id = self.ec2.create_snapshot(VolumeId=volume, **options)["SnapshotId"]
        wait_until(lambda: self.snapshot(id)["State"] == "completed", 10,
                   lambda: self.snapshot(id))
        return id

    def image(self):
        return self.ec2.describe_images(Owners=["amazon"], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]

    def run_instance(self, **options):
        options.setdefault("ImageId", self.image()["ImageId"])
        options.setdefault("Placement", {"AvailabilityZone": ZONE})
        id = self.ec2.run_instances(MinCount=1, MaxCount=1, **options)["Instances"][0]["InstanceId"]
        self.wait_instance(id, "running")
        return id

    def instance(self, id):
        return self.ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]

    def wait_instance(self, id, state):
        wait_until(lambda: self.instance(id)["State"]["Name"] == state, 10,
                   lambda: self.instance(id))

    def devices(self, id):
        return {one["DeviceName"]: one["Ebs"] for one in self.instance(id)["BlockDeviceMappings"]}

    def is_gone(self, id):
        try:
            self.volume(id)
        except ClientError as error:
            return error.response["Error"]["Code"] == "InvalidVolume.NotFound"
        return False


class Volumes(Case):
    def test_a_volume_lives_and_dies(self):
        made = self.ec2.create_volume(
            AvailabilityZone=ZONE, Size=3, VolumeType="gp3", TagSpecifications=[
                {"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "data"}]}])
        self.assertEqual(made["State"], "creating")
        volume = self.wait_volume(made["VolumeId"], "available")
        self.assertEqual((volume["Size"], volume["VolumeType"], volume["Iops"],
                          volume["Throughput"], volume["Attachments"], volume["Encrypted"]),
                         (3, "gp3", 3000, 125, [], False))
        self.assertEqual(volume["Tags"], [{"Key": "Name", "Value": "data"}])
        found = self.ec2.describe_volumes(Filters=[
            {"Name": "tag:Name", "Values": ["data"]}, {"Name": "size", "Values": ["3"]},
            {"Name": "status", "Values": ["available"]}])["Volumes"]
        self.assertEqual([one["VolumeId"] for one in found], [made["VolumeId"]])
        status = self.ec2.describe_volume_status(VolumeIds=[made["VolumeId"]])["VolumeStatuses"]
        self.assertEqual(status[0]["VolumeStatus"]["Status"], "ok")
        self.ec2.delete_volume(VolumeId=made["VolumeId"])
        self.refused("InvalidVolume.NotFound", self.ec2.describe_volumes,
                     VolumeIds=[made["VolumeId"]])

    def test_a_token_makes_one_volume(self):
        first, again = (self.ec2.create_volume(AvailabilityZone=ZONE, Size=1, ClientToken="once")
                        for _ in range(2))
        self.assertEqual(first["VolumeId"], again["VolumeId"])
        self.refused("IdempotentParameterMismatch", self.ec2.create_volume, AvailabilityZone=ZONE,
                     Size=2, ClientToken="once")

    def test_what_cannot_be_made(self):
        create = self.ec2.create_volume
        self.refused("InvalidZone.NotFound", create, AvailabilityZone="mars-1a", Size=1)
        self.refused("MissingParameter", create, AvailabilityZone=ZONE)
        self.refused("UnknownVolumeType", create, AvailabilityZone=ZONE, Size=1, VolumeType="gp9")
        self.refused("InvalidParameterValue", create, AvailabilityZone=ZONE, Size=20000)
        self.refused("InvalidParameterValue", create, AvailabilityZone=ZONE, Size=1,
                     VolumeType="st1")
        self.refused("InvalidParameterCombination", create, AvailabilityZone=ZONE, Size=1,
                     VolumeType="gp2", Iops=3000)
        self.refused("MissingParameter", create, AvailabilityZone=ZONE, Size=10, VolumeType="io1")
        self.refused("InvalidParameterValue", create, AvailabilityZone=ZONE, Size=10,
                     VolumeType="io1", Iops=501)
        self.refused("InvalidSnapshot.NotFound", create, AvailabilityZone=ZONE,
                     SnapshotId="snap-0123456789abcdef0")
        self.refused("InvalidSnapshotID.Malformed", create, AvailabilityZone=ZONE, SnapshotId="x")
        self.refused("UnsupportedOperation", create, AvailabilityZone=ZONE, Size=4,
                     VolumeType="io1", Iops=100, MultiAttachEnabled=True)
        self.refused("InvalidVolumeID.Malformed", self.ec2.delete_volume, VolumeId="vol-xyz!")

    def test_attached_and_detached(self):
        instance, volume = self.run_instance(), self.create(Size=1)
        attached = self.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
        self.assertEqual(attached["State"], "attaching")
        in_use = self.wait_volume(volume, "in-use")
        wait_until(lambda: self.volume(volume)["Attachments"][0]["State"] == "attached", 10,
                   lambda: self.volume(volume))
        self.assertEqual((in_use["Attachments"][0]["InstanceId"],
                          in_use["Attachments"][0]["Device"],
                          in_use["Attachments"][0]["DeleteOnTermination"]),
                         (instance, "/dev/sdf", False))
        self.assertEqual(self.devices(instance)["/dev/sdf"]["VolumeId"], volume)
        self.refused("VolumeInUse", self.ec2.delete_volume, VolumeId=volume)
        self.refused("VolumeInUse", self.ec2.attach_volume, VolumeId=volume, InstanceId=instance,
                     Device="/dev/sdg")
        other = self.create(Size=1)
        self.assertIn("already in use",
                      self.refused("InvalidParameterValue", self.ec2.attach_volume, VolumeId=other,
                                   InstanceId=instance, Device="xvdf"))
        self.refused("InvalidParameterValue", self.ec2.attach_volume, VolumeId=other,
                     InstanceId=instance, Device="/dev/floppy")
        self.refused("InvalidInstanceID.NotFound", self.ec2.attach_volume, VolumeId=other,
                     InstanceId="i-0123456789abcdef0", Device="/dev/sdg")
        self.refused("InvalidAttachment.NotFound", self.ec2.detach_volume, VolumeId=volume,
                     Device="/dev/sdz")
        self.assertEqual(self.ec2.detach_volume(VolumeId=volume)["State"], "detaching")
        self.assertEqual(self.wait_volume(volume, "available")["Attachments"], [])
        self.assertNotIn("/dev/sdf", self.devices(instance))
        self.refused("IncorrectState", self.ec2.detach_volume, VolumeId=volume)

    def test_zones_do_not_mix(self):
        volume = self.create(AvailabilityZone="us-east-1b", Size=1)
        self.refused("InvalidVolume.ZoneMismatch", self.ec2.attach_volume, VolumeId=volume,
                     InstanceId=self.run_instance(), Device="/dev/sdf")

    def test_the_root_volume_leaves_only_at_rest(self):
        instance = self.run_instance()
        root = self.devices(instance)[self.instance(instance)["RootDeviceName"]]["VolumeId"]
        self.refused("OperationNotPermitted", self.ec2.detach_volume, VolumeId=root)
        self.ec2.stop_instances(InstanceIds=[instance])
        self.wait_instance(instance, "stopped")
        self.ec2.detach_volume(VolumeId=root)
        self.wait_volume(root, "available")
        self.ec2.attach_volume(VolumeId=root, InstanceId=instance,
                               Device=self.instance(instance)["RootDeviceName"])
        self.wait_volume(root, "in-use")
        self.ec2.start_instances(InstanceIds=[instance])
        self.wait_instance(instance, "running")

    def test_volumes_after_their_instance(self):
        instance = self.run_instance(BlockDeviceMappings=[
            {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 2, "DeleteOnTermination": False}},
            {"DeviceName": "/dev/sdh", "Ebs": {"VolumeSize": 1}}])
        kept, gone = (self.devices(instance)[f"/dev/sd{letter}"]["VolumeId"] for letter in "gh")
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.wait_volume(kept, "available")
        wait_until(lambda: self.is_gone(gone), 10, "the other one goes")

    def test_modified(self):
        volume = self.create(Size=2, VolumeType="gp2")
        self.refused("InvalidVolumeModification.NotFound",
                     self.ec2.describe_volumes_modifications, VolumeIds=[volume])
        change = self.ec2.modify_volume(VolumeId=volume, Size=5, VolumeType="gp3",
                                        Iops=3000)["VolumeModification"]
        self.assertEqual((change["OriginalSize"], change["TargetSize"], change["TargetVolumeType"],
                          change["TargetIops"]), (2, 5, "gp3", 3000))

        def state():
            return self.ec2.describe_volumes_modifications(
                VolumeIds=[volume])["VolumesModifications"][0]["ModificationState"]
        wait_until(lambda: state() == "completed", 10, state)
        self.assertEqual((self.volume(volume)["Size"], self.volume(volume)["VolumeType"]),
                         (5, "gp3"))
        self.refused("InvalidParameterValue", self.ec2.modify_volume, VolumeId=volume, Size=1)

    def test_attributes(self):
        volume = self.create(Size=1)
        self.ec2.modify_volume_attribute(VolumeId=volume, AutoEnableIO={"Value": True})
        shown = self.ec2.describe_volume_attribute(VolumeId=volume, Attribute="autoEnableIO")
        self.assertEqual(shown["AutoEnableIO"], {"Value": True})
        self.assertEqual(self.ec2.describe_volume_attribute(
            VolumeId=volume, Attribute="productCodes").get("ProductCodes", []), [])
        self.ec2.enable_volume_io(VolumeId=volume)

    def test_pages(self):
        made = sorted(self.create(Size=1) for _ in range(6))
        first = self.ec2.describe_volumes(MaxResults=5, Filters=[
            {"Name": "volume-id", "Values": made}])
        rest = self.ec2.describe_volumes(MaxResults=5, NextToken=first["NextToken"], Filters=[
            {"Name": "volume-id", "Values": made}])
        self.assertEqual([one["VolumeId"] for one in first["Volumes"] + rest["Volumes"]], made)


class Launches(Case):
    def test_what_the_image_maps_can_be_changed(self):
        snapshot = self.take(self.create(Size=2))
        instance = self.run_instance(BlockDeviceMappings=[
            {"DeviceName": self.image()["RootDeviceName"],
             "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "DeleteOnTermination": False}},
            {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": snapshot}}])
        devices = self.devices(instance)
        root = self.volume(devices[self.image()["RootDeviceName"]]["VolumeId"])
        data = self.volume(devices["/dev/sdf"]["VolumeId"])
        self.assertEqual((root["Size"], root["VolumeType"],
                          root["Attachments"][0]["DeleteOnTermination"]), (20, "gp3", False))
        self.assertEqual((data["Size"], data["SnapshotId"]), (2, snapshot))

    def test_ephemeral_disks_are_no_volumes(self):
        instance = self.run_instance(InstanceType="m1.small", BlockDeviceMappings=[
            {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
            {"DeviceName": "/dev/sdc", "VirtualName": "ephemeral1"}])
        self.assertEqual(list(self.devices(instance)), [self.image()["RootDeviceName"]])
        self.refused("InvalidParameterValue", self.ec2.attach_volume,
                     VolumeId=self.create(Size=1), InstanceId=instance, Device="/dev/sdb")

    def test_what_is_refused(self):
        def run(mapping):
            return {"ImageId": self.image()["ImageId"], "MinCount": 1, "MaxCount": 1,
                    "BlockDeviceMappings": [mapping]}
        root = self.image()["RootDeviceName"]
        for code, mapping in (
                ("InvalidBlockDeviceMapping", {"DeviceName": root, "NoDevice": ""}),
                ("InvalidBlockDeviceMapping", {"DeviceName": root, "VirtualName": "ephemeral0"}),
                ("InvalidBlockDeviceMapping", {"DeviceName": "/dev/sdf", "VirtualName": "tape0"}),
                ("MissingParameter", {"DeviceName": "/dev/sdf", "Ebs": {"VolumeType": "gp2"}}),
                ("InvalidParameterValue", {"DeviceName": "floppy", "Ebs": {"VolumeSize": 1}}),
                ("UnknownVolumeType",
                 {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "VolumeType": "no"}}),
                ("InvalidSnapshot.NotFound",
                 {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}})):
            with self.subTest(mapping):
                self.refused(code, self.ec2.run_instances, **run(mapping))


class Snapshots(Case):
    def test_a_snapshot_outlives_its_volume(self):
        volume = self.create(Size=2)
        snapshot = self.take(volume, Description="before")
        shown = self.snapshot(snapshot)
        self.assertEqual((shown["VolumeId"], shown["VolumeSize"], shown["Progress"],
                          shown["Description"]), (volume, 2, "100%", "before"))
        self.ec2.delete_volume(VolumeId=volume)
        copy = self.create(SnapshotId=snapshot)
        self.assertEqual(self.volume(copy)["Size"], 2)
        self.refused("InvalidParameterValue", self.ec2.create_volume, AvailabilityZone=ZONE,
                     SnapshotId=snapshot, Size=1)
        self.ec2.delete_snapshot(SnapshotId=snapshot)
        self.refused("InvalidSnapshot.NotFound", self.ec2.describe_snapshots,
                     SnapshotIds=[snapshot])
        self.take(copy)

    def test_of_a_running_instance_at_one_instant(self):
        instance = self.run_instance(BlockDeviceMappings=[
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}])
        volumes = {ebs["VolumeId"] for ebs in self.devices(instance).values()}
        made = self.ec2.create_snapshots(InstanceSpecification={"InstanceId": instance},
                                         CopyTagsFromSource="volume")["Snapshots"]
        self.assertEqual({one["VolumeId"] for one in made}, volumes)
        for one in made:
            wait_until(lambda: self.snapshot(one["SnapshotId"])["State"] == "completed", 10,
                       lambda: self.snapshot(one["SnapshotId"]))
        only = self.ec2.create_snapshots(InstanceSpecification={
            "InstanceId": instance, "ExcludeBootVolume": True})["Snapshots"]
        self.assertEqual([one["VolumeId"] for one in only],
                         [self.devices(instance)["/dev/sdf"]["VolumeId"]])

    def test_copied(self):
        snapshot = self.take(self.create(Size=1))
        copy = self.ec2.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=snapshot,
                                      Description="copy")["SnapshotId"]
        self.ec2.delete_snapshot(SnapshotId=snapshot)
        self.assertEqual(self.snapshot(copy)["Description"], "copy")
        self.create(SnapshotId=copy)

    def test_an_images_snapshot_stays(self):
        ebs = self.image()["BlockDeviceMappings"][0]["Ebs"]
        shown = self.ec2.describe_snapshots(SnapshotIds=[ebs["SnapshotId"]])["Snapshots"][0]
        self.assertEqual(shown["OwnerAlias"], "amazon")
        self.assertEqual(self.volume(self.create(SnapshotId=ebs["SnapshotId"]))["Size"],
                         shown["VolumeSize"])
        self.refused("AuthFailure", self.ec2.delete_snapshot, SnapshotId=ebs["SnapshotId"])

    def test_permissions(self):
        snapshot = self.take(self.create(Size=1))

        def permissions():
            return self.ec2.describe_snapshot_attribute(
                SnapshotId=snapshot, Attribute="createVolumePermission")["CreateVolumePermissions"]
        self.assertEqual(permissions(), [])
        self.ec2.modify_snapshot_attribute(SnapshotId=snapshot, CreateVolumePermission={
            "Add": [{"UserId": "210987654321"}, {"Group": "all"}]})
        self.assertEqual(permissions(), [{"UserId": "210987654321"}, {"Group": "all"}])
        found = self.ec2.describe_snapshots(RestorableByUserIds=["all"], OwnerIds=["self"])
        self.assertIn(snapshot, [one["SnapshotId"] for one in found["Snapshots"]])
        self.ec2.modify_snapshot_attribute(
            SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="remove",
            UserIds=["210987654321"])
        self.assertEqual(permissions(), [{"Group": "all"}])
        self.ec2.reset_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
        self.assertEqual(permissions(), [])
        self.refused("InvalidParameterValue", self.ec2.modify_snapshot_attribute,
                     SnapshotId=snapshot, CreateVolumePermission={"Add": [{"UserId": "me"}]})


if __name__ == "__main__":
    unittest.main()
