"""`cumulet image import` against daemons with the fake back end: what it takes, what it refuses, and
that nothing is left behind."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CUMULET, CloudTestCase, wait_until  # noqa: E402
from lifecycle import unique  # noqa: E402

MIB = 1024 * 1024


def qemu_img(*arguments):
    subprocess.run(["qemu-img", *map(str, arguments)], check=True, capture_output=True)


def setUpModule():
    if not shutil.which("qemu-img"):
        raise unittest.SkipTest("qemu-img is not installed (apt-get install qemu-utils)")


class ImportTestCase(CloudTestCase):
    """folder: of the test; raw: a disk with a partition table and something in it."""

    cloud_options = {"backend": "fake"}

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.raw = self.make_raw("disk.raw")

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_raw(self, name, size=40 * MIB, table=True, data=True):
        with open(self.path(name), "wb") as file:
            file.truncate(size)
            if table:  # one partition, type 83
                file.seek(446)
                file.write(bytes([0x80, 0, 0, 0, 0x83, 0, 0, 0]) + (2048).to_bytes(4, "little") +
                           (4096).to_bytes(4, "little"))
                file.seek(510)
                file.write(b"\x55\xaa")
            if data:
                file.seek(MIB)
                file.write(os.urandom(4 * MIB))
        return self.path(name)

    def convert(self, name, *options):
        qemu_img("convert", "-f", "raw", *options, self.raw, self.path(name))
        return self.path(name)

    def volumes(self, cloud=None):
        return set(os.listdir(os.path.join((cloud or self.cloud).state, "volumes")))

    def imported(self, file, *options, name=None, cloud=None):
        """The image of a file that has to be taken."""
        cloud, name = cloud or self.cloud, name or unique("image")
        done = cloud.cumulet("image", "import", file, "--name", name, *options)
        self.assertRegex(done.stdout, rf"^ami-[0-9a-f]{{17}}  {name}\n$")
        image = cloud.boto3("ec2").describe_images(ImageIds=[done.stdout.split()[0]])["Images"][0]
        self.assertEqual(image["Name"], name)
        return image

    def layer(self, image, cloud=None):
        """The file that the image's instances start from."""
        snapshot = image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        database = os.path.join((cloud or self.cloud).state, "cumulet.db")
        import sqlite3
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as store:
            path, = store.execute("SELECT path FROM snapshot WHERE id = ?", [snapshot]).fetchone()
        return os.path.join((cloud or self.cloud).state, path)

    def refused(self, expected, file, *options, name=None, status=1, cloud=None):
        """It is refused in these words, and leaves nothing."""
        cloud, name = cloud or self.cloud, name or unique("image")
        before = self.volumes(cloud)
        done = cloud.cumulet("image", "import", file, "--name", name, *options, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(expected, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.volumes(cloud), before)
        return done


class FormatTest(ImportTestCase):
    def assert_same_disk(self, image):
        """The disk has what the raw one has."""
        self.assertEqual(subprocess.run(["qemu-img", "compare", "-F", "qcow2", self.raw,
                                         self.layer(image)], capture_output=True).returncode, 0)

    def test_every_format_shows_the_same_disk(self):
        for name, options in (("disk.qcow2", ["-O", "qcow2"]),
                              ("packed.img", ["-c", "-O", "qcow2"]),
                              ("disk.vmdk", ["-O", "vmdk"]),
                              ("stream.vmdk", ["-O", "vmdk", "-o", "subformat=streamOptimized"]),
                              ("disk.vhd", ["-O", "vpc", "-o", "force_size=on"]),
                              ("fixed.vhd", ["-O", "vpc", "-o", "subformat=fixed,force_size=on"]),
                              ("disk.vhdx", ["-O", "vhdx"])):
            with self.subTest(name):
                self.assert_same_disk(self.imported(self.convert(name, *options)))
        self.assert_same_disk(self.imported(self.raw))

    def test_the_image_is_the_accounts_and_private(self):
        image = self.imported(self.raw, "--description", "mine, öffentlich?")
        self.assertEqual(image["OwnerId"], self.cloud.credentials["account_id"])
        self.assertFalse(image["Public"])
        self.assertEqual(image["State"], "available")
        self.assertEqual(image["Description"], "mine, öffentlich?")
        self.assertEqual(image["Architecture"], "x86_64")
        self.assertEqual(image["RootDeviceType"], "ebs")
        root = image["BlockDeviceMappings"][0]
        self.assertEqual(root["DeviceName"], image["RootDeviceName"])
        self.assertEqual(root["Ebs"]["VolumeSize"], 1)
        snapshot = self.cloud.boto3("ec2").describe_snapshots(
            SnapshotIds=[root["Ebs"]["SnapshotId"]])["Snapshots"][0]
        self.assertEqual((snapshot["State"], snapshot["OwnerId"]),
                         ("completed", image["OwnerId"]))

    def test_i386_is_taken_and_other_machines_are_not(self):
        self.assertEqual(self.imported(self.raw, "--architecture", "i386")["Architecture"], "i386")
        self.refused("parameter architecture is invalid", self.raw, "--architecture", "arm64")

    def test_it_is_launched_and_goes_when_nobody_needs_it(self):
        ec2 = self.cloud.boto3("ec2")
        image = self.imported(self.raw)
        file = self.layer(image)
        instance = ec2.run_instances(ImageId=image["ImageId"], MinCount=1, MaxCount=1)[
            "Instances"][0]["InstanceId"]
        ec2.get_waiter("instance_running").wait(InstanceIds=[instance])
        ec2.terminate_instances(InstanceIds=[instance])
        ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance])
        ec2.deregister_image(ImageId=image["ImageId"])
        self.assertTrue(os.path.exists(file))
        ec2.delete_snapshot(SnapshotId=image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"])
        wait_until(lambda: not os.path.exists(file), 30, "the layer is gone")

    def test_the_file_is_not_needed_afterwards_nor_after_a_restart(self):
        cloud = self.start_cloud()
        image = self.imported(self.raw, cloud=cloud)
        os.unlink(self.raw)
        cloud.restart()
        self.assertTrue(os.path.exists(self.layer(image, cloud)))
        self.assertEqual(len(cloud.boto3("ec2").describe_images(ImageIds=[image["ImageId"]])[
            "Images"]), 1)

    def test_a_name_with_a_colon_is_no_protocol(self):
        odd = self.path("nbd:127.0.0.1:1")
        os.rename(self.raw, odd)
        self.imported(odd)

    def test_a_file_system_without_partitions_is_taken(self):
        bare = self.make_raw("bare.img", table=False, data=False)
        if subprocess.run(["mkfs.ext4", "-q", "-F", bare], capture_output=True, env={
                "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}).returncode != 0:
            self.skipTest("no mkfs.ext4 here (apt-get install e2fsprogs)")
        # Even without its host's partition table it can start: with the starter image's kernel.
        self.assertIn("KernelId", self.imported(bare))

    def test_progress_is_told_on_standard_error(self):
        done = self.cloud.cumulet("image", "import", self.raw, "--name", unique("image"))
        self.assertRegex(done.stderr, r"importing .*disk\.raw: \d+ %\n")
        self.assertIn("100 %", done.stderr)


class RefusalTest(ImportTestCase):
    def test_no_such_file(self):
        self.refused("No such file", self.path("absent"))
        self.refused("is no file", self.folder)
        self.refused("is no file", "/dev/null")

    def test_not_an_image(self):
        for name, content in (("text", b"hello\n" * 10000), ("empty", b""),
                              ("packed.img.xz", b"\xfd7zXZ\x00" + os.urandom(100000)),
                              ("short", b"x")):
            with open(self.path(name), "wb") as file:
                file.write(content)
            self.refused("is no disk image", self.path(name))

    def test_a_damaged_one(self):
        whole = self.convert("whole.qcow2", "-O", "qcow2")
        os.truncate(whole, 300000)
        self.refused("is damaged or not complete", whole)
        with open(whole, "r+b") as file:
            file.seek(20)
            file.write(b"\xff" * 4)
        self.refused("cannot be read as a disk image", whole)

    def test_formats_that_are_not_known(self):
        other = self.convert("disk.vdi", "-O", "vdi")
        self.refused("vdi image; qcow2, raw, VMDK, VHD and VHDX can be imported", other)

    def test_an_image_upon_another_file(self):
        # The other file may be there or not, and may be one that only its owner should read.
        for base in (self.raw, "/etc/shadow"):
            over = self.path("over.qcow2")
            qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", base, "-F", "raw", over, "40M")
            self.refused(f"needs another file ({base})", over)

    def test_an_image_with_its_data_in_another_file(self):
        qemu_img("create", "-q", "-f", "qcow2", "-o",
                 f"data_file={self.path('data')},data_file_raw=on", self.path("outer.qcow2"), "40M")
        self.refused(f"needs another file ({self.path('data')})", self.path("outer.qcow2"))

    def test_a_vmdk_in_pieces(self):
        pieces = self.convert("pieces.vmdk", "-O", "vmdk", "-o", "subformat=monolithicFlat")
        self.refused("needs another file", pieces)

    def test_a_vmdk_that_names_a_strangers_file(self):
        """A descriptor is text: it can name anything as its extent."""
        secret = self.make_raw("secret", size=MIB)
        with open(self.path("evil.vmdk"), "w") as file:
            file.write("# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\n"
                       'createType="monolithicFlat"\n\n# Extent description\n'
                       f'RW 2048 FLAT "{secret}" 0\n\n# The Disk Data Base\n'
                       'ddb.adapterType = "ide"\n')
        self.refused(f"needs another file ({secret})", self.path("evil.vmdk"))

    def test_an_encrypted_one(self):
        done = subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "--object",
             "secret,id=s,data=secret", "-o", "encrypt.format=luks,encrypt.key-secret=s,"
             "encrypt.iter-time=10", self.path("luks.qcow2"), "8M"], capture_output=True)
        if done.returncode != 0:
            self.skipTest("this qemu-img cannot encrypt")
        self.refused("encrypted", self.path("luks.qcow2"))

    def test_too_large(self):
        qemu_img("create", "-q", "-f", "qcow2", self.path("large.qcow2"), "17T")
        self.refused("too large: 17408 GiB of at most 16384", self.path("large.qcow2"))

    def test_a_name_that_is_taken_or_cannot_be(self):
        name = unique("image")
        self.imported(self.raw, name=name)
        done = self.refused("is already in use by AMI ami-", self.raw, name=name)
        self.assertNotIn("importing", done.stderr, "it was told after the work")
        self.refused("AMI names must be between", self.raw, name="x")
        self.refused("AMI names must be between", self.raw, name="a;b;c")

    def test_no_room(self):
        """The source claims to be larger than what is left."""
        left = os.statvfs(self.cloud.state)
        if os.geteuid() != 0:
            self.skipTest("only root makes a file system")
        self.assertGreater(left.f_bavail, 0)
        small = self.path("small")
        os.mkdir(small)
        os.chmod(small, 0o755)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", small],
                          capture_output=True).returncode != 0:
            self.skipTest("nothing can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", small], check=True)
        cloud = self.start_cloud(directory=small)
        big = self.make_raw("big.raw", size=64 * MIB, data=False)
        with open(big, "r+b") as file:
            file.seek(MIB)
            file.write(os.urandom(30 * MIB))
        self.refused("there is no room in", big, cloud=cloud)
        # One that only turns out to be too large.
        with open(big, "r+b") as file:
            file.seek(MIB)
            file.write(b"compressible " * (40 * MIB // 13))
        packed = self.path("packed.qcow2")
        qemu_img("convert", "-c", "-O", "qcow2", big, packed)
        self.refused("No space left on device", packed, cloud=cloud)

    def test_without_a_daemon(self):
        cloud = self.start_cloud()
        cloud.stop()
        self.refused("no daemon runs", self.raw, status=3, cloud=cloud)

    def test_wrong_use(self):
        for arguments in (["import"], ["import", self.raw], ["export", self.raw],
                          ["import", self.raw, "--name", "abc", "--force"],
                          ["import", self.raw, "--name", "abc", "--mirror", "http://x"],
                          ["build", "micro", "--name", "abc"]):
            done = self.cloud.cumulet("image", *arguments, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)


class InterruptionTest(ImportTestCase):
    def begin(self, cloud):
        """An import that has begun to write: its process."""
        with open(self.raw, "r+b") as file:
            file.truncate(2 << 30)
            for at in range(0, 600):
                file.seek(at * MIB + 4096)
                file.write(os.urandom(MIB // 2))
        before = self.volumes(cloud)
        process = subprocess.Popen(
            [CUMULET, "image", "import", self.raw, "--name", unique("image")],
            env=cloud.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(lambda: self.volumes(cloud) - before, 30, "the import writes")
        return process

    def children(self, process):
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
            return [int(pid) for pid in file.read().split()]

    def test_an_interrupted_one_leaves_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            before = self.volumes()
            process = self.begin(self.cloud)
            children = self.children(process)
            process.send_signal(number)
            output, complaint = process.communicate(timeout=30)
            self.assertEqual(process.returncode, 1, complaint)
            self.assertIn("interrupted", complaint)
            self.assertEqual(output, "")
            self.assertEqual(self.volumes(), before)
            self.assertEqual([pid for pid in children if os.path.exists(f"/proc/{pid}")], [])

    def test_what_a_killed_one_left_the_next_daemon_removes(self):
        cloud = self.start_cloud()
        before = self.volumes(cloud)
        process = self.begin(cloud)
        children = self.children(process)
        process.kill()
        process.wait()
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children), 30,
                   "qemu-img has ended")
        self.assertNotEqual(self.volumes(cloud), before)
        cloud.restart()
        self.assertEqual(self.volumes(cloud), before)


class EndpointTest(ImportTestCase):
    """What the daemon itself makes of files that somebody placed for it."""

    def ask(self, body):
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        credentials = self.cloud.credentials
        text = json.dumps(body)
        request = AWSRequest("POST", f"{self.cloud.endpoint}/_cumulet/import", data=text)
        SigV4Auth(Credentials(credentials["aws_access_key_id"],
                              credentials["aws_secret_access_key"]), "cumulet",
                  "us-east-1").add_auth(request)
        connection = http.client.HTTPConnection(self.cloud.endpoint.partition("//")[2], timeout=60)
        self.addCleanup(connection.close)
        connection.request("POST", "/_cumulet/import", text, dict(request.headers))
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    def place(self, *options, name=None):
        """A file in STATE/volumes, made by qemu-img create; its name."""
        name = name or f"{unique('import')}.qcow2"
        path = os.path.join(self.cloud.state, "volumes", name)
        qemu_img("create", "-q", "-u", "-f", "qcow2", *options, path, "8M")
        status = os.stat(os.path.dirname(path))
        os.chown(path, status.st_uid, status.st_gid)
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        return name

    def wanted(self, file, **more):
        return {"file": file, "name": unique("image"), "architecture": "x86_64", **more}

    def test_a_whole_one_is_registered_once(self):
        file = self.place()
        status, answer = self.ask(self.wanted(file))
        self.assertEqual(status, 200, answer)
        status, again = self.ask(self.wanted(file))
        self.assertEqual((status, again["Code"]), (400, "InvalidParameterValue"))
        self.assertIn("an image's already", again["Message"])
        self.assertIn(file, self.volumes())

    def test_what_leads_elsewhere_is_removed(self):
        data = os.path.join(self.folder, "data")
        for why, file in (
                ("built upon another file", self.place("-b", "/etc/shadow", "-F", "raw")),
                ("data lie in another file", self.place("-o", f"data_file={data}"))):
            status, answer = self.ask(self.wanted(file))
            self.assertEqual((status, answer["Code"]), (400, "InvalidParameterValue"))
            self.assertIn(why, answer["Message"])
            self.assertNotIn(file, self.volumes())

    def test_a_link_is_not_followed(self):
        name = f"{unique('import')}.qcow2"
        path = os.path.join(self.cloud.state, "volumes", name)
        qemu_img("create", "-q", "-f", "qcow2", self.path("target.qcow2"), "8M")
        os.symlink(self.path("target.qcow2"), path)
        self.assertEqual(self.ask(self.wanted(name))[0], 400)
        self.assertTrue(os.path.exists(self.path("target.qcow2")))
        self.assertFalse(os.path.lexists(path))

    def test_names_of_other_files(self):
        kept = self.place(name="vol-0123456789abcdef0.qcow2")
        for file in (kept, f"../volumes/{kept}", "import-../../cumulet.db", "../cumulet.db",
                     "import-a/b.qcow2", ""):
            status, answer = self.ask(self.wanted(file))
            self.assertEqual((status, answer["Code"]), (400, "InvalidParameterValue"), file)
        self.assertIn(kept, self.volumes())
        self.assertEqual(self.ask(self.wanted("import-absent.qcow2"))[0], 400)

    def test_what_is_no_qcow2(self):
        file = self.place()
        with open(os.path.join(self.cloud.state, "volumes", file), "wb") as out:
            out.write(b"\0" * 512)
        status, answer = self.ask(self.wanted(file))
        self.assertEqual((status, answer["Code"]), (400, "InvalidParameterValue"))
        self.assertNotIn(file, self.volumes())

    def test_a_body_without_what_is_needed(self):
        for body in ({}, {"name": "abc"}, {"architecture": "x86_64"}, [], "text"):
            status, answer = self.ask(body)
            self.assertEqual((status, answer["Code"]), (400, "ValidationError"))


if __name__ == "__main__":
    unittest.main()
