"""Disk images from elsewhere, imported and booted: the starter image's disk in VMware's format."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from guests import GuestCloud, low_ports_are_open, why_no_guests  # noqa: E402

CERTIFICATE = "http://169.254.169.254/latest/dynamic/cumulet/cert-ec2.pem"
MIB = 1024 * 1024
cloud = None


def setUpModule():
    global cloud
    reason = why_no_guests()
    if not reason and not low_ports_are_open():
        reason = "this user may not listen on ports 22 and 80 (net.ipv4.ip_unprivileged_port_start)"
    if reason:
        raise unittest.SkipTest(reason)
    cloud = GuestCloud()
    unittest.addModuleCleanup(cloud.close)


class ImportTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def imported(self, file, name):
        """The image, as EC2 describes it."""
        answer = cloud.cumulet("image", "import", file, "--name", name, timeout=300).stdout
        return cloud.ec2.describe_images(ImageIds=[answer.split()[0]])["Images"][0]

    def test_a_bare_file_system_boots_with_the_starter_kernel(self):
        directory = os.path.join(cloud.state, "images", "micro")
        with open(os.path.join(directory, "image.json")) as file:
            root = os.path.join(directory, json.load(file)["root"])
        vmdk = os.path.join(self.folder, "disk.vmdk")
        subprocess.run(["qemu-img", "convert", "-O", "vmdk", "-o", "subformat=streamOptimized",
                        root, vmdk], check=True)
        image = self.imported(vmdk, "from VMware")
        os.unlink(vmdk)
        starter = cloud.ec2.describe_images(ImageIds=[cloud.image])["Images"][0]
        self.assertEqual(image["KernelId"], starter["KernelId"])
        self.assertEqual(image["RamdiskId"], starter["RamdiskId"])
        key = cloud.make_key("k")
        cloud.open_ports(22, 80)
        guest = cloud.run_guest(key=key, ImageId=image["ImageId"])
        guest.wait_state("running")
        guest.wait_page()
        guest.wait_ssh()
        self.assertIn("/dev/", guest.ssh("mount | grep ' / '"))
        # What the AMI tools ask for in a guest.
        with open(os.path.join(cloud.state, "certificates", "cert-ec2.pem")) as file:
            self.assertEqual(guest.ssh(f"wget -q -O - {CERTIFICATE}"), file.read())
        guest.terminate()

    def test_a_disk_with_a_partition_table_gets_no_kernel(self):
        disk = os.path.join(self.folder, "disk.img")
        with open(disk, "wb") as file:
            file.truncate(8 * MIB)
            file.seek(446)
            file.write(bytes([0x80, 0, 0, 0, 0x83, 0, 0, 0]) + (2048).to_bytes(4, "little") +
                       (4096).to_bytes(4, "little"))
            file.seek(510)
            file.write(b"\x55\xaa")
        image = self.imported(disk, "with partitions")
        self.assertNotIn("KernelId", image)
        self.assertNotIn("RamdiskId", image)


if __name__ == "__main__":
    unittest.main()
