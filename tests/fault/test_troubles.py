"""What is wrong around the daemon: it says so in one clear line and ends, or lives through it."""

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CUMULETD, Cloud, CloudTestCase, wait_until  # noqa: E402
from wire import Wire  # noqa: E402

QUICK = 5  # seconds within which a daemon that cannot serve has said so
DATABASE = "cumulet.db"


def own_mounts(script, *arguments):
    """A command line that runs a shell script where mounts are its own and end with it."""
    options = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    return ["unshare", *options, "--propagation", "private", "sh", "-euc", script, "sh", *arguments]


def can_mount():
    with tempfile.TemporaryDirectory() as directory:
        line = own_mounts('mount -t tmpfs none "$1"', directory)
        try:
            return subprocess.run(line, capture_output=True, timeout=20).returncode == 0
        except OSError:
            return False


class StartTest(CloudTestCase):
    """It cannot start."""

    cloud_options = None

    def setUp(self):
        super().setUp()
        self.cloud_files = Cloud(start=False)  # a place of its own, and a directory
        self.addCleanup(self.cloud_files.destroy)
        self.state = self.cloud_files.state
        self.port = self.cloud_files.place.port

    def command(self, state=None, port=None):
        return [CUMULETD, "--state", state or self.state, "--port", str(port or self.port),
                "--addresses", self.cloud_files.place.addresses, "--backend", "fake"]

    def assert_says(self, line, *words):
        began = time.monotonic()
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30)
        took = time.monotonic() - began
        self.assertIn(done.returncode, (1, 2), done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("cumuletd: "), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertLess(took, QUICK)
        return done.stderr

    def make_state(self):
        """A state directory as a daemon leaves it."""
        self.cloud_files.start()
        self.cloud_files.stop()

    def test_a_state_directory_that_cannot_be_made(self):
        self.assert_says(self.command("/proc/cumulet"), "/proc/cumulet")

    def test_a_file_in_the_place_of_the_state_directory(self):
        with open(self.state, "w"):
            pass
        self.assert_says(self.command(), self.state)

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_a_state_directory_of_somebody_else(self):
        os.mkdir(self.state, 0o500)
        self.assert_says(self.command(), self.state)

    def test_a_state_directory_on_a_read_only_disk(self):
        if not can_mount():
            self.skipTest("no mounts of one's own here")
        os.mkdir(self.state)
        self.assert_says(own_mounts('mount -t tmpfs -o ro none "$1"; shift; exec "$@"', self.state,
                                    *self.command()), self.state)

    def test_a_full_disk(self):
        if not can_mount():
            self.skipTest("no mounts of one's own here")
        os.mkdir(self.state)
        said = self.assert_says(own_mounts('mount -t tmpfs -o size=64k none "$1"; shift; exec "$@"',
                                           self.state, *self.command()), self.state)
        self.assertRegex(said, "full|No space left")

    def test_a_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            self.assert_says(self.command(port=port), str(port), "--port")
        self.assertFalse(os.path.exists(os.path.join(self.state, DATABASE)), "it began already")

    def test_a_second_daemon_on_one_state(self):
        cloud = self.start_cloud()
        self.assert_says(self.command(state=cloud.state), str(cloud.pid), cloud.state, "--state")
        self.assertEqual(Wire(cloud).call("DescribeRegions").status, 200)
        self.assertEqual(cloud.status()["pid"], cloud.pid)

    def test_a_database_that_is_none(self):
        self.make_state()
        path = os.path.join(self.state, DATABASE)
        with open(path, "r+b") as file:
            file.write(b"this is no database " * 1000)
        self.assert_says(self.command(), path, "damaged")

    def test_a_database_with_a_damaged_schema(self):
        self.make_state()
        path = os.path.join(self.state, DATABASE)
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 3996)
        self.assert_says(self.command(), path, "damaged")

    def test_a_database_that_is_a_directory(self):
        os.makedirs(os.path.join(self.state, DATABASE))
        self.assert_says(self.command(), os.path.join(self.state, DATABASE))

    def test_a_database_of_a_newer_cumulet(self):
        self.make_state()
        with contextlib.closing(sqlite3.connect(os.path.join(self.state, DATABASE))) as database:
            database.execute("PRAGMA user_version = 999")
        self.assert_says(self.command(), self.state, "newer", "999")

    def test_a_refused_start_leaves_the_state_to_a_good_one(self):
        self.make_state()
        with socket.create_server(("127.0.0.1", 0)) as other:
            self.assert_says(self.command(port=other.getsockname()[1]), "--port")
        self.cloud_files.start()
        self.assertEqual(Wire(self.cloud_files).call("DescribeRegions").status, 200)
        self.cloud_files.stop()

    def test_arguments_that_make_no_sense(self):
        for option, value in (("--port", "70000"), ("--port", "http"), ("--backend", "xen"),
                              ("--addresses", "everywhere"), ("--addresses", "127.0.0.1/33"),
                              ("--bind", "localhost:80"), ("--log-level", "loud"),
                              ("--memory", "-1"), ("--frobnicate", "1")):
            with self.subTest(f"{option} {value}"):
                self.assert_says([*self.command(), option, value], option)
        self.assertFalse(os.path.exists(self.state))

    def test_what_is_broken_is_not_repaired_by_force(self):
        self.make_state()
        path = os.path.join(self.state, DATABASE)
        with open(path, "r+b") as file:
            file.write(b"X" * 100)
        with open(path, "rb") as file:
            before = file.read()
        self.assert_says(self.command(), path)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), before)


