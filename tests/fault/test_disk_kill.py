"""The daemon is killed at every moment at which it works upon volumes and snapshots, one after the
other: the next one finishes what was asked for, and no file is left that no record owns."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase, wait_until  # noqa: E402

from botocore.exceptions import BotoCoreError  # noqa: E402

ZONE = "us-east-1a"
POINTS = ("disk-begin", "disk-record")
DEADLINE = 20


class Kills(CloudTestCase):
    def setUp(self):
        self.ec2 = self.cloud.boto3("ec2")
        image = self.ec2.describe_images(Owners=["amazon"], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]
        self.instance = self.ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1,
            Placement={"AvailabilityZone": ZONE})["Instances"][0]["InstanceId"]
        self.wait("instance", self.instance, "running")

    def instance_state(self, id):
        return self.ec2.describe_instances(
            InstanceIds=[id])["Reservations"][0]["Instances"][0]["State"]["Name"]

    def volume_state(self, id):
        volume = self.ec2.describe_volumes(VolumeIds=[id])["Volumes"][0]
        attachments = [one["State"] for one in volume["Attachments"]]
        return "/".join([volume["State"], *attachments])

    def size_state(self, id):
        return str(self.ec2.describe_volumes(VolumeIds=[id])["Volumes"][0]["Size"])

    def snapshot_state(self, id):
        return self.ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]["State"]

    def image_state(self, id):
        return self.ec2.describe_images(ImageIds=[id])["Images"][0]["State"]

    def wait(self, kind, id, state):
        look = getattr(self, f"{kind}_state")
        wait_until(lambda: look(id) == state, DEADLINE, lambda: f"{id}: {look(id)}, not {state}")

    def restart(self, plan):
        """Another daemon, which dies at the point that the plan names."""
        if self.cloud.process and self.cloud.process.poll() is None:
            self.cloud.kill()
        self.cloud.process = None
        self.cloud.daemon_env = {"CUMULET_FAULTPOINT": plan} if plan else {}
        self.cloud.start()
        self.ec2 = self.cloud.boto3("ec2")

    def killed_while(self, deed, kind, state):
        """deed() asks for something and returns an id, which comes to the state whenever the daemon
        was killed; how often it was."""
        kills = 0
        for point in POINTS:
            for number in range(1, 4):
                with self.subTest(point=point, number=number):
                    self.restart(f"serve:1,{point}:{number}")
                    id = deed()
                    died = self.died(kind, id, state)
                    kills += died
                    self.restart(None)
                    self.wait(kind, id, state)
                    self.undo(kind, id)
                if not died:
                    break
        self.assertGreaterEqual(kills, len(POINTS))

    def died(self, kind, id, state):
        """Whether the daemon died before it had done it."""
        look = getattr(self, f"{kind}_state")

        def ended():
            try:
                return "done" if look(id) == state else None
            except (BotoCoreError, OSError):
                return "died"
        return wait_until(lambda: self.cloud.process.poll() is not None and "died" or ended(),
                          DEADLINE, id) == "died"

    def undo(self, kind, id):
        if kind == "volume" and "attached" in self.volume_state(id):
            self.ec2.detach_volume(VolumeId=id)
            self.wait("volume", id, "available")
            self.ec2.delete_volume(VolumeId=id)

    def volume(self):
        return self.ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]

    def available(self):
        id = self.volume()
        self.wait("volume", id, "available")
        return id

    def attached(self):
        id = self.available()
        self.ec2.attach_volume(VolumeId=id, InstanceId=self.instance, Device="/dev/sdf")
        self.wait("volume", id, "in-use/attached")
        return id

    def test_made(self):
        self.killed_while(self.volume, "volume", "available")

    def test_attached(self):
        volume = self.available()

        def attach():
            self.ec2.attach_volume(VolumeId=volume, InstanceId=self.instance, Device="/dev/sdf")
            return volume
        self.undo = lambda kind, id: (self.ec2.detach_volume(VolumeId=id),
                                      self.wait("volume", id, "available"))
        self.killed_while(attach, "volume", "in-use/attached")

    def test_detached(self):
        volume = self.attached()

        def detach():
            self.ec2.detach_volume(VolumeId=volume)
            return volume
        self.undo = lambda kind, id: (
            self.ec2.attach_volume(VolumeId=id, InstanceId=self.instance, Device="/dev/sdf"),
            self.wait("volume", id, "in-use/attached"))
        self.killed_while(detach, "volume", "available")

    def test_grown(self):
        volume, size = self.attached(), [1]

        def grow():
            size[0] += 1
            self.ec2.modify_volume(VolumeId=volume, Size=size[0])
            return volume
        for point in POINTS:
            with self.subTest(point):
                self.restart(f"serve:1,{point}:1")
                grow()
                self.assertTrue(self.died("size", volume, str(size[0])))
                self.restart(None)
                self.wait("size", volume, str(size[0]))

    def test_frozen_under_a_machine_and_at_rest(self):
        for volume in (self.attached(), self.available()):
            self.killed_while(
                lambda: self.ec2.create_snapshot(VolumeId=volume)["SnapshotId"],
                "snapshot", "completed")

    def test_images(self):
        names = iter(f"image-{number}" for number in range(100))
        self.killed_while(
            lambda: self.ec2.create_image(InstanceId=self.instance, Name=next(names),
                                          NoReboot=True)["ImageId"], "image", "available")


if __name__ == "__main__":
    unittest.main()
