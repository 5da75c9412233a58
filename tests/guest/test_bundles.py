"""Images from bundles with real machines: the starter image's file system, bundled on the host,
registered and run; and a machine whose page was changed, bundled from outside."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from bundles import BundleTestCase, layer_rows  # noqa: E402
from cloud import wait_until  # noqa: E402
from guests import GuestCloud, low_ports_are_open, why_no_guests  # noqa: E402

from botocore.exceptions import ClientError  # noqa: E402

WORK = 300  # seconds that unpacking or bundling may take on a busy machine; usually 2
PAGE = "this page was changed"
cloud = key = None


def setUpModule():
    global cloud, key
    reason = why_no_guests()
    if not reason and not low_ports_are_open():
        reason = "this user may not listen on ports 22 and 80 (net.ipv4.ip_unprivileged_port_start)"
    if reason:
        raise unittest.SkipTest(reason)
    cloud = GuestCloud()
    unittest.addModuleCleanup(cloud.close)
    key = cloud.make_key("key")
    cloud.open_ports(22, 80)


class Bundles(BundleTestCase):
    def setUp(self):
        super().setUp()
        self.cloud, self.ec2 = cloud, cloud.ec2

    def raw_starter(self):
        """The starter image's file system in a file of its own."""
        with open(f"{cloud.state}/images/micro/image.json") as file:
            source = os.path.join(os.path.dirname(file.name), json.load(file)["root"])
        path = self.path("starter.img")
        subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", source, path],
                       check=True)
        return path

    def wait_registered(self, location, name):
        image = self.register(location, name)
        wait_until(lambda: self.shown_image(image)["State"] != "pending", WORK,
                   lambda: self.shown_image(image))
        self.assertEqual(self.shown_image(image)["State"], "available", self.shown_image(image))
        return image

    def test_a_bundle_runs(self):
        directory = self.make_bundle(self.raw_starter(), name="starter")
        image = self.wait_registered(self.upload(directory, "test-ami-bucket"), "Test AMI")
        guest = cloud.run_guest(key, ImageId=image)
        guest.wait_state("running")
        guest.wait_page()
        guest.wait_ssh()
        self.assertEqual(guest.describe()["RootDeviceType"], "instance-store")
        guest.ssh("echo kept >/root/note; sync")
        with self.assertRaises(ClientError) as caught:
            cloud.ec2.stop_instances(InstanceIds=[guest.id])
        self.assertEqual(caught.exception.response["Error"]["Code"], "UnsupportedOperation")
        booted = guest.ssh("cat /proc/sys/kernel/random/boot_id")
        cloud.hang_up()
        cloud.ec2.reboot_instances(InstanceIds=[guest.id])

        def rebooted():
            return guest.ssh("cat /proc/sys/kernel/random/boot_id", check=False,
                             keep=False) not in ("", booted)
        wait_until(rebooted, WORK, guest.console, 0.5)
        self.assertEqual(guest.ssh("cat /root/note", keep=False), "kept\n")
        cloud.hang_up()
        self.assertIn(f"{guest.id}-root.qcow2", layer_rows(cloud))
        guest.terminate()
        guest.wait_state("terminated")
        self.assert_no_leftovers(guest.id)

    def test_bundled_from_outside(self):
        guest = cloud.run_guest(key)
        guest.wait_page()
        guest.wait_ssh()
        guest.ssh(f"echo '{PAGE}' >/root/changed; sync")
        cloud.hang_up()
        task = cloud.ec2.bundle_instance(InstanceId=guest.id, Storage={"S3": {
            "Bucket": "from-outside", "Prefix": "copy"}})["BundleTask"]["BundleId"]

        def shown():
            return cloud.ec2.describe_bundle_tasks(BundleIds=[task])["BundleTasks"][0]
        wait_until(lambda: shown()["State"] in ("complete", "failed"), WORK, shown)
        self.assertEqual(shown()["State"], "complete", shown())
        guest.wait_page()
        guest.terminate()
        image = self.wait_registered("from-outside/copy.manifest.xml", "from outside")
        copy = cloud.run_guest(key, ImageId=image)
        copy.wait_state("running")
        copy.wait_page()
        copy.wait_ssh()
        self.assertEqual(copy.ssh("cat /root/changed"), f"{PAGE}\n")
        cloud.hang_up()
        copy.terminate()


if __name__ == "__main__":
    unittest.main()