class FullDiskTest(CloudTestCase):
    """The disk fills while it serves."""

    cloud_options = None

    def test_writes_are_refused_and_work_again_with_room(self):
        if not can_mount():
            self.skipTest("no mounts of one's own here")
        cloud = Cloud(start=False)
        self.addCleanup(cloud.destroy)
        os.mkdir(cloud.state)
        plain = cloud.command()
        # As its user mounts a small disk there; what is in it is seen through the daemon's /proc.
        cloud.command = lambda: own_mounts('mount -t tmpfs -o size=24m none "$1"; shift; exec "$@"',
                                           cloud.state, *plain)
        cloud.launch()
        inside = f"/proc/{cloud.pid}/root{cloud.state}"
        wait_until(lambda: os.path.exists(f"{inside}/run/ready"), 20, lambda: cloud.log())
        cloud.state = inside
        wire = Wire(cloud)
        image = wire.call("DescribeImages", {"Filter.1.Name": "image-type",
                                             "Filter.1.Value.1": "machine"}).text("imageId")
        run = {"ImageId": image, "MinCount": 1, "MaxCount": 1}
        self.assertEqual(wire.call("RunInstances", run).status, 200)

        with open(f"{inside}/ballast", "wb", buffering=0) as ballast:
            with self.assertRaises(OSError):
                while True:
                    ballast.write(bytes(4096))

        def refused():
            reply = wire.call("RunInstances", {**run, "MinCount": 20, "MaxCount": 20})
            return reply if reply.status != 200 else None  # a little room may be left in the WAL
        reply = wait_until(refused, 30, "a launch is refused")
        self.assertEqual((reply.status, reply.code), (500, "InternalError"))
        self.assertRegex(cloud.log(None), "is full|No space left")
        before = len(wire.call("DescribeInstances").texts("reservationId"))
        self.assertGreater(before, 0)

        os.unlink(f"{inside}/ballast")
        reply = wait_until(lambda: (r := wire.call("RunInstances", run)).status == 200 and r, 30,
                           lambda: cloud.log())
        after = wire.call("DescribeInstances").texts("reservationId")
        self.assertEqual(len(after), before + 1, "a refused launch left something")
        cloud.process.terminate()
        self.assertEqual(cloud.process.wait(30), 0)
        cloud.process = None


if __name__ == "__main__":
    unittest.main()
