"""The disk fills with objects: writes are refused in a way that says so, everything else goes on,
and with room writes work again."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cloud import Cloud, CloudTestCase, wait_until  # noqa: E402
from s3 import MIB, S3Wire, random_bytes  # noqa: E402
from s3_state import assert_fsck_finds_nothing, new_files, sketch, versions  # noqa: E402
from test_troubles import can_mount, own_mounts  # noqa: E402

SIZE = 96  # MiB of the disk
MOST = 5000  # writes that fit, and more
SMALL, LARGE = random_bytes(20000), random_bytes(1 * MIB)
PART = random_bytes(5 * MIB)


class FullDiskTest(CloudTestCase):
    cloud_options = None

    def setUp(self):
        super().setUp()
        if not can_mount():
            self.skipTest("no mounts of one's own here")
        self.cloud = cloud = Cloud(start=False)
        self._own_clouds.append(cloud)
        self.addCleanup(cloud.destroy)
        os.mkdir(cloud.state, 0o700)
        plain = cloud.command()
        cloud.command = lambda: own_mounts(
            f'mount -t tmpfs -o size={SIZE}m,mode=700 none "$1"; shift; exec "$@"', cloud.state,
            *plain)
        cloud.launch()
        inside = f"/proc/{cloud.pid}/root{cloud.state}"
        wait_until(lambda: os.path.exists(f"{inside}/run/ready"), 20, lambda: cloud.log())
        # The disk is there as long as somebody has its namespace open.
        self.within = ["nsenter", "--preserve-credentials"]
        for kind, option in [("mnt", "mount")] + [("user", "user")] * (os.geteuid() != 0):
            namespace = os.open(f"/proc/{cloud.pid}/ns/{kind}", os.O_RDONLY)
            self.addCleanup(os.close, namespace)
            self.within.append(f"--{option}=/proc/{os.getpid()}/fd/{namespace}")
        self.mounted_at, cloud.state = cloud.state, inside
        self.wire = S3Wire(cloud)
        self.assertEqual(self.call("PUT").status, 200)
        self.stored = {}

    def call(self, method, key="", query="", body=b""):
        return self.wire.call(method, f"/bucket/{key}".rstrip("/"), query, body=body)

    def put(self, key, body):
        reply = self.call("PUT", key, body=body)
        if reply.status == 200:
            self.stored[key] = (sketch(body),)
        return reply

    def assert_full(self, reply):
        self.assertEqual((reply.status, reply.code), (503, "ServiceUnavailable"), reply)
        self.assertIn("full", reply.text("Message"))

    def fill(self, prefix, body):
        """The keys that fitted."""
        keys = []
        for number in range(MOST):
            key = f"{prefix}{number:05}"
            reply = self.put(key, body)
            if reply.status != 200:
                self.assert_full(reply)
                return keys
            keys.append(key)
        self.fail("the disk has no end")

    def assert_it_goes_on(self):
        self.assertEqual(versions(self.wire, "bucket"), self.stored)
        self.assertEqual(new_files(self.cloud), [])

    def delete(self, key):
        reply = self.call("DELETE", key)
        self.assertEqual(reply.status, 204, reply)
        self.stored.pop(key, None)

    def end(self):
        log = self.cloud.log(None)
        self.cloud.process.terminate()
        self.assertEqual(self.cloud.process.wait(30), 0)
        self.cloud.process = None
        self.cloud.state = self.mounted_at
        assert_fsck_finds_nothing(self.cloud, self.within)
        self.assertNotIn("critical", log)

    def test_small_objects(self):
        keys = self.fill("small-", SMALL)
        self.assertGreater(len(keys), 1000)
        self.assert_it_goes_on()
        # The room in the database is taken again, at once, and no other.
        for key in keys[:20]:
            self.delete(key)
        again = self.fill("again-", SMALL)
        self.assertIn(len(again), range(10, 30))
        for key in keys[20:]:
            self.delete(key)
        for key in keys[20:]:
            self.assertEqual(self.put(key, SMALL).status, 200)
        self.assert_it_goes_on()
        self.end()

    def test_large_objects(self):
        keys = self.fill("large-", LARGE)
        self.assertGreater(len(keys), SIZE // 2)
        self.assert_it_goes_on()
        self.assert_full(self.put("larger", PART))
        self.assert_full(self.put(keys[0], LARGE + b"x"))  # does not replace what is there
        self.assert_it_goes_on()
        for key in keys[:3]:
            self.delete(key)
        # Files go a moment after their objects.
        wait_until(lambda: self.put("again", LARGE).status == 200, 20, "there is room again")
        self.assert_it_goes_on()
        self.end()

    def test_parts(self):
        upload = self.call("POST", "whole", "uploads").text("UploadId")
        parts = []
        for number in range(1, MOST):
            reply = self.call("PUT", "whole", f"partNumber={number}&uploadId={upload}", PART)
            if reply.status != 200:
                break
            parts.append((number, reply.headers["ETag"]))
        self.assert_full(reply)
        self.assertGreater(len(parts), SIZE // 10)
        self.assert_it_goes_on()
        listed = self.call("GET", "whole", f"uploadId={upload}")
        self.assertEqual(listed.texts("ETag"), [etag for _, etag in parts])
        body = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
                       for number, etag in parts)
        reply = self.call("POST", "whole", f"uploadId={upload}", (
            f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>").encode())
        self.assertEqual(reply.status, 200, reply)
        self.stored["whole"] = (sketch(PART * len(parts)),)
        self.assert_it_goes_on()
        self.delete("whole")
        wait_until(lambda: self.put("again", PART).status == 200, 20, "there is room again")
        self.assert_it_goes_on()
        self.end()

    def test_not_a_byte_is_left(self):
        """Others fill the disk, so that not even the database can grow."""
        for key in ("one", "two"):
            self.assertEqual(self.put(key, LARGE).status, 200)
        self.assertEqual(self.put("three", SMALL).status, 200)
        with open(f"{self.cloud.state}/ballast", "wb", buffering=0) as ballast:
            with self.assertRaises(OSError):
                while True:
                    ballast.write(bytes(4096))
        for key, body in (("small", SMALL), ("large", LARGE), ("larger", PART), ("one", SMALL),
                          ("empty", b"")):
            self.assert_full(self.put(key, body))
        self.assert_it_goes_on()
        os.unlink(f"{self.cloud.state}/ballast")
        self.assertEqual(self.put("large", LARGE).status, 200)
        self.assert_it_goes_on()
        self.end()


if __name__ == "__main__":
    unittest.main()
